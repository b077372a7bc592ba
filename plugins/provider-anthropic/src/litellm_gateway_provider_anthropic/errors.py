"""Make typed errors of what Anthropic answers with a status of 400 and above, or inside an answer or a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from litellm_gateway.error_statuses import no_reason
from litellm_gateway.errors import (
    GatewayError,
    InvalidRequestError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
)
from litellm_gateway.retry_after import LONGEST_WAIT, read_retry_after, seconds_until
from litellm_gateway.wire_shapes import read_object, read_or_none

from litellm_gateway_provider_anthropic.error_kinds import ErrorReport, blamed_parameter, kind_of_error

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from litellm_gateway.wire import WireResponse

_LONGEST_MESSAGE: Final = 1000
_LIMITS: Final = "anthropic-ratelimit-"
_NO_HEADERS: Mapping[str, str] = {}


def error_of_status(response: WireResponse) -> GatewayError:
    """Name the error behind a status of 400 and above."""
    report = report_of(read_or_none(response.body))
    if not report.message:
        return _make(response.status, report, response.headers, message=no_reason("the provider", response))
    return _make(response.status, report, response.headers)


def error_in_answer(body: dict[str, Any], response: WireResponse) -> GatewayError | None:
    """Give the error that an answer with a good status holds, None when it holds none."""
    if body.get("type") != "error" and not body.get("error"):
        return None
    return _make(response.status, report_of(body), response.headers)


def error_in_stream(event: dict[str, Any]) -> GatewayError:
    """Give the error an ``error`` event reports."""
    return _make(200, report_of(event), _NO_HEADERS)


def read_body(response: WireResponse, name: str) -> dict[str, Any]:
    """Decode the object Anthropic answers with; what it reports in place of an answer is raised."""
    body = read_object(response.body, name)
    failure = error_in_answer(body, response)
    if failure is not None:
        raise failure
    return body


def report_of(value: Any) -> ErrorReport:
    """Read a decoded error body: the error under ``error``, or the body itself."""
    if not isinstance(value, dict):
        return ErrorReport()
    inner = value.get("error")
    error = inner if isinstance(inner, dict) else value
    details = error.get("details")
    request_id = value.get("request_id")
    return ErrorReport(
        message=(_text(error.get("message")) or _text(inner))[:_LONGEST_MESSAGE],
        type=_text(error.get("type")),
        code=_text(details.get("error_code")) if isinstance(details, dict) else "",
        request_id=_text(request_id) or None,
    )


def _reset_of_what_is_used_up(headers: Mapping[str, str]) -> float | None:
    """Give the seconds until every limit with nothing left is full again, None when none is told."""
    waits = [
        seconds_until(moment, headers)
        for kind in ("requests", "tokens", "input-tokens", "output-tokens")
        if headers.get(f"{_LIMITS}{kind}-remaining") == "0"
        and (moment := _moment(headers.get(f"{_LIMITS}{kind}-reset"))) is not None
    ]
    return min(max(waits), LONGEST_WAIT) if waits else None


def _moment(value: str | None) -> datetime | None:
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(value or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _make(status: int, report: ErrorReport, headers: Mapping[str, str], *, message: str | None = None) -> GatewayError:
    kind = kind_of_error(status, report)
    shown = message or report.message or "the provider reported an error without a message"
    fields: dict[str, Any] = {
        "status_code": status,
        "code": report.code or report.type or None,
        "request_id": headers.get("request-id") or report.request_id,
    }
    if issubclass(kind, InvalidRequestError):
        fields["parameter"] = blamed_parameter(report.message)
    if issubclass(kind, RateLimitError | ProviderError):
        hint = read_retry_after(headers, report.message)
        fields["retry_after"] = _reset_of_what_is_used_up(headers) if hint is None else hint
    error = kind(f"{shown} (status {status})", **fields)
    if status in (409, 499) or report.type == "conflict_error":
        error.provider_fault = False
    advice = headers.get("x-should-retry", "").strip().lower()
    if advice in ("true", "false") and not isinstance(error, QuotaExceededError):
        error.retry_here = advice == "true"
    return error
