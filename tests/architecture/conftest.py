"""The repository as text: what git holds or would hold, and the rooms among it."""

from __future__ import annotations

import ast
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
FULL = 250
"""Lines at which a room is full; it may grow a little further, but somebody should look for a wall to build."""


@frozen
class Tree:
    """Files of the repository by their path from its top."""

    root: Path
    paths: tuple[str, ...]
    tracked: frozenset[str]

    def text(self, path: str) -> str:
        """Read one file; what is no text counts as empty."""
        try:
            return (self.root / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            return ""

    def below(self, *folders: str, ending: str = "") -> list[str]:
        """List files below folders, sorted."""
        return [path for path in self.paths if path.startswith(folders) and path.endswith(ending)]

    def sources(self) -> dict[str, ast.Module]:
        """Give the code that ships, parsed."""
        shipped = [path for path in self.paths if is_shipped(path)]
        return {path: ast.parse(self.text(path), path) for path in shipped}

    def toml(self, path: str) -> Mapping[str, Any]:
        """Read one TOML file."""
        return tomllib.loads(self.text(path))

    def plugins(self) -> list[str]:
        """Name the folders below ``plugins``."""
        return sorted({path.split("/")[1] for path in self.below("plugins/", ending="/pyproject.toml")})


def is_shipped(path: str) -> bool:
    """Is it Python code that ends up in a wheel?"""
    return path.endswith(".py") and path.startswith(("core/src/", "plugins/")) and "/src/" in path


def _listed(*arguments: str) -> list[str]:
    command = ["git", "ls-files", "-z", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60)
    return [name for name in done.stdout.decode().split("\0") if name]


@pytest.fixture(scope="session")
def tree() -> Tree:
    """All files of the repository that git does not ignore."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: nothing tells the project's files from others")
    paths = sorted({path for path in _listed("-c", "-o", "--exclude-standard") if (ROOT / path).is_file()})
    return Tree(root=ROOT, paths=tuple(paths), tracked=frozenset(_listed("-c")))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the rooms that are full."""
    sizes = {
        path.relative_to(ROOT): len(path.read_text(encoding="utf-8").split("\n")) - 1
        for folder in (ROOT / "core", ROOT / "plugins")
        for path in folder.glob("**/src/**/*.py")
    }
    full = [f"{path} {size}" for path, size in sorted(sizes.items()) if size > FULL]
    if full:
        terminalreporter.section("full rooms (lines)")
        terminalreporter.line("\n".join(full))
