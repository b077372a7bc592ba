"""What people install works: core alone, core and one plugin, all of it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

from .conftest import Environment, _plain, fail_or_skip

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SIX = {"attrs", "cachetools", "httpx", "limits", "pluggy", "stevedore"}
SAY_HELLO = """
from litellm_gateway import create_gateway
with create_gateway(provider="echo") as gateway:
    print(gateway.generate("Hello there").text)
    print(*gateway.generate_stream("one two"), sep="")
    print(len(gateway.embed(["a text"])[0]))
"""
ASK_OPENAI = """
import json, os
from litellm_gateway import create_gateway
with create_gateway(provider="openai", base_url=os.environ["ADDRESS"], default_model="gpt-4") as gateway:
    answer = gateway.generate("Is anybody there?")
    print(json.dumps([answer.text, answer.usage.total_tokens, gateway.describe()["transport"]]))
"""
KEY = "sk-4f1c9d2e7b6a50384f1c9d2e7b6a5038"


class Answering(BaseHTTPRequestHandler):
    """Answers every chat request with the same words."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        answer = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-4",
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": "Here."}, "finish_reason": "stop"},
            ],
            "usage": {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6},
        }
        body = json.dumps(answer).encode()
        self.send_response(200 if self.headers["authorization"] == f"Bearer {KEY}" else 401)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server on this machine that speaks OpenAI's format."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


def _needed(packages: dict[str, list[str]], *roots: str) -> set[str]:
    """Give what the roots need on this machine, their own needs included."""
    needed, left = set(), set(roots)
    while left:
        name = left.pop()
        needed.add(name)
        wanted = [Requirement(text) for text in packages[name]]
        names = {each.name.lower().replace("_", "-") for each in wanted if not each.marker or each.marker.evaluate()}
        left |= names - needed
    return needed


def test_core_alone_answers(core_alone: Environment) -> None:
    """Without any plugin the built-in echo answers, streams and embeds."""
    assert core_alone.call(SAY_HELLO).split("\n")[:3] == ["Hello there", "one two", "64"]


def test_core_alone_brings_its_six_libraries_and_nothing_else(core_alone: Environment) -> None:
    """Everything installed is core, one of the six, or needed by one of them."""
    packages = core_alone.packages()

    direct = {Requirement(text).name for text in packages["litellm-gateway"] if "extra ==" not in text}
    assert direct == SIX
    assert set(packages) == _needed(packages, "litellm-gateway")


def test_core_alone_says_how_to_get_openai(core_alone: Environment) -> None:
    """A known provider that is missing prints its pip command."""
    done = core_alone.run("python", "-c", "import litellm_gateway as g; g.create_gateway('k', 'openai')")

    assert done.returncode == 1
    assert "PluginNotInstalledError" in done.stderr
    assert "pip install litellm-gateway-provider-openai" in done.stderr


def test_core_alone_without_any_choice_says_what_to_do(core_alone: Environment) -> None:
    """No provider named, no key, no local model: the error names the ways out."""
    done = core_alone.run("python", "-c", "import litellm_gateway as g; g.create_gateway()")

    assert "pip install litellm-gateway-provider-local" in done.stderr
    assert "echo" in done.stderr


def test_core_alone_lists_its_plugins(core_alone: Environment) -> None:
    """``python -m litellm_gateway plugins`` works from a wheel."""
    done = core_alone.run("python", "-m", "litellm_gateway", "plugins", "--json")

    found = {(row["kind"], row["name"], row["distribution"]) for row in json.loads(done.stdout)}
    assert ("provider", "echo", "litellm-gateway") in found
    assert {distribution for _, _, distribution in found} == {"litellm-gateway"}


def test_core_alone_is_well(core_alone: Environment) -> None:
    """``python -m litellm_gateway doctor`` finds nothing broken once a provider is chosen."""
    done = core_alone.run("python", "-m", "litellm_gateway", "doctor", settings={"LITELLM_GATEWAY_PROVIDER": "echo"})

    assert done.returncode == 0, done.stdout
    assert "broken" not in done.stdout


