"""Decide which of the gateway's errors a status and Anthropic's words amount to."""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen
from litellm_gateway.error_statuses import USUAL_ERRORS, kind_of_status
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


@frozen(kw_only=True)
class ErrorReport:
    """Anthropic's own words about an error; ``""`` for what it did not say.

    Attributes:
        message: Its message, cut to a length that fits a log line.
        type: Kind of error, such as ``rate_limit_error``.
        code: The finer ``error_code`` of some errors.
        request_id: Its id of the exchange.
    """

    message: str = ""
    type: str = ""
    code: str = ""
    request_id: str | None = None


_BY_TYPE: Final[dict[str, type[GatewayError]]] = {
    "authentication_error": AuthenticationError,
    "billing_error": QuotaExceededError,
    "permission_error": PermissionDeniedError,
    "not_found_error": ModelNotFoundError,
    "request_too_large": InvalidRequestError,
    "rate_limit_error": RateLimitError,
    "timeout_error": ProviderTimeoutError,
    "overloaded_error": ProviderOverloadedError,
    "api_error": ProviderError,
    "conflict_error": ProviderError,
    "invalid_request_error": InvalidRequestError,
}
_BY_STATUS: Final[dict[int, type[GatewayError]]] = {**USUAL_ERRORS, 524: ProviderTimeoutError}
_CODES_OF_BILLING: Final = frozenset({"enforced_spend_limit_reached", "credit_balance_too_low"})

_OVER_QUOTA = re.compile(r"credit balance is too low|spend(ing)? limit|api usage limits|purchase credits")
_TOO_LONG = re.compile(
    r"prompt is too long|exceeds? (the )?(model'?s? )?((maximum|available) )?context|context (window|limit|length)|"
    r"input is too long|too many (input )?tokens"
)
_FILTERED = re.compile(r"content filtering policy|usage policy|blocked by content")
_NOT_SUPPORTED = re.compile(
    r"extra inputs are not permitted|not support|unsupported|deprecated for this model|"
    r"not available (on|for) this model"
)
_OTHER_THING = re.compile(r"\b(file|skill|container|batch|session|workspace|mcp|environment|memory)")
_PARAMETER = re.compile(r"[`\"']?([a-z_]+(?:\.[a-z0-9_]+)*)[`\"']?(?::| is deprecated| is not supported)")


def kind_of_error(status: int, report: ErrorReport) -> type[GatewayError]:
    """Give the class; ``status`` below 400 means that only the words tell."""
    text = report.message.lower()
    kind = _BY_STATUS.get(status) or _BY_TYPE.get(report.type) or kind_of_status(status)
    if report.code in _CODES_OF_BILLING or (issubclass(kind, _REFUSALS) and _OVER_QUOTA.search(text)):
        return QuotaExceededError
    if kind is ProviderError and "overloaded" in text:
        return ProviderOverloadedError
    if kind is ModelNotFoundError and not text.startswith("model") and _OTHER_THING.search(text):
        return InvalidRequestError
    return _refused(text) if kind is InvalidRequestError else kind


_REFUSALS: Final = (InvalidRequestError, RateLimitError, PermissionDeniedError)


def _refused(text: str) -> type[GatewayError]:
    """Tell apart the reasons behind a refused request."""
    if _TOO_LONG.search(text):
        return ContextWindowExceededError
    if _FILTERED.search(text):
        return ContentFilteredError
    if "organization has been disabled" in text:
        return PermissionDeniedError
    if text.startswith("model:"):
        return ModelNotFoundError
    return UnsupportedParameterError if _NOT_SUPPORTED.search(text) else InvalidRequestError


def blamed_parameter(message: str) -> str | None:
    """Give the field a message begins with (``"temperature: Extra inputs ..."``), None when it names none."""
    found = _PARAMETER.match(message)
    return found.group(1) if found else None
