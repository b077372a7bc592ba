"""A call cancelled, or failing, at each of its awaits in turn: whatever was begun is ended, and only once."""

from __future__ import annotations

import asyncio
import gc
import types
from typing import TYPE_CHECKING, Any

import pytest
from attrs import define, field
from litellm_gateway import GatewayError, HedgingConfig, LiteLLMGateway, RateLimitConfig, create_gateway
from litellm_gateway.contracts import Allow, Call, EmbedLimits, GuardrailOffer, Modify, Offer, ProviderOffer, Verdict
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.responses import EmbedResponse, GenerateResponse, StreamChunk, TokenUsage
from litellm_gateway.telemetry import AttemptFinished, CallFinished, CallStarted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Generator

pytestmark = pytest.mark.usefixtures("quick_collections")
FAILURE = "the words of a stranger's error"
MOST = 200
"""No call of these has as many awaits."""


@define
class Steps:
    """Every await of the parts below; one of them may fail."""

    failing: int = 0
    taken: int = 0
    pause: float = 0.0

    async def __call__(self) -> None:
        self.taken += 1
        if self.taken == self.failing:
            raise ValueError(FAILURE)
        await asyncio.sleep(self.pause)


@define(eq=False)
class Parts:
    """A provider, a guardrail, a cache backend and a sink that count what is open."""

    step: Steps
    kept: dict[Any, bytes] = field(factory=dict)
    events: list[Any] = field(factory=list)
    composition: Any = None
    asked: int = 0
    active: int = 0
    keeps_deadline: bool = False

    @hookimpl
    def gateway_provider(self) -> ProviderOffer:
        return ProviderOffer(
            name="parts", summary="", build=lambda settings, context: self, default_model="m",
            default_embedding_model="e", embed_limits=EmbedLimits(texts=2),
        )  # fmt: skip

    @hookimpl
    def gateway_guardrail(self) -> GuardrailOffer:
        return GuardrailOffer(name="parts", summary="", build=lambda settings, context: self, window=4)

    @hookimpl
    def gateway_cache_backend(self) -> Offer[Any]:
        return Offer(name="parts", summary="", build=lambda settings, context: self)

    @hookimpl
    def gateway_telemetry_sink(self) -> Offer[Any]:
        return Offer(name="parts", summary="", build=lambda settings, context: self)

    @hookimpl
    def gateway_composed(self, composition: Any) -> None:
        self.composition = composition

    async def generate(self, request: Any, call: Call) -> GenerateResponse:
        self.asked += 1
        self.active += 1
        try:
            await self.step()
            await self.step()
            return GenerateResponse(
                text="one two", model="m", usage=TokenUsage(input_tokens=1, output_tokens=2), finish_reason="stop"
            )
        finally:
            self.active -= 1

    async def embed(self, request: Any, call: Call) -> EmbedResponse:
        self.asked += 1
        self.active += 1
        try:
            await self.step()
            return EmbedResponse(vectors=tuple((1.0,) for _ in request.texts), model="e")
        finally:
            self.active -= 1

    async def stream(self, request: Any, call: Call) -> AsyncIterator[StreamChunk]:
        self.asked += 1
        self.active += 1
        try:
            await self.step()
            yield StreamChunk(kind="start", model="m")
            for word in ("one", " ", "two"):
                await self.step()
                yield StreamChunk(word)
            await self.step()
            yield StreamChunk(kind="finish", finish_reason="stop")
        finally:
            try:
                await asyncio.sleep(0)
            finally:
                self.active -= 1

    async def check_input(self, text: str, call: Call) -> Verdict:
        await self.step()
        return Allow()

    async def check_output(self, text: str, call: Call) -> Verdict:
        await self.step()
        return Modify(text) if text == "never" else Allow()

    async def get(self, key: Any) -> bytes | None:
        await self.step()
        return self.kept.get(key)

    async def set(self, key: Any, value: bytes, ttl: float) -> None:
        await self.step()
        self.kept[key] = value

    async def delete(self, key: Any) -> None:
        self.kept.pop(key, None)

    async def clear(self, tenant: str) -> None:
        self.kept.clear()

    def record(self, event: Any) -> None:
        self.events.append(event)

    async def aclose(self) -> None:
        return

    def count(self, kind: type) -> int:
        return sum(isinstance(event, kind) for event in self.events)


async def whole(gateway: LiteLLMGateway) -> str:
    return (await gateway.generate_async("a prompt")).text


async def streamed(gateway: LiteLLMGateway) -> str:
    return "".join([piece async for piece in gateway.generate_stream_async("a prompt")])


async def embedded(gateway: LiteLLMGateway) -> str:
    return "one two" if len(await gateway.embed_async(["a", "b", "c", "d", "e"])) == 5 else "too few"


TIGHT = {"rate_limit_config": RateLimitConfig(tokens_per_minute=1100, queue_timeout=5.0)}
"""Room for one call at a time, and for hundreds one after the other."""
FEATURES: dict[str, dict[str, Any]] = {
    "plain": {"guardrails": ()},
    "guarded": {},
    "cached": {"guardrails": (), "enable_caching": True, "cache_backend": "parts"},
    "limited": {"guardrails": (), **TIGHT},
    "deduplicated": {"guardrails": (), "enable_request_deduplication": True},
    "batched": {"guardrails": (), "enable_request_batching": True, "batch_size": 2, "batch_timeout": 0.01},
    "hedged": {
        "guardrails": (), "max_retries": 1, "retry_budget": None,
        "hedging": HedgingConfig(min_samples=1, min_delay=0.0, max_extra_ratio=1.0),
    },
    "everything": {
        **TIGHT, "enable_caching": True, "cache_backend": "parts", "enable_request_deduplication": True,
        "enable_request_batching": True, "batch_size": 2, "batch_timeout": 0.01,
    },
}  # fmt: skip
ASK: dict[str, Callable[[LiteLLMGateway], Awaitable[str]]] = {
    "whole": whole,
    "stream": streamed,
    "embed": embedded,
}


