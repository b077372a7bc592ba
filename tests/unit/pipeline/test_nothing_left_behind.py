"""Whatever plugins give and readers do, calls end, places come free, and nobody's answer is another's to change."""

from __future__ import annotations

import asyncio
import json
from array import array
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from kept_events import KeptEvents
from litellm_gateway import (
    GatewayError,
    PluginContractError,
    ProviderOverloadedError,
    RateLimitConfig,
    create_gateway,
)
from litellm_gateway.contracts import EmbedLimits, ProviderOffer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.responses import EmbedResponse, GenerateResponse, StreamChunk, TokenUsage
from litellm_gateway.telemetry import CallFinished
from litellm_gateway.testing.scripted_provider import ScriptedProvider, answer, pieces

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


class SlowToClose(ScriptedProvider):
    """Takes a while to close its stream, as one does that waits for a connection."""

    async def stream(self, request: Any, call: Any) -> AsyncIterator[StreamChunk]:
        try:
            for piece in pieces("a", "b", "c"):
                yield piece
        finally:
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("shared", [False, True])
async def test_a_reader_cancelled_while_it_closes_ends_its_call(shared: bool) -> None:
    """It is in nobody's count of calls under way any more, and its end is told once."""
    ear = KeptEvents()
    gateway = create_gateway(
        provider="scripted", plugins=[SlowToClose(), ear], telemetry=["kept"], discover=False,
        enable_request_deduplication=shared,
    )  # fmt: skip

    async def read_one() -> None:
        async with gateway.generate_stream_async("hi") as stream:
            async for piece in stream:
                if piece:
                    break

    task = asyncio.create_task(read_one())
    await asyncio.sleep(0.03)
    task.cancel()
    await asyncio.wait([task])
    await asyncio.sleep(0.2)

    assert gateway.get_health()["in_flight"] == 0
    assert [event.outcome for event in ear.of(CallFinished)] == ["abandoned"]
    assert gateway.usage()["calls"] == 1
    await gateway.aclose()


@pytest.mark.parametrize("usage", [{"input_tokens": 1}, None, TokenUsage(input_tokens=None)])  # type: ignore[arg-type]
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_usage_that_is_none_is_the_plugins_fault_and_costs_no_place(usage: Any, streamed: bool) -> None:
    """A typed error each time: the one place there is comes free again."""
    listed = [StreamChunk("word "), StreamChunk(kind="usage", usage=usage), StreamChunk(kind="finish")]
    step: Any = listed if streamed else GenerateResponse(text="word", model="m", usage=usage)
    limits = RateLimitConfig(concurrency=1, enable_queuing=False)
    gateway = create_gateway(
        provider="scripted", plugins=[ScriptedProvider(step)], discover=False, rate_limit_config=limits, max_retries=0
    )

    for _ in range(3):
        with pytest.raises(PluginContractError):
            if streamed:
                await gateway.generate_stream_async("hi").response()
            else:
                await gateway.generate_async("hi")

    await gateway.aclose()


@pytest.mark.parametrize("streamed", [False, True])
async def test_an_answer_without_usage_is_not_free(streamed: bool) -> None:
    """What it used is guessed and said to be; limits fill."""
    nothing = TokenUsage()
    text = "word " * 40
    if streamed:
        told = StreamChunk(kind="usage", usage=nothing)
        step: Any = [StreamChunk(text), told, StreamChunk(kind="finish", finish_reason="stop")]
    else:
        step = GenerateResponse(text=text, model="m", usage=nothing)
    gateway = create_gateway(
        provider="scripted", plugins=[ScriptedProvider(step)], discover=False,
        rate_limit_config=RateLimitConfig(tokens_per_hour=1000, enable_queuing=False),
    )  # fmt: skip

    async def ask() -> GenerateResponse:
        if streamed:
            return await gateway.generate_stream_async("hi there", max_tokens=50).response()
        return await gateway.generate_async("hi there", max_tokens=50)

    one = await ask()
    for _ in range(30):
        try:
            await ask()
        except GatewayError:
            break

    assert one.usage.estimated
    assert one.usage.output_tokens == 50
    assert one.usage.input_tokens > 0
    assert 900 < gateway.usage()["tokens"]["total"] <= 1000
    await gateway.aclose()


def offering(name: str, provider: Any, **more: Any) -> Any:
    class Plugin:
        @hookimpl
        def gateway_provider(self) -> ProviderOffer:
            return ProviderOffer(name=name, summary="", build=lambda settings, context: provider, **more)

    return Plugin()


class Says:
    """Answers and says what is left of its limits, as one does that speaks over HTTP."""

    def __init__(self, left: int | None, *, fails: bool = False, pause: float = 0.0) -> None:
        self.left, self.fails, self.pause = left, fails, pause

    async def generate(self, request: Any, call: Any) -> GenerateResponse:
        await self._say(call)
        return answer()

    async def embed(self, request: Any, call: Any) -> EmbedResponse:
        await self._say(call)
        if request.texts[0] == "second" and self.fails:
            raise ProviderOverloadedError("down", status_code=503)
        await asyncio.sleep(self.pause)
        return EmbedResponse(vectors=tuple(array("f", [1.0]) for _ in request.texts), model="m")

    async def _say(self, call: Any) -> None:
        if self.left is not None:
            call.provider_headers = {
                "x-ratelimit-remaining-requests": str(self.left), "x-ratelimit-limit-requests": "1000",
                "x-ratelimit-reset-requests": "60s",
            }  # fmt: skip

    async def aclose(self) -> None:
        return


