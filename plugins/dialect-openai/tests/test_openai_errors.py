"""Every status and every word a server uses for what went wrong has its typed error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from litellm_gateway.errors import (
    AuthenticationError,
    ContentFilteredError,
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
from litellm_gateway.wire import WireResponse
from litellm_gateway_dialect_openai import OpenAIChatDialect


def _error(status: int, body: Any = None, headers: dict[str, str] | None = None) -> GatewayError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    dialect = OpenAIChatDialect(base_url="https://api.example/v1")
    return dialect.decode_error(WireResponse(status=status, headers=headers or {}, body=raw))


def _openai(message: str = "It went wrong", **fields: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None, **fields}}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequestError), (401, AuthenticationError), (402, QuotaExceededError),
        (403, PermissionDeniedError), (404, ModelNotFoundError), (405, InvalidRequestError),
        (408, ProviderTimeoutError), (409, ProviderError), (413, InvalidRequestError), (418, InvalidRequestError),
        (422, InvalidRequestError), (429, RateLimitError), (498, ProviderOverloadedError), (499, ProviderError),
        (500, ProviderError), (501, UnsupportedParameterError), (502, ProviderError), (503, ProviderOverloadedError),
        (504, ProviderTimeoutError), (520, ProviderError), (524, ProviderTimeoutError), (529, ProviderOverloadedError),
    ],
)  # fmt: skip
@pytest.mark.parametrize("body", [b"", b"<html></html>", _openai(), [], None, b"\xff"])
def test_statuses(status: int, kind: type[GatewayError], body: Any) -> None:
    """A status alone names its error, whatever the body is; an unreadable body never hides it."""
    error = _error(status, body)

    assert type(error) is kind
    assert error.status_code == status
    assert str(status) in error.message


@pytest.mark.parametrize(
    ("status", "fields", "kind"),
    [
        (400, {"code": "context_length_exceeded"}, ContextWindowExceededError),
        (400, {"message": "This model's maximum context length is 8192 tokens."}, ContextWindowExceededError),
        (413, {"message": "prompt is too long: 9 tokens > 8 maximum"}, ContextWindowExceededError),
        (400, {"type": "exceed_context_size_error", "code": 400}, ContextWindowExceededError),
        (400, {"code": "model_not_found"}, ModelNotFoundError),
        (400, {"message": "Invalid model: x", "type": "invalid_model"}, ModelNotFoundError),
        (404, {"code": "DeploymentNotFound"}, ModelNotFoundError),
        (400, {"code": "unsupported_parameter", "param": "stop"}, UnsupportedParameterError),
        (404, {"message": "tools is not supported in this model."}, UnsupportedParameterError),
        (400, {"code": "content_filter"}, ContentFilteredError),
        (400, {"code": "content_policy_violation"}, ContentFilteredError),
        (400, {"code": None, "innererror": {"code": "ResponsibleAIPolicyViolation"}}, ContentFilteredError),
        (403, {"message": "Content violates usage guidelines."}, ContentFilteredError),
        (400, {"message": "Incorrect API key provided: x"}, AuthenticationError),
        (400, {"message": "Invalid 'temperature'", "param": "temperature"}, InvalidRequestError),
        (413, {"code": "rate_limit_exceeded"}, RateLimitError),
        (429, {"type": "insufficient_quota", "code": "insufficient_quota"}, QuotaExceededError),
        (429, {"type": "insufficient_quota", "code": "credit_balance_exhausted"}, QuotaExceededError),
        (429, {"type": "insufficient_quota", "code": "organization_spend_limit_exceeded"}, QuotaExceededError),
        (429, {"type": "insufficient_quota", "code": "project_spend_limit_exceeded"}, QuotaExceededError),
        (429, {"type": "insufficient_quota", "code": "organization_usage_limit_exceeded"}, QuotaExceededError),
        (429, {"type": "tokens", "code": "rate_limit_exceeded"}, RateLimitError),
        (429, {"code": "slow_down"}, RateLimitError),
        (500, {"type": "server_error", "code": "server_is_overloaded"}, ProviderOverloadedError),
        (503, {"type": "service_unavailable_error", "code": "server_is_overloaded"}, ProviderOverloadedError),
        (500, {"type": "server_error"}, ProviderError),
    ],
)
def test_words(status: int, fields: dict[str, Any], kind: type[GatewayError]) -> None:
    """The server's code, type or message tells apart what one status mixes."""
    assert type(_error(status, _openai(**fields))) is kind


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "one"}}, "one"),
        ({"error": "two", "code": "text"}, "two"),
        ({"object": "error", "message": "three", "code": "1500"}, "three"),
        ({"message": "four"}, "four"),
        ({"detail": "five"}, "five"),
        (
            {"detail": [{"loc": ["body", "model"], "msg": "Field required", "input": "SECRET"}]},
            "body.model: Field required",
        ),
        ([{"error": {"message": "six"}}], "six"),
        ({"object": "error", "message": {"detail": [{"loc": ["body", "x"], "msg": "seven"}]}}, "body.x: seven"),
        ({"object": "error", "message": {"detail": "eight"}}, "eight"),
    ],
)
def test_shapes_of_bodies(body: Any, message: str) -> None:
    """The message is found in every shape servers send, and nothing beside it."""
    assert _error(400, body).message == f"{message} (status 400)"


