"""The memory cache keeps its promises and its bounds."""

from __future__ import annotations

import asyncio
import os
import time
from decimal import Decimal

import pytest
from litellm_gateway import answer_codec
from litellm_gateway.builtin import memory_cache
from litellm_gateway.builtin.memory_cache import ENTRY_OVERHEAD, MemoryAnswers, MemoryCache, MemoryCacheSettings
from litellm_gateway.contracts import CacheKey
from litellm_gateway.kept_form import kept_form
from litellm_gateway.messages import ReasoningPart, ToolCall
from litellm_gateway.responses import GenerateResponse, TokenUsage
from litellm_gateway.testing.cache_suite import CacheBackendSuite


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class TestMemoryCache(CacheBackendSuite):
    def make_backend(self) -> MemoryCache:
        self.clock = Clock()
        return MemoryCache(MemoryCacheSettings(max_bytes=2_000_000), self.clock)

    async def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds


class TestMemoryAnswers(TestMemoryCache):
    def make_backend(self) -> MemoryAnswers:
        self.clock = Clock()
        return MemoryAnswers(MemoryCacheSettings(max_bytes=2_000_000), self.clock)


def _keys(count: int) -> list[CacheKey]:
    return [CacheKey("t", f"{number:064}") for number in range(count)]


def _cache(**settings: int) -> MemoryCache:
    return MemoryCache(MemoryCacheSettings(**settings), Clock())


async def _kept(cache: MemoryCache, keys: list[CacheKey]) -> list[int]:
    return [number for number, key in enumerate(keys) if await cache.get(key) is not None]


async def test_number_is_bounded() -> None:
    """The least recently used entry makes room for one too many."""
    cache, keys = _cache(max_entries=3), _keys(4)
    for key in keys[:3]:
        await cache.set(key, b"x", 100)
    await cache.get(keys[0])

    await cache.set(keys[3], b"x", 100)

    assert await _kept(cache, keys) == [0, 2, 3]


async def test_replacing_pushes_nothing_out() -> None:
    """A new value for a kept key takes the place of the old one."""
    cache, keys = _cache(max_entries=2), _keys(2)
    for key in (*keys, *keys):
        await cache.set(key, b"x", 100)

    assert await _kept(cache, keys) == [0, 1]


async def test_bytes_are_bounded() -> None:
    """Entries make room by size, their keys and bookkeeping included."""
    cache, keys = _cache(max_bytes=10 * (1000 + ENTRY_OVERHEAD + 1)), _keys(50)

    for key in keys:
        await cache.set(key, b"x" * 1000, 100)

    assert await _kept(cache, keys) == list(range(40, 50))


async def test_memory_stays_bounded_under_churn() -> None:
    """Writing the same and new keys for ever does not grow the process beyond the bound."""
    import tracemalloc

    cache = _cache(max_bytes=1_000_000)
    tracemalloc.start()
    try:
        for number in range(20_000):
            await cache.set(CacheKey("t", f"{number % 5000:064}"), bytes(500), 1e9)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert held < 1_200_000


async def test_memory_stays_bounded_under_churn_of_answers() -> None:
    """Answers that are kept as they are take no more than is counted for them, whatever they are made of."""
    import tracemalloc

    def answer(number: int) -> GenerateResponse:
        return GenerateResponse(
            text=f"{number}" + "ä" * (number % 700),
            model="m",
            usage=TokenUsage(input_tokens=1000 + number, output_tokens=2000 + number),
            tool_calls=tuple(
                ToolCall(id=f"{each}", name="f", arguments=f'{{"a": {number}}}') for each in range(number % 3)
            ),
            reasoning=(ReasoningPart(text=f"so {number}", signature="s" * (number % 200)),) * (number % 2),
            metadata={"provider": "acme", "response_id": f"{number:050}", "cost": Decimal(number), "latency": 1.0},
        )

    cache = MemoryAnswers(MemoryCacheSettings(max_bytes=1_000_000), Clock())
    tracemalloc.start()
    try:
        for number in range(10_000):
            kept = kept_form(answer(number))
            assert kept is not None
            cache.keep(CacheKey("t", f"{number % 5000:064}"), kept, 1e9)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert 300_000 < held < 1_100_000


async def test_bytes_of_a_kept_answer_are_its_entry() -> None:
    """Who asks for bytes of what is kept as an object gets what would have been stored."""
    cache, key = MemoryAnswers(MemoryCacheSettings(), Clock()), _keys(1)[0]
    answer = GenerateResponse(text="a", model="m", metadata={"provider": "acme"})
    kept = kept_form(answer)
    assert kept is not None
    cache.keep(key, kept, 100)

    data = await cache.get(key)

    assert data is not None
    assert answer_codec.decode(key, data) == answer


async def test_expired_entries_are_dropped_when_asked_for() -> None:
    """An entry whose time is up takes no more room once somebody looks."""
    clock = Clock()
    cache, key = MemoryCache(MemoryCacheSettings(), clock), _keys(1)[0]
    await cache.set(key, b"x", 10)
    clock.now = 10

    await cache.get(key)

    assert repr(cache) == "MemoryCache(0 entries)"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_starts_empty_and_works() -> None:
    """A child of a process that held the lock at the moment of the fork is not stuck."""
    cache, key = MemoryCache(MemoryCacheSettings(), time.monotonic), _keys(1)[0]
    asyncio.run(cache.set(key, b"x", 100))

    child = os.fork()
    if child == 0:
        found = asyncio.run(cache.get(key))
        asyncio.run(cache.set(key, b"y", 100))
        again = asyncio.run(cache.get(key))
        os._exit(0 if (found, again) == (None, b"y") else 1)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert asyncio.run(cache.get(key)) == b"x"


@pytest.mark.parametrize("settings", [{"max_entries": 0}, {"max_bytes": 0}, {"max_entries": "many"}])
def test_impossible_settings_are_refused(settings: dict[str, object]) -> None:
    """Bounds are whole numbers of at least one."""
    with pytest.raises((ValueError, TypeError)):
        MemoryCacheSettings(**settings)  # type: ignore[arg-type]


def test_offer() -> None:
    """The offer carries the name of its entry point and its settings."""
    offer = memory_cache.gateway_cache_backend()

    assert (offer.name, offer.settings) == ("memory", MemoryCacheSettings)
