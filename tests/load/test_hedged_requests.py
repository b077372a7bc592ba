"""A slow request is sent a second time: counted at the servers, which see who is sent what and who hangs up."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from attrs import define, field
from kept_events import KeptEvents
from litellm_gateway import (
    GatewayError,
    HedgingConfig,
    LiteLLMGateway,
    RateLimitConfig,
    RetryBudgetConfig,
    create_gateway,
)
from litellm_gateway.telemetry import AttemptFinished, CallFinished
from litellm_gateway.testing.loopback import Exchange, LoopbackServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
SETTINGS = HedgingConfig(min_samples=5, min_delay=0.03, max_extra_ratio=0.5)
KINDS = ["whole", "stream"]


@define(eq=False)
class Server:
    """Answers at once; what is asked of it "slowly" it leaves hanging as often as told, and notes who hangs up."""

    name: str
    hang: int = 0
    fail: int = 0
    hung_up: list[float] = field(factory=list)
    loopback: LoopbackServer = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.loopback = LoopbackServer(self._script)

    @property
    def slow_requests(self) -> int:
        return sum(b"slowly" in exchange.body for exchange in self.loopback.requests)

    async def _script(self, exchange: Exchange) -> None:
        if b"slowly" in exchange.body and self.hang > 0:
            self.hang -= 1
            began = asyncio.get_running_loop().time()
            if b'"stream":true' in exchange.body:
                await exchange.start()
            assert await exchange.wait_closed()
            self.hung_up.append(asyncio.get_running_loop().time() - began)
            exchange.close()
            return
        if b"slowly" in exchange.body and self.fail > 0:
            self.fail -= 1
            await exchange.respond(b"{}", status=503, headers={"retry-after": "0"})
            return
        if b'"stream":true' in exchange.body:
            await exchange.start()
            for delta, reason in (({"content": self.name}, None), ({}, "stop")):
                await exchange.chunk(_event({"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}))
            await exchange.chunk(_event({"choices": [], "usage": USAGE}) + b"data: [DONE]\n\n")
            await exchange.finish()
            return
        choice = {"index": 0, "message": {"role": "assistant", "content": self.name}, "finish_reason": "stop"}
        await exchange.respond(json.dumps({"id": "1", "model": "gpt-4o", "choices": [choice], "usage": USAGE}).encode())


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps({"id": "1", "model": "gpt-4o", **data}).encode() + b"\n\n"


@define(eq=False)
class World:
    """A gateway before one server or two that answer the same name."""

    first: Server
    other: Server
    ear: KeptEvents
    gateway: LiteLLMGateway

    async def ask(self, kind: str, prompt: str = "quick", **options: Any) -> Any:
        if kind == "whole":
            return await self.gateway.generate_async(prompt, **options)
        return await self.gateway.generate_stream_async(prompt, **options).response()

    async def learn(self, kind: str, times: int = 10) -> None:
        for _ in range(times):
            await self.ask(kind)

    @property
    def asked(self) -> int:
        return self.first.slow_requests + self.other.slow_requests


@pytest.fixture
async def servers() -> AsyncIterator[tuple[Server, Server]]:
    first, other = Server("first"), Server("other")
    async with first.loopback, other.loopback:
        yield first, other


def world(servers: tuple[Server, Server], *, routes: int = 2, **settings: Any) -> World:
    first, other = servers
    ear = KeptEvents()
    key = "sk-hedge-0123456789"
    gateway = create_gateway(
        providers={
            "openai": {"api_key": key, "base_url": f"{first.loopback.url}/v1"},
            "near": {"plugin": "openai", "api_key": key, "base_url": f"{other.loopback.url}/v1"},
        },
        routes={"m": ["openai/gpt-4o", "near/gpt-4o"][:routes]},
        default_model="m",
        plugins=[ear],
        telemetry=["kept"],
        **{"hedging": SETTINGS, "timeout": 5.0, **settings},
    )
    return World(first, other, ear, gateway)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_slow_request_is_answered_by_the_next_route(kind: str, servers: tuple[Server, Server]) -> None:
    """One more request is sent, its answer is taken, and the slow one is hung up on at once."""
    here = world(servers)
    async with here.gateway:
        await here.learn(kind)
        here.first.hang = 1

        answer = await here.ask(kind, "slowly")
        await asyncio.sleep(0.05)

        assert answer.text == "other"
        assert answer.metadata["route"] == "near/gpt-4o"
        assert answer.metadata["hedged"] == "second"
        assert (here.first.slow_requests, here.other.slow_requests) == (1, 1)
        assert len(here.first.hung_up) == 1
        assert here.gateway.get_health()["routes"]["openai/gpt-4o"]["in_flight"] == 0


@pytest.mark.parametrize("kind", KINDS)
async def test_with_one_route_the_same_is_asked_again(kind: str, servers: tuple[Server, Server]) -> None:
    """A route without a neighbour is its own."""
    here = world(servers, routes=1)
    async with here.gateway:
        await here.learn(kind)
        here.first.hang = 1

        answer = await here.ask(kind, "slowly")

        assert answer.text == "first"
        assert here.first.slow_requests == 2


@pytest.mark.parametrize("kind", KINDS)
async def test_what_was_sent_and_lost_is_told(kind: str, servers: tuple[Server, Server]) -> None:
    """Events, health, cost and use know of the second request and of about what the lost one used."""
    here = world(servers)
    async with here.gateway:
        await here.learn(kind)
        plain = (await here.ask(kind, "quickly")).metadata["cost"]
        before = here.gateway.usage()["tokens"]["total"]
        here.first.hang = 1

        answer = await here.ask(kind, "slowly")

        ended = here.ear.of(CallFinished)[-1]
        attempts = {event.provider: event for event in here.ear.of(AttemptFinished)[-2:]}
        lost = ended.given_up_tokens
        assert (ended.hedges, ended.hedges_won, ended.attempts) == (1, 1, 2)
        assert lost == 15 if kind == "whole" else 0 < lost < 15
        assert (attempts["near"].hedge, attempts["near"].overtaken) == (True, False)
        assert (attempts["openai"].hedge, attempts["openai"].overtaken) == (False, True)
        assert here.gateway.usage()["tokens"]["total"] == before + 15 + lost
        assert plain < answer.metadata["cost"] <= 2 * plain
        health = here.gateway.get_health()["hedging"]
        assert (health["requests"], health["sent"], health["won"]) == (12, 1, 1)


async def test_the_first_may_still_win(servers: tuple[Server, Server]) -> None:
    """A second request that is slow itself is given up when the first is answered."""
    here = world(servers)
    async with here.gateway:
        await here.learn("whole")
        answered = here.first.loopback.script

        async def late(exchange: Exchange) -> None:
            await asyncio.sleep(0.1)
            await answered(exchange)

        here.first.loopback.script, here.other.hang = late, 1
        answer = await here.ask("whole", "slowly")
        await asyncio.sleep(0.05)

        assert (answer.text, answer.metadata["hedged"]) == ("first", "first")
        assert len(here.other.hung_up) == 1
        assert here.ear.of(CallFinished)[-1].hedges_won == 0


async def test_nothing_is_sent_twice_before_enough_is_known(servers: tuple[Server, Server]) -> None:
    """Below ``min_samples`` a request has all its time alone."""
    here = world(servers, timeout=0.3)
    async with here.gateway:
        await here.learn("whole", 4)
        here.first.hang = 1

        with pytest.raises(GatewayError):
            await here.ask("whole", "slowly")

        assert here.asked == 1


@pytest.mark.parametrize(
    "options",
    [{"n": 2}, {"extra_body": {"store": True}}, {"extra_headers": {"x-once": "1"}}],
    ids=["several", "body", "headers"],
)  # fmt: skip
async def test_what_may_change_something_is_never_sent_twice(
    options: dict[str, Any], servers: tuple[Server, Server]
) -> None:
    """Several answers, and words of the caller's own in body or headers, go out once."""
    here = world(servers, timeout=0.3)
    async with here.gateway:
        await here.learn("whole")
        here.first.hang = 1

        with pytest.raises(GatewayError):
            await here.ask("whole", "slowly", **options)

        assert here.asked == 1


