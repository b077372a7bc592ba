"""Every template gives a plugin that passes its own tests, by itself and inside a gateway."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from litellm_gateway import create_gateway
from litellm_gateway.scaffolding import KINDS, new_plugin


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_passes_its_own_tests(tmp_path, kind):
    """What `new` writes works before its author has changed a line."""
    folder = new_plugin(kind, "acme-one", tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "-p", "no:asyncio"]

    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert re.search(r"\d+ passed", done.stdout)


@pytest.mark.parametrize("kind", KINDS)
def test_a_gateway_lists_the_new_plugin(tmp_path, monkeypatch, kind):
    """Handed over as a module, without packaging, it is taken."""
    folder = new_plugin(kind, "acme-two", tmp_path)
    monkeypatch.syspath_prepend(folder / "src")
    plugin = importlib.import_module(f"litellm_gateway_{kind}_acme_two.plugin")

    with create_gateway(provider="echo", plugins=[plugin], discover=False) as gateway:
        found = [(row["kind"], row["name"]) for row in gateway.describe()["plugins"]]

    assert kind == "policy" or (kind, "acme-two") in found


def test_the_wheel_carries_the_templates(tmp_path):
    """Who installs core from a wheel can write plugins too."""
    pytest.importorskip("hatchling", reason="templates are built with hatchling, which is not here")
    core = Path(__file__).parents[3] / "core"
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]

    subprocess.run(command, cwd=core, check=True, capture_output=True, timeout=120)

    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        inside = {name for name in wheel.namelist() if "/templates/" in name}
    source = core / "src"
    written = {str(path.relative_to(source)) for path in source.rglob("*.template")}
    assert inside == written
    assert {Path(name).parts[2] for name in inside} == {"every_kind", *KINDS}
