"""More calls than a server can take: it never gets more than that, and the rest is refused at once."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from attrs import define, field
from litellm_gateway import GatewayError, LiteLLMGateway, QueueFullError, RateLimitConfig, create_gateway
from litellm_gateway.testing.loopback import Exchange, LoopbackServer

CAPACITY = 5
SECONDS = 0.1
LIMITS = RateLimitConfig(shared=RateLimitConfig(concurrency=CAPACITY), max_queue_size=CAPACITY - 1, queue_timeout=5.0)
TIMEOUT = 10.0
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

    async def run(self, rate: float, seconds: float) -> None:
        """Begin calls for so many seconds and wait for their ends."""
        began, calls = time.monotonic(), []
        while (elapsed := time.monotonic() - began) < seconds:
            for _ in range(int(elapsed * rate) - len(calls) + 1):
                calls.append(asyncio.create_task(self._one(len(calls))))
            await asyncio.sleep(0.002)
            self.deepest = max(self.deepest, self.gateway.get_health()["rate_limit"]["queue_depth"])
        await asyncio.gather(*calls)

    async def _one(self, number: int) -> None:
        began = time.monotonic()
        try:
            await self.gateway.generate_async(f"call {number}", timeout=TIMEOUT)
        except GatewayError as error:
            self.errors.append(error)
            self.refused.append(time.monotonic() - began)
        else:
            self.answered.append(time.monotonic() - began)


@pytest.mark.parametrize("times", [2, 5, 10])
async def test_the_server_only_works_on_what_is_answered(times: int) -> None:
    """It never has more at once than it can, nothing it does is for nobody, and the rest is refused at once."""
    machine = Machine()
    async with LoopbackServer(machine) as server:
        gateway = create_gateway(
            provider="openai", api_key="sk-load-0123456789", default_model="gpt-4o", base_url=f"{server.url}/v1",
            rate_limit_config=LIMITS, max_retries=0,
        )  # fmt: skip
        load = Load(gateway)

        await load.run(times * CAPACITY / SECONDS, 1.0)

        assert machine.most == CAPACITY
        assert len(load.answered) == len(server.requests)
        assert {type(error) for error in load.errors} == {QueueFullError}
        assert sorted(load.refused)[len(load.refused) // 2] <= 0.005
        assert load.deepest <= CAPACITY
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
        assert answered <= 4
        assert answered <= len(server.requests) <= 4
        assert gateway.get_health()["rate_limit"]["queue_depth"] == 0
        await gateway.aclose()
