"""Make typed errors of what a server answers with a status of 400 and above, or inside an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway.error_statuses import no_reason
from litellm_gateway.errors import (
    GatewayError,
    InvalidRequestError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
)
from litellm_gateway.retry_after import read_retry_after
from litellm_gateway.wire_shapes import read_object

from litellm_gateway_dialect_openai.error_kinds import kind_of_error
from litellm_gateway_dialect_openai.error_report import ErrorReport, report_of, report_of_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_gateway.wire import WireResponse

_NO_HEADERS: Mapping[str, str] = {}
_MODEL_FAULTS = frozenset({"tool_use_failed", "json_validate_failed", "output_parse_failed"})
_REQUEST_IDS = ("x-request-id", "apim-request-id", "x-ms-request-id", "cf-ray")


def error_of_status(response: WireResponse) -> GatewayError:
    """Name the error behind a status of 400 and above."""
    report = report_of_bytes(response.body)
    if not report.message:
        return _make(response.status, report, response.headers, message=no_reason("the provider", response))
    return _make(response.status, report, response.headers)


def error_in_answer(body: dict[str, Any], response: WireResponse) -> GatewayError | None:
    """Give the error that a whole answer with a good status holds, None when it holds none."""
    if not body.get("error") and body.get("object") != "error":
        return None
    report = report_of(body)
    return _make(report.status or response.status, report, response.headers)


def error_in_stream(body: dict[str, Any], event_name: str) -> GatewayError | None:
    """Give the error that one event of a stream holds, None when it holds none."""
    if not body.get("error") and body.get("object") != "error" and event_name != "error":
        return None
    report = report_of(body)
    return _make(report.status or 200, report, _NO_HEADERS)


def read_body(response: WireResponse, name: str) -> dict[str, Any]:
    """Decode the object a server answers with; what it reports in place of an answer is raised."""
    body = read_object(response.body, name)
    failure = error_in_answer(body, response)
    if failure is not None:
        raise failure
    return body


def _make(status: int, report: ErrorReport, headers: Mapping[str, str], *, message: str | None = None) -> GatewayError:
    kind = kind_of_error(status, report)
    shown = message or report.message or "the provider reported an error without a message"
    fields: dict[str, Any] = {
        "status_code": status,
        "code": report.code,
        "request_id": next((headers[name] for name in _REQUEST_IDS if name in headers), None),
    }
    if issubclass(kind, InvalidRequestError):
        fields["parameter"] = report.parameter or report.place
    if issubclass(kind, RateLimitError | ProviderError):
        # A router quotes the limit of its upstream; what it quotes of other errors may be the prompt.
        said = report.text if issubclass(kind, RateLimitError) else report.message
        fields["retry_after"] = read_retry_after(headers, said)
    error = kind(f"{shown} (status {status})", **fields)
    _set_flags(error, status, report, headers)
    return error


def _set_flags(error: GatewayError, status: int, report: ErrorReport, headers: Mapping[str, str]) -> None:
    """Heed what the server says about trying again, but never over a bill that is due."""
    if status in (409, 499) or _MODEL_FAULTS & report.words:
        error.provider_fault = False
    if isinstance(error, RateLimitError) and (status == 413 or "request too large" in report.text):
        error.retry_here = False  # one request above the limit of a whole minute never fits
    advice = headers.get("x-should-retry", "").strip().lower()
    if advice in ("true", "false") and not isinstance(error, QuotaExceededError):
        error.retry_here = advice == "true"
