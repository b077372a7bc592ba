"""One request's writes, reads and plugin calls, each failing in turn: one typed error or none, and nothing is left."""

from __future__ import annotations

import asyncio
import gc
import json
from typing import TYPE_CHECKING, Any

import pytest
from attrs import define, field
from litellm_gateway import (
    GatewayError,
    LiteLLMGateway,
    Price,
    ProviderConnectionError,
    RateLimitConfig,
    create_gateway,
)
from litellm_gateway.contracts import Allow, GuardrailOffer, Offer, TransportOffer, Verdict
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.telemetry import CallFinished, CallStarted
from litellm_gateway.testing.wire_player import PlayedResponse, Reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

pytestmark = pytest.mark.usefixtures("quick_collections")
WORDS = "the words of a stranger's error"
MOST = 100
"""No request of these has as many operations."""
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


@define(eq=False)
class Operations:
    """Counts every operation; one of them fails."""

    error: type[Exception]
    failing: int = 0
    done: int = 0

    def __call__(self) -> None:
        self.done += 1
        if self.done == self.failing:
            raise self.error(WORDS)


class Response(PlayedResponse):
    """A played answer whose reads and whose closing may fail."""

    def __init__(self, reply: Reply, operation: Operations) -> None:
        super().__init__(reply)
        self._operation = operation

    async def chunks(self) -> AsyncIterator[bytes]:
        async for piece in super().chunks():
            try:
                self._operation()
            except BaseException:
                self.held = False
                raise
            yield piece

    async def aclose(self) -> None:
        await super().aclose()
        self._operation()


@define(eq=False)
class Everything:
    """A transport, a cache backend, a guardrail, a sink and a policy, each operation of which may fail."""

    operation: Operations
    responses: list[Response] = field(factory=list)
    kept: dict[Any, bytes] = field(factory=dict)
    events: list[Any] = field(factory=list)
    composition: Any = None

    @hookimpl
    def gateway_transport(self) -> TransportOffer:
        return TransportOffer(name="parts", summary="", build=lambda settings, context: self)

    @hookimpl
    def gateway_cache_backend(self) -> Offer[Any]:
        return Offer(name="parts", summary="", build=lambda settings, context: self)

    @hookimpl
    def gateway_guardrail(self) -> GuardrailOffer:
        return GuardrailOffer(name="parts", summary="", build=lambda settings, context: self, window=4)

    @hookimpl
    def gateway_telemetry_sink(self) -> Offer[Any]:
        return Offer(name="parts", summary="", build=lambda settings, context: self)

    @hookimpl
    def gateway_routes(self, request: Any, routes: Any) -> None:
        self.operation()

    @hookimpl
    def gateway_model_price(self, provider: str, model: str) -> Price | None:
        self.operation()
        return None

    @hookimpl
    def gateway_composed(self, composition: Any) -> None:
        self.composition = composition

    async def open(self, request: Any, *, timeouts: Any, deadline: float) -> Response:
        self.operation()
        await asyncio.sleep(0)
        self.responses.append(Response(_reply(request), self.operation))
        return self.responses[-1]

    async def get(self, key: Any) -> bytes | None:
        self.operation()
        return self.kept.get(key)

    async def set(self, key: Any, value: bytes, ttl: float) -> None:
        self.operation()
        self.kept[key] = value

    async def delete(self, key: Any) -> None:
        self.kept.pop(key, None)

    async def clear(self, tenant: str) -> None:
        self.kept.clear()

    async def check_input(self, text: str, call: Any) -> Verdict:
        self.operation()
        return Allow()

    async def check_output(self, text: str, call: Any) -> Verdict:
        self.operation()
        return Allow()

    def record(self, event: Any) -> None:
        self.events.append(event)
        self.operation()

    async def aclose(self) -> None:
        return


