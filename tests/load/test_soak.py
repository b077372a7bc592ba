"""Mixed calls with faults and cancellations for a while: memory, sockets, tasks and threads come back.

``SOAK_SECONDS=180`` for the long form.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from litellm_gateway import GatewayError, HedgingConfig, RateLimitConfig, create_gateway
from litellm_gateway.testing.loopback import Exchange, LoopbackServer

SECONDS = float(os.environ.get("SOAK_SECONDS", "8"))
RATE = 100.0
WARM_UP = 0.3
"""Share of the time after which memory is watched."""
SLOPE = 1.0
"""MiB per 10,000 calls."""
NOISE = 4.0
"""MiB a short run may differ by, whatever its calls."""
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def memory() -> float:
    """Resident memory of this process in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _event(choice: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps({"id": "1", "model": "m", "choices": [{"index": 0, **choice}]}).encode() + b"\n\n"


class Server:
    """Answers most requests, and fails a tenth of them in one way or another."""

    def __init__(self) -> None:
        self.chance = random.Random(3)

    async def __call__(self, exchange: Exchange) -> None:
        await asyncio.sleep(self.chance.uniform(0.0, 0.02))
        fault = self.chance.choice(("status", "reset", "garbage", "cut")) if self.chance.random() < 0.1 else None
        if fault == "status":
            await exchange.respond(b"{}", status=503, headers={"retry-after": "0"})
        elif fault == "reset":
            exchange.reset()
        elif fault == "garbage":
            await exchange.respond(b"<html>")
        elif b'"stream":true' in exchange.body:
            await self._stream(exchange, whole=fault is None)
        else:
            choice = {"index": 0, "message": {"role": "assistant", "content": "x" * 200}, "finish_reason": "stop"}
            answer = {"id": "1", "model": "m", "choices": [choice], "usage": USAGE}
            await exchange.respond(json.dumps(answer).encode())

    async def _stream(self, exchange: Exchange, *, whole: bool) -> None:
        await exchange.start()
        for _ in range(5):
            await exchange.chunk(_event({"delta": {"content": "x" * 40}, "finish_reason": None}))
            await asyncio.sleep(0.001)
        if not whole:
            exchange.reset()
            return
        await exchange.chunk(_event({"delta": {}, "finish_reason": "stop"}) + b"data: [DONE]\n\n")
        await exchange.finish()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_a_long_time_of_mixed_calls_leaves_nothing() -> None:
    """A hundred calls a second, a tenth of them failing and a tenth cancelled, with every feature on."""
    chance = random.Random(4)
    ended = {"answered": 0, "failed": 0, "cancelled": 0}
    samples: list[tuple[int, float]] = []
    async with LoopbackServer(Server()) as server:
        files, tasks, threads = open_files(), len(asyncio.all_tasks()), threading.active_count()
        gateway = create_gateway(
            provider="openai", api_key="sk-soak-0123456789", default_model="gpt-4o", base_url=f"{server.url}/v1",
            rate_limit_config=RateLimitConfig(requests_per_minute=10**6, tokens_per_minute=10**9, concurrency=500),
            enable_caching=True, cache_settings={"max_entries": 200, "max_bytes": 500_000},
            enable_request_deduplication=True, deduplication_ttl=0.5, enable_request_batching=True,
            hedging=HedgingConfig(), budgets=[{"tokens": 10**9}],
        )  # fmt: skip

        async def one(number: int) -> None:
            same = number - number % 3 if chance.random() < 0.1 else number
            prompt, tenant = f"prompt {same}", f"tenant {number % 50}"
            try:
                if number % 2:
                    await gateway.generate_async(prompt, tenant_id=tenant, timeout=5.0)
                else:
                    await gateway.generate_stream_async(prompt, tenant_id=tenant, timeout=5.0).response()
                ended["answered"] += 1
            except GatewayError:
                ended["failed"] += 1
            except asyncio.CancelledError:
                ended["cancelled"] += 1

        began, running, number = time.monotonic(), set(), 0
        while (elapsed := time.monotonic() - began) < SECONDS:
            while number < elapsed * RATE:
                task = asyncio.create_task(one(number))
                running.add(task)
                task.add_done_callback(running.discard)
                if chance.random() < 0.1:
                    asyncio.get_running_loop().call_later(chance.uniform(0.0, 0.02), task.cancel)
                number += 1
            server.requests.clear()  # the server's memory is not the gateway's
            if elapsed > WARM_UP * SECONDS:
                samples.append((number, memory()))
            await asyncio.sleep(0.01)
        await asyncio.gather(*running)
        health = gateway.get_health()
        await gateway.aclose()
        await server.settled()
        gc.collect()

        grown = _slope(samples) * 10_000
        moved = (samples[-1][0] - samples[0][0]) / 10_000
        print(f"{ended}, {grown:.2f} MiB per 10,000 calls, {samples[-1][1] - samples[0][1]:+.2f} MiB")
        assert ended["answered"] >= 0.6 * number
        assert ended["failed"] > 0 < ended["cancelled"]
        assert grown * moved <= max(NOISE, SLOPE * moved)
        assert samples[-1][1] - samples[0][1] <= 30.0
        assert health["in_flight"] == health["rate_limit"]["queue_depth"] == 0
        assert open_files() <= files + 2
        assert len(asyncio.all_tasks()) <= tasks
        assert threading.active_count() <= threads


def _slope(samples: list[tuple[int, float]]) -> float:
    """Give the slope of a line through the samples, by least squares."""
    count = len(samples)
    middle_x, middle_y = (sum(sample[axis] for sample in samples) / count for axis in (0, 1))
    spread = sum((x - middle_x) ** 2 for x, _ in samples)
    return sum((x - middle_x) * (y - middle_y) for x, y in samples) / spread
