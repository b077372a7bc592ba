"""The limiter measured in simulated time: how exact its limits are, and how fair its queue is."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from litellm_gateway.rate_limiter import RateLimitConfig, RateLimiter

Clock = Callable[[], float]
Virtually = Callable[[Callable[[Clock], Any]], None]
FAR = 1e12


def most_in_any(seconds: float, moments: Sequence[tuple[float, int]]) -> int:
    """Give the most that was admitted within any stretch of that length."""
    ordered = sorted(moments)
    most = total = first = 0
    for at, amount in ordered:
        total += amount
        while ordered[first][0] <= at - seconds:
            total -= ordered[first][1]
            first += 1
        most = max(most, total)
    return most


def jain(amounts: Sequence[float]) -> float:
    """Jain's index: 1 when all get the same, 1/n when one gets all."""
    squares = sum(amount * amount for amount in amounts)
    return sum(amounts) ** 2 / (len(amounts) * squares)


@pytest.mark.parametrize("share", [0.99, 1.01, 3.0])
def test_ten_minutes_admit_what_the_limit_says(virtually: Virtually, share: float) -> None:
    """Of requests that come at 99 % all pass within moments, of more the limit within 1 %, and no minute holds more."""

    async def main(clock: Clock) -> None:
        chance = random.Random(11)
        config = RateLimitConfig(requests_per_minute=300, max_queue_size=10_000, queue_timeout=1e6)
        limiter = RateLimiter(config, clock=clock)
        start, admitted, waited, tasks = clock(), [], [], []

        async def call() -> None:
            came = clock()
            admitted.append(((await limiter.reserve("a", "m", 0, FAR)).at, 1))
            waited.append(admitted[-1][0] - came)

        while clock() < start + 600:
            tasks.append(asyncio.create_task(call()))
            await asyncio.sleep(chance.uniform(0.5, 1.5) * 0.2 / share)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

        expected = min(len(tasks), 3000)
        assert expected * 0.99 <= len(admitted) <= expected * 1.01
        assert most_in_any(60.0, admitted) <= 300
        assert share > 1 or max(waited) < 5

    virtually(main)


def test_tokens_are_exact_once_all_is_settled(virtually: Virtually) -> None:
    """Ten minutes of waiting calls use the limit within 1 %, no minute more, and nothing of the estimates stays."""

    async def main(clock: Clock) -> None:
        chance = random.Random(5)
        limiter = RateLimiter(RateLimitConfig(tokens_per_minute=400_000, queue_timeout=1e6), clock=clock)
        start, used = clock(), []

        async def call() -> None:
            place = await limiter.reserve("a", "m", 1200, FAR)
            await asyncio.sleep(chance.uniform(0.1, 2.0))
            if chance.random() < 0.05:
                place.refund()
                return
            tokens = chance.randint(200, 1200)
            place.settle(tokens)
            used.append((place.at, tokens))

        async def worker() -> None:
            while clock() < start + 600:
                await call()

        await asyncio.gather(*(worker() for _ in range(200)))
        last = [tokens for at, tokens in used if clock() - 59 < at]
        (left,) = [
            each for each in limiter.foresee("a", "m", 0)[0] if each.limit is not None and each.limit.metric == 1
        ]

        within = sum(tokens for at, tokens in used if at < start + 600)
        assert 4_000_000 * 0.99 <= within <= 4_000_000
        assert most_in_any(60.0, used) <= 400_000
        assert sum(last) <= left.used <= 400_000
        await asyncio.sleep(61)
        assert limiter.foresee("a", "m", 0)[0][0].used == 0

    virtually(main)


def test_settling_leaves_no_drift(virtually: Virtually) -> None:
    """After 200 calls at once, what is counted is what they used, to the token."""

    async def main(clock: Clock) -> None:
        chance = random.Random(2)
        limiter = RateLimiter(RateLimitConfig(tokens_per_hour=10**6), clock=clock)
        used = []

        async def call() -> None:
            place = await limiter.reserve("a", "m", 1000, FAR)
            await asyncio.sleep(chance.random())
            used.append(chance.choice([0, 10, 999, 1000, 1700]))
            place.settle(used[-1])

        await asyncio.gather(*(call() for _ in range(200)))

        assert limiter.foresee("a", "m", 0)[0][0].used == sum(used)

    virtually(main)


