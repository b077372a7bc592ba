"""The provider suite finds the faults it is there for: each broken provider fails the promise it breaks."""

from __future__ import annotations

import socket
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from litellm_gateway.contracts import Capabilities, ProviderOffer
from litellm_gateway.dialects import DialectEmbedder
from litellm_gateway.errors import GatewayError
from litellm_gateway.messages import Message
from litellm_gateway.responses import StreamChunk
from litellm_gateway.testing.provider_suite import ProviderSuite
from litellm_gateway_dialect_openai import OpenAIChatDialect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from litellm_gateway.contracts import BuildContext, Call, Provider
    from litellm_gateway.requests import GenerateRequest
    from litellm_gateway.responses import GenerateResponse
    from litellm_gateway.wire import WireRequest, WireResponse

RECORDINGS = Path(__file__).parents[3] / "plugins" / "provider-openai" / "tests" / "wire"


@attrs.frozen(kw_only=True)
class KeySettings:
    api_key: str = attrs.field(default="", repr=False)


def _dialect(kind: type[OpenAIChatDialect] = OpenAIChatDialect, key: str = "") -> OpenAIChatDialect:
    return kind(base_url=f"http://127.0.0.1:1/v1{key}")


def _suite(make: Callable[[KeySettings, BuildContext], Provider], **offer: Any) -> ProviderSuite:
    whole = {"name": "acme", "summary": "a provider", "settings": KeySettings, "key_env": ("ACME_KEY",), **offer}
    fixture = type("Suite", (ProviderSuite,), {
        "plugin": SimpleNamespace(gateway_provider=lambda: ProviderOffer(build=make, **whole)),
        "recordings": RECORDINGS,
    })  # fmt: skip
    suite: ProviderSuite = fixture()
    return suite


def _with(kind: type[OpenAIChatDialect]) -> ProviderSuite:
    return _suite(lambda _, context: DialectEmbedder(_dialect(kind), context))


def _of(kind: type[DialectEmbedder]) -> ProviderSuite:
    return _suite(lambda _, context: kind(_dialect(), context))


def test_an_unknown_interface_fails_p1() -> None:
    """An offer for another PLUGIN_API is found."""
    suite = _suite(lambda _, context: DialectEmbedder(_dialect(), context), api=99)

    with pytest.raises(AssertionError):
        suite.test_p1_offer_is_whole()