def test_what_an_error_carries() -> None:
    """Code, parameter, request id and the wait travel with the error."""
    body = _openai("Unsupported parameter", code="unsupported_parameter", param="stop")

    refused = _error(400, body, {"x-request-id": "req_1"})
    limited = _error(429, _openai("Please try again in 1m0.3s"), {"retry-after-ms": "250"})
    failing = _error(503, _openai(), {"retry-after": "7"})

    assert isinstance(refused, UnsupportedParameterError)
    assert (refused.code, refused.parameter, refused.request_id) == ("unsupported_parameter", "stop", "req_1")
    assert isinstance(limited, RateLimitError)
    assert limited.retry_after == 0.25
    assert isinstance(failing, ProviderError)
    assert failing.retry_after == 7.0


def test_advice_about_retries_is_heeded() -> None:
    """``x-should-retry`` decides, except over a bill that is due."""
    assert _error(400, _openai(), {"x-should-retry": "true"}).retry_here
    assert not _error(500, _openai(), {"x-should-retry": "false"}).retry_here
    assert _error(500, _openai(), {"x-should-retry": "maybe"}).retry_here
    assert not _error(429, _openai(code="insufficient_quota"), {"x-should-retry": "true"}).retry_here


def test_a_request_over_the_whole_limit_is_not_sent_again() -> None:
    """One request larger than the limit of a minute never fits, however long one waits."""
    body = _openai("Request too large for gpt-4o: Limit 10000, Requested 24000.", code="rate_limit_exceeded")

    assert not _error(429, body).retry_here
    assert not _error(413, _openai(code="rate_limit_exceeded")).retry_here
    assert _error(429, _openai(code="rate_limit_exceeded")).retry_here


def test_conflicts_do_not_speak_against_the_provider() -> None:
    """A conflict or a request cancelled on the way is no failure of the provider."""
    assert not _error(409).provider_fault
    assert _error(500).provider_fault


def test_long_messages_are_cut() -> None:
    """A message of any length fits a log line."""
    assert len(_error(400, _openai("x" * 100_000)).message) < 1100


def test_the_upstreams_words_classify_but_are_not_shown() -> None:
    """A router's quote of its upstream may hold the prompt: it tells the kind and stays out of the message."""
    body = {"error": {"code": 400, "message": "Provider returned error",
                      "metadata": {"raw": "maximum context length is 5; you sent: SECRET PROMPT"}}}  # fmt: skip

    error = _error(400, body)

    assert isinstance(error, ContextWindowExceededError)
    assert "SECRET" not in error.message


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_field_that_is_not_permitted(*, wrapped: bool) -> None:
    """A server that checks the form of requests names the field, at Mistral in one more object."""
    faults = {
        "detail": [{"type": "extra_forbidden", "loc": ["body", "foo", 0], "msg": "Extra inputs are not permitted"}]
    }

    error = _error(422, {"object": "error", "message": faults} if wrapped else faults)

    assert isinstance(error, UnsupportedParameterError)
    assert error.parameter == "foo.0"
    assert "body.foo.0: Extra inputs are not permitted" in error.message


def test_a_request_without_a_model_names_no_wrong_one() -> None:
    """What the form lacks is the caller's, though the field is called model."""
    error = _error(422, {"detail": [{"type": "missing", "loc": ["body", "model"], "msg": "Field required"}]})

    assert type(error) is InvalidRequestError
    assert error.parameter == "model"