class FailsAfterwards(Says):
    async def generate(self, request: Any, call: Any) -> GenerateResponse:
        await self._say(call)
        raise ProviderOverloadedError("down", status_code=500)


async def test_what_a_failed_route_said_is_not_booked_on_the_next() -> None:
    """A route that says nothing of limits is not closed by another's word."""
    plugins = [offering("a", FailsAfterwards(0)), offering("b", Says(None))]
    gateway = create_gateway(
        provider="a", default_model="m", providers={"b": {}}, fallbacks=["b/m"], max_retries=0, plugins=plugins,
        discover=False, rate_limit_config=RateLimitConfig(requests_per_minute=100, enable_queuing=False),
    )  # fmt: skip

    await gateway.generate_async("hi")

    assert (await gateway.generate_async("hi", model="b/m")).text == "ok"
    await gateway.aclose()


async def test_parts_at_several_routes_at_once_tell_nobody_whose_limits() -> None:
    """``a`` said that nothing is left, and that is not what ``b`` said."""
    limits = {"embed_limits": EmbedLimits(texts=1)}
    plugins = [offering("a", Says(0, fails=True, pause=0.05), **limits), offering("b", Says(None), **limits)]
    gateway = create_gateway(
        provider="a", default_model="m", default_embedding_model="m", providers={"b": {}},
        routes={"e": ["a/m", "b/m"]}, max_retries=0, plugins=plugins, discover=False,
        rate_limit_config=RateLimitConfig(requests_per_minute=100, enable_queuing=False),
    )  # fmt: skip

    await gateway.embed_async(["first", "second"], model="e")

    assert len(await gateway.embed_async(["again"], model="b/m")) == 1
    await gateway.aclose()


def _vectors(response: Any) -> Any:
    response.vectors[0][0] = 9.0


def _notes(response: Any) -> Any:
    response.annotations[0]["url"] = "changed"
    response.metadata["logprobs"]["content"].append("changed")


VECTORS = EmbedResponse(vectors=(array("f", [1.0]),), model="m", usage=TokenUsage(input_tokens=1))
NOTED = attrs.evolve(answer(), annotations=({"url": "u"},), metadata={"logprobs": {"content": []}})


@pytest.mark.parametrize("ttl", [0.0, 60.0])
@pytest.mark.parametrize(("ask", "step", "change"), [("embed", VECTORS, _vectors), ("generate", NOTED, _notes)])
async def test_who_shares_an_answer_may_change_its_own(
    ask: str, step: Any, change: Callable[[Any], None], ttl: float
) -> None:
    """Neither those who asked at the same time nor those who ask later see it."""

    class Vectors(ScriptedProvider):
        async def embed(self, request: Any, call: Any) -> EmbedResponse:
            await asyncio.sleep(0.01)
            self.requests.append(request)
            return EmbedResponse(vectors=(array("f", [1.0]),), model="m", usage=VECTORS.usage)

    def script(request: Any) -> Any:
        async def later() -> Any:
            await asyncio.sleep(0.01)
            return attrs.evolve(NOTED, annotations=({"url": "u"},), metadata={"logprobs": {"content": []}})

        return later()

    provider = Vectors(script)
    gateway = create_gateway(
        provider="scripted", plugins=[provider], discover=False,
        enable_request_deduplication=True, deduplication_ttl=ttl,
    )  # fmt: skip

    def shown(response: Any) -> Any:
        if isinstance(response, EmbedResponse):
            return [list(vector) for vector in response]
        return json.dumps([*response.annotations, response.metadata["logprobs"]])

    async def once() -> Any:
        given = await (gateway.embed_async(["t"]) if ask == "embed" else gateway.generate_async("t"))
        before = shown(given)
        change(given)
        return before

    wanted = shown(step)
    together = await asyncio.gather(*(once() for _ in range(4)))
    later = await once()

    assert [*together, later] == [wanted] * 5
    assert len(provider.requests) == (1 if ttl else 2)
    await gateway.aclose()


async def test_an_answer_of_a_plugins_own_class_keeps_its_fields() -> None:
    """They are there although the gateway writes its metadata."""

    @attrs.frozen(kw_only=True)
    class Graded(GenerateResponse):
        grade: int = 0

    step = Graded(text="ok", model="m", usage=TokenUsage(input_tokens=1), grade=5)
    gateway = create_gateway(provider="scripted", plugins=[ScriptedProvider(step)], discover=False)

    given = await gateway.generate_async("hi")

    assert isinstance(given, Graded)
    assert (given.grade, given.metadata["provider"]) == (5, "scripted")
    await gateway.aclose()


async def test_failures_are_plain_data() -> None:
    """``to_dict()`` gives a list of names that JSON can say."""
    steps = ProviderOverloadedError("down", retry_after=0.0), answer()
    gateway = create_gateway(provider="scripted", plugins=[ScriptedProvider(*steps)], discover=False)

    given = await gateway.generate_async("hi")

    told = json.loads(json.dumps(given.to_dict()))["metadata"]
    assert told["failures"] == ["scripted/scripted: ProviderOverloadedError"]
    await gateway.aclose()
