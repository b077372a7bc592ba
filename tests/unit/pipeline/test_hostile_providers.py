"""Providers that break their contract: every call ends in one typed error, or in the answer that was there."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from litellm_gateway import (
    DeadlineExceededError,
    GatewayError,
    LiteLLMGateway,
    MalformedResponseError,
    PluginContractError,
    ProviderOverloadedError,
    StreamInterruptedError,
    create_gateway,
)
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.responses import EmbedResponse, GenerateResponse, Price, StreamChunk, TokenUsage
from litellm_gateway.testing.scripted_provider import ScriptedProvider, answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from litellm_gateway.contracts import ProviderOffer

FINISH = StreamChunk(kind="finish", finish_reason="stop")


class Stranger(ScriptedProvider):
    """Streams whatever it is given, and may fail while it is closed."""

    def __init__(self, *given: Any, closing: BaseException | None = None) -> None:
        super().__init__(*given)
        self._given = given
        self._closing = closing

    async def stream(self, request: Any, call: Any) -> AsyncIterator[Any]:
        try:
            for piece in self._given:
                await asyncio.sleep(0)
                yield piece
        finally:
            if self._closing is not None:
                raise self._closing


def make(provider: ScriptedProvider, **settings: Any) -> LiteLLMGateway:
    return create_gateway(
        provider="scripted", plugins=[provider], discover=False, **{"max_retries": 0, "guardrails": (), **settings}
    )


@pytest.mark.parametrize(
    "given",
    [None, "text", {"text": "x"}, EmbedResponse(vectors=(), model="e"), attrs.evolve(answer(), usage=None),
     attrs.evolve(answer(), text=None)],
    ids=["None", "str", "dict", "vectors", "no usage", "no text"],
)  # fmt: skip
async def test_an_answer_that_is_none_is_the_plugins_fault(given: Any) -> None:
    """Neither an attribute error nor half an answer reaches the caller."""
    with pytest.raises(PluginContractError, match="scripted"):
        await make(ScriptedProvider(given)).generate_async("hi")


@pytest.mark.parametrize("count", [0, 1, 3])
async def test_another_number_of_vectors_than_texts_is_refused(count: int) -> None:
    """No text gets the vector of another."""
    provider = ScriptedProvider(EmbedResponse(vectors=((1.0,),) * count, model="e"))

    with pytest.raises(MalformedResponseError, match="2 texts"):
        await make(provider).embed_async(["a", "b"])


@pytest.mark.parametrize("piece", ["text", b"bytes", None, 5, {"kind": "text"}])
@pytest.mark.parametrize("place", [0, 1])
async def test_a_piece_that_is_none_is_the_plugins_fault(piece: Any, place: int) -> None:
    """Before the first content and after it."""
    given = [StreamChunk("a"), FINISH]
    given.insert(place, piece)

    with pytest.raises(PluginContractError, match="scripted"):
        await make(Stranger(*given)).generate_stream_async("hi").response()


async def test_an_error_at_the_very_end_is_typed_and_leaves_nothing_behind() -> None:
    """A provider whose iterator fails once it should just end has not said that all was well."""
    provider = Stranger(StreamChunk("a"), FINISH, closing=RuntimeError("cannot close"))
    gateway = make(provider)

    stream = gateway.generate_stream_async("hi")
    texts = []
    with pytest.raises(GatewayError):
        async for piece in stream:
            texts.append(str(piece))

    assert "".join(texts) == "a"
    assert gateway.get_health()["in_flight"] == 0


async def test_an_error_on_closing_does_not_hide_the_first() -> None:
    """Breaking off early is quiet, whatever the provider does about it."""
    gateway = make(Stranger(StreamChunk("a"), StreamChunk("b"), FINISH, closing=RuntimeError("cannot close")))

    stream = gateway.generate_stream_async("hi")
    async for piece in stream:
        if piece:
            break
    await stream.aclose()

    assert gateway.get_health()["in_flight"] == 0


async def test_what_comes_after_the_finish_changes_nothing_of_it() -> None:
    """Two finishes, usage after the finish and late text: one usage, one finish, both last, the first finish counts."""
    late = StreamChunk(kind="usage", usage=TokenUsage(input_tokens=3, output_tokens=4))
    provider = Stranger(StreamChunk("a"), FINISH, late, StreamChunk(kind="finish", finish_reason="length"))

    kinds = []
    stream = make(provider).generate_stream_async("hi")
    async for piece in stream:
        kinds.append(piece.kind)
    whole = await stream.response()

    assert kinds == ["start", "text", "usage", "finish"]
    assert whole.finish_reason == "stop"
    assert whole.usage.total_tokens == 7


async def test_a_finish_without_content_is_an_empty_answer() -> None:
    """Nothing said, but said so."""
    whole = await make(Stranger(FINISH)).generate_stream_async("hi").response()

    assert (whole.text, whole.finish_reason) == ("", "stop")


async def test_a_preamble_without_end_breaks_at_the_deadline() -> None:
    """Pieces that carry nothing do not keep a call alive for ever."""

    class Endless(ScriptedProvider):
        async def stream(self, request: Any, call: Any) -> AsyncIterator[StreamChunk]:
            while True:
                await asyncio.sleep(0.001)
                yield StreamChunk(kind="start", model="m")

    with pytest.raises(DeadlineExceededError):
        await make(Endless(answer())).generate_stream_async("hi", timeout=0.3).response()


async def test_a_reader_that_stops_at_the_finish_leaves_a_success() -> None:
    """The provider gave a whole answer; its circuit hears of a success, not of a call that was broken off."""
    events: list[Any] = []

    class Sink:
        @hookimpl
        def gateway_telemetry_sink(self) -> Any:
            from litellm_gateway.contracts import Offer

            return Offer(name="sink", summary="", build=lambda settings, context: self)

        def record(self, event: Any) -> None:
            events.append(event)

        async def aclose(self) -> None:
            return

    gateway = create_gateway(
        provider="scripted", plugins=[Stranger(StreamChunk("a"), FINISH), Sink()], discover=False, guardrails=()
    )

    async with gateway.generate_stream_async("hi") as stream:
        async for piece in stream:
            if piece.kind == "finish":
                break

    assert [event.error for event in events if type(event).__name__ == "AttemptFinished"] == [None]


@pytest.mark.parametrize("ask", ["whole", "stream"])
async def test_a_timeout_error_of_its_own_is_not_the_calls_deadline(ask: str) -> None:
    """A bare ``TimeoutError`` long before the deadline is the plugin's fault; the message blames no ``timeout``."""

    async def impatient(_request: object) -> Any:
        raise TimeoutError("my own")

    gateway = make(ScriptedProvider(impatient))

    with pytest.raises(PluginContractError, match="TimeoutError"):
        if ask == "whole":
            await gateway.generate_async("hi")
        else:
            await gateway.generate_stream_async("hi").response()


