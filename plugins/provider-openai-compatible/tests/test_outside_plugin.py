"""A server of one's own: two files, fourteen lines at most, found like any other plugin."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from litellm_gateway import create_gateway
from litellm_gateway.testing.loopback import Exchange, LoopbackServer, in_thread
from litellm_gateway_provider_openai_compatible import openai_compatible_plugin

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
ANSWER = {"model": "acme-1", "choices": [{"finish_reason": "stop", "message": {"content": "Hi"}}]}
PROGRAM = """
import sys
from litellm_gateway import create_gateway
with create_gateway(provider="acme", default_model="acme-1", base_url=sys.argv[1], max_retries=0) as gateway:
    print(gateway.generate("Hello").text)
"""


def _files() -> dict[str, str]:
    """Give the two files as the README shows them."""
    return dict(re.findall(r"<!-- file: (\S+) -->\n\n```\w+\n(.*?)```", README, re.DOTALL))


async def _answer(exchange: Exchange) -> None:
    await exchange.respond(json.dumps(ANSWER).encode())


def test_two_files_of_fourteen_lines() -> None:
    """What the README shows is all there is to write."""
    files = _files()

    lines = [line for text in files.values() for line in text.split("\n") if line.strip()]

    assert set(files) == {"pyproject.toml", "src/litellm_gateway_provider_acme.py"}
    assert len(lines) <= 14


def test_they_make_a_provider(tmp_path: Path) -> None:
    """Installed, the plugin answers by its name, with the key from its own variable."""
    _install(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "src"), "ACME_API_KEY": "acme-0123456789abcdef"}

    with in_thread(LoopbackServer(_answer)) as server:
        command = [sys.executable, "-W", "error", "-c", PROGRAM, f"http://127.0.0.1:{server.port}/v1"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        [request] = server.requests

    assert done.returncode == 0, done.stderr
    assert done.stdout == "Hi\n"
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer acme-0123456789abcdef"


def _install(folder: Path) -> None:
    """Lay down what an editable installation would: the sources, and their metadata beside them."""
    for name, text in _files().items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    info = folder / "src" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    [(group, points)] = project["entry-points"].items()
    (info / "entry_points.txt").write_text(f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()))


def test_without_packaging() -> None:
    """The same call gives a plugin that can be handed over; a server without variables wants no key."""
    acme = openai_compatible_plugin(name="acme", base_url="http://127.0.0.1:1/v1", default_model="acme-1")

    with in_thread(LoopbackServer(_answer)) as server:
        address = f"http://127.0.0.1:{server.port}/v1"
        with create_gateway(provider="acme", base_url=address, plugins=[acme], discover=False) as gateway:
            text = gateway.generate("Hello").text
        [request] = server.requests

    assert text == "Hi"
    assert "authorization" not in request.headers


def test_a_plugin_with_more_to_say() -> None:
    """Abilities, quirks and what models take go the same way."""
    acme = openai_compatible_plugin(
        name="acme",
        base_url="https://api.acme.example/v1",
        key_env=("ACME_API_KEY",),
        abilities=("models",),
        quirks={"top_k": True},
        embed_texts=16,
        catalog={"families": [{"match": ["acme-*"], "without": ["n"], "context": 8192}]},
    )

    offer = acme.gateway_provider()

    assert offer.key_required
    assert offer.embed_limits.texts == 16
    assert offer.capabilities is not None
    assert offer.capabilities("acme-1").without == {"n"}
    assert offer.prices is not None
    assert offer.prices("acme-1") is None
