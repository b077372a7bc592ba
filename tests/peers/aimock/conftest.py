"""A server from npm that speaks many providers' wires, started once for the run, and gateways that talk to it."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.request
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import define, field, frozen
from litellm_gateway import LiteLLMGateway, create_gateway

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "1.43.0"
PACKAGE = f"@copilotkit/aimock@{VERSION}"
FIXTURES = Path(__file__).with_name("fixtures.json")
READY = re.compile(r"listening on (http://127\.0\.0\.1:\d+)")
PATIENCE = 30.0
"""Seconds the server gets to start on a busy machine."""


@frozen
class Aimock:
    """The running server.

    Attributes:
        url: Its address, without a path.
    """

    url: str

    def journal(self, mark: str) -> list[dict[str, Any]]:
        """Give every request that carried ``mark`` as its ``x-test-id``, as the server saw it, in order."""
        with urllib.request.urlopen(f"{self.url}/__aimock/journal?testId={mark}", timeout=10) as answer:
            entries: list[dict[str, Any]] = json.load(answer)
        return entries


@pytest.fixture(scope="session")
def aimock(workshop: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aimock]:
    """Install the server where it is kept, start it on a free port, wait until it listens; stop it at the end."""
    node, npm = workshop.program("node"), workshop.program("npm")
    folder = workshop.installed(
        f"aimock-{VERSION}",
        lambda target: [
            [npm, "install", "--prefix", str(target), "--ignore-scripts", "--no-audit", "--no-fund", PACKAGE]
        ],
    )
    log = tmp_path_factory.mktemp("aimock") / "log"
    command = [node, str(folder / "node_modules" / ".bin" / "llmock"), "--port", "0"]
    with log.open("wb") as output:
        process = subprocess.Popen([*command, "--fixtures", str(FIXTURES)], stdout=output, stderr=subprocess.STDOUT)
    try:
        yield Aimock(_address(process, log))
    finally:
        process.terminate()
        process.wait(10)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        if found := READY.search(log.read_text()):
            return found[1]
        time.sleep(0.02)
    pytest.fail(f"{PACKAGE} did not start: {log.read_text()[-1000:]}")


@frozen(kw_only=True)
class Peer:
    """One way to reach the server: a provider with its settings.

    Attributes:
        settings: Given to ``create_gateway``; ``{url}`` stands for the server's address.
        model: Model to ask for.
        embedding_model: Model for embeddings, None where the provider has none.
    """

    settings: dict[str, Any]
    model: str
    embedding_model: str | None = None


PEERS = {
    "openai-chat": Peer(
        settings={"provider": "openai", "api_key": "sk-peer-0123456789", "base_url": "{url}/v1", "api": "chat"},
        model="gpt-4o",
        embedding_model="text-embedding-3-small",
    ),
    "openai-responses": Peer(
        settings={"provider": "openai", "api_key": "sk-peer-0123456789", "base_url": "{url}/v1", "api": "responses"},
        model="gpt-4o",
    ),
    "anthropic": Peer(
        settings={"provider": "anthropic", "api_key": "sk-ant-peer-0123456789", "base_url": "{url}"},
        model="claude-sonnet-4-5",
    ),
    "google": Peer(
        settings={"provider": "google", "api_key": "AIza-peer-0123456789", "base_url": "{url}"},
        model="gemini-2.5-flash",
        embedding_model="gemini-embedding-001",
    ),
    "vertex": Peer(
        settings={
            "provider": "vertex",
            "base_url": "{url}",
            "access_token": "ya29.peer-0123456789",
            "project": "p",
            "location": "global",
        },
        model="gemini-2.5-flash",
    ),
    "bedrock-key": Peer(
        settings={
            "provider": "bedrock",
            "api_key": "bedrock-peer-0123456789",
            "base_url": "{url}",
            "region": "us-east-1",
        },
        model="anthropic.claude-sonnet-4-5-20250929-v1:0",
    ),
    "bedrock-signed": Peer(
        settings={
            "provider": "bedrock",
            "base_url": "{url}",
            "region": "us-east-1",
            "access_key_id": "AKIAPEER",
            "secret_access_key": "peer-0123456789",
        },
        model="amazon.nova-lite-v1:0",
    ),
    "azure": Peer(
        settings={
            "provider": "azure",
            "api_key": "az-peer-0123456789",
            "base_url": "{url}",
            "api_version": "2024-10-21",
        },
        model="gpt-4o",
        embedding_model="text-embedding-3-small",
    ),
    "openrouter": Peer(
        settings={"provider": "openrouter", "api_key": "or-peer-0123456789", "base_url": "{url}/api/v1"},
        model="openai/gpt-4o",
    ),
    "mistral": Peer(
        settings={"provider": "mistral", "api_key": "mi-peer-0123456789", "base_url": "{url}/v1"},
        model="mistral-small-latest",
    ),
    "ollama": Peer(settings={"provider": "ollama", "base_url": "{url}"}, model="llama3.2"),
    "cohere": Peer(
        settings={"provider": "cohere", "api_key": "co-peer-0123456789", "base_url": "{url}"},
        model="command-a-03-2025",
        embedding_model="embed-v4.0",
    ),
}


@define
class Line:
    """A gateway connected to the server, and what the server saw of it."""

    name: str
    model: str
    gateway: LiteLLMGateway
    _aimock: Aimock
    _mark: str = field(factory=lambda: uuid.uuid4().hex)

    def options(self, **chaos: int) -> dict[str, Any]:
        """Give the options that mark a call as this test's; ``malformed=1`` and its like ask for that fault."""
        headers = {f"x-aimock-chaos-{name}": str(rate) for name, rate in chaos.items()}
        return {"extra_headers": {"x-test-id": self._mark, **headers}}

    def seen(self) -> list[dict[str, Any]]:
        """Give the requests of this test as the server saw them."""
        return self._aimock.journal(self._mark)


@pytest.fixture
async def connect(aimock: Aimock) -> Any:
    """Give the way to open a line; every line is closed at the end."""
    opened: list[LiteLLMGateway] = []

    def make(name: str, **more: Any) -> Line:
        peer = PEERS[name]
        settings = {
            key: value.format(url=aimock.url) if isinstance(value, str) else value
            for key, value in peer.settings.items()
        }
        provider, own = settings.pop("provider"), {}
        gateway = create_gateway(
            provider=provider, default_model=peer.model, default_embedding_model=peer.embedding_model,
            **{"max_retries": 0, **more}, **own,
            **_as_settings(provider, settings),
        )  # fmt: skip
        opened.append(gateway)
        return Line(name, peer.model, gateway, aimock)

    yield make
    for gateway in opened:
        await gateway.aclose()


def _as_settings(provider: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Key and address are the gateway's own settings, what is left is the provider's."""
    top = {name: settings.pop(name) for name in ("api_key", "base_url") if name in settings}
    return {**top, "providers": {provider: settings}} if settings else top


@pytest.fixture(scope="session")
def peers() -> dict[str, Peer]:
    """Give every way to reach the server."""
    return PEERS
