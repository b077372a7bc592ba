"""Mixed calls with faults and cancellations for a while: memory, objects, sockets, tasks and threads come back.

``SOAK_SECONDS=3600 SOAK_RATE=200`` for the long form. Only the gateway is watched: the provider is another process,
and the test itself keeps sums, not samples, of the memory it reads.

What a gateway keeps is bounded, but grows until it is full. It is full when the watching begins, because it is made
small: the response cache takes ``CACHED`` answers, deduplication keeps one for ``DEDUPLICATED`` seconds, an idle
connection lives for ``KEEPALIVE`` seconds, limits look back one second, and the tenants are ``TENANTS``. What has no
setting is the newest times of each route that hedging keeps, 200 of them; they are within ``BLOCKS``.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from attrs import define, field
from litellm_gateway import (
    CircuitBreakerConfig,
    GatewayError,
    HedgingConfig,
    LiteLLMGateway,
    RateLimitConfig,
    create_gateway,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = float(os.environ.get("SOAK_SECONDS", "5"))
RATE = float(os.environ.get("SOAK_RATE", "100"))
"""Calls a second, as far as the machine carries it."""
AT_ONCE = 50
"""Calls under way at most: a machine that is too slow makes fewer, and does not drown in them."""
WARM_UP = min(0.4 * SECONDS, 120.0)
"""Seconds after which memory is watched; twice as many calls as the cache takes have ended then in any case."""
SLOPE = 1.0
"""MiB per 10,000 calls."""
NOISE = 4.0
"""MiB a short run may differ by, whatever its calls."""
MOST = 30.0
"""MiB in all."""
OBJECTS, BLOCKS = 60, 1000
"""Objects the garbage collector knows, and pieces of memory Python gave out, that two moments may differ by."""
PER_CALL = 0.02
"""And this much more of them per call: what is kept for each call, or for each that goes wrong, is more."""
CACHED = 100
DEDUPLICATED = 0.2
KEEPALIVE = 0.2
TENANTS = 20
CANCELLED_WITHIN = 0.05
KEY = "sk-soak-0123456789"
PAGE = os.sysconf("SC_PAGESIZE") / 2**20 if hasattr(os, "sysconf") else 0.0


def memory() -> float:
    """Resident memory of this process in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def make(port: int, transport: str) -> LiteLLMGateway:
    """Make a gateway with everything on that has a part in a call."""
    return create_gateway(
        provider="openai", api_key=KEY, base_url=f"http://127.0.0.1:{port}/v1", transport=transport,
        default_model="gpt-4o", default_embedding_model="text-embedding-3-small", keepalive=KEEPALIVE,
        routes={"often-down": ["openai/gpt-4o-down", "openai/gpt-4o"]},
        rate_limit_config=RateLimitConfig(requests_per_second=10**5, tokens_per_second=10**8, concurrency=500),
        enable_caching=True, cache_settings={"max_entries": CACHED},
        enable_request_deduplication=True, deduplication_ttl=DEDUPLICATED,
        enable_request_batching=True, batch_timeout=0.01,
        circuit_breaker=CircuitBreakerConfig(minimum_calls=10, recovery_timeout=1.0),
        hedging=HedgingConfig(max_extra_ratio=0.02), budgets=[{"tokens": 10**9}], guardrails=["size"],
    )  # fmt: skip


@define(eq=False)
class Line:
    """A line through points, by least squares; it keeps their sums only, so that watching memory takes none."""

    count: int = 0
    first: tuple[float, float] = (0.0, 0.0)
    last: tuple[float, float] = (0.0, 0.0)
    _sums: list[float] = field(factory=lambda: [0.0] * 4)

    def take(self, x: float, y: float) -> None:
        if not self.count:
            self.first = (x, y)
        self.last = (x, y)
        self.count += 1
        x, y = x - self.first[0], y - self.first[1]
        for place, amount in enumerate((x, y, x * x, x * y)):
            self._sums[place] += amount

    @property
    def slope(self) -> float:
        x, y, xx, xy = self._sums
        return (self.count * xy - x * y) / (self.count * xx - x * x)

    @property
    def moved(self) -> tuple[float, float]:
        return self.last[0] - self.first[0], self.last[1] - self.first[1]


