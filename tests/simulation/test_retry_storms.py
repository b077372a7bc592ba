"""A provider dies and comes back, in virtual time: how much it is asked meanwhile, and how soon it is used again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from litellm_gateway.errors import GatewayError
from litellm_gateway.route_config import CircuitBreakerConfig, HealthCheckConfig
from virtual_time import run
from world import World


async def _ask(world: World, number: int) -> bool:
    try:
        await world.ask(world.open_call(timeout=20.0), f"prompt {number}")
    except GatewayError:
        return False
    return True


async def _storm(world: World, count: int, pause: float) -> list[bool]:
    """Begin so many calls, one each pause; give which were answered."""
    calls = []
    for number in range(count):
        calls.append(asyncio.create_task(_ask(world, number)))
        if pause:
            await asyncio.sleep(pause)
    return list(await asyncio.gather(*calls))


@pytest.mark.parametrize("breaker", [None, CircuitBreakerConfig()], ids=["no breaker", "breaker"])
@pytest.mark.parametrize(
    ("count", "pause", "most"), [(500, 0.02, 1.2), (100, 0.0, 1.5)], ids=["50 per second", "burst"]
)
def test_a_dead_provider_is_hardly_asked_more_often_than_called(
    count: int, pause: float, most: float, breaker: Any
) -> None:
    """At fifty calls a second for ten seconds at most a fifth more, for a hundred at once at most half more."""

    async def outage() -> int:
        world = World(7, circuit_breaker=breaker)
        world.providers[0].down = True
        answered = await _storm(world, count, pause)
        await world.at_rest()
        await world.aclose()
        assert not any(answered)
        return world.providers[0].asked

    asked = run(outage())

    assert asked <= most * count
    assert breaker is not None or asked >= count


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"health_check": HealthCheckConfig(interval=1.0, timeout=0.5)},
        {"circuit_breaker": CircuitBreakerConfig(recovery_timeout=1.0)},
        {"circuit_breaker": None},
    ],
    ids=["as it comes", "health check", "short recovery", "no breaker"],
)
def test_a_provider_that_is_back_is_used_within_two_seconds(settings: dict[str, Any]) -> None:
    """From the first call two seconds after it healed, everything is answered."""

    async def outage() -> list[bool]:
        world = World(7, **settings)
        world.providers[0].down = True
        await _storm(world, 500, 0.02)
        world.providers[0].down = False
        healed = world.clock()
        between = asyncio.create_task(_storm(world, 99, 0.02))
        await asyncio.sleep(2.0)
        assert world.clock() == healed + 2.0
        answered = await _storm(world, 100, 0.02)
        await between
        await world.at_rest()
        await world.aclose()
        return answered

    assert all(run(outage()))


def test_a_call_in_parts_closes_the_circuit_it_probes() -> None:
    """One part probes and the others wait for it; were they refused, such calls would keep a circuit open for good."""

    async def outage() -> list[float]:
        world = World(7, circuit_breaker=CircuitBreakerConfig(minimum_calls=2, recovery_timeout=10.0), max_retries=0)
        world.providers[0].down = True
        for _ in range(4):
            with pytest.raises(GatewayError):
                await world.embed(world.open_call(), list(range(10)))
        world.providers[0].down = False
        await asyncio.sleep(15.0)
        vectors = await world.embed(world.open_call(), list(range(10)))
        assert world.composition.breakers.state() == "closed"
        await world.at_rest()
        await world.aclose()
        return vectors

    assert run(outage()) == [float(number) for number in range(10)]
