"""A gateway that counts in Redis."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Any

import pytest
import redis
from litellm_gateway import (
    BudgetExceededError,
    ConfigurationError,
    LiteLLMGateway,
    RateLimitConfig,
    RateLimitError,
    create_gateway,
)


@pytest.fixture(autouse=True)
def _fresh(redis_server) -> None:
    redis_server.forget()


def gateway_on(uri: str, budgets: Any = (), **limits: Any) -> LiteLLMGateway:
    config = RateLimitConfig(storage=uri, storage_timeout=5.0, **limits)
    return create_gateway(provider="echo", rate_limit_config=config, budgets=budgets, telemetry=())


async def test_a_call_takes_at_most_two_round_trips(redis_server) -> None:
    """One question before it, one settlement after it, however many limits there are."""
    limits = {"requests_per_minute": 10_000, "tokens_per_day": 10**9, "concurrency": 10, "shared": {"concurrency": 50}}
    async with gateway_on(redis_server.uri, **limits) as gateway:
        await gateway.generate_async("hi")
        await asyncio.sleep(0.1)  # its settlement goes out by itself
        before = redis_server.questions()

        for _ in range(100):
            await gateway.generate_async("hi")

        assert redis_server.questions() - before <= 200


async def test_a_batch_of_prompts_asks_once(redis_server) -> None:
    """One question for all of a batch, and each prompt settled by itself: no place and no token stays taken."""
    config = RateLimitConfig(storage=redis_server.uri, storage_timeout=5.0, concurrency=10, tokens_per_hour=10_000)
    async with create_gateway(
        provider="echo", rate_limit_config=config, telemetry=(), enable_request_batching=True, batch_size=10
    ) as gateway:
        await gateway.generate_async("hi", max_tokens=10)
        await asyncio.sleep(0.1)  # its settlement goes out by itself
        before = redis_server.questions()

        await asyncio.gather(*(gateway.generate_async("hi", max_tokens=10) for _ in range(10)))
        asked = redis_server.questions() - before
        used = gateway.usage()["tokens"]["total"]

    assert asked <= 2
    assert redis_server.total("tokens/3600") == used
    with redis.Redis(port=redis_server.port) as client:
        assert [key for key in client.keys("*") if client.type(key) == b"zset"] == []


async def test_a_batch_others_leave_too_few_places_for_is_not_refused(redis_server) -> None:
    """One gateway holds a place: of a batch of three, two go on at once, and the third when the place comes free."""
    config = RateLimitConfig(storage=redis_server.uri, storage_timeout=5.0, concurrency=3)
    batching = {"enable_request_batching": True, "batch_size": 3}
    async with (
        gateway_on(redis_server.uri, concurrency=3) as one,
        create_gateway(provider="echo", rate_limit_config=config, telemetry=(), **batching) as other,
    ):
        stream = one.generate_stream_async("a b c")
        await anext(stream)
        waiting = [asyncio.create_task(other.generate_async(f"hi {number}")) for number in range(3)]
        await asyncio.wait(waiting[:2], timeout=5)
        await stream.aclose()

        answers = await asyncio.wait_for(asyncio.gather(*waiting), 5)

    assert [answer.text for answer in answers] == ["hi 0", "hi 1", "hi 2"]


async def test_two_gateways_share_one_limit(redis_server) -> None:
    """What one uses, the other lacks; tenants stay apart."""
    async with (
        gateway_on(redis_server.uri, requests_per_hour=5, enable_queuing=False) as one,
        gateway_on(redis_server.uri, requests_per_hour=5, enable_queuing=False) as other,
    ):
        for gateway in (one, one, other, one, other):
            await gateway.generate_async("hi", tenant_id="a")

        for gateway in (one, other):
            with pytest.raises(RateLimitError) as refused:
                await gateway.generate_async("hi", tenant_id="a")
            assert 0 < (refused.value.retry_after or 0) <= 3700
        await other.generate_async("hi", tenant_id="b")


async def test_who_waits_is_let_in_when_another_gateway_makes_room(redis_server) -> None:
    """A place freed in one gateway is found by the one that waits in the other, within moments."""
    async with gateway_on(redis_server.uri, concurrency=1) as one, gateway_on(redis_server.uri, concurrency=1) as other:
        stream = one.generate_stream_async("a b c")
        await anext(stream)
        waiting = asyncio.create_task(other.generate_async("hi"))
        await asyncio.sleep(0.3)
        waited = not waiting.done()

        await stream.aclose()

        assert waited
        assert (await asyncio.wait_for(waiting, 5)).text == "hi"


async def test_a_line_is_served_in_order(redis_server) -> None:
    """Those who wait for a shared place get it first come, first served."""
    order: list[int] = []
    async with gateway_on(redis_server.uri, concurrency=1) as gateway:

        async def call(number: int) -> None:
            await gateway.generate_async("hi")
            order.append(number)

        await asyncio.gather(*(call(number) for number in range(30)))

    assert order == list(range(30))


async def test_budgets_hold_over_gateways(redis_server) -> None:
    """A hard budget is one budget for all who name the same storage."""
    budget = [{"tokens": 40, "window": "day"}]
    async with gateway_on(redis_server.uri, budget) as one, gateway_on(redis_server.uri, budget) as other:
        await one.generate_async("hi", max_tokens=20)
        with pytest.raises(BudgetExceededError) as refused:
            for _ in range(20):
                await other.generate_async("hi", max_tokens=20)

    assert refused.value.retry_after is not None


@pytest.mark.parametrize("batched", [False, True], ids=["alone", "in batches"])
async def test_a_storm_of_cancelled_calls_leaves_nothing_counted(redis_server, batched: bool) -> None:
    """1,000 calls cancelled anywhere: no place and no token stays taken, and the next calls pass."""
    chance = random.Random(7)
    config = RateLimitConfig(
        storage=redis_server.uri, storage_timeout=5.0, concurrency=20, tokens_per_hour=10**6, queue_timeout=60.0
    )
    async with create_gateway(
        provider="echo", rate_limit_config=config, telemetry=(), enable_request_batching=batched, batch_timeout=0.005
    ) as gateway:

        async def call() -> None:
            running = asyncio.create_task(gateway.generate_async("one two", max_tokens=10))
            for _ in range(chance.randrange(40)):
                await asyncio.sleep(0)
            if chance.random() < 0.5:
                await asyncio.sleep(chance.random() * 0.05)
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

        await asyncio.gather(*(call() for _ in range(1000)))
        used = gateway.usage()["tokens"]["total"]
        health = gateway.get_health()
        await asyncio.wait_for(gateway.generate_async("after"), 5)

    assert (health["in_flight"], health["rate_limit"]["queue_depth"]) == (0, 0)
    with redis.Redis(port=redis_server.port) as client:
        assert [key for key in client.keys("*") if client.type(key) == b"zset" and client.zcard(key)] == []
    assert redis_server.total("tokens/3600") <= used + 20


def test_it_works_from_blocking_calls_and_several_loops(redis_server) -> None:
    """One gateway, its own loop and others: each has connections of its own."""
    with gateway_on(redis_server.uri, requests_per_hour=4, enable_queuing=False) as gateway:
        gateway.generate("hi")
        asyncio.run(gateway.generate_async("hi"))
        asyncio.run(gateway.generate_async("hi"))
        gateway.generate("hi")

        with pytest.raises(RateLimitError):
            gateway.generate("hi")


def test_a_uri_nobody_can_read_is_refused_at_once() -> None:
    """When the gateway is made, and without quoting it."""
    with pytest.raises(ConfigurationError) as refused:
        gateway_on("redis://:hush/hush@127.0.0.1:6379/0", requests_per_hour=4)

    assert refused.value.path == "rate_limit_config.storage"
    assert "hush" not in f"{refused.value} {refused.value.__cause__} {refused.value.__context__}"


def test_no_password_is_shown(redis_server) -> None:
    """The URI's password is in no description, no health report and no repr."""
    uri = redis_server.uri.replace("redis://", "redis://:hush-hush@")
    with gateway_on(uri, requests_per_hour=4) as gateway:
        gateway.generate("hi")

        shown = f"{gateway.get_health()} {gateway.describe()} {gateway!r} {gateway.config!r}"

    assert "hush-hush" not in shown
