"""More calls than a server can take: it goes on answering as many as it can, and the rest is refused at once."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from attrs import define, field
from litellm_gateway import GatewayError, LiteLLMGateway, QueueFullError, RateLimitConfig, create_gateway
from litellm_gateway.testing.loopback import Exchange, LoopbackServer

CAPACITY = 8
SECONDS = 0.05
LIMITS = RateLimitConfig(shared=RateLimitConfig(concurrency=CAPACITY), max_queue_size=CAPACITY, queue_timeout=1.0)
TIMEOUT = 1.0
ANSWER = json.dumps(
    {
        "id": "1", "model": "m", "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}],
    }
).encode()  # fmt: skip


@define(eq=False)
class Machine:
    """Works on so many requests at once; with more, each takes longer, whether anybody still waits for it or not."""

    active: int = 0
    most: int = 0

    async def __call__(self, exchange: Exchange) -> None:
        self.active += 1
        self.most = max(self.most, self.active)
        try:
            await asyncio.sleep(SECONDS * max(1.0, self.active / CAPACITY) ** 2)
        finally:
            self.active -= 1
        await exchange.respond(ANSWER)


@define(eq=False)
class Load:
    """Calls at a steady rate, and how they ended."""

    gateway: LiteLLMGateway
    answered: list[float] = field(factory=list)
    refused: list[float] = field(factory=list)
    errors: list[GatewayError] = field(factory=list)
    deepest: int = 0

    async def run(self, rate: float, seconds: float) -> float:
        """Give the calls answered a second."""
        began, calls = time.monotonic(), []
        while (elapsed := time.monotonic() - began) < seconds:
            for _ in range(int(elapsed * rate) - len(calls) + 1):
                calls.append(asyncio.create_task(self._one(len(calls))))
            await asyncio.sleep(0.002)
            self.deepest = max(self.deepest, self.gateway.get_health()["rate_limit"]["queue_depth"])
        in_time = len(self.answered)
        await asyncio.gather(*calls)
        return in_time / seconds

    async def _one(self, number: int) -> None:
        began = time.monotonic()
        try:
            await self.gateway.generate_async(f"call {number}", timeout=TIMEOUT)
        except GatewayError as error:
            self.errors.append(error)
            self.refused.append(time.monotonic() - began)
        else:
            self.answered.append(time.monotonic() - began)


def _p99(times: list[float]) -> float:
    return sorted(times)[int(0.99 * (len(times) - 1))]


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
async def test_overload_costs_neither_goodput_nor_time(transport: str) -> None:
    """At 2, 5 and 10 times what the server can, nine tenths of it are answered, in at most three times as long."""
    machine = Machine()
    async with LoopbackServer(machine) as server:
        gateway = create_gateway(
            provider="openai", api_key="sk-load-0123456789", default_model="gpt-4o", base_url=f"{server.url}/v1",
            transport=transport, rate_limit_config=LIMITS, max_retries=0,
        )  # fmt: skip
        await asyncio.gather(*(gateway.generate_async("warm up") for _ in range(CAPACITY)))
        idle = Load(gateway)
        await idle.run(0.5 * CAPACITY / SECONDS, 0.5)
        full = Load(gateway)
        peak = await full.run(1.1 * CAPACITY / SECONDS, 1.2)

        for times in (2, 5, 10):
            load = Load(gateway)
            goodput = await load.run(times * CAPACITY / SECONDS, 1.2)

            assert goodput >= 0.9 * peak
            assert _p99(load.answered) <= 3 * _p99(idle.answered)
            assert {type(error) for error in load.errors} == {QueueFullError}
            assert _p99(load.refused) <= 0.02
            assert sorted(load.refused)[len(load.refused) // 2] <= 0.005
            assert load.deepest <= CAPACITY
        assert machine.most == CAPACITY
        await gateway.aclose()


async def test_nothing_is_sent_for_callers_who_are_gone() -> None:
    """Whoever waits in line beyond the time of its call is refused there, and never reaches the server."""
    machine = Machine()
    async with LoopbackServer(machine) as server:
        gateway = create_gateway(
            provider="openai", api_key="sk-load-0123456789", default_model="gpt-4o", base_url=f"{server.url}/v1",
            rate_limit_config=RateLimitConfig(concurrency=1, queue_timeout=30.0), max_retries=0,
        )  # fmt: skip

        ends = await asyncio.gather(
            *(gateway.generate_async(f"call {number}", timeout=0.18) for number in range(20)), return_exceptions=True
        )
        await server.settled(1)

        answered = sum(not isinstance(end, BaseException) for end in ends)
        assert 1 <= answered <= 4
        assert answered <= len(server.requests) <= answered + 1
        assert gateway.get_health()["rate_limit"]["queue_depth"] == 0
        await gateway.aclose()
