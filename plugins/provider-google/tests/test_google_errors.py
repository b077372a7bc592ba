"""Which typed error each of Google's bodies becomes, and when to come back."""

from __future__ import annotations

import json
from typing import Any

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
from litellm_gateway.wire import WireResponse
from litellm_gateway_provider_google.errors import error_of_status


def _error(
    status: int, message: str = "", word: str = "", *details: Any, headers: dict[str, str] | None = None
) -> GatewayError:
    body = {"error": {"code": status, "message": message, "status": word, "details": list(details)}}
    return error_of_status(WireResponse(status=status, headers=headers or {}, body=json.dumps(body).encode()))


def _info(reason: str, **metadata: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "metadata": metadata}


def _quota(*ids: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": name} for name in ids]}


RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17.5s"}


@pytest.mark.parametrize(
    ("status", "message", "word", "details", "kind"),
    [
        (400, "API key not valid. Please pass a valid API key.", "INVALID_ARGUMENT", (), AuthenticationError),
        (400, "x", "INVALID_ARGUMENT", (_info("API_KEY_INVALID"),), AuthenticationError),
        (401, "invalid authentication credentials", "UNAUTHENTICATED", (), AuthenticationError),
        (403, "Your API key was reported as leaked.", "PERMISSION_DENIED", (), AuthenticationError),
        (403, "denied", "PERMISSION_DENIED", (_info("SERVICE_DISABLED"),), PermissionDeniedError),
        (403, "denied", "PERMISSION_DENIED", (_info("BILLING_DISABLED"),), QuotaExceededError),
        (400, "User location is not supported for the API use.", "FAILED_PRECONDITION", (), PermissionDeniedError),
        (404, "models/x is not found for API version v1beta", "NOT_FOUND", (), ModelNotFoundError),
        (404, "Not found: cache content metadata 17.", "NOT_FOUND", (), InvalidRequestError),
        (400, "The input token count (9) exceeds the maximum number of tokens allowed (8).", "INVALID_ARGUMENT", (),
         ContextWindowExceededError),
        (400, "The input token count exceeds the maximum", "INVALID_ARGUMENT", (), ContextWindowExceededError),
        (400, "JSON mode is not enabled for models/x", "INVALID_ARGUMENT", (), UnsupportedParameterError),
        (400, "Function call is missing a thought_signature in functionCall parts.", "INVALID_ARGUMENT", (),
         InvalidRequestError),
        (413, "Request payload size exceeds the limit: 20971520 bytes.", "INVALID_ARGUMENT", (), InvalidRequestError),
        (409, "aborted", "ABORTED", (), ProviderError),
        (499, "cancelled", "CANCELLED", (), ProviderError),
        (429, "check your plan and billing details", "RESOURCE_EXHAUSTED", (_quota("RequestsPerMinute"),),
         RateLimitError),
        (429, "x", "RESOURCE_EXHAUSTED", (_quota("RequestsPerMinute", "GenerateRequestsPerDayPerProject"),),
         QuotaExceededError),
        (429, "x", "RESOURCE_EXHAUSTED", (_info("RATE_LIMIT_EXCEEDED", quota_limit_value="0"),), QuotaExceededError),
        (429, "Quota exceeded for metric: free_tier_requests, limit: 0, model: x", "RESOURCE_EXHAUSTED", (),
         QuotaExceededError),
        (429, "Your prepayment credits are depleted.", "RESOURCE_EXHAUSTED", (), QuotaExceededError),
        (402, "pay", "", (), QuotaExceededError),
        (500, "Internal error encountered.", "INTERNAL", (), ProviderError),
        (501, "not implemented", "UNIMPLEMENTED", (), UnsupportedParameterError),
        (503, "The model is overloaded.", "UNAVAILABLE", (), ProviderOverloadedError),
        (504, "deadline", "DEADLINE_EXCEEDED", (), ProviderTimeoutError),
    ],
)  # fmt: skip
def test_kinds(status: int, message: str, word: str, details: tuple[Any, ...], kind: type[GatewayError]) -> None:
    """Reason, phrase and status decide, in this order."""
    error = _error(status, message, word, *details)

    assert type(error) is kind
    assert error.status_code == status
    assert message in error.message


def test_code_is_the_most_precise_word() -> None:
    """The reason of ``ErrorInfo`` goes before the status word."""
    assert _error(400, "x", "INVALID_ARGUMENT", _info("API_KEY_INVALID")).code == "API_KEY_INVALID"
    assert _error(429, "x", "RESOURCE_EXHAUSTED", _quota("PerMinute")).code == "RESOURCE_EXHAUSTED"


@pytest.mark.parametrize(
    ("headers", "details", "message", "seconds"),
    [
        ({"retry-after": "3"}, (RETRY,), "x", 3.0),
        ({}, (RETRY,), "Please retry in 60s.", 17.5),
        ({}, (), "Please retry in 34.07s.", 34.07),
        ({}, (), "Please try again later.", None),
        ({}, ({**RETRY, "retryDelay": "999999999s"},), "x", 7 * 24 * 3600.0),
        ({}, ({**RETRY, "retryDelay": 17},), "x", None),
    ],
)
def test_when_to_come_back(
    headers: dict[str, str], details: tuple[Any, ...], message: str, seconds: float | None
) -> None:
    """The header, then ``RetryInfo`` of the body, then the text."""
    error = _error(429, message, "RESOURCE_EXHAUSTED", *details, headers=headers)

    assert isinstance(error, RateLimitError)
    assert error.retry_after == seconds
    assert error.retry_here


def test_a_spent_quota_is_not_retried() -> None:
    """The day's quota comes back at midnight, not in seconds; the hint is kept."""
    error = _error(429, "x", "RESOURCE_EXHAUSTED", _quota("RequestsPerDay"), RETRY)

    assert isinstance(error, QuotaExceededError)
    assert not error.retry_here
    assert error.retry_after == 17.5


def test_the_parameter_to_blame() -> None:
    """A field violation or an unknown name tells it."""
    violation = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field": "contents"}]}
    unknown = "Invalid JSON payload received. Unknown name \"topZ\" at 'generation_config': Cannot find field."

    blamed, unnamed = _error(400, "x", "INVALID_ARGUMENT", violation), _error(400, unknown, "INVALID_ARGUMENT")

    assert isinstance(blamed, InvalidRequestError)
    assert blamed.parameter == "contents"
    assert isinstance(unnamed, UnsupportedParameterError)
    assert unnamed.parameter == "topZ"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (502, b"<html><body>Bad Gateway</body></html>", ProviderError),
        (503, b"", ProviderOverloadedError),
        (404, b"", ModelNotFoundError),
        (429, b"[]", RateLimitError),
        (400, b'{"error": "flat text"}', InvalidRequestError),
        (400, b"null", InvalidRequestError),
        (401, b'{"error": {"message"', AuthenticationError),
    ],
)
def test_bodies_that_say_little(status: int, body: bytes, kind: type[GatewayError]) -> None:
    """The status alone decides; nothing of HTML reaches the message."""
    error = error_of_status(WireResponse(status=status, headers={"content-type": "text/html"}, body=body))

    assert type(error) is kind
    assert "<html>" not in error.message


def test_an_error_in_a_list() -> None:
    """Streams without ``alt=sse`` wrap it."""
    body = [{"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}]

    error = error_of_status(WireResponse(status=503, headers={}, body=json.dumps(body).encode()))

    assert isinstance(error, ProviderOverloadedError)
    assert "overloaded" in error.message


def test_a_conflict_is_not_the_providers_fault() -> None:
    """409 and 499 do not speak against its health."""
    assert not _error(409, "x", "ABORTED").provider_fault
    assert _error(500, "x", "INTERNAL").provider_fault
