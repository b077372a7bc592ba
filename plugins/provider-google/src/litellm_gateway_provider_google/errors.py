"""Make typed errors of what Google answers with a status of 400 and above, or inside an answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from litellm_gateway.error_statuses import USUAL_ERRORS, kind_of_status, no_reason
from litellm_gateway.errors import (
    AuthenticationError,
    ContextWindowExceededError,
    GatewayError,
    InvalidRequestError,
    ModelNotFoundError,
    PermissionDeniedError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
    UnsupportedParameterError,
)
from litellm_gateway.retry_after import LONGEST_WAIT, read_retry_after
from litellm_gateway.wire_shapes import read_object

from litellm_gateway_provider_google.error_report import ErrorReport, report_of, report_of_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_gateway.wire import WireResponse

_NO_HEADERS: Mapping[str, str] = {}
_KEY_REASONS: Final = frozenset({"API_KEY_INVALID", "API_KEY_EXPIRED", "ACCESS_TOKEN_EXPIRED", "CREDENTIALS_MISSING"})
_BAD_KEY = re.compile(r"api key (not valid|expired|not found)|api key was reported as leaked|pass a valid api key")
_TOO_LONG = re.compile(r"(input|prompt|request).{0,40}token.{0,40}exceed|exceeds the maximum number of tokens")
_NOT_SUPPORTED = re.compile(
    r"is not enabled for|not supported (by|for|in|with) (this|the|model)|does not support|"
    r"unknown name|unsupported (value|parameter|field)"
)
_NOT_ALLOWED = re.compile(r"location is not supported|not available in your (country|region)")
_SPENT = re.compile(
    r"(enable|no|inactive) billing|billing (account|is disabled)|spend(ing)? (cap|limit)|limit: 0\b|"
    r"prepay\w* (credits?|balance)|credits? (is|are) (depleted|exhausted|used up)"
)
"""Not "check your plan and billing details", which every limit of the minute says too."""
_UNKNOWN_NAME = re.compile(r"unknown name \"?([\w.]{1,60})", re.IGNORECASE)
_BY_STATUS: Final[dict[int, type[GatewayError]]] = {**USUAL_ERRORS, 501: UnsupportedParameterError}
_TOLD_BY_WORDS: Final = (InvalidRequestError, ModelNotFoundError, PermissionDeniedError)


def error_of_status(response: WireResponse) -> GatewayError:
    """Name the error behind a status of 400 and above."""
    report = report_of_bytes(response.body)
    if report.message:
        return _make(response.status, report, response.headers, report.message)
    return _make(response.status, report, response.headers, no_reason("Google", response))


def error_in_answer(body: dict[str, Any]) -> GatewayError | None:
    """Give the error that an answer with a good status, or one event of a stream, holds; None when it holds none."""
    if not body.get("error"):
        return None
    report = report_of(body)
    return _make(report.status or 500, report, _NO_HEADERS, report.message or "Google reported an error without words")


def read_body(response: WireResponse, name: str) -> dict[str, Any]:
    """Decode the object Google answers with; what it reports in place of an answer is raised."""
    body = read_object(response.body, name)
    failure = error_in_answer(body)
    if failure is not None:
        raise failure
    return body


def _make(status: int, report: ErrorReport, headers: Mapping[str, str], message: str) -> GatewayError:
    kind = _kind(status, report)
    fields: dict[str, Any] = {"status_code": status, "code": report.code}
    if issubclass(kind, InvalidRequestError):
        fields["parameter"] = report.parameter or _unknown_name(report)
    if issubclass(kind, RateLimitError | ProviderError):
        fields["retry_after"] = _retry_after(report, headers)
    error = kind(f"{message} (status {status})", **fields)
    if status in (409, 499):
        error.provider_fault = False
    return error


def _kind(status: int, report: ErrorReport) -> type[GatewayError]:
    kind = kind_of_status(status, _BY_STATUS)
    if kind is RateLimitError and _is_spent(report):
        return QuotaExceededError
    return _refused(status, report) if kind in _TOLD_BY_WORDS else kind


def _refused(status: int, report: ErrorReport) -> type[GatewayError]:
    """Tell apart the reasons behind 400, 403, 404 and their like: a wrong key is 400 on the Gemini API."""
    if report.reasons & _KEY_REASONS or _BAD_KEY.search(report.text):
        return AuthenticationError
    if "BILLING_DISABLED" in report.reasons or (status in (400, 403) and "enable billing" in report.text):
        return QuotaExceededError
    if status == 403 or _NOT_ALLOWED.search(report.text):
        return PermissionDeniedError
    if _TOO_LONG.search(report.text):
        return ContextWindowExceededError
    if status == 404:
        return ModelNotFoundError if not report.text or "model" in report.text else InvalidRequestError
    return UnsupportedParameterError if _NOT_SUPPORTED.search(report.text) else InvalidRequestError


def _is_spent(report: ErrorReport) -> bool:
    """Tell a quota of the day, or none at all, from one of the minute, which waiting mends."""
    daily = any("perday" in quota.lower() or quota == "0" for quota in report.quotas)
    return daily or _SPENT.search(report.text) is not None


def _retry_after(report: ErrorReport, headers: Mapping[str, str]) -> float | None:
    """The header goes before the body's own hint, and that before the text."""
    hint = read_retry_after(headers)
    if hint is None and report.retry_delay is not None:
        hint = min(report.retry_delay, LONGEST_WAIT)
    return read_retry_after({}, report.text) if hint is None else hint


def _unknown_name(report: ErrorReport) -> str | None:
    found = _UNKNOWN_NAME.search(report.message)
    return found.group(1) if found else None
