"""Find what a server says went wrong, in any of the shapes such bodies come in."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen
from litellm_gateway.wire_shapes import read_or_none

_LONGEST_MESSAGE = 1000
_LONGEST_TEXT = 4000
_CODE_FIELDS = ("code", "type", "status")


@frozen(kw_only=True)
class ErrorReport:
    """A server's own words about an error.

    Attributes:
        message: Its message, cut to a length that fits a log line; ``""`` when it gave none.
        code: Its code as a text, None when it gave none.
        words: Every word that names the kind of error, lower case: codes, types, statuses.
        parameter: The field it blames.
        status: HTTP status named inside the body, None when none is.
        text: All it says, an upstream's words included, for looking up phrases; it may quote the prompt.
    """

    message: str = ""
    code: str | None = None
    words: frozenset[str] = frozenset()
    parameter: str | None = None
    status: int | None = None
    text: str = field(default="", repr=False)


def report_of_bytes(body: bytes) -> ErrorReport:
    """Read an error body; HTML, an empty or a cut body is a report without words."""
    return report_of(read_or_none(body))


def report_of(value: Any) -> ErrorReport:
    """Read a decoded error body, or the event of a stream."""
    if isinstance(value, list):  # Google's OpenAI face wraps the object in a list
        value = value[0] if value else None
    if not isinstance(value, dict):
        return ErrorReport()
    error = value.get("error")
    details = error if isinstance(error, dict) else value
    message = _message(details) or (error if isinstance(error, str) else "") or _message(value)
    code = details.get("code")
    metadata = details.get("metadata")
    upstream = metadata.get("raw") if isinstance(metadata, dict) else None
    parameter = details.get("param")
    return ErrorReport(
        message=message[:_LONGEST_MESSAGE],
        code=str(code) if isinstance(code, str | int) and not isinstance(code, bool) and code != "" else None,
        words=_words(details),
        parameter=parameter if isinstance(parameter, str) else None,
        status=_status(details),
        text=f"{message} {upstream or ''}"[:_LONGEST_TEXT].lower(),
    )


def _message(details: dict[str, Any]) -> str:
    for name in ("message", "detail", "msg"):
        value = details.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, list | dict):
            return _validation_message(value)
    return ""


def _validation_message(value: list[Any] | dict[str, Any]) -> str:
    """FastAPI's list of faults: place and reason of the first; its ``input`` would quote the prompt."""
    first = value[0] if isinstance(value, list) and value else value
    if not isinstance(first, dict):
        return ""
    reason = first.get("msg") or first.get("message")
    place = first.get("loc")
    where = ".".join(str(step) for step in place) if isinstance(place, list) else ""
    return f"{where}: {reason}" if where and isinstance(reason, str) else str(reason or "")


def _words(details: dict[str, Any]) -> frozenset[str]:
    inner = details.get("innererror")
    values = [details.get(name) for name in _CODE_FIELDS]
    if isinstance(inner, dict):
        values.append(inner.get("code"))
    return frozenset(str(value).lower() for value in values if isinstance(value, str | int) and value)


def _status(details: dict[str, Any]) -> int | None:
    for name in ("status_code", "status", "raw_status_code", "code"):
        value = details.get(name)
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value[:4])
        if isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600:
            return value
    return None