@define(eq=False)
class Traffic:
    """Calls of all kinds at a steady rate, a tenth of them cancelled.

    Attributes:
        gateway: Who is called.
        number: Calls begun.
        ended: How they ended.
    """

    gateway: LiteLLMGateway
    number: int = 0
    ended: dict[str, int] = field(factory=lambda: {"answered": 0, "failed": 0, "cancelled": 0})
    _chance: random.Random = field(factory=lambda: random.Random(4))
    _running: set[asyncio.Task[None]] = field(factory=set)

    async def flow(self, seconds: float, *, at_least: int = 0, line: Line | None = None) -> None:
        """Call for so long and so often, and note memory on a line."""
        began, before, sampled = time.monotonic(), self.number, 0.0
        while (elapsed := time.monotonic() - began) < seconds or self.number - before < at_least:
            while self.number - before < elapsed * RATE and len(self._running) < AT_ONCE:
                self._begin()
            if line is not None and elapsed - sampled > 0.05:
                line.take(self.number, memory())
                sampled = elapsed
            await asyncio.sleep(0.005)
        await asyncio.gather(*self._running)

    async def pause(self, files: int) -> None:
        """Let go of what is kept for a time: of answers just given, and of idle connections."""
        await asyncio.sleep(1.5 * DEDUPLICATED)
        for _ in range(3):  # what is over goes when another answer is kept, and one of three calls will be answered
            await self._one(self.number)
            self.number += 1
        until = time.monotonic() + 5.0
        while open_files() > files and time.monotonic() < until:  # noqa: ASYNC110 - nobody tells of a closed socket
            await asyncio.sleep(0.05)

    def _begin(self) -> None:
        # Now and then the question of just before, which is still on its way, or of a while ago, which is cached.
        before = self._chance.choice((0,) * 18 + (1, TENANTS))
        task = asyncio.create_task(self._one(max(0, self.number - before)))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        if self._chance.random() < 0.1:
            asyncio.get_running_loop().call_later(self._chance.uniform(0.0, CANCELLED_WITHIN), task.cancel)
        self.number += 1

    async def _one(self, number: int) -> None:
        try:
            await self._call(number)
            self.ended["answered"] += 1
        except GatewayError:
            self.ended["failed"] += 1
        except asyncio.CancelledError:
            self.ended["cancelled"] += 1

    async def _call(self, number: int) -> None:
        gateway, tenant, prompt = self.gateway, f"tenant {number % TENANTS}", f"prompt {number}"
        model = {7: "often-down", 17: "gpt-4o-down"}.get(number % 50)
        if number % 10 == 0:
            texts = (f"{prompt}, {each}" for each in "abc")
            await asyncio.gather(*(gateway.embed_async(text, tenant_id=tenant, timeout=5.0) for text in texts))
        elif number % 2:
            await gateway.generate_async(prompt, model=model, tenant_id=tenant, timeout=5.0)
        else:
            await gateway.generate_stream_async(prompt, model=model, tenant_id=tenant, timeout=5.0).response()


def objects() -> Counter[str]:
    """Count everything the garbage collector knows, by type."""
    gc.collect()
    found: Counter[str] = Counter()
    for each in gc.get_objects():
        found[f"{type(each).__module__}.{type(each).__qualname__}"] += 1
    return found


@pytest.fixture
def port() -> Iterator[int]:
    """Start the provider, and end it."""
    program = [sys.executable, str(Path(__file__).with_name("soak_server.py"))]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        yield int(server.stdout.readline())
        server.stdin.close()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            raise


@contextlib.contextmanager
def logged() -> Iterator[None]:
    """Have every call logged, to nowhere; entered in the test itself, or pytest would keep every line."""
    logger, handler = logging.getLogger("litellm_gateway"), logging.NullHandler()
    before = logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.level, logger.propagate = before


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
async def test_a_long_time_of_mixed_calls_leaves_nothing(port: int, transport: str) -> None:
    """A hundred calls a second, a tenth of them going wrong and a tenth cancelled, with every feature on."""
    files, tasks, threads = open_files(), len(asyncio.all_tasks()), threading.active_count()
    gateway, line = make(port, transport), Line()
    traffic = Traffic(gateway)

    with logged():
        await traffic.flow(WARM_UP, at_least=2 * CACHED)
        await traffic.pause(files)
        warm, kept, blocks = traffic.number, objects(), sys.getallocatedblocks()
        await traffic.flow(SECONDS - WARM_UP, line=line)
        await traffic.pause(files)
        more, blocks = objects() - kept, sys.getallocatedblocks() - blocks
        health = gateway.get_health()
        await gateway.aclose()
    await asyncio.sleep(0.05)

    ended, calls, (moved, grown) = traffic.ended, traffic.number - warm, line.moved
    print(
        f"{transport}: {ended}, then {line.slope * 10_000:+.2f} MiB per 10,000 calls, {grown:+.2f} MiB in {calls}; "
        f"{more.total()} objects, {blocks} blocks"
    )
    assert ended["answered"] >= 0.7 * traffic.number
    assert ended["failed"] > 0 < ended["cancelled"]
    assert more.total() <= OBJECTS + PER_CALL * calls, more.most_common(10)
    assert blocks <= BLOCKS + PER_CALL * calls
    assert line.slope * moved <= max(NOISE, SLOPE * moved / 10_000)
    assert grown <= MOST
    assert health["in_flight"] == health["rate_limit"]["queue_depth"] == 0
    assert open_files() <= files
    assert len(asyncio.all_tasks()) <= tasks
    assert threading.active_count() <= threads