def test_one_tenant_with_a_thousand_waiting_gets_no_more_than_others(virtually: Virtually) -> None:
    """While ten tenants wait for shared places, Jain's index of what they get is at least 0.98."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(
            RateLimitConfig(
                shared={"requests_per_second": 10}, heed_provider_limits=False, max_queue_size=2000, queue_timeout=1e6
            ),
            clock=clock,
        )
        served: list[tuple[float, str]] = []
        start = clock()

        async def call(tenant: str) -> None:
            place = await limiter.reserve(tenant, "m", 0, FAR)
            served.append((place.at, tenant))
            place.settle(0)

        await asyncio.gather(*(limiter.reserve("first", "m", 0, FAR) for _ in range(10)))
        tasks = [asyncio.create_task(call("loud")) for _ in range(1000)]
        tasks += [asyncio.create_task(call(f"quiet-{number}")) for number in range(9) for _ in range(10)]
        await asyncio.sleep(0)
        await asyncio.sleep(8.2)
        counts = Counter(tenant for _, tenant in served)
        shares = [counts[tenant] for tenant in ("loud", *(f"quiet-{number}" for number in range(9)))]
        await asyncio.sleep(12)
        assert sum(tenant != "loud" for _, tenant in served) == 90
        longest = max(at for at, tenant in served if tenant != "loud") - start

        assert sum(shares) == 80
        assert jain(shares) >= 0.98
        assert longest <= 2 * 10  # 100 requests in fair turns take ten seconds
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    virtually(main)


@pytest.mark.parametrize("unit", ["requests", "tokens"])
def test_turns_follow_the_weights(virtually: Virtually, unit: str) -> None:
    """Tenants of weights 1, 2 and 4 that all wait are served 1:2:4 within 5 %, in what they wait for."""

    async def main(clock: Clock) -> None:
        chance = random.Random(9)
        shared = {"requests_per_second": 7} if unit == "requests" else {"tokens_per_second": 700}
        limiter = RateLimiter(
            RateLimitConfig(
                shared=shared, weights={"two": 2, "four": 4.0}, heed_provider_limits=False, max_queue_size=5000,
                queue_timeout=1e6,
            ),
            clock=clock,
        )  # fmt: skip
        served: Counter[str] = Counter()

        async def call(tenant: str, tokens: int) -> None:
            place = await limiter.reserve(tenant, "m", tokens, FAR)
            served[tenant] += tokens
            place.settle(tokens)

        def size() -> int:
            return 100 if unit == "requests" else chance.randint(20, 180)

        for _ in range(7):
            await limiter.reserve("first", "m", 100, FAR)
        tasks = [asyncio.create_task(call(tenant, size())) for tenant in ("one", "two", "four") for _ in range(700)]
        await asyncio.sleep(100)
        one, two, four = (served[tenant] for tenant in ("one", "two", "four"))

        total = one + two + four
        assert total > 60_000
        for got, weight in ((one, 1), (two, 2), (four, 4)):
            assert got == pytest.approx(total * weight / 7, rel=0.05)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    virtually(main)


def test_a_thousand_waiters_do_not_start_together_with_a_burst(virtually: Virtually) -> None:
    """When a used-up limit opens again, no second sees more than 1.2 times the pace."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(
            RateLimitConfig(requests_per_minute=600, burst=10, queue_timeout=1e6, max_queue_size=2000), clock=clock
        )
        admitted: list[tuple[float, int]] = []

        async def call() -> None:
            admitted.append(((await limiter.reserve("a", "m", 0, FAR)).at, 1))

        await asyncio.gather(*(call() for _ in range(1000)))

        assert most_in_any(1.0, admitted) <= 12
        assert max(at for at, _ in admitted) - min(at for at, _ in admitted) <= 102

    virtually(main)


def test_a_provider_s_limit_is_approached_at_its_own_pace(virtually: Virtually) -> None:
    """A thousand that wait for a provider which said it is empty go as it fills, not all at its reset."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(RateLimitConfig(queue_timeout=1e6, max_queue_size=2000), clock=clock)
        headers = {
            "x-ratelimit-limit-requests": "600",
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "60s",
        }
        limiter.heed("m", headers)
        admitted: list[tuple[float, int]] = []

        async def call() -> None:
            place = await limiter.reserve("a", "m", 0, FAR)
            admitted.append((place.at, 1))
            place.settle(0)

        tasks = [asyncio.create_task(call()) for _ in range(1000)]
        await asyncio.sleep(59)

        assert most_in_any(1.0, admitted) <= 12
        assert len(admitted) >= 580
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    virtually(main)