async def test_a_stream_is_never_sent_twice_after_its_first_content(servers: tuple[Server, Server]) -> None:
    """However slow the rest is."""
    here = world(servers)

    async def slow_rest(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(_event({"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}]}))
        await asyncio.sleep(0.2)
        await exchange.chunk(_event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
        await exchange.chunk(b"data: [DONE]\n\n")
        await exchange.finish()

    async with here.gateway:
        await here.learn("stream")
        here.first.loopback.script = slow_rest

        answer = await here.ask("stream", "slowly")

        assert (answer.text, here.asked, answer.metadata["hedged"]) == ("a", 1, None)


async def test_second_requests_stay_a_share_of_the_traffic(servers: tuple[Server, Server]) -> None:
    """With everything slow, a twentieth more is sent and no more."""
    here = world(servers, hedging=HedgingConfig(min_samples=5, min_delay=0.01, max_extra_ratio=0.05), timeout=1.5)
    async with here.gateway:
        await here.learn("whole", 20)
        here.first.hang = here.other.hang = 1000

        await asyncio.gather(*(here.ask("whole", f"slowly {number}") for number in range(80)), return_exceptions=True)

        assert 80 < here.asked <= 80 + 0.05 * 100
        assert here.gateway.get_health()["hedging"]["refused"] > 0


@pytest.mark.parametrize(("cost", "hedges"), [(0, 0), (1.0, 1)])
async def test_no_second_request_costs_more_than_allowed(
    cost: float, hedges: int, servers: tuple[Server, Server]
) -> None:
    """The estimated price is held against ``max_cost``."""
    settings = HedgingConfig(min_samples=5, min_delay=0.03, max_extra_ratio=0.5, max_cost=cost)
    here = world(servers, hedging=settings, timeout=0.5)
    async with here.gateway:
        await here.learn("whole")
        here.first.hang = 1

        await asyncio.gather(here.ask("whole", "slowly"), return_exceptions=True)

        assert here.other.slow_requests == hedges


@pytest.mark.parametrize(
    "settings",
    [{"max_retries": 0}, {"max_retries": 1, "retry_budget": RetryBudgetConfig(minimum=0, share=0.001)}],
    ids=["attempts", "retry budget"],
)  # fmt: skip
async def test_a_second_request_is_a_retry_in_every_budget(
    settings: dict[str, Any], servers: tuple[Server, Server]
) -> None:
    """Without retries left, or with the gateway's budget for them spent, there is none."""
    here = world(servers, timeout=0.4, **settings)
    async with here.gateway:
        await here.learn("whole")
        if "retry_budget" in settings:
            here.first.fail = 1
            await here.ask("whole", "slowly")
        asked, here.first.hang = here.asked, 1

        await asyncio.gather(here.ask("whole", "slowly"), return_exceptions=True)

        assert here.asked == asked + 1


async def test_no_more_requests_than_retries_allow(servers: tuple[Server, Server]) -> None:
    """``max_retries=1``: a hedged request whose both sides fail is not sent a third time to the same route."""
    here = world(servers, routes=1, max_retries=1, circuit_breaker=None)

    async def failing_late(exchange: Exchange) -> None:
        await asyncio.sleep(0.1)
        await exchange.respond(b"{}", status=503)

    async with here.gateway:
        await here.learn("whole")
        here.first.loopback.script = failing_late

        with pytest.raises(GatewayError):
            await here.ask("whole", "slowly")

        assert here.first.slow_requests == 2


async def test_a_failed_second_request_is_the_route_s_only_one(servers: tuple[Server, Server]) -> None:
    """When both fail, the neighbour is not asked once more in its turn; each failure is told."""
    here = world(servers, max_retries=1, circuit_breaker=None)

    async def failing_late(exchange: Exchange) -> None:
        await asyncio.sleep(0.1)
        await exchange.respond(b"{}", status=503)

    async with here.gateway:
        await here.learn("whole")
        here.first.loopback.script = failing_late
        here.other.fail = 5

        with pytest.raises(GatewayError) as caught:
            await here.ask("whole", "slowly")

        assert (here.first.slow_requests, here.other.slow_requests) == (1, 1)
        assert len(getattr(caught.value, "attempts", ())) == 2


async def test_limits_count_the_lost_request_too(servers: tuple[Server, Server]) -> None:
    """Tokens of both are settled with the limiter."""
    here = world(servers, rate_limit_config=RateLimitConfig(tokens_per_minute=100_000, tokens_per_hour=1_000_000))
    async with here.gateway:
        await here.learn("whole")
        before = here.gateway.explain("x")["limits"]["each"][0]["free"]
        here.first.hang = 1

        await here.ask("whole", "slowly")

        assert before - here.gateway.explain("x")["limits"]["each"][0]["free"] == 30


@pytest.mark.parametrize("kind", KINDS)
async def test_breaking_off_a_hedged_call_hangs_up_on_both(kind: str, servers: tuple[Server, Server]) -> None:
    """Neither request outlives the call."""
    here = world(servers)
    async with here.gateway:
        await here.learn(kind)
        here.first.hang = here.other.hang = 1
        task = asyncio.create_task(here.ask(kind, "slowly"))
        await asyncio.sleep(0.3)

        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.05)

        assert here.asked == 2
        assert (len(here.first.hung_up), len(here.other.hung_up)) == (1, 1)
        assert here.gateway.get_health()["in_flight"] == 0
