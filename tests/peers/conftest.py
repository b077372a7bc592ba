"""What every test against a foreign program needs: a folder to install into, and the rule for what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

CREDENTIALS = ("_API_KEY", "_AUTH_TOKEN", "_ACCESS_TOKEN", "_BASE_URL", "_ENDPOINT")


def missing(what: str) -> NoReturn:
    """Stop: skip where a program may be missing, fail where everything is required."""
    if os.environ.get("CI") or os.environ.get("REQUIRE_SERVICES") == "all":
        pytest.fail(what)
    pytest.skip(what)


@frozen
class Workshop:
    """Where foreign programs are installed once and kept, outside the checkout.

    Attributes:
        folder: Kept between runs; everything in it can be deleted at any time.
    """

    folder: Path

    def program(self, name: str) -> str:
        """Give the path of a program of this machine."""
        found = os.environ.get(name.upper()) if name == "uv" else None
        path = found or shutil.which(name)
        if path is None:
            missing(f"{name} is not installed")
        return path

    def installed(self, name: str, program: str, install: Callable[[Path], Sequence[Sequence[str]]]) -> Path:
        """Give the path of a program below one installation's folder, made by ``install(folder)`` when it is not there.

        It is made under another name first, so that a run that dies on the way leaves nothing half done.
        """
        target = self.folder / name
        if (target / program).exists():
            return target / program
        shutil.rmtree(target, ignore_errors=True)  # its interpreter may have moved away
        making = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))
        for command in install(making):
            try:
                done = run(command, timeout=300)
                failure = (done.stderr or done.stdout).strip()[-500:] if done.returncode else None
            except subprocess.TimeoutExpired as error:
                failure = str(error)
            if failure is not None:
                shutil.rmtree(making, ignore_errors=True)
                missing(f"installing {name} failed: {failure}")
        try:
            making.rename(target)
        except OSError:  # another run was quicker
            shutil.rmtree(making, ignore_errors=True)
        return target / program


def run(command: Sequence[str], *, timeout: float, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; it sees no key of whoever runs the tests, and ``more`` as environment."""
    return subprocess.run(
        list(command), capture_output=True, text=True, timeout=timeout, check=False, env=plain_environment(more),
        cwd=tempfile.gettempdir(),
    )  # fmt: skip


def plain_environment(more: Mapping[str, str]) -> dict[str, str]:
    """Give the environment without Python's own settings and without anything a provider's SDK would read."""
    left_out = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTHONWARNINGS")
    kept = {
        name: value for name, value in os.environ.items() if name not in left_out and not name.endswith(CREDENTIALS)
    }
    return {**kept, "NO_PROXY": "127.0.0.1", **more}


@pytest.fixture(scope="session")
def workshop() -> Workshop:
    """Give the folder for installed programs, in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "litellm-gateway-tests"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        missing(f"no folder to install test peers into: {error}")
    return Workshop(folder)


@pytest.fixture(scope="session")
def plain_run() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Give the way to run a program without the environment's keys."""
    return run


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep keys and addresses of whoever runs the tests away from them."""
    for name in list(os.environ):
        if name.endswith(CREDENTIALS):
            monkeypatch.delenv(name)
