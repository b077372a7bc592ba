"""A server that goes away and comes back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from litellm_gateway import LiteLLMGateway, RateLimitConfig, RateLimitError, create_gateway
from litellm_gateway.contracts import Offer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.telemetry import LimitStoreChanged


class Watching:
    """A plugin that keeps the events about the store."""

    def __init__(self) -> None:
        self.seen: list[tuple[bool, bool]] = []

    @hookimpl
    def gateway_telemetry_sink(self) -> Offer[Any]:
        return Offer(name="watching", summary="Keeps events", build=lambda settings, context: self)

    def record(self, event: Any) -> None:
        if isinstance(event, LimitStoreChanged):
            self.seen.append((event.reachable, event.error is not None))

    async def aclose(self) -> None:
        pass


def gateway_on(uri: str, *plugins: Any, **more: Any) -> LiteLLMGateway:
    limits = RateLimitConfig(**{"requests_per_hour": 100_000, "storage": uri, "storage_timeout": 1.0, **more})
    return create_gateway(provider="echo", rate_limit_config=limits, plugins=plugins)


def storage_of(gateway: LiteLLMGateway) -> dict[str, Any]:
    storage: dict[str, Any] = gateway.get_health()["rate_limit"]["storage"]
    return storage


async def until(gateway: LiteLLMGateway, *, reachable: bool) -> int:
    """Call until the store is seen as it is, 10 seconds at most; gives how many calls were answered."""
    answered = 0
    async with asyncio.timeout(10):
        while storage_of(gateway)["reachable"] is not reachable:
            await asyncio.gather(*(gateway.generate_async("hi") for _ in range(20)))
            answered += 20
            await asyncio.sleep(0.05)
    return answered


async def test_calls_go_on_while_the_server_is_away_and_share_again_when_it_is_back(own_redis_server) -> None:
    """Killed and restarted under load: no call fails, health and telemetry say so, and it mends by itself."""
    watching = Watching()
    async with gateway_on(own_redis_server.uri, watching) as gateway:
        await gateway.generate_async("hi")
        assert storage_of(gateway) == {"name": "redis", "reachable": True, "failures": 0, "error": None}

        own_redis_server.kill()
        answered = await until(gateway, reachable=False)
        away = gateway.get_health()
        own_redis_server.start()
        await until(gateway, reachable=True)

    assert answered
    assert away["status"] == "degraded"
    assert away["rate_limit"]["storage"]["error"]
    assert watching.seen == [(False, True), (True, False)]


async def test_while_the_server_is_away_this_process_keeps_the_limits_by_itself(own_redis_server) -> None:
    """Failing open is to the local limits, not to none."""
    own_redis_server.kill()
    async with gateway_on(own_redis_server.uri, requests_per_hour=3, enable_queuing=False) as gateway:
        for _ in range(3):
            await gateway.generate_async("hi")

        with pytest.raises(RateLimitError):
            await gateway.generate_async("hi")


async def test_failing_closed_refuses_until_the_server_is_back(own_redis_server) -> None:
    """With on_storage_failure="refuse" nothing passes uncounted; the error says when to try again."""
    async with gateway_on(own_redis_server.uri, on_storage_failure="refuse") as gateway:
        await gateway.generate_async("hi")
        own_redis_server.kill()

        with pytest.raises(RateLimitError, match="out of reach") as refused:
            await gateway.generate_async("hi")

        assert refused.value.scope == "gateway"
        assert 0 <= (refused.value.retry_after or 0) <= 1
        own_redis_server.start()
        await asyncio.sleep(1.05)
        assert (await gateway.generate_async("hi")).text


async def test_a_server_that_does_not_answer_costs_its_timeout_once_a_second(own_redis_server) -> None:
    """While it is known to be away, calls do not wait for it."""
    own_redis_server.kill()
    async with gateway_on("redis://127.0.0.1:9/0") as gateway:
        await gateway.generate_async("hi")

        started = asyncio.get_running_loop().time()
        for _ in range(50):
            await gateway.generate_async("hi")

        assert asyncio.get_running_loop().time() - started < 0.9
        assert storage_of(gateway)["failures"] <= 2
