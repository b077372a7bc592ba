from __future__ import annotations

import ast
import tomllib

import pytest
from litellm_gateway.discovery import GROUPS
from litellm_gateway.errors import ConfigurationError
from litellm_gateway.scaffolding import KINDS, check_name, new_plugin, render


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_has_the_shape_of_first_party_ones(tmp_path, kind):
    """Folder, package, README, tests, typing marker: named by the one naming rule."""
    folder = new_plugin(kind, "acme-search", tmp_path)

    package = folder / "src" / f"litellm_gateway_{kind}_acme_search"
    assert folder == tmp_path / f"{kind}-acme-search"
    assert (package / "plugin.py").is_file()
    assert (package / "__init__.py").is_file()
    assert (package / "py.typed").is_file()
    assert (folder / "README.md").is_file()
    assert list((folder / "tests").glob("test_*.py"))


@pytest.mark.parametrize("kind", KINDS)
def test_its_project_file_announces_the_plugin(tmp_path, kind):
    """Distribution, entry point and the dependency on this minor of core are right."""
    folder = new_plugin(kind, "acme-search", tmp_path)

    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["name"] == f"litellm-gateway-{kind}-acme-search"
    assert project["entry-points"] == {GROUPS[kind]: {"acme-search": f"litellm_gateway_{kind}_acme_search.plugin"}}
    assert any(line.startswith("litellm-gateway>=0.") for line in project["dependencies"])


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_is_finished(kind):
    """No placeholder is left, python files parse, lines keep to 110 characters even with a long name."""
    files = dict(render(kind, "acme-search"))

    for path, text in files.items():
        assert "$" not in text
        assert "_package_" not in str(path)
        assert max((len(line) for line in text.split("\n")), default=0) <= 110
        if path.suffix == ".py":
            ast.parse(text)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Acme",
        "acme_search",
        "1acme",
        "-acme",
        "acme-",
        "acme--search",
        "a.b",
        "../x",
        "a b",
        "é",
        "a\n",
        "a" * 41,
    ],
)
def test_a_name_that_cannot_be_one_is_refused(tmp_path, name):
    """Nothing is written for it."""
    with pytest.raises(ConfigurationError, match="cannot name a plugin"):
        new_plugin("provider", name, tmp_path)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a", "acme", "acme-search", "gpt4all", "a" * 40])
def test_ordinary_names_pass(name):
    """Lower-case letters, digits and single hyphens."""
    check_name(name)


def test_an_existing_folder_is_left_alone(tmp_path):
    """What stands there stays as it is."""
    folder = tmp_path / "provider-acme"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")

    with pytest.raises(ConfigurationError, match="already there"):
        new_plugin("provider", "acme", tmp_path)

    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


def test_an_unknown_kind_names_the_nearest(tmp_path):
    """A mistyped kind is told the right one."""
    with pytest.raises(ConfigurationError, match="did you mean 'provider'"):
        new_plugin("provder", "acme", tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    """The folder to write into must exist: a mistyped one is not made."""
    with pytest.raises(ConfigurationError, match="is not a folder"):
        new_plugin("provider", "acme", tmp_path / "absent")
