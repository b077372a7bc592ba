"""Find what Google says went wrong, in any of the shapes such bodies come in."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen
from litellm_gateway.retry_after import parse_duration
from litellm_gateway.wire_shapes import read_or_none

_LONGEST_MESSAGE = 1000
_LONGEST_TEXT = 4000
_STATUS_OF_CODE = {
    "INVALID_ARGUMENT": 400, "FAILED_PRECONDITION": 400, "OUT_OF_RANGE": 400, "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403, "NOT_FOUND": 404, "ABORTED": 409, "ALREADY_EXISTS": 409, "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499, "UNKNOWN": 500, "INTERNAL": 500, "DATA_LOSS": 500, "UNIMPLEMENTED": 501, "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}  # fmt: skip
"""From ``google/rpc/code.proto``."""


@frozen(kw_only=True)
class ErrorReport:
    """Google's own words about an error.

    Attributes:
        message: Its message, cut to a length that fits a log line; ``""`` when it gave none.
        code: The reason of its ``ErrorInfo``, else its status word.
        reasons: Every reason it names, upper case.
        status: HTTP status named inside the body, None when none is.
        retry_delay: Seconds its ``RetryInfo`` asks to wait.
        quotas: Ids of the quotas that ran out, and the value of a quota that is zero as ``"0"``.
        parameter: The field it blames.
        text: All it says, lower case, for looking up phrases; it may quote the prompt.
    """

    message: str = ""
    code: str | None = None
    reasons: frozenset[str] = frozenset()
    status: int | None = None
    retry_delay: float | None = None
    quotas: tuple[str, ...] = ()
    parameter: str | None = None
    text: str = field(default="", repr=False)


def report_of_bytes(body: bytes) -> ErrorReport:
    """Read an error body; HTML, an empty or a cut body is a report without words."""
    return report_of(read_or_none(body))


def report_of(value: Any) -> ErrorReport:
    """Read a decoded error body, or the event of a stream."""
    if isinstance(value, list):
        value = value[0] if value else None
    error = value.get("error") if isinstance(value, dict) else None
    if isinstance(error, str):
        error = {"message": error}
    if not isinstance(error, dict):
        return ErrorReport()
    details = [item for item in _items(error, "details") if isinstance(item, dict)]
    reasons = [_word(item, "reason") for item in details]
    older = [_word(item, "reason") for item in _items(error, "errors")]
    word, message = _word(error, "status"), _word(error, "message")
    return ErrorReport(
        message=message[:_LONGEST_MESSAGE],
        code=next(filter(None, (*reasons, word, *older)), None),
        reasons=frozenset(reason.upper() for reason in (*reasons, *older) if reason),
        status=_status(error, word),
        retry_delay=next(filter(None, (parse_duration(_word(item, "retryDelay")) for item in details)), None),
        quotas=tuple(_quotas(details)),
        parameter=next(filter(None, (_word(item, "field") for item in _inner(details, "fieldViolations"))), None),
        text=" ".join([message, *(_word(item, "detail") for item in details)])[:_LONGEST_TEXT].lower(),
    )


def _status(error: dict[str, Any], word: str) -> int | None:
    code = error.get("code")
    if isinstance(code, int) and not isinstance(code, bool) and 400 <= code < 600:
        return code
    return _STATUS_OF_CODE.get(word)


def _quotas(details: list[dict[str, Any]]) -> list[str]:
    found = [_word(item, name) for item in _inner(details, "violations") for name in ("quotaId", "quotaValue")]
    for item in details:
        metadata = item.get("metadata")
        if isinstance(metadata, dict):
            found += [_word(metadata, "quota_limit"), _word(metadata, "quota_limit_value")]
    return [quota for quota in found if quota]


def _inner(details: list[dict[str, Any]], name: str) -> list[Any]:
    return [inner for item in details for inner in _items(item, name)]


def _items(value: dict[str, Any], name: str) -> list[Any]:
    items = value.get(name)
    return items if isinstance(items, list) else []


def _word(value: Any, name: str) -> str:
    word = value.get(name) if isinstance(value, dict) else None
    return word if isinstance(word, str) else ""
