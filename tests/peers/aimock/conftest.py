"""A server from npm that speaks many providers' wires, started once for the run, and gateways that talk to it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
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
sys.path.append(str(Path(__file__).parent))  # the ways to reach the server are a module beside the tests

from aimock_peers import PEERS  # noqa: E402

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
    server = workshop.installed(
        f"aimock-{VERSION}",
        "node_modules/.bin/llmock",
        lambda target: [
            [
                npm,
                "install",
                "--prefix",
                str(target),
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--fetch-retries=1",
                PACKAGE,
            ]
        ],
    )
    log = tmp_path_factory.mktemp("aimock") / "log"
    command = [node, str(server), "--port", "0"]
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