def test_core_alone_writes_a_plugin_that_can_be_installed(core_alone: Environment, install, wheels, tmp_path) -> None:
    """The templates come with the wheel, and what they write is found once it is installed."""
    written = core_alone.run("python", "-m", "litellm_gateway", "new", "provider", "acme", "--into", str(tmp_path))
    assert written.returncode == 0, written.stderr

    environment = install(wheels["core"], tmp_path / "provider-acme")

    rows = json.loads(environment.run("python", "-m", "litellm_gateway", "plugins", "--json").stdout)
    assert "litellm-gateway-provider-acme" in {row["distribution"] for row in rows}


def test_nothing_is_written_outside_the_environment(core_alone: Environment) -> None:
    """Composing and calling leave no file in the home folder."""
    core_alone.call(SAY_HELLO)

    assert list((core_alone.folder / "home").rglob("*")) == []


def test_core_and_openai_answer(with_openai: Environment, address: str) -> None:
    """One provider, one key in the environment, a real HTTP exchange."""
    text, tokens, transport = json.loads(
        with_openai.call(ASK_OPENAI, settings={"ADDRESS": address, "OPENAI_API_KEY": KEY})
    )

    assert (text, tokens, transport) == ("Here.", 6, "httpx")


def test_core_and_openai_bring_no_other_library(with_openai: Environment) -> None:
    """A provider needs nothing but its dialect and core."""
    packages = with_openai.packages()

    assert set(packages) == _needed(packages, "litellm-gateway") | {
        "litellm-gateway-dialect-openai",
        "litellm-gateway-provider-openai",
    }


def test_everything_answers_over_the_fastest_transport(everything: Environment, address: str) -> None:
    """With all packages there, ``transport="auto"`` takes the quick one."""
    text, tokens, transport = json.loads(
        everything.call(ASK_OPENAI, settings={"ADDRESS": address, "OPENAI_API_KEY": KEY})
    )

    assert (text, tokens, transport) == ("Here.", 6, "aiohttp")


def test_everything_lists_every_package(everything: Environment, wheels) -> None:
    """Each plugin with an entry point is found by its distribution."""
    rows = json.loads(everything.run("python", "-m", "litellm_gateway", "plugins", "--json").stdout)

    found = {row["distribution"] for row in rows}
    expected = {f"litellm-gateway-{folder.partition('/')[2]}" for folder in wheels if folder != "core"}
    assert {
        name for name in expected if not name.startswith(("litellm-gateway-dialect", "litellm-gateway-cli"))
    } <= found


def test_the_command_answers_with_the_local_model(everything: Environment) -> None:
    """A newcomer's first command: no key, no network, a real model's answer, streamed."""
    done = everything.run(
        "litellm-gateway", "generate", "--temperature", "0", "Explain what a rainbow is.", timeout=180
    )

    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) > 3
    assert "local" in done.stderr


def test_plain_pip_installs_a_working_gateway(tmp_path, address: str) -> None:
    """``pip install ./core ./plugins/dialect-openai ./plugins/provider-openai``, without uv and without a workspace."""
    environment = Environment(tmp_path / "venv")
    subprocess.run([sys.executable, "-m", "venv", str(environment.folder)], check=True, timeout=120)
    command = [str(environment.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    packages = ["./core", "./plugins/dialect-openai", "./plugins/provider-openai"]

    done = subprocess.run(
        [*command, *packages], cwd=ROOT, env=_plain(), capture_output=True, text=True, timeout=300, check=False
    )

    fail_or_skip(done)
    answer = json.loads(environment.call(ASK_OPENAI, settings={"ADDRESS": address, "OPENAI_API_KEY": KEY}))
    assert answer == ["Here.", 6, "httpx"]
    packages = {name for name in environment.packages() if name not in {"pip", "setuptools", "wheel"}}
    assert {name for name in packages if name.startswith("litellm")} == {
        "litellm-gateway",
        "litellm-gateway-dialect-openai",
        "litellm-gateway-provider-openai",
    }
    assert packages >= SIX
