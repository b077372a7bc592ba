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
from litellm_gateway.framing import ServerEvent
from litellm_gateway.wire import WireResponse
from litellm_gateway_dialect_openai import OpenAIChatDialect
from litellm_gateway_dialect_openai.chat_stream import ChatStreamDecoder

GEMINI = (
    "You exceeded your current quota, please check your plan and billing details.\n"
    "* Quota exceeded for metric: generate_content_free_tier_requests, limit: {limit}\nPlease retry in 38.44s."
)
TOO_LONG = (
    "This model's maximum prompt length is 131072 but the request contains 205037 tokens.",
    "The decoder prompt (length 5000) is longer than the maximum model length of 4096.",
    "The engine prompt length 5000 exceeds the max_model_len 4096. Please reduce prompt.",
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 8000 `inputs` tokens",
    "Input validation error: `inputs` must have less than 1024 tokens. Given: 2000",
    "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    "Invalid request: Your request exceeded model token limit: 131072",
)


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
        (400, {"message": "Your prompt was flagged.", "code": "invalid_prompt"}, ContentFilteredError),
        (400, {"message": "This may be violating our usage policy."}, ContentFilteredError),
        (400, {"message": "Content Exists Risk", "code": "invalid_request_error"}, ContentFilteredError),
        (400, {"message": "The prompt is empty.", "code": "invalid_prompt"}, InvalidRequestError),
        (400, {"message": "Model Not Exist", "code": "invalid_request_error"}, ModelNotFoundError),
        (400, {"message": "The file does not exist."}, InvalidRequestError),
        (400, {"message": "Extra inputs are not permitted"}, UnsupportedParameterError),
        (403, {"message": "Your team doesn't have any credits yet."}, QuotaExceededError),
        (403, {"message": "Your team has used all available credits."}, QuotaExceededError),
        (403, {"message": "Your key may not use this endpoint."}, PermissionDeniedError),
        (412, {"message": "Account x is suspended: the monthly spending limit is reached."}, QuotaExceededError),
        (412, {"message": "The deployment is not ready."}, InvalidRequestError),
        (429, {"message": "Your prepayment credits are depleted."}, QuotaExceededError),
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
        (500, {"type": "exceed_context_size_error"}, ContextWindowExceededError),
        (500, {"message": "Context size has been exceeded.", "type": "server_error"}, ContextWindowExceededError),
        (500, {"message": "Out of memory: load the model with a smaller context size."}, ProviderError),
        (503, {"message": "The context length is exceeded by many, wait."}, ProviderOverloadedError),
        *((status, {"message": message}, ContextWindowExceededError) for message in TOO_LONG for status in (400, 422)),
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


@pytest.mark.parametrize(
    ("message", "details", "kind"),
    [
        (GEMINI.format(limit=10), [], RateLimitError),
        (GEMINI.format(limit=0), [], QuotaExceededError),
        (GEMINI.format(limit=250), ["GenerateRequestsPerMinutePerProjectPerModel-FreeTier"], RateLimitError),
        (GEMINI.format(limit=250), ["GenerateRequestsPerDayPerProjectPerModel-FreeTier"], QuotaExceededError),
        ("You exceeded your current quota, please check your plan.", [], RateLimitError),
    ],
)
@pytest.mark.parametrize("routed", [False, True])
def test_geminis_limit_of_a_minute_is_no_bill(
    message: str, details: list[str], kind: type[GatewayError], *, routed: bool
) -> None:
    """Google says both in one sentence, itself and through a router: quota and limit tell them apart."""
    violations = [{"violations": [{"quotaId": quota}]} for quota in details]
    google = {"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": violations}}
    router = {"error": {"code": 429, "message": "Provider returned error", "metadata": {"raw": json.dumps(google)}}}

    error = _error(429, router if routed else [google])

    assert type(error) is kind
    assert isinstance(error, RateLimitError)
    assert error.retry_after == (38.44 if "retry in" in message else None)


def test_openais_own_bill_stays_one() -> None:
    """The same sentence without Google's words is a bill that is due."""
    error = _error(429, {"error": {"message": "You exceeded your current quota, please check your plan."}})

    assert isinstance(error, QuotaExceededError)


def test_the_wait_is_not_read_from_a_quoted_prompt() -> None:
    """Only a limit's wait is looked for in what a router quotes."""
    body = {"error": {"code": 502, "message": "Provider returned error", "metadata": {"raw": "Please retry in 50s."}}}

    error = _error(502, body)

    assert isinstance(error, ProviderError)
    assert error.retry_after is None


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


@pytest.mark.parametrize(
    ("event", "data", "kind"),
    [
        ("error", {"error": {"message": "The prompt is greater than the context length."}}, ContextWindowExceededError),
        ("", {"error": {"code": 500, "message": "Context size has been exceeded."}}, ContextWindowExceededError),
        ("error", {"code": 400, "message": "exceeds the available context size"}, ContextWindowExceededError),
        ("error", {"error": {"message": "The answer was flagged."}}, ContentFilteredError),
        ("error", {"error": {"message": "No memory for this context size."}}, ProviderError),
        ("", {"error": {"code": "invalid_prompt", "message": "The prompt is empty."}}, InvalidRequestError),
        ("", {"error": {"code": "invalid_prompt", "message": "Your prompt was flagged."}}, ContentFilteredError),
    ],
)
def test_errors_inside_a_stream(event: str, data: dict[str, Any], kind: type[GatewayError]) -> None:
    """What overflows or is filtered is told by its words, though neither status nor type blames the request."""
    with pytest.raises(GatewayError) as caught:
        ChatStreamDecoder().feed(ServerEvent(event, json.dumps(data).encode()))

    assert type(caught.value) is kind
