"""Every error Anthropic documents, and those it does not, as one typed error each."""

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
from litellm_gateway_provider_anthropic.dialect import AnthropicDialect


def _error(status: int, body: Any, **headers: str) -> GatewayError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return AnthropicDialect().decode_error(WireResponse(status=status, headers=named, body=raw))


def _said(kind: str, message: str, **more: Any) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message, **more}, "request_id": "req_1"}


@pytest.mark.parametrize(
    ("status", "kind", "message", "error"),
    [
        (400, "invalid_request_error", "messages: at least one message is required", InvalidRequestError),
        (400, "invalid_request_error", "prompt is too long: 9 tokens > 5 maximum", ContextWindowExceededError),
        (400, "invalid_request_error", "input length and `max_tokens` exceed context limit: 1 + 2 > 2",
         ContextWindowExceededError),
        (400, "exceed_context_size_error", "request (9 tokens) exceeds the available context size (5 tokens), ...",
         ContextWindowExceededError),
        (400, "invalid_request_error", "Your credit balance is too low to access the API", QuotaExceededError),
        (400, "invalid_request_error", "You have reached your specified API usage limits.", QuotaExceededError),
        (400, "invalid_request_error", "Output blocked by content filtering policy", ContentFilteredError),
        (400, "invalid_request_error", "temperature: Extra inputs are not permitted", UnsupportedParameterError),
        (400, "invalid_request_error", '"thinking.type.enabled" is not supported for this model.',
         UnsupportedParameterError),
        (400, "invalid_request_error", "This organization has been disabled.", PermissionDeniedError),
        (401, "authentication_error", "invalid x-api-key", AuthenticationError),
        (402, "billing_error", "Payment required", QuotaExceededError),
        (403, "permission_error", "Your key may not use this", PermissionDeniedError),
        (404, "not_found_error", "model: claude-99", ModelNotFoundError),
        (404, "not_found_error", "The requested resource could not be found.", ModelNotFoundError),
        (404, "not_found_error", "File not found: file_1", InvalidRequestError),
        (408, "timeout_error", "Request timed out", ProviderTimeoutError),
        (409, "conflict_error", "Conflict", ProviderError),
        (413, "request_too_large", "Request exceeds the maximum allowed number of bytes.", InvalidRequestError),
        (422, "brand_new_error", "no", InvalidRequestError),
        (429, "rate_limit_error", "Number of requests has exceeded your rate limit", RateLimitError),
        (500, "api_error", "Internal server error", ProviderError),
        (500, "api_error", "Overloaded", ProviderOverloadedError),
        (503, "api_error", "Unavailable", ProviderOverloadedError),
        (504, "timeout_error", "Timed out", ProviderTimeoutError),
        (529, "overloaded_error", "Overloaded", ProviderOverloadedError),
        (599, "brand_new_error", "?", ProviderError),
    ],
)  # fmt: skip
def test_kinds(status: int, kind: str, message: str, error: type[GatewayError]) -> None:
    """Status, type and words together give the class; message, code and request id are handed on."""
    found = _error(status, _said(kind, message))

    assert type(found) is error
    assert found.message == f"{message} (status {status})"
    assert (found.code, found.request_id, found.status_code) == (kind, "req_1", status)


def test_spend_limits_cannot_be_waited_for() -> None:
    """A 429 about a spend limit is a matter of quota, whatever the server says about trying again."""
    said = _said("rate_limit_error", "Limit reached", details={"error_code": "enforced_spend_limit_reached"})

    found = _error(429, said, x_should_retry="true", retry_after="9")

    assert type(found) is QuotaExceededError
    assert (found.retry_here, found.code) == (False, "enforced_spend_limit_reached")


def test_too_large_without_the_outer_type() -> None:
    """The 413 of the edge leaves the outer type out, or everything but the error."""
    inner = {"type": "request_too_large", "message": "Request too large"}

    assert [_error(413, body).code for body in ({"error": inner}, inner)] == ["request_too_large"] * 2


@pytest.mark.parametrize(
    ("headers", "seconds"), [({"retry_after": "16"}, 16.0), ({"retry_after_ms": "250"}, 0.25), ({}, None)]
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    """The server's hint is in seconds, None when it gives none."""
    found = _error(429, _said("rate_limit_error", "slow down"), **headers)

    assert isinstance(found, RateLimitError)
    assert found.retry_after == seconds


@pytest.mark.parametrize(("status", "word", "retried"), [(429, "false", False), (400, "true", True), (500, "x", True)])
def test_should_retry(status: int, word: str, retried: bool) -> None:
    """The server's word about trying again wins."""
    assert _error(status, _said("api_error", "?"), x_should_retry=word).retry_here is retried


def test_conflicts_do_not_speak_against_the_provider() -> None:
    """A conflict is nobody's failure."""
    assert _error(409, _said("conflict_error", "Conflict")).provider_fault is False


@pytest.mark.parametrize(
    ("message", "parameter"),
    [
        ("temperature: Extra inputs are not permitted", "temperature"),
        ("`top_p` is deprecated for this model.", "top_p"),
        ("tools.0.custom.input_schema.type: Field required", "tools.0.custom.input_schema.type"),
        ("Schema is too complex for compilation.", None),
    ],
)
def test_the_field_blamed(message: str, parameter: str | None) -> None:
    """A message that begins with a field names it as the parameter."""
    found = _error(400, _said("invalid_request_error", message))

    assert isinstance(found, InvalidRequestError)
    assert found.parameter == parameter


@pytest.mark.parametrize("body", [b"", b"<html>502 Bad Gateway</html>", b"[]", b'"x"', b'{"error": 1}', b'{"error": {'])
def test_bodies_that_say_nothing(body: bytes) -> None:
    """The status still tells; type and length of the body stand in the message, its text does not."""
    found = _error(502, body, content_type="text/html")

    assert type(found) is ProviderError
    assert found.message == (f"the provider gave no readable reason (text/html, {len(body)} bytes) (status 502)")


def test_long_messages_are_cut() -> None:
    """A message fits a log line."""
    assert len(_error(400, _said("invalid_request_error", "x" * 9000)).message) < 1100


def test_without_a_hint_the_reset_of_what_is_used_up_counts() -> None:
    """Limit headers tell when the limit that ran out is full again; those with something left do not count."""
    error = _error(
        429,
        _said("rate_limit_error", "slow down"),
        date="Wed, 21 Oct 2026 12:00:00 GMT",
        anthropic_ratelimit_requests_remaining="0",
        anthropic_ratelimit_requests_reset="2026-10-21T12:00:30Z",
        anthropic_ratelimit_tokens_remaining="17",
        anthropic_ratelimit_tokens_reset="2026-10-21T13:00:00Z",
    )

    assert isinstance(error, RateLimitError)
    assert error.retry_after == pytest.approx(30.0)


def test_a_reset_that_is_no_time_is_no_hint() -> None:
    """What cannot be read counts as not said."""
    error = _error(
        429,
        _said("rate_limit_error", "slow down"),
        anthropic_ratelimit_requests_remaining="0",
        anthropic_ratelimit_requests_reset="soon",
    )

    assert isinstance(error, RateLimitError)
    assert error.retry_after is None
