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
        place: Where in the request a check of its form failed, dotted.
        status: HTTP status named inside the body, None when none is.
        text: All it says, an upstream's words included, for looking up phrases; it may quote the prompt.
    """

    message: str = ""
    code: str | None = None
    words: frozenset[str] = frozenset()
    parameter: str | None = None
    place: str | None = None
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
    message, place = _message(details)
    if not message and isinstance(error, str):
        message = error
    if not message:
        message, place = _message(value)
    code = details.get("code")
    metadata = details.get("metadata")
    upstream = metadata.get("raw") if isinstance(metadata, dict) else None
    parameter = details.get("param")
    return ErrorReport(
        message=message[:_LONGEST_MESSAGE],
        code=str(code) if isinstance(code, str | int) and not isinstance(code, bool) and code != "" else None,
        words=_words(details),
        parameter=parameter if isinstance(parameter, str) else None,
        place=place,
        status=_status(details),
        text=f"{message} {upstream or ''} {_quotas(details)}"[:_LONGEST_TEXT].lower(),
    )


def _message(details: dict[str, Any]) -> tuple[str, str | None]:
    """Give the message, and the place it speaks of where it is that of a check of the request's form."""
    for name in ("message", "detail", "msg"):
        value = details.get(name)
        if isinstance(value, str) and value:
            return value, None
        if isinstance(value, list | dict):
            return _validation_message(value)
    return "", None


def _validation_message(value: list[Any] | dict[str, Any]) -> tuple[str, str | None]:
    """FastAPI's list of faults, or Mistral's object around it: the first; its ``input`` would quote the prompt."""
    faults = value.get("detail", value) if isinstance(value, dict) else value
    first = faults[0] if isinstance(faults, list) and faults else faults
    if not isinstance(first, dict):
        return (first if isinstance(first, str) else ""), None
    reason = first.get("msg") or first.get("message")
    place = first.get("loc")
    steps = [str(step) for step in place] if isinstance(place, list) else []
    if not steps or not isinstance(reason, str):
        return str(reason or ""), None
    return f"{'.'.join(steps)}: {reason}", ".".join(steps[1:] if steps[0] == "body" else steps) or None


def _quotas(details: dict[str, Any]) -> str:
    """Name the quotas Google says are used up: its message is the same for one of the minute and one of the day."""
    failures = [item.get("violations") for item in _objects(details.get("details"))]
    return " ".join(str(quota.get("quotaId", "")) for inner in failures for quota in _objects(inner))


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


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
