"""A Redis server, a provider that counts, and processes with a gateway in each."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway.testing.loopback import Exchange, LoopbackServer, in_thread
from litellm_gateway_client_redis.testing import own_redis_server, redis_program, redis_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["own_redis_server", "redis_program", "redis_server"]

PROCESS = """
import asyncio, json, os, sys
from litellm_gateway import GatewayError, create_gateway

async def main(settings, script):
    async with create_gateway(provider="openai", api_key="key-of-a-test-account", telemetry=(), **settings) as gateway:
        say = lambda **words: print(json.dumps(words), flush=True)
        room = {"gateway": gateway, "say": say, "GatewayError": GatewayError, "asyncio": asyncio, "os": os}
        await script(room)

source = "async def script(room):\\n    globals().update(room)\\n    " + sys.argv[2].strip().replace("\\n", "\\n    ")
names = {}
exec(source, names)
asyncio.run(main(json.loads(sys.argv[1]), names["script"]))
"""


class CountingProvider:
    """Answers chat completions after a while, or fails; counts those it was asked for."""

    def __init__(self) -> None:
        self.url = ""
        self.calls = 0
        self.seconds = 0.5
        self.status = 200

    async def __call__(self, exchange: Exchange) -> None:
        self.calls += 1
        number = self.calls
        await asyncio.sleep(self.seconds)
        message = {"role": "assistant", "content": f"answer {number}"}
        usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
        answer: dict[str, Any] = {"id": "c1", "object": "chat.completion", "created": 1, "model": "gpt-4"}
        answer |= {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}
        if self.status != 200:
            answer = {"error": {"message": "no", "type": "server_error"}}
        await exchange.respond(json.dumps(answer).encode(), status=self.status)


class Process:
    """A process with a gateway, and the lines it prints."""

    def __init__(self, settings: dict[str, Any], script: str) -> None:
        command = [sys.executable, "-c", PROCESS, json.dumps(settings), script]
        self._running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def heard(self) -> dict[str, Any]:
        """Wait for the next line."""
        assert self._running.stdout is not None
        line = self._running.stdout.readline()
        assert line, "the process has ended"
        told: dict[str, Any] = json.loads(line)
        return told

    def go(self) -> None:
        """Let it read a line."""
        assert self._running.stdin is not None
        self._running.stdin.write("\n")
        self._running.stdin.flush()

    def kill(self) -> None:
        """End it without a chance to say anything."""
        self._running.kill()
        self.end()

    def end(self) -> int:
        """Wait until it has ended."""
        self._running.communicate(timeout=30)
        return self._running.returncode


@pytest.fixture
def provider() -> Iterator[CountingProvider]:
    """A provider at a loopback address, ``provider.url``."""
    counting = CountingProvider()
    with in_thread(LoopbackServer(counting)) as server:
        counting.url = f"{server.url}/v1"
        yield counting


@pytest.fixture
def start(redis_server, provider) -> Iterator[Callable[..., Process]]:
    """Start a process that shares its state with the others."""
    redis_server.forget()
    started: list[Process] = []

    def start(script: str, **settings: Any) -> Process:
        given = {"shared_state": redis_server.uri, "shared_state_timeout": 5.0, "base_url": provider.url, **settings}
        started.append(Process(given, script))
        return started[-1]

    yield start
    for process in started:
        process.kill()
