"""Ten thousand calls against a limit: never one too many, and none lost."""

from __future__ import annotations

import asyncio
import threading

from litellm_gateway import LiteLLMGateway, RateLimitConfig, RateLimitError, create_gateway


async def storm(gateway: LiteLLMGateway, *, tasks: int, calls: int) -> dict[str, int]:
    """Send so many calls from so many tasks; give how many were let in and refused, and the tokens they used."""
    seen = {"admitted": 0, "refused": 0, "tokens": 0}

    async def work() -> None:
        for _ in range(calls // tasks):
            try:
                answer = await gateway.generate_async("one two three", max_tokens=7, tenant_id="t")
            except RateLimitError:
                seen["refused"] += 1
            else:
                seen["admitted"] += 1
                seen["tokens"] += answer.usage.total_tokens

    await asyncio.gather(*(work() for _ in range(tasks)))
    return seen


def counted(gateway: LiteLLMGateway, unit: str) -> int:
    """Give what a limit has counted."""
    (each,) = (each for each in gateway.explain("x", tenant_id="t")["limits"]["each"] if each["unit"] == unit)
    return int(each["limit"] - each["free"])


async def test_two_hundred_tasks_get_exactly_the_limit() -> None:
    """10,000 requests against 1,500 an hour."""
    limits = RateLimitConfig(requests_per_hour=1500, concurrency=500, enable_queuing=False)
    async with create_gateway(provider="echo", rate_limit_config=limits, telemetry=()) as gateway:
        seen = await storm(gateway, tasks=200, calls=10_000)

        assert seen["admitted"] == 1500
        assert seen["refused"] == 8500
        assert counted(gateway, "concurrency") == 0


async def test_tokens_add_up_to_what_was_used() -> None:
    """Once all is settled, the count is the sum of real usage, within the limit and close to it."""
    limits = RateLimitConfig(tokens_per_hour=20_000, enable_queuing=False)
    async with create_gateway(provider="echo", rate_limit_config=limits, telemetry=()) as gateway:
        seen = await storm(gateway, tasks=200, calls=5000)

        assert seen["admitted"] + seen["refused"] == 5000
        assert counted(gateway, "tokens") == seen["tokens"]
        assert 19_900 <= seen["tokens"] <= 20_000


def test_four_threads_get_exactly_the_limit() -> None:
    """Each with its own event loop, on one gateway."""
    limits = RateLimitConfig(requests_per_hour=700, enable_queuing=False)
    told: list[dict[str, int]] = []
    with create_gateway(provider="echo", rate_limit_config=limits, telemetry=()) as gateway:
        threads = [
            threading.Thread(target=lambda: told.append(asyncio.run(storm(gateway, tasks=20, calls=1000))))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

    assert sum(seen["admitted"] for seen in told) == 700
    assert sum(seen["refused"] for seen in told) == 3300
