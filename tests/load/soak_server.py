"""A provider in a process of its own, so that its memory is not taken for the gateway's: ``python soak_server.py``.

It prints its port and serves until its standard input ends, be it that whoever started it closes that or dies.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from typing import TYPE_CHECKING, Any

from litellm_gateway.testing.loopback import Exchange, LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

FAULTS = 0.1
SLOWEST = 0.02
MOST_SLOW = 0.01
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


class Provider:
    """Answers most requests, is slow with a few, and fails a tenth of them in one way or another.

    The model ``gpt-4o-down`` always fails.
    """

    def __init__(self) -> None:
        self.chance = random.Random(3)

    async def __call__(self, exchange: Exchange) -> None:
        await asyncio.sleep(self.chance.uniform(0.0, SLOWEST))
        if self.chance.random() < MOST_SLOW:
            await asyncio.sleep(0.2)
        fault = self.chance.choice(("status", "reset", "garbage", "cut")) if self.chance.random() < FAULTS else None
        body = json.loads(exchange.body)
        if fault == "status" or body["model"] == "gpt-4o-down":
            await exchange.respond(b"{}", status=503, headers={"retry-after": "0"})
        elif fault == "reset":
            exchange.reset()
        elif fault == "garbage":
            await exchange.respond(b"<html>")
        elif body.get("stream"):
            await _stream(exchange, whole=fault is None)
        elif fault == "cut":
            await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{")
            exchange.reset()
        else:
            await exchange.respond(json.dumps(_embedded(body) if "input" in body else _said()).encode())


def _said() -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": "x" * 200}, "finish_reason": "stop"}
    return {"id": "1", "model": "m", "choices": [choice], "usage": USAGE}


def _embedded(body: dict[str, Any]) -> dict[str, Any]:
    vectors = [{"object": "embedding", "index": place, "embedding": [0.5] * 8} for place in range(len(body["input"]))]
    return {"object": "list", "model": "m", "data": vectors, "usage": {"prompt_tokens": 3, "total_tokens": 3}}


async def _stream(exchange: Exchange, *, whole: bool) -> None:
    await exchange.start()
    for _ in range(5):
        await exchange.chunk(_event({"delta": {"content": "x" * 40}, "finish_reason": None}))
        await asyncio.sleep(0.001)
    if not whole:
        exchange.reset()
        return
    await exchange.chunk(_event({"delta": {}, "finish_reason": "stop"}) + b"data: [DONE]\n\n")
    await exchange.finish()


def _event(choice: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps({"id": "1", "model": "m", "choices": [{"index": 0, **choice}]}).encode() + b"\n\n"


async def serve(script: Callable[[Exchange], Awaitable[None]]) -> None:
    """Serve until standard input ends."""
    async with LoopbackServer(script) as server:
        print(server.port, flush=True)
        over = asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
        while not over.done():
            server.requests.clear()
            await asyncio.sleep(0.1)


if __name__ == "__main__":
    asyncio.run(serve(Provider()))
