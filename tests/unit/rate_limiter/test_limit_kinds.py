"""Every kind of limit: per time, at once, per model and tenant, shared, with bursts and priorities."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from litellm_gateway.errors import RateLimitError
from litellm_gateway.rate_limiter import RateLimitConfig, RateLimiter, Reservation

Clock = Callable[[], float]
Virtually = Callable[[Callable[[Clock], Any]], None]
FAR = 1e12


async def admitted(
    limiter: RateLimiter, tenant: str = "a", model: str = "p/m", tokens: int = 0, tries: int = 50
) -> int:
    """Ask until refused; give how many were let in."""
    count = 0
    for _ in range(tries):
        try:
            await limiter.reserve(tenant, model, tokens, FAR)
        except RateLimitError:
            break
        count += 1
    return count


def refusing(**limits: Any) -> RateLimitConfig:
    return RateLimitConfig(enable_queuing=False, **limits)


@pytest.mark.parametrize(
    ("config", "seconds"),
    [
        (refusing(requests_per_second=3), 1),
        (refusing(requests_per_minute=3), 60),
        (refusing(requests_per_hour=3), 3600),
        (refusing(requests_per_day=3), 86_400),
        (refusing(tokens_per_second=30), 1),
        (refusing(tokens_per_minute=30), 60),
        (refusing(tokens_per_hour=30), 3600),
        (refusing(tokens_per_day=30), 86_400),
    ],
)
def test_a_limit_holds_for_its_time(virtually: Virtually, config: RateLimitConfig, seconds: float) -> None:
    """So many are let in, none more until that time is over, and then as many again."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(config, clock=clock)

        first = await admitted(limiter, tokens=10)
        await asyncio.sleep(seconds * 0.99)
        within = await admitted(limiter, tokens=10)
        await asyncio.sleep(seconds * 0.02)

        assert (first, within) == (3, 0)
        assert await admitted(limiter, tokens=10) == 3

    virtually(main)


def test_all_limits_hold_together(virtually: Virtually) -> None:
    """The tightest decides, and what it refuses is counted nowhere."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(refusing(requests_per_second=2, requests_per_minute=3, tokens_per_day=1000), clock=clock)

        first = await admitted(limiter, tokens=10)
        await asyncio.sleep(1.1)
        second = await admitted(limiter, tokens=10)
        used = [each.used for each in limiter.foresee("a", "p/m", 0)[0]]

        assert (first, second) == (2, 1)
        assert used == [1, 3, 30]

    virtually(main)


def test_a_burst_is_followed_at_the_limit_s_pace(virtually: Virtually) -> None:
    """Five start together; after that one each second, as 60 a minute say."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(RateLimitConfig(requests_per_minute=60, burst=5, queue_timeout=1e6), clock=clock)
        start = clock()

        places = [await limiter.reserve("a", "m", 0, FAR) for _ in range(20)]

        moments = [place.at - start for place in places]
        assert moments[:5] == [0.0] * 5
        assert all(later - earlier >= 5 for earlier, later in zip(moments, moments[5:], strict=False))
        assert moments[-1] <= 16

    virtually(main)


def test_requests_under_way_are_bounded(virtually: Virtually) -> None:
    """A place comes free when a call is settled or given up, at once for who waits."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(RateLimitConfig(concurrency=2), clock=clock)
        first, second = [await limiter.reserve("a", "m", 0, FAR) for _ in range(2)]
        third = asyncio.create_task(limiter.reserve("a", "m", 0, FAR))
        fourth = asyncio.create_task(limiter.reserve("a", "m", 0, FAR))
        other = await limiter.reserve("b", "m", 0, FAR)
        await asyncio.sleep(5)
        waiting = (third.done(), fourth.done())

        first.settle(10)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        then = (third.done(), fourth.done())
        second.refund()

        assert waiting == (False, False)
        assert then == (True, False)
        (await fourth).refund()
        third.result().refund()
        other.refund()

    virtually(main)


def test_models_have_limits_of_their_own(virtually: Virtually) -> None:
    """The first pattern that fits holds instead of the others, and is counted apart."""

    async def main(clock: Clock) -> None:
        config = refusing(
            requests_per_minute=5, models={"openai/gpt-4*": {"requests_per_minute": 2, "enable_queuing": False}}
        )
        limiter = RateLimiter(config, clock=clock)

        counts = [await admitted(limiter, model=name) for name in ("openai/gpt-4o", "openai/gpt-4", "x/a", "x/b")]

        assert counts == [2, 0, 5, 0]

    virtually(main)


def test_tenants_have_limits_of_their_own(virtually: Virtually) -> None:
    """Each tenant that fits a pattern has such a limit for itself."""

    async def main(clock: Clock) -> None:
        config = refusing(
            requests_per_minute=5, tenants={"trial-*": {"requests_per_hour": 1, "enable_queuing": False}, "vip": {}}
        )
        limiter = RateLimiter(config, clock=clock)

        counts = [await admitted(limiter, tenant) for tenant in ("trial-1", "trial-2", "other", "vip")]

        assert counts == [1, 1, 5, 50]

    virtually(main)


def test_what_is_shared_holds_beside_the_tenants_own(virtually: Virtually) -> None:
    """A tenant is refused by either; the model of a shared limit may have one apart."""

    async def main(clock: Clock) -> None:
        config = refusing(
            requests_per_minute=4, shared={"requests_per_minute": 6, "models": {"p/rare": {"requests_per_minute": 1}}}
        )
        limiter = RateLimiter(config, clock=clock)

        counts = [await admitted(limiter, tenant) for tenant in ("a", "b", "c")]
        rare = [await admitted(limiter, tenant, "p/rare") for tenant in ("d", "e")]

        assert counts == [4, 2, 0]
        assert rare == [1, 0]

    virtually(main)


def test_the_urgent_go_first_within_a_tenant(virtually: Virtually) -> None:
    """Priorities order a tenant's own line, and never push another tenant back."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(RateLimitConfig(shared={"requests_per_second": 1}, queue_timeout=1e6), clock=clock)
        await limiter.reserve("a", "m", 0, FAR)
        served: list[str] = []

        async def call(tenant: str, priority: int) -> None:
            place: Reservation = await limiter.reserve(tenant, "m", 0, FAR, priority=priority)
            served.append(f"{tenant}{priority}")
            place.settle(0)

        await asyncio.gather(call("a", 0), call("a", 5), call("a", -5), call("b", 0), call("a", 5), call("b", 100))

        assert [each for each in served if each[0] == "a"] == ["a5", "a5", "a0", "a-5"]
        assert [each for each in served if each[0] == "b"] == ["b100", "b0"]
        assert {each[0] for each in served[:4]} == {"a", "b"}
        assert sorted(each[0] for each in served[:4]) == ["a", "a", "b", "b"]

    virtually(main)


def test_a_look_ahead_counts_nothing(virtually: Virtually) -> None:
    """It tells what would be taken of each limit, what is taken, and how long there is no room."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(RateLimitConfig(tokens_per_minute=100, concurrency=5), clock=clock)
        await limiter.reserve("a", "m", 80, FAR)

        tokens, places = limiter.foresee("a", "m", 30)[0]
        seconds = limiter.foresee("a", "m", 30)[1]

        assert (tokens.amount, tokens.takes, tokens.used, tokens.whose) == (100, 30, 80, "tenant")
        assert (places.amount, places.takes, places.used, places.limit) == (5, 1, 1, None)
        assert 60 <= seconds <= 60.3
        assert limiter.foresee("a", "m", 20)[1] == 0
        assert RateLimiter(None).foresee("a", "m", 1) == ((), 0.0)

    virtually(main)