async def cancelled_at(number: int, work: Awaitable[str], reached: list[int]) -> str:
    """Await something and cancel the task at the ``number``-th place where it waits; such a place is noted."""
    return await _cancelled_at(number, work, reached)


@types.coroutine
def _cancelled_at(number: int, work: Awaitable[str], reached: list[int]) -> Generator[Any, Any, str]:
    step = work.__await__()
    failure: BaseException | None = None
    sent: Any = None
    places = 0
    while True:
        try:
            pending = step.send(sent) if failure is None else step.throw(failure)
        except StopIteration as done:
            return str(done.value)
        places += 1
        if places == number:
            reached.append(places)
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
        failure = None
        try:
            sent = yield pending
        except BaseException as error:
            failure = error


async def at_rest(parts: Parts, gateway: LiteLLMGateway) -> None:
    """Check that nothing is left of the calls made so far."""
    gc.collect()
    for _ in range(20):
        await asyncio.sleep(0)
    health = gateway.get_health()
    single_flight = parts.composition.pipeline.upstream.single_flight
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    assert others == []
    assert parts.active == 0
    assert health["in_flight"] == 0
    assert all(route["in_flight"] == 0 for route in health["routes"].values())
    assert health["rate_limit"]["queue_depth"] == 0
    assert single_flight is None or single_flight.in_flight == 0
    assert parts.count(CallFinished) == parts.count(CallStarted)
    assert parts.count(AttemptFinished) == parts.asked


def make(feature: str, *, failing: int = 0, keeps_deadline: bool = False) -> tuple[LiteLLMGateway, Parts]:
    parts = Parts(Steps(failing=failing), keeps_deadline=keeps_deadline)
    settings = {"max_retries": 0, "circuit_breaker": None, **FEATURES[feature]}
    gateway = create_gateway(provider="parts", plugins=[parts], discover=False, **settings)
    return gateway, parts


async def ready(feature: str, ask: str, **settings: Any) -> tuple[LiteLLMGateway, Parts]:
    """Make a gateway that knows how long its route takes, where that matters."""
    failing = settings.pop("failing", 0)
    gateway, parts = make(feature, **settings)
    if "hedging" in FEATURES[feature]:
        assert await ASK[ask](gateway) == "one two"
        parts.step.taken, parts.step.pause = 0, 0.002  # slower than it is known to be
    parts.step.failing = failing
    return gateway, parts


@pytest.mark.parametrize("company", ["alone", "beside another"])
@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("ask", ASK)
async def test_a_call_cancelled_at_any_await_leaves_nothing_behind(ask: str, feature: str, company: str) -> None:
    """No task, place, reservation or open stream; one last event; others are not disturbed; the next call works."""
    for number in range(1, MOST):
        gateway, parts = await ready(feature, ask, keeps_deadline=bool(number % 2))
        others = [asyncio.create_task(ASK[ask](gateway))] if company != "alone" else []
        await asyncio.sleep(0)
        reached: list[int] = []
        task = asyncio.create_task(cancelled_at(number, ASK[ask](gateway), reached))

        done = await asyncio.gather(task, *others, return_exceptions=True)

        assert done[1:] == ["one two"] * len(others)
        if not reached:
            assert done[0] == "one two"
            return
        assert isinstance(done[0], asyncio.CancelledError), (number, done)
        await at_rest(parts, gateway)
        assert await ASK[ask](gateway) == "one two"
        await at_rest(parts, gateway)
        await gateway.aclose()
    pytest.fail("the call never ended")


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("ask", ASK)
async def test_a_strangers_failure_at_any_await_is_one_typed_error_or_none(ask: str, feature: str) -> None:
    """A part that raises what it may not costs one call at most, and its words reach no message."""
    for number in range(1, MOST):
        gateway, parts = await ready(feature, ask, failing=number)
        error: BaseException | None = None

        try:
            assert await ASK[ask](gateway) == "one two"
        except Exception as caught:
            error = caught

        assert error is None or isinstance(error, GatewayError)
        assert FAILURE not in str(error)
        await at_rest(parts, gateway)
        if parts.step.taken < number:
            return
        parts.step.failing = 0
        assert await ASK[ask](gateway) == "one two"
        await gateway.aclose()
    pytest.fail("the call never ended")


@pytest.mark.parametrize("feature", FEATURES)
async def test_a_stream_dropped_after_any_piece_leaves_nothing_behind(feature: str) -> None:
    """Reading any number of pieces and forgetting the stream is as good as closing it."""
    for number in range(8):
        gateway, parts = make(feature)
        stream = gateway.generate_stream_async("a prompt")

        for _ in range(number):
            await anext(stream, None)
        del stream

        await at_rest(parts, gateway)
        assert await streamed(gateway) == "one two"
        await gateway.aclose()


@pytest.mark.parametrize("ask", ASK)
async def test_the_calls_that_are_to_be_hedged_are(ask: str) -> None:
    """What is cancelled and made to fail above are two requests at once."""
    gateway, parts = await ready("hedged", ask)
    parts.step.pause = 0.3
    asked, attempts = parts.asked, 3 if ask == "embed" else 1

    assert await ASK[ask](gateway) == "one two"

    assert parts.asked > asked + attempts
    await at_rest(parts, gateway)
    await gateway.aclose()
