"""More calls than a provider can take, in virtual time: how many are answered, after how long, and who is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from attrs import define, field
from litellm_gateway.config import RateLimitConfig
from litellm_gateway.errors import GatewayError, QueueFullError
from virtual_time import run
from world import World

CAPACITY = 20
SECONDS = 0.02
PEAK = CAPACITY / SECONDS
LIMITS = RateLimitConfig(concurrency=CAPACITY, max_queue_size=CAPACITY, queue_timeout=1.0)
TIMEOUT = 1.0


@define(eq=False)
class Load:
    """How the calls of one run ended, in seconds from their beginning."""

    answered: list[float] = field(factory=list)
    refused: list[float] = field(factory=list)
    errors: set[type] = field(factory=set)
    deepest: int = 0


def _narrow(active: int) -> float:
    """Take ``SECONDS`` for up to ``CAPACITY`` requests at once; with more the provider collapses."""
    return SECONDS * max(1.0, active / CAPACITY) ** 2


def _loaded(rate: float, seconds: float, **settings: Any) -> Load:
    async def load() -> Load:
        found, world = Load(), World(1, max_retries=0, circuit_breaker=None, **settings)
        world.providers[0].seconds = _narrow

        async def one(number: int) -> None:
            began = world.clock()
            try:
                await world.ask(world.open_call(timeout=TIMEOUT), f"call {number}")
            except GatewayError as error:
                found.errors.add(type(error))
                found.refused.append(world.clock() - began)
            else:
                found.answered.append(world.clock() - began)

        calls = []
        for number in range(int(rate * seconds)):
            calls.append(asyncio.create_task(one(number)))
            await asyncio.sleep(1 / rate)
            found.deepest = max(found.deepest, world.composition.limiter.queue_depth)
        await asyncio.gather(*calls)
        await world.at_rest()
        await world.aclose()
        return found

    return run(load())


@pytest.mark.parametrize("times", [2, 5, 10])
def test_overload_costs_neither_goodput_nor_time(times: int) -> None:
    """Nine tenths of what the provider can are answered, in three times as long at most; refusals take no time."""
    seconds = 1.0

    load = _loaded(times * PEAK, seconds, rate_limit_config=LIMITS)

    assert len(load.answered) >= 0.9 * PEAK * seconds
    assert sorted(load.answered)[int(0.99 * len(load.answered))] <= 3 * SECONDS
    assert load.errors == {QueueFullError}
    assert max(load.refused) == 0.0
    assert load.deepest <= CAPACITY


def test_without_a_limit_the_same_load_collapses() -> None:
    """What the limit is for: this provider, asked by everybody at once, answers hardly anybody in time."""
    load = _loaded(5 * PEAK, 0.5)

    assert len(load.answered) < 0.5 * PEAK * 0.5
