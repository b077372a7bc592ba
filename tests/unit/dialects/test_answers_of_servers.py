"""What a provider made of a dialect gives on for answers that are none, and for errors without end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import attrs
import pytest
from litellm_gateway import create_gateway
from litellm_gateway.contracts import ProviderOffer
from litellm_gateway.dialects import DialectProvider
from litellm_gateway.errors import (
    AuthenticationError,
    GatewayError,
    MalformedResponseError,
    PluginContractError,
    ProviderConnectionError,
    ProviderError,
    RateLimitError,
)
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.testing.provider_driver import ask, ask_streamed, build
from litellm_gateway.testing.wire_player import Reply, WirePlayer
from litellm_gateway_dialect_openai import OpenAIChatDialect
from litellm_gateway_provider_openai import plugin

if TYPE_CHECKING:
    from litellm_gateway.contracts import BuildContext, Provider
    from litellm_gateway.dialects import StreamDecoder
    from litellm_gateway.requests import GenerateRequest
    from litellm_gateway.responses import GenerateResponse
    from litellm_gateway.wire import WireResponse

JSON = {"content-type": "application/json"}
STREAM = {"content-type": "text/event-stream"}


def provider_of(reply: Reply) -> Provider:
    settings = {"api_key": "sk-0123456789abcdef", "base_url": "http://127.0.0.1:1/v1", "api": "chat"}
    return build(plugin.gateway_provider(), settings, WirePlayer(reply))


def test_an_answer_of_nothing_but_nulls_is_none() -> None:
    """No content and no reason why it ended: the answer is malformed, not empty."""
    body = b'{"choices": [{"message": {"role": null, "content": null}, "finish_reason": null}]}'

    outcome = asyncio.run(ask(provider_of(Reply(headers=JSON, pieces=(body,)))))

    assert isinstance(outcome.error, MalformedResponseError)


def test_an_empty_answer_that_has_ended_is_one() -> None:
    """A model may say nothing."""
    body = b'{"choices": [{"message": {"role": "assistant", "content": ""}, "finish_reason": "stop"}]}'

    outcome = asyncio.run(ask(provider_of(Reply(headers=JSON, pieces=(body,)))))

    assert outcome.error is None
    assert outcome.answer is not None
    assert (outcome.answer.text, outcome.answer.finish_reason) == ("", "stop")


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("failure", [ProviderConnectionError("cut"), MalformedResponseError("br")])
def test_an_error_that_cannot_be_read_keeps_its_status(failure: GatewayError, streamed: bool) -> None:
    """Cut or packed: what was refused, and for how long, stands in status and headers."""
    headers = {**JSON, "retry-after": "7"}
    reply = Reply(status=429, headers=headers, pieces=(b'{"error": {"message": "sl',), error=failure)

    outcome = asyncio.run((ask_streamed if streamed else ask)(provider_of(reply)))

    assert isinstance(outcome.error, RateLimitError)
    assert (outcome.error.status_code, outcome.error.retry_after) == (429, 7.0)


@pytest.mark.parametrize("status", [500, 503])
def test_an_error_without_end_keeps_its_status(status: int) -> None:
    """The beginning of a long error is enough; the rest is not read."""
    reply = Reply(status=status, headers={"content-type": "text/html"}, pieces=(b"x" * 65536,) * 4096)

    outcome = asyncio.run(ask(provider_of(reply)))

    assert isinstance(outcome.error, ProviderError)
    assert outcome.error.status_code == status


def test_a_stream_that_cannot_be_read_tells_kind_and_length() -> None:
    """The message names content type and length of what came last; the bytes are an attribute."""
    reply = Reply(headers={"content-type": "text/event-stream"}, pieces=(b"data: {not json}\n\n",))

    error = asyncio.run(ask_streamed(provider_of(reply))).error

    assert isinstance(error, MalformedResponseError)
    assert "text/event-stream" in str(error)
    assert "18 bytes" in str(error)
    assert error.body.startswith(b"data: {not json}")


@pytest.mark.parametrize("body", [b"", b": only a comment\n\n", b"<html>Bad Gateway</html>"])
def test_a_stream_without_any_event_is_malformed(body: bytes) -> None:
    """What holds no event at all is no stream that broke: status, content type and length are told."""
    reply = Reply(headers={"content-type": "text/event-stream"}, pieces=(body,) if body else ())

    error = asyncio.run(ask_streamed(provider_of(reply))).error

    assert isinstance(error, MalformedResponseError)
    assert f"(status 200, content type text/event-stream, {len(body)} bytes)" in str(error)


def test_an_error_body_under_the_content_type_of_a_stream_is_that_error() -> None:
    """Servers answer JSON with status 200 under the wrong content type; its words count."""
    body = b'{"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}'

    error = asyncio.run(ask_streamed(provider_of(Reply(headers=STREAM, pieces=(body,))))).error

    assert isinstance(error, AuthenticationError)


def test_a_stream_under_the_content_type_of_json_is_read() -> None:
    """How a body begins tells more than its content type."""
    said = b'data: {"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'

    outcome = asyncio.run(ask_streamed(provider_of(Reply(headers=JSON, pieces=(said[:30], said[30:])))))

    assert outcome.error is None
    assert outcome.answer is not None
    assert outcome.answer.text == "Hi"


def test_a_dialects_own_slip_is_not_the_servers() -> None:
    """A name that does not exist is a fault of the plugin: nothing is sent again, and no circuit counts it."""

    class Slipping(OpenAIChatDialect):
        def decode_generate(self, request: GenerateRequest, response: WireResponse) -> GenerateResponse:
            return no_such_name  # type: ignore[name-defined, no-any-return]  # noqa: F821

        def stream_decoder(self, request: GenerateRequest) -> StreamDecoder:
            return no_such_name  # type: ignore[name-defined, no-any-return]  # noqa: F821

    player = WirePlayer(Reply(headers=JSON, pieces=(b"{}",)))

    class Plugin:
        @hookimpl
        def gateway_provider(self) -> ProviderOffer:
            return ProviderOffer(name="slip", summary="", default_model="m", build=self.build)

        def build(self, settings: object, context: BuildContext) -> Provider:
            dialect = Slipping(base_url="http://127.0.0.1:1/v1")
            return DialectProvider(dialect, attrs.evolve(context, transport=lambda: player))

    with create_gateway(provider="slip", plugins=[Plugin()], discover=False) as gateway:
        with pytest.raises(PluginContractError, match="NameError"):
            gateway.generate("hi")
        with pytest.raises(PluginContractError, match="NameError"):
            list(gateway.generate_stream("hi"))

    assert len(player.requests) == 2
