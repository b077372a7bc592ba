"""Make typed errors of what Cohere answers with a status of 400 and above, or inside an answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from litellm_gateway.error_statuses import USUAL_ERRORS, kind_of_status, no_reason
from litellm_gateway.errors import (
    AuthenticationError,
    ContentFilteredError,
    ContextWindowExceededError,
    GatewayError,
    InvalidRequestError,
    ModelNotFoundError,
    ProviderError,
    ProviderOverloadedError,
    ProviderTimeoutError,
    QuotaExceededError,
    RateLimitError,
    UnsupportedParameterError,
)
from litellm_gateway.retry_after import read_retry_after
from litellm_gateway.wire_shapes import read_object, read_or_none

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_gateway.wire import WireResponse

_LONGEST_MESSAGE: Final = 1000
_NO_HEADERS: Mapping[str, str] = {}

_BY_STATUS: Final[dict[int, type[GatewayError]]] = {
    **USUAL_ERRORS,
    498: AuthenticationError,
    501: UnsupportedParameterError,
}
_OVER_QUOTA: Final = re.compile(r"calls? ?(/|per|a) ?month|monthly|billing|payment method|credit|spend(ing)? limit")
_REFUSED: Final[tuple[tuple[type[GatewayError], re.Pattern[str]], ...]] = (
    (AuthenticationError, re.compile(r"(invalid|incorrect) api (key|token)|no api key supplied")),
    (
        ContextWindowExceededError,
        re.compile(r"too many tokens|context (length|window)|size limit exceeded|prompt (is )?too long"),
    ),
    (ModelNotFoundError, re.compile(r"model\b.{0,120}?(not found|does not exist|was removed|no longer)|unknown model")),
    (
        UnsupportedParameterError,
        re.compile(r"not support|unsupported|unknown field|unknown parameter|is not a valid field"),
    ),
    (ContentFilteredError, re.compile(r"blocked (input|output|prompt)|content (policy|filter)|usage guidelines")),
)
"""What a 400, 413 or 422 complains about, by phrases of its message; the first that fits decides."""


_REPORTED: Final[tuple[tuple[type[GatewayError], re.Pattern[str]], ...]] = (
    (QuotaExceededError, re.compile(r"calls? ?(/|per|a) ?month|payment method|spend(ing)? limit")),
    (RateLimitError, re.compile(r"rate ?limit|too many requests")),
    (ProviderOverloadedError, re.compile(r"overloaded|temporarily unavailable|service unavailable|no capacity")),
    (ProviderTimeoutError, re.compile(r"timed out|time-?out\b")),
    *_REFUSED[1:],
)
"""The same where no status tells: an error inside an answer."""


def error_of_status(response: WireResponse) -> GatewayError:
    """Name the error behind a status of 400 and above; its body is ``{"id", "message"}``, or none of Cohere's."""
    body = _read(response.body)
    message = _message(body)
    shown = message or no_reason("Cohere", response)
    kind = _kind(response.status, message.lower())
    return _make(kind, shown, response.status, body, response.headers)


def error_in_answer(body: dict[str, Any], response: WireResponse) -> GatewayError | None:
    """Give the error that a whole answer with a good status holds, None when it holds none."""
    message = body.get("error") if isinstance(body.get("error"), str) else body.get("message")
    if not isinstance(message, str) or not message:
        return None
    return _make(_kind_by_words(body, message.lower()), message, response.status, body, response.headers)


def error_in_stream(body: dict[str, Any], event_name: str) -> GatewayError | None:
    """Give the error that one event of a stream holds, None when it holds none."""
    delta = body.get("delta")
    reported = delta if isinstance(delta, dict) and delta.get("error") else None
    if reported is None and (body.get("type") == "error" or event_name == "error" or "type" not in body):
        reported = body if _message(body) or event_name == "error" or "type" in body else None
    if reported is None:
        return None
    message = _message(reported) or "Cohere reported an error without a message"
    return _make(_kind_by_words(reported, message.lower()), message, 200, reported, _NO_HEADERS)


def read_body(response: WireResponse, name: str) -> dict[str, Any]:
    """Decode the object Cohere answers with; what it reports in place of an answer is raised."""
    body = read_object(response.body, name)
    failure = error_in_answer(body, response)
    if failure is not None:
        raise failure
    return body


def _read(data: bytes) -> dict[str, Any]:
    value = read_or_none(data)
    return value if isinstance(value, dict) else {}


def _message(body: dict[str, Any]) -> str:
    for name in ("message", "error", "detail"):
        value = body.get(name)
        if isinstance(value, dict):  # gateways put in front of Cohere nest it
            value = value.get("message")
        if isinstance(value, str) and value:
            return value[:_LONGEST_MESSAGE]
    return ""


def _kind(status: int, text: str) -> type[GatewayError]:
    kind = kind_of_status(status, _BY_STATUS)
    if kind is RateLimitError and _OVER_QUOTA.search(text):
        return QuotaExceededError
    if kind is not InvalidRequestError:
        return kind
    return next((refused for refused, phrase in _REFUSED if phrase.search(text)), InvalidRequestError)


def _kind_by_words(report: dict[str, Any], text: str) -> type[GatewayError]:
    """Judge an error inside a good status: what names no mistake of the caller is the provider's."""
    if report.get("finish_reason") == "TIMEOUT":
        return ProviderTimeoutError
    return next((kind for kind, phrase in _REPORTED if phrase.search(text)), ProviderError)


def _make(
    kind: type[GatewayError], message: str, status: int, body: dict[str, Any], headers: Mapping[str, str]
) -> GatewayError:
    code = body.get("error_type") or body.get("code")
    request_id = headers.get("x-debug-trace-id") or body.get("id")
    fields: dict[str, Any] = {
        "status_code": status,
        "code": code if isinstance(code, str) else None,
        "request_id": request_id if isinstance(request_id, str) else None,
    }
    if issubclass(kind, RateLimitError | ProviderError):
        fields["retry_after"] = read_retry_after(headers, message)
    error = kind(f"{message[:_LONGEST_MESSAGE]} (status {status})", **fields)
    if status in (409, 499) or code == "INVALID_TOOL_GENERATION":
        error.provider_fault = False  # a conflict, a call broken off, tools the model could not call
    return error
