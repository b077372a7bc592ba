"""One naming rule: the folder tells distribution, package, entry point and offer."""

from __future__ import annotations

import pytest
from litellm_gateway.discovery import GROUPS, Discovery, known_plugins
from litellm_gateway.plugins import OFFER_HOOKS, Plugins

CORE = "litellm-gateway"


@pytest.fixture(scope="session")
def projects(tree):
    """The ``[project]`` table of every plugin by its folder."""
    return {name: tree.toml(f"plugins/{name}/pyproject.toml")["project"] for name in tree.plugins()}


def test_the_folder_names_the_distribution(projects) -> None:
    """``plugins/<kind>-<name>`` is ``litellm-gateway-<kind>-<name>``."""
    assert {name: project["name"] for name, project in projects.items()} == {
        name: f"{CORE}-{name}" for name in projects
    }


def test_the_folder_names_the_package(tree) -> None:
    """It holds one package, of the same name with underscores, and says it is typed."""
    for name in tree.plugins():
        files = tree.below(f"plugins/{name}/src/")
        package = f"litellm_gateway_{name.replace('-', '_')}"

        assert {path.split("/")[3] for path in files} == {package}, name
        assert f"plugins/{name}/src/{package}/py.typed" in files, name


def test_every_plugin_is_whole(tree) -> None:
    """Each has a README and tests of its own."""
    for name in tree.plugins():
        assert tree.below(f"plugins/{name}/README.md"), name
        assert tree.below(f"plugins/{name}/tests/test_", ending=".py"), name


def test_entry_points_are_of_the_kind_the_folder_names(projects) -> None:
    """A provider's folder brings providers only; a library and the command line bring none."""
    for name, project in projects.items():
        kind = name.partition("-")[0]
        expected = {GROUPS[kind]} if kind in GROUPS else set()

        assert set(project.get("entry-points", {})) == expected, name


def test_the_folder_names_the_entry_point(projects) -> None:
    """``<kind>-<name>`` brings ``<name>``; one that brings several is known to the core under each."""
    for name, project in projects.items():
        kind, _, own = name.partition("-")
        for points in project.get("entry-points", {}).values():
            known = known_plugins()["packages"].get(kind, {})
            assert all(point == own or known.get(point) == project["name"] for point in points), name


def test_known_packages_follow_the_rule() -> None:
    """Whatever the core would tell people to install is called as the rule says."""
    for kind, packages in known_plugins()["packages"].items():
        assert all(package.startswith(f"{CORE}-{kind}-") for package in packages.values())


def test_known_packages_are_known_completely(projects) -> None:
    """Every provider and transport of this repository is known to the core, so that it can say how to get it."""
    known = known_plugins()["packages"]
    for name, project in projects.items():
        kind = name.partition("-")[0]
        for points in project.get("entry-points", {}).values():
            assert {point: known.get(kind, {}).get(point) for point in points} == dict.fromkeys(
                points, project["name"]
            ), name


@pytest.mark.parametrize("kind", OFFER_HOOKS)
def test_every_installed_plugin_keeps_its_word(kind: str) -> None:
    """Each entry point loads, fits the hooks, and offers exactly the name it promises."""
    discovery, offered = Discovery(), {}

    for name in discovery.names(kind):
        plugins, module = Plugins(), discovery.load(kind, name)
        plugins.register(module, name)
        offered[name] = plugins.offer(kind, module, name).name

    assert offered
    assert all(name == promised for promised, name in offered.items())


def test_every_plugin_is_installed(projects) -> None:
    """The environment tests run in holds all of them, so that nothing goes untested."""
    for name, project in projects.items():
        for group, points in project.get("entry-points", {}).items():
            kind = next(kind for kind, known in GROUPS.items() if known == group)
            assert set(points) <= set(Discovery().names(kind)), name


def test_projects_stay_plain(tree) -> None:
    """A plugin's project file works wherever it is copied: nothing in it points into this repository."""
    for name in tree.plugins():
        assert "uv" not in tree.toml(f"plugins/{name}/pyproject.toml").get("tool", {}), name


def test_plugins_want_the_core_they_were_written_for(tree, projects) -> None:
    """Each depends on the core's own minor version, and carries the same one."""
    version = tree.toml("core/pyproject.toml")["project"]["version"]
    major, minor = (int(part) for part in version.split(".")[:2])
    for name, project in projects.items():
        assert f"{CORE}>={major}.{minor},<{major}.{minor + 1}" in project["dependencies"], name
        assert project["version"].startswith(f"{major}.{minor}."), name
        assert project["requires-python"] == ">=3.11", name


def test_the_core_depends_on_six_libraries(tree) -> None:
    """No more, and no plugin among them."""
    dependencies = tree.toml("core/pyproject.toml")["project"]["dependencies"]
    names = {dependency.partition(">")[0] for dependency in dependencies}

    assert names == {"attrs", "cachetools", "httpx", "limits", "pluggy", "stevedore"}


def test_the_workspace_says_where_its_own_packages_are(tree, projects) -> None:
    """Whatever one package of the workspace wants of another is taken from here, never from an index."""
    every = [tree.toml("core/pyproject.toml")["project"], *projects.values()]
    wanted = {
        name.partition(">")[0]
        for project in every
        for names in (project["dependencies"], *project.get("optional-dependencies", {}).values())
        for name in names
        if name.startswith(CORE)
    }

    assert wanted <= set(tree.toml("pyproject.toml")["tool"]["uv"]["sources"])


def test_extras_of_the_core_name_first_party_plugins(tree, projects) -> None:
    """``pip install "litellm-gateway[openai]"`` leads to a package of this repository."""
    extras = tree.toml("core/pyproject.toml")["project"]["optional-dependencies"]
    wanted = {name.partition(">")[0] for names in extras.values() for name in names}

    assert wanted - {"orjson"} <= {project["name"] for project in projects.values()}