def _reply(request: Any) -> Reply:
    if request.url.endswith("/embeddings"):
        count = len(json.loads(request.body)["input"])
        data = [{"index": number, "embedding": "AAAAPw=="} for number in range(count)]
        return _whole({"model": "e", "usage": USAGE, "data": data})
    if b'"stream":true' not in request.body:
        choice = {"index": 0, "message": {"role": "assistant", "content": "one two"}, "finish_reason": "stop"}
        return _whole({"id": "1", "model": "m", "choices": [choice], "usage": USAGE})
    deltas = [({"content": "one"}, None), ({"content": " two"}, None), ({}, "stop")]
    events = [{"id": "1", "choices": [{"index": 0, "delta": delta, "finish_reason": end}]} for delta, end in deltas]
    pieces = [b"data: " + json.dumps(event).encode() + b"\n\n" for event in events]
    return Reply(headers={"content-type": "text/event-stream"}, pieces=(*pieces, b"data: [DONE]\n\n"))


def _whole(answer: Any) -> Reply:
    body = json.dumps(answer).encode()
    return Reply(pieces=(body[:20], body[20:]))


async def whole(gateway: LiteLLMGateway) -> str:
    return (await gateway.generate_async("a prompt")).text


async def streamed(gateway: LiteLLMGateway) -> str:
    return "".join([piece async for piece in gateway.generate_stream_async("a prompt")])


async def embedded(gateway: LiteLLMGateway) -> str:
    answers = await asyncio.gather(*(gateway.embed_async([word, "x"]) for word in ("a", "b")))
    return "one two" if [len(answer) for answer in answers] == [2, 2] else "too few"


ASK: dict[str, Callable[[LiteLLMGateway], Awaitable[str]]] = {
    "whole": whole, "stream": streamed, "batched embeddings": embedded,
}  # fmt: skip


def make(error: type[Exception], failing: int) -> tuple[LiteLLMGateway, Everything]:
    parts = Everything(Operations(error))
    gateway = create_gateway(
        provider="openai", api_key="sk-nth-0123456789", default_model="gpt-4o", transport="parts",
        default_embedding_model="text-embedding-3-small", plugins=[parts], guardrails=["parts"], telemetry=["parts"],
        policies=None, enable_caching=True, cache_backend="parts", enable_request_deduplication=True,
        enable_request_batching=True, batch_size=2, batch_timeout=0.01, max_retries=0, circuit_breaker=None,
        rate_limit_config=RateLimitConfig(tokens_per_minute=100_000, concurrency=5),
    )  # fmt: skip
    parts.operation.done, parts.operation.failing = 0, failing
    return gateway, parts


async def at_rest(parts: Everything, gateway: LiteLLMGateway) -> None:
    gc.collect()
    for _ in range(1000):
        if len(asyncio.all_tasks()) == 1:
            break
        await asyncio.sleep(0.002)  # a batch leaves when its time is up
    health = gateway.get_health()
    limits = gateway.explain("a prompt")["limits"]["each"]
    kinds = [type(event) for event in parts.events]

    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
    assert not any(response.held for response in parts.responses)
    assert health["in_flight"] == health["rate_limit"]["queue_depth"] == 0
    assert [each["free"] for each in limits if each["unit"] == "concurrency"] == [5]
    assert kinds.count(CallFinished) == kinds.count(CallStarted)
    assert parts.composition.pipeline.upstream.single_flight.in_flight == 0


@pytest.mark.parametrize("error", [ProviderConnectionError, ValueError], ids=["known", "stranger"])
@pytest.mark.parametrize("ask", ASK)
async def test_any_operation_may_fail(ask: str, error: type[Exception]) -> None:
    """Whichever it is: a typed error or an answer, everything given back, and the next request is answered."""
    for number in range(1, MOST):
        gateway, parts = make(error, number)
        raised: BaseException | None = None

        try:
            assert await ASK[ask](gateway) == "one two"
        except Exception as caught:
            raised = caught

        assert raised is None or isinstance(raised, GatewayError), (number, raised)
        assert error is ProviderConnectionError or WORDS not in str(raised)
        reached = parts.operation.done >= number
        parts.operation.failing = 0
        await asyncio.sleep(0)
        await at_rest(parts, gateway)
        assert await ASK[ask](gateway) == "one two"
        await gateway.aclose()
        if not reached:
            assert number > 10
            return
    pytest.fail("the request never ended")
