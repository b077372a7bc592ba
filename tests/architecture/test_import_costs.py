"""Importing costs next to nothing and touches nothing; libraries load when they are used."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

HEAVY = {
    "aiohttp",
    "anyio",
    "asyncio",
    "cachetools",
    "h11",
    "httpcore",
    "httpx",
    "limits",
    "pluggy",
    "ssl",
    "stevedore",
}

WATCH = """
import json, os, sys

seen = {"wrote": [], "connected": [], "environment": []}

def watch(event, arguments):
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        seen["wrote"].append(str(arguments[0]))
    if event.startswith(("socket.", "subprocess.", "os.fork", "os.mkdir", "os.rename", "os.remove")):
        seen["connected"].append(event)

class Environment(dict):
    def _note(self):
        module = sys._getframe(2).f_globals.get("__name__", "")
        if module.startswith("litellm_gateway"):
            seen["environment"].append(module)
    def __getitem__(self, name):
        self._note()
        return super().__getitem__(name)
    def get(self, *arguments):
        self._note()
        return super().get(*arguments)
    def __iter__(self):
        self._note()
        return super().__iter__()

os.environ = Environment(os.environ)
sys.addaudithook(watch)
{statement}
print(json.dumps({**seen, "modules": sorted(sys.modules)}))
"""
IMPORTS = {
    "package": "import litellm_gateway",
    "factory": "from litellm_gateway import create_gateway",
    "everything public": "import litellm_gateway\nfor name in litellm_gateway.__all__: getattr(litellm_gateway, name)",
}


def _watched(statement: str) -> dict[str, list[str]]:
    code = WATCH.replace("{statement}", statement)
    done = subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True, check=True, timeout=60)
    seen: dict[str, list[str]] = json.loads(done.stdout)
    return seen


def _quickest(statement: str, tries: int = 5) -> float:
    seconds = []
    for _ in range(tries):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], check=True, timeout=60)
        seconds.append(time.perf_counter() - started)
    return min(seconds)


@pytest.mark.parametrize("statement", IMPORTS.values(), ids=IMPORTS)
def test_importing_touches_nothing(statement: str) -> None:
    """No file is written, no socket opened, no process started, no environment variable read."""
    seen = _watched(statement)

    assert (seen["wrote"], seen["connected"], seen["environment"]) == ([], [], [])


@pytest.mark.parametrize("statement", IMPORTS.values(), ids=IMPORTS)
def test_importing_loads_no_library_that_waits_for_its_use(statement: str) -> None:
    """The HTTP engine, the event loop, plugin machinery and stores load with the first gateway or call."""
    assert HEAVY & set(_watched(statement)["modules"]) == set()


def test_importing_the_package_loads_nothing_of_it() -> None:
    """``import litellm_gateway`` loads that one module."""
    modules = _watched("import litellm_gateway")["modules"]

    assert [name for name in modules if name.startswith("litellm_gateway")] == ["litellm_gateway"]


@pytest.mark.parametrize("plugin", ["hookspecs", "contracts", "dialects", "wire", "telemetry"])
def test_what_plugins_import_is_light(plugin: str) -> None:
    """A plugin's own module pays for no engine by importing the contracts."""
    loaded = HEAVY & set(_watched(f"import litellm_gateway.{plugin}")["modules"])

    assert loaded <= {"pluggy"}


def test_importing_the_package_is_quick() -> None:
    """Well under a tenth of a second on top of Python itself, on the slowest of machines."""
    assert _quickest("import litellm_gateway") - _quickest("pass") < 0.1


def test_importing_the_factory_costs_no_more_than_importing_httpx() -> None:
    """Side by side in fresh processes, the gateway's factory is no slower than one of its engines."""
    assert _quickest("from litellm_gateway import create_gateway") < _quickest("import httpx") * 1.2
