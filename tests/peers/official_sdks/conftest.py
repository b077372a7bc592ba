"""Record what an official SDK and this gateway send for the same call, and tell what differs.

Each SDK lives in an environment of its own. Both sides talk to one loopback server that answers every endpoint with
the least that is valid.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import define
from litellm_gateway.testing.loopback import LoopbackServer, in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
sys.path.append(str(HERE))  # answers and comparison are modules beside the tests

from least_answers import answer  # noqa: E402
from sent_requests import Accepted, Sent, differences  # noqa: E402

SDKS = {
    "openai": "openai==3.54.0",
    "anthropic": "anthropic==2.12.0",
    "google": "google-genai==3.4.0",
    "cohere": "cohere==7.3.1",
}
LEAST_CALLS = 15


@define
class Recorder:
    """The loopback server both sides talk to."""

    server: LoopbackServer

    @property
    def url(self) -> str:
        """Its address."""
        return self.server.url

    def since(self, count: int) -> list[Sent]:
        """Give what was sent after the first ``count`` requests."""
        return [Sent.of(exchange) for exchange in self.server.requests[count:]]

    def by_name(self, count: int) -> dict[str, list[Sent]]:
        """Give what was sent after the first ``count`` requests, by the name each call was announced with."""
        named: dict[str, list[Sent]] = {}
        for exchange in self.server.requests[count:]:
            if exchange.path.startswith("/__begin__/"):
                named[exchange.path.rpartition("/")[2]] = current = []
            else:
                current.append(Sent.of(exchange))
        return named


@pytest.fixture(scope="session")
def recorder() -> Iterator[Recorder]:
    """Run the server."""
    with in_thread(LoopbackServer(answer)) as server:
        yield Recorder(server)


@pytest.fixture(scope="session")
def sdk_calls(
    workshop: Any, plain_run: Callable[..., Any], recorder: Recorder
) -> Callable[[str], dict[str, list[Sent]]]:
    """Give what an SDK sends, by the name of the call; it is installed and run once."""
    recorded: dict[str, dict[str, list[Sent]]] = {}

    def calls_of(provider: str) -> dict[str, list[Sent]]:
        if provider not in recorded:
            python = _interpreter(workshop, SDKS[provider])
            count = len(recorder.server.requests)
            script = HERE / f"calls_by_{provider}.py"
            done = plain_run([str(python), "-P", str(script), recorder.url], timeout=120, PYTHONPATH=str(HERE))
            assert done.returncode == 0, done.stderr[-3000:]
            assert json.loads(done.stdout.strip().split("\n")[-1]) == {}
            recorded[provider] = recorder.by_name(count)
        return recorded[provider]

    return calls_of


def _interpreter(workshop: Any, requirement: str) -> Path:
    uv = workshop.program("uv")
    python: Path = workshop.installed(
        f"{requirement.replace('==', '-')}-py{sys.version_info[0]}.{sys.version_info[1]}",
        "bin/python",
        lambda target: [
            [uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(target)],
            [uv, "pip", "install", "--quiet", "--python", str(target / "bin" / "python"), requirement],
        ],
    )
    return python


@pytest.fixture(scope="session")
def accepted() -> Callable[[str], Accepted]:
    """Give the accepted differences of a provider."""
    table = json.loads((HERE / "accepted_differences.json").read_text())
    made = {provider: Accepted(rows) for provider, rows in table.items()}
    return made.__getitem__


@pytest.fixture(scope="session")
def material() -> dict[str, Any]:
    """Give the images, documents and schemas both sides use."""
    found: dict[str, Any] = json.loads((HERE / "material.json").read_text())
    return found


@pytest.fixture
def every_call(
    sdk_calls: Callable[[str], dict[str, list[Sent]]], recorder: Recorder, accepted: Callable[[str], Accepted]
) -> Callable[..., Any]:
    """Give the comparison of all calls of a provider."""

    async def compared(provider: str, names: list[str], make: Callable[[str, str], Any]) -> list[str]:
        """Make each call; name the differences no row accepts, the calls without a twin, the rows without use."""
        sdk, table = sdk_calls(provider), accepted(provider)
        wrong = [f"{name}: made by one side only" for name in sorted(set(names) ^ set(sdk))]
        if len(names) < LEAST_CALLS:
            wrong.append(f"only {len(names)} calls")
        for name in (name for name in names if name in sdk):
            count = len(recorder.server.requests)
            await make(name, recorder.url)
            wrong += map(str, table.without(differences(name, sdk[name], recorder.since(count))))
        return wrong + [
            f"not needed any more: {row}" for number, row in enumerate(table.rows) if number not in table.used
        ]

    return compared