def test_io_while_building_fails_p2(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that connects while it is built is found."""

    def make(_: KeySettings, context: BuildContext) -> Provider:
        socket.socket().close()
        return DialectEmbedder(_dialect(), context)

    with pytest.raises(AssertionError, match="socket"):
        _suite(make).test_p2_building_does_no_io(monkeypatch)


def test_retries_fail_p3() -> None:
    """A provider that sends a failed request again is found."""

    class Retrying(DialectEmbedder):
        async def generate(self, request: GenerateRequest, call: Call) -> GenerateResponse:
            try:
                return await super().generate(request, call)
            except GatewayError:
                return await super().generate(request, call)

    with pytest.raises(AssertionError):
        _of(Retrying).test_p3_one_request_no_retry()


def test_a_key_in_the_address_fails_p4() -> None:
    """A key that leaves its header is found."""
    suite = _suite(lambda settings, context: DialectEmbedder(_dialect(key=f"?key={settings.api_key}"), context))

    with pytest.raises(AssertionError):
        suite.test_p4_key_only_in_its_header()


def test_a_quoted_key_fails_p4() -> None:
    """A provider that does not tell which key to mask is found when the server quotes it."""
    suite = _suite(lambda _, context: DialectEmbedder(_dialect(), context))

    with pytest.raises(AssertionError):
        suite.test_p4_key_only_in_its_header()


class CuttingShort(OpenAIChatDialect):
    def decode_generate(self, request: GenerateRequest, response: WireResponse) -> GenerateResponse:
        answer = super().decode_generate(request, response)
        return attrs.evolve(answer, text=answer.text[:-1], tool_calls=())


def test_lost_content_fails_p5() -> None:
    """An answer that is not the server's is found."""
    with pytest.raises(AssertionError):
        _with(CuttingShort).test_p5_whole_answers()


class AlwaysFinishing(OpenAIChatDialect):
    def stream_decoder(self, request: GenerateRequest) -> Any:
        inner = super().stream_decoder(request)

        def close() -> Iterable[StreamChunk]:
            pieces = list(inner.close())
            return pieces or [StreamChunk(kind="finish", finish_reason="stop", raw_finish_reason="stop")]

        return SimpleNamespace(feed=inner.feed, close=close)


def test_two_finishes_fail_p6() -> None:
    """A stream that finishes twice is found."""
    with pytest.raises(AssertionError):
        _with(AlwaysFinishing).test_p6_streams_end_in_one_finish()


def test_an_invented_finish_fails_p8() -> None:
    """A cut stream that passes for a whole one is found."""
    with pytest.raises(AssertionError):
        _with(AlwaysFinishing).test_p8_cut_streams_never_succeed()


class Untyped(OpenAIChatDialect):
    def decode_error(self, response: WireResponse) -> GatewayError:
        return GatewayError("something went wrong", status_code=response.status)


def test_errors_without_a_class_fail_p9() -> None:
    """An error that says nothing about what to do is found."""
    with pytest.raises(AssertionError):
        _with(Untyped).test_p9_errors_are_typed()


class Forgiving(OpenAIChatDialect):
    def decode_generate(self, request: GenerateRequest, response: WireResponse) -> GenerateResponse:
        from litellm_gateway.responses import GenerateResponse

        try:
            return super().decode_generate(request, response)
        except ValueError:
            return GenerateResponse(text="", model=request.model)


def test_an_answer_made_of_garbage_fails_p10() -> None:
    """A provider that answers where there is no answer is found."""
    with pytest.raises(AssertionError):
        _with(Forgiving).test_p10_garbage_is_a_typed_error()


class Hiding(DialectEmbedder):
    async def generate(self, request: GenerateRequest, call: Call) -> GenerateResponse:
        try:
            return await super().generate(request, call)
        except GatewayError as error:
            raise GatewayError(str(error)) from error


def test_a_changed_transport_error_fails_p11() -> None:
    """A provider that hides what the transport said is found."""
    with pytest.raises(AssertionError):
        _of(Hiding).test_p11_transport_errors_pass_through()


class Holding(DialectEmbedder):
    """Never closes its response."""

    def __init__(self, dialect: OpenAIChatDialect, context: BuildContext) -> None:
        super().__init__(dialect, context)
        self.context = context

    async def stream(self, request: GenerateRequest, call: Call) -> AsyncIterator[StreamChunk]:
        wire = self.dialect.encode_generate(request, stream=True)
        opened = await self.context.transport().open(wire, timeouts=self.context.timeouts, deadline=call.deadline)
        async for data in opened.chunks():
            yield StreamChunk(data.decode("utf-8", "replace"))


def test_a_held_connection_fails_p12() -> None:
    """A provider that leaves its connection open when the reader stops is found."""
    with pytest.raises(AssertionError):
        _of(Holding).test_p12_early_close_frees_the_connection()


class Forgetting(OpenAIChatDialect):
    def encode_generate(self, request: GenerateRequest, *, stream: bool) -> WireRequest:
        texts = tuple(Message(role="user", content=each.text or "-") for each in request.messages)
        return super().encode_generate(attrs.evolve(request, seed=None, messages=texts), stream=stream)


def test_what_is_lost_on_the_way_fails_p17() -> None:
    """A parameter, an image and a tool call that never reach the wire are found."""
    suite = _with(Forgetting)

    suite.test_p17_no_parameter_is_lost("top_p")
    with pytest.raises(AssertionError, match="seed is lost"):
        suite.test_p17_no_parameter_is_lost("seed")
    with pytest.raises(AssertionError, match="image is lost"):
        suite.test_p17_no_content_is_lost("image")
    with pytest.raises(AssertionError, match="tool call"):
        suite.test_p17_no_tool_call_is_lost()


def test_what_the_offer_names_need_not_be_sent() -> None:
    """A model that is said to take nothing of it is passed over: the gateway refuses it before."""
    plain = Capabilities.only("system", "temperature")
    suite = _suite(lambda _, context: DialectEmbedder(_dialect(Forgetting), context), capabilities=lambda model: plain)

    assert "seed" in plain.without
    assert "system" not in plain.without
    with pytest.raises(pytest.skip.Exception, match="does not take"):
        suite.test_p17_no_parameter_is_lost("seed")
    with pytest.raises(ValueError, match="warmth"):
        Capabilities.only("warmth")
