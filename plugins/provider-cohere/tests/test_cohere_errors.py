"""Which typed error each of Cohere's answers with an error status is."""

from __future__ import annotations

import json

import pytest
from litellm_gateway.errors import (
    AuthenticationError,
    ContextWindowExceededError,
    GatewayError,
    InvalidRequestError,
    ModelNotFoundError,
    PermissionDeniedError,
    ProviderError,
    ProviderOverloadedError,
    ProviderTimeoutError,
    QuotaExceededError,
    RateLimitError,
    UnsupportedParameterError,
)
from litellm_gateway.framing import ServerEvent
from litellm_gateway.secrets import Secret
from litellm_gateway.wire import WireResponse
from litellm_gateway_provider_cohere.chat_stream import ChatStreamDecoder
from litellm_gateway_provider_cohere.dialect import CohereDialect

DIALECT = CohereDialect(base_url="https://api.cohere.com", api_key=Secret("co-0123456789abcdef"))
MONTHLY = "You are using a Trial key, which is limited to 1000 API calls / month."
MINUTE = "You are using a Trial key, which is limited to 40 API calls / minute."


def error(status: int, message: str = "no", **headers: str) -> GatewayError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = json.dumps({"id": "e1", "message": message}).encode()
    return DIALECT.decode_error(WireResponse(status=status, headers=named, body=body))


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "invalid request: temperature must be positive", InvalidRequestError),
        (400, "too many tokens: total number of tokens in the prompt cannot exceed 4081", ContextWindowExceededError),
        (400, "invalid api key provided", AuthenticationError),
        (400, "model 'command-x' not found, make sure it is right", ModelNotFoundError),
        (400, "tool_choice is not supported for this model", UnsupportedParameterError),
        (401, "invalid api token", AuthenticationError),
        (402, "please add a payment method", QuotaExceededError),
        (403, "not allowed", PermissionDeniedError),
        (404, "model 'command-x' not found", ModelNotFoundError),
        (413, "request too large", InvalidRequestError),
        (422, "unknown field: parameter 'foo' is not a valid field", UnsupportedParameterError),
        (429, MINUTE, RateLimitError),
        (429, MONTHLY, QuotaExceededError),
        (498, "invalid token", AuthenticationError),
        (499, "request cancelled", ProviderError),
        (500, "internal server error", ProviderError),
        (503, "unavailable", ProviderOverloadedError),
        (504, "timeout", ProviderTimeoutError),
    ],
)
def test_kinds(status: int, message: str, kind: type[GatewayError]) -> None:
    """Each status and message is exactly one class, with Cohere's words and its id of the request."""
    found = error(status, message)

    assert type(found) is kind
    assert message in found.message
    assert (found.status_code, found.request_id) == (status, "e1")


def test_a_monthly_limit_is_not_tried_again() -> None:
    """Waiting does not mend a monthly limit; it does a limit per minute."""
    assert not error(429, MONTHLY).retry_here
    assert error(429, MINUTE).retry_here


def test_what_the_caller_broke_off_is_not_cohere_s_fault() -> None:
    """A cancelled call and a conflict do not speak against the provider."""
    assert not error(499).provider_fault
    assert not error(409).provider_fault
    assert error(500).provider_fault


def test_when_to_come_back() -> None:
    """The hint is read from the headers Cohere sends, seconds or a point in time."""
    soon = error(429, MINUTE, retry_after="7")
    later = error(429, MINUTE, x_ratelimit_reset="1700000030", date="Tue, 14 Nov 2023 22:13:20 GMT")

    assert isinstance(soon, RateLimitError)
    assert isinstance(later, RateLimitError)
    assert (soon.retry_after, later.retry_after) == (7.0, 30.0)


@pytest.mark.parametrize("body", [b"", b"<html>Bad Gateway</html>", b"[1]", b'{"message": {"a": 1}}', b"\xff"])
def test_bodies_without_a_reason(body: bytes) -> None:
    """The status alone decides, and the message says how little there was."""
    response = WireResponse(status=502, headers={"content-type": "text/html"}, body=body)

    found = DIALECT.decode_error(response)

    assert type(found) is ProviderError
    assert f"text/html, {len(body)} bytes" in found.message


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("trial token rate limit exceeded, limit is 10 calls per minute", RateLimitError),
        (MONTHLY, QuotaExceededError),
        ("the service is overloaded", ProviderOverloadedError),
        ("the request timed out", ProviderTimeoutError),
        ("internal error", ProviderError),
    ],
)
def test_an_error_in_a_stream_is_told_by_its_words(message: str, kind: type[GatewayError]) -> None:
    """Under a good status only the words tell what went wrong."""
    end = {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": message}}
    decoder = ChatStreamDecoder()

    with pytest.raises(GatewayError) as caught:
        decoder.feed(ServerEvent("message-end", json.dumps(end).encode()))

    assert type(caught.value) is kind
