"""A wheel holds what git holds, byte for byte, and nothing that runs by itself."""

from __future__ import annotations

import configparser
import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ["core", *sorted(f"plugins/{path.parent.name}" for path in ROOT.glob("plugins/*/pyproject.toml"))]
pytestmark = pytest.mark.slow


def _in_git(folder: str) -> dict[str, bytes]:
    """Give the files of a package's source that git holds or would hold."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: nothing tells the project's files from others")
    command = ["git", "ls-files", "-z", "-c", "-o", "--exclude-standard", f"{folder}/src"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60)
    paths = [ROOT / name for name in done.stdout.decode().split("\0") if name]
    source = ROOT / folder / "src"
    return {path.relative_to(source).as_posix(): path.read_bytes() for path in paths if path.is_file()}


def _in_wheel(wheel: Path) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Give a wheel's files and, apart, those of its metadata."""
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    metadata = {name.partition("/")[2]: data for name, data in files.items() if ".dist-info/" in name}
    return {name: data for name, data in files.items() if ".dist-info/" not in name}, metadata


@pytest.mark.parametrize("folder", PACKAGES)
def test_a_wheel_holds_what_git_holds(wheels, folder: str) -> None:
    """Code, type mark, templates and data tables: all of them, unchanged, and no other file."""
    packed, _ = _in_wheel(wheels[folder])

    kept = _in_git(folder)
    assert sorted(packed) == sorted(kept)
    assert packed == kept


@pytest.mark.parametrize("folder", PACKAGES)
def test_a_wheel_adds_only_metadata(wheels, folder: str) -> None:
    """No ``.pth`` file, no script beside entry points, no data folder."""
    _, metadata = _in_wheel(wheels[folder])

    assert set(metadata) <= {"METADATA", "RECORD", "WHEEL", "entry_points.txt"}


@pytest.mark.parametrize("folder", PACKAGES)
def test_a_wheel_fits_every_platform(wheels, folder: str) -> None:
    """All packages are plain Python."""
    assert wheels[folder].name.endswith("-py3-none-any.whl")


@pytest.mark.parametrize("folder", PACKAGES)
def test_a_wheel_announces_its_entry_points(wheels, folder: str) -> None:
    """What the project file promises is in the wheel."""
    project = tomllib.loads((ROOT / folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    _, metadata = _in_wheel(wheels[folder])
    reader = configparser.ConfigParser(delimiters=("=",))
    reader.optionxform = str

    reader.read_string(metadata.get("entry_points.txt", b"").decode())

    promised = dict(project.get("entry-points", {}))
    if "scripts" in project:
        promised["console_scripts"] = project["scripts"]
    assert {group: dict(reader[group]) for group in reader.sections()} == promised


@pytest.mark.parametrize("folder", PACKAGES)
def test_a_wheel_carries_its_readme(wheels, folder: str) -> None:
    """The page people see on an index is the package's README."""
    _, metadata = _in_wheel(wheels[folder])

    readme = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    assert readme.strip() in metadata["METADATA"].decode().replace("\r\n", "\n")


def test_core_brings_templates_and_tables(wheels) -> None:
    """What core reads beside its code is packed."""
    packed, _ = _in_wheel(wheels["core"])

    assert "litellm_gateway/known_plugins.json" in packed
    assert "litellm_gateway/py.typed" in packed
    assert any(name.startswith("litellm_gateway/templates/provider/") for name in packed)