async def test_a_timeout_error_amid_a_stream_is_not_the_calls_deadline() -> None:
    """The same once the first piece was there."""

    class Impatient(ScriptedProvider):
        async def stream(self, request: Any, call: Any) -> AsyncIterator[StreamChunk]:
            yield StreamChunk("a")
            raise TimeoutError("my own")

    with pytest.raises(PluginContractError, match="TimeoutError"):
        await make(Impatient(answer())).generate_stream_async("hi").response()


@pytest.mark.parametrize("hint", [float("nan"), -5.0, "soon", float("inf"), 1e300])
async def test_a_hint_to_wait_that_is_none_ends_in_an_answer_or_the_error(hint: Any) -> None:
    """``retry_after`` comes from a stranger: nonsense neither crashes the call nor makes it wait for ever."""
    provider = ScriptedProvider(ProviderOverloadedError("busy", retry_after=hint), answer("ok"))
    gateway = make(provider, max_retries=1, timeout=5.0)

    try:
        text = (await gateway.generate_async("hi")).text
    except ProviderOverloadedError:
        text = "refused"

    assert text in ("ok", "refused")


@pytest.mark.parametrize(
    "price",
    [
        KeyError("price"),
        "cheap",
        Price(input="0.1", output=Decimal(1)),
        Price(input=Decimal(1), output=Decimal("nan")),
        Price(input=Decimal(1), output=Decimal(1), cache_read=float("inf")),
    ],
)
async def test_a_broken_price_table_costs_no_answer(price: Any) -> None:
    """The cost is unknown then; what the provider was paid for is given on."""

    class Priced(ScriptedProvider):
        @hookimpl
        def gateway_provider(self) -> ProviderOffer:
            return attrs.evolve(super().gateway_provider(), prices=self.price)

        def price(self, model: str) -> Any:
            if isinstance(price, Exception):
                raise price
            return price

    response = await make(Priced(answer("ok")), budgets=[{"money": 1, "window": "day"}]).generate_async("hi")

    assert (response.text, response.metadata["cost"]) == ("ok", None)


async def test_a_stream_that_breaks_keeps_its_partial_answer() -> None:
    """Whoever broke it."""
    provider = Stranger(StreamChunk("a"), StreamChunk("b"))

    with pytest.raises(StreamInterruptedError) as caught:
        await make(provider).generate_stream_async("hi").response()

    partial = caught.value.partial
    assert isinstance(partial, GenerateResponse)
    assert partial.text == "ab"


async def test_what_comes_after_the_end_is_not_part_of_the_answer() -> None:
    """An answer is over when it says so; its usage may follow."""
    end = StreamChunk(kind="finish", finish_reason="stop")
    usage = StreamChunk(kind="usage", usage=TokenUsage(output_tokens=7))
    provider = Stranger(StreamChunk("a"), end, usage, StreamChunk("b"), end)

    response = await make(provider).generate_stream_async("hi").response()

    assert (response.text, response.usage.output_tokens) == ("a", 7)


async def test_a_slip_in_mid_stream_tells_what_came() -> None:
    """It is the plugin's fault, and what was shown is not lost."""

    class Slipping(ScriptedProvider):
        async def stream(self, request: Any, call: Any) -> Any:
            yield StreamChunk("a")
            raise KeyError("oops")

    with pytest.raises(PluginContractError) as caught:
        await make(Slipping()).generate_stream_async("hi").response()

    assert caught.value.partial is not None
    assert caught.value.partial.text == "a"
