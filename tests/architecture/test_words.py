"""Words that have no place in the repository."""

from __future__ import annotations

import re

OWN = "tests/architecture/test_words.py"
HOSTS = r"pypi\.org|pythonhosted\.org|registry\.npmjs|proxy\.golang|--index-url|--extra-index-url|find-links"
MACHINE = r"(?<![\w.$}/-])/(?:work|root)(?![\w-])"
MARKS = r"\b(?:TODO|FIXME|XXX|HACK)\b|\bNotImplementedError\b"


def _lines_with(tree, pattern: str, paths) -> list[str]:
    expression = re.compile(pattern)
    return [
        f"{path}:{number}: {line.strip()[:100]}"
        for path in paths
        if path != OWN
        for number, line in enumerate(tree.text(path).split("\n"), 1)
        if expression.search(line)
    ]


def test_no_lock_file_is_kept(tree) -> None:
    """A lock names the hosts of whoever made it; pins live in the requirements export."""
    assert [path for path in tree.tracked if path.endswith("uv.lock")] == []


def test_no_package_index_is_named(tree) -> None:
    """Where packages come from is the installer's own business."""
    assert _lines_with(tree, HOSTS, tree.paths) == []


def test_no_path_of_one_machine_is_named(tree) -> None:
    """Nothing depends on where somebody happened to work."""
    assert _lines_with(tree, MACHINE, tree.paths) == []


def test_no_temporary_folder_is_assumed_in_code_that_ships(tree) -> None:
    """Temporary files go where the system says."""
    assert _lines_with(tree, r"/tmp\b", tree.sources()) == []


def test_nothing_is_left_to_do(tree) -> None:
    """No mark for later in what ships, is tested with or is read: what is known to be missing is said in words."""
    texts = [path for path in tree.paths if path.endswith((".py", ".pyi", ".md", ".toml", ".template", ".yml"))]

    assert _lines_with(tree, MARKS, texts) == []


def test_only_what_belongs_at_the_top_is_there(tree) -> None:
    """The top of the repository is short enough to read."""
    tops = {path.partition("/")[0] for path in tree.tracked}

    visible = {name for name in tops if not name.startswith(".")}
    assert visible == {"LICENSE", "README.md", "core", "docs", "plugins", "pyproject.toml", "tests"}
    assert tops - visible <= {".ci", ".github", ".gitignore"}


def test_the_pins_name_no_place(tree) -> None:
    """The pinned requirements hold names, versions and hashes only."""
    pins = tree.text(".ci/requirements.txt")

    assert re.search(r"^pluggy==\S+ ", pins, re.MULTILINE)
    assert "--hash=sha256:" in pins
    assert "://" not in pins


def test_every_pin_has_a_hash(tree) -> None:
    """Nothing is installed by version alone."""
    pins = tree.text(".ci/requirements.txt").replace("\\\n", " ")
    bare = [line for line in pins.split("\n") if "==" in line and "--hash=sha256:" not in line]

    assert bare == []


def test_every_dependency_is_pinned(tree) -> None:
    """Whatever a package of this repository or its tests ask for stands among the pins."""
    files = ["core/pyproject.toml", *tree.below("plugins/", ending="/pyproject.toml")]
    projects = [tree.toml(path)["project"] for path in files]
    groups = tree.toml("pyproject.toml")["dependency-groups"].values()
    extras = [names for project in projects for names in project.get("optional-dependencies", {}).values()]
    wanted = {
        re.split(r"[^\w.-]", name)[0].lower()
        for names in (*(project["dependencies"] for project in projects), *extras, *groups)
        for name in names
        if isinstance(name, str) and not name.startswith("litellm-gateway")
    }

    pinned = set(re.findall(r"^([\w.-]+)==", tree.text(".ci/requirements.txt"), re.MULTILINE))
    assert wanted - pinned == set()
