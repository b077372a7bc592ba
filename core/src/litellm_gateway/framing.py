"""Cut a byte stream into events: SSE and NDJSON readers that work on bytes, wherever the network cut them.

Nothing is decoded here but an event's name, and every byte is looked at a fixed number of times.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from litellm_gateway.errors import MalformedResponseError

if TYPE_CHECKING:
    from litellm_gateway.wire import Limits

_BOM = b"\xef\xbb\xbf"
_ERROR = (b"error: {", b"error:{")


_make = tuple.__new__
"""Makes an event in a third of the time its class takes, whose ``__new__`` is written in Python; one for each chunk."""


class ServerEvent(NamedTuple):
    """One event: its name (``""`` when unnamed) and its data, bytes as sent."""

    event: str
    data: bytes


class EventReader(Protocol):
    """Fed with bytes as they come, gives whole events."""

    def feed(self, data: bytes) -> list[ServerEvent]:
        """Take bytes, give the events they complete.

        Raises:
            MalformedResponseError: A line or an event is over its limit.
        """
        ...

    def close(self) -> list[ServerEvent]:
        """The body has ended; give a last event that had no blank line after it."""
        ...


Framing = Literal["sse", "ndjson"] | Callable[["Limits"], EventReader]


def reader_for(framing: Framing, limits: Limits) -> EventReader:
    """Give a fresh reader for one body."""
    if callable(framing):
        return framing(limits)
    return SseReader(limits) if framing == "sse" else NdjsonReader(limits)


class SseReader:
    """Reads ``text/event-stream`` as the HTML standard defines it; ``id`` and ``retry`` are passed over.

    One field more is read, ``error``, in which older servers of llama.cpp send their errors.
    All three line ends are turned into LF first, so that a blank line is always two LF in a row.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._small = min(limits.line, limits.event)
        self._held = bytearray()
        self._line_start = 0
        self._after_cr = False
        self._at_start = True

    def feed(self, data: bytes) -> list[ServerEvent]:
        """Take bytes, give the events they complete."""
        if self._at_start:
            data = self._without_bom(data)
        if self._after_cr or b"\r" in data:
            data = self._with_line_feeds(data)
        if not self._held:
            data = data.lstrip(b"\n")
            end = data.rfind(b"\n\n")
            if end < 0:
                self._hold(data)
                return []
            whole, rest = data[:end], data[end + 2 :]
        else:
            held = self._held
            scan = len(held) - 1
            held += data
            end = held.rfind(b"\n\n", scan)
            if end < 0:
                self._check_held(scan + 1)
                return []
            whole, rest = bytes(held[:end]), bytes(held[end + 2 :])
            held.clear()
            self._line_start = 0
        events = self._events(whole)
        if rest:
            self._hold(rest)
        return events

    def close(self) -> list[ServerEvent]:
        """Give a last event that had no blank line after it."""
        whole = bytes(self._held)
        self._held.clear()
        self._line_start = 0
        return self._events(whole) if whole else []

    def _events(self, whole: bytes) -> list[ServerEvent]:
        events: list[ServerEvent] = []
        unchecked = len(whole) > self._small
        for block in whole.split(b"\n\n"):
            if unchecked:
                self._check(block.strip(b"\n"))
            if block.startswith(b"data: ") and b"\n" not in block:
                events.append(_make(ServerEvent, ("", block[6:])))
                continue
            event = _parse(block)
            if event is not None:
                events.append(event)
        return events

    def _hold(self, data: bytes) -> None:
        data = data.lstrip(b"\n")
        if data:
            self._held += data
            self._check_held(0)

    def _check_held(self, new_from: int) -> None:
        """Refuse an event that is over its limit before it has ended; look at new bytes only."""
        newline = self._held.rfind(b"\n", new_from)
        if newline >= 0:
            if len(self._held) > self._small:
                self._check(bytes(self._held[self._line_start : newline]))
            self._line_start = newline + 1
        if len(self._held) - self._line_start > self._limits.line:
            raise _too_large("line", self._limits.line)
        if len(self._held) - (newline == len(self._held) - 1) > self._limits.event:
            raise _too_large("event", self._limits.event)

    def _check(self, block: bytes) -> None:
        if len(block) > self._limits.event:
            raise _too_large("event", self._limits.event)
        if len(block) > self._limits.line and any(len(line) > self._limits.line for line in block.split(b"\n")):
            raise _too_large("line", self._limits.line)

    def _without_bom(self, data: bytes) -> bytes:
        data = bytes(self._held) + data
        self._held.clear()
        if len(data) < len(_BOM) and _BOM.startswith(data):
            self._held += data
            return b""
        self._at_start = False
        return data.removeprefix(_BOM)

    def _with_line_feeds(self, data: bytes) -> bytes:
        if not data:
            return data
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
            self._after_cr = False
            if not data:
                return data
        self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


class NdjsonReader:
    """Reads one JSON text per line; blank lines are passed over, events have no name."""

    def __init__(self, limits: Limits) -> None:
        self._limit = limits.line
        self._held = bytearray()

    def feed(self, data: bytes) -> list[ServerEvent]:
        """Take bytes, give the lines they complete."""
        end = data.rfind(b"\n")
        if end < 0:
            self._held += data
            self._check(len(self._held))
            return []
        whole = bytes(self._held) + data[:end] if self._held else data[:end]
        self._held = bytearray(data[end + 1 :])
        lines = whole.split(b"\n")
        if len(whole) > self._limit:
            self._check(max(len(line) for line in lines))
        self._check(len(self._held))
        return [ServerEvent("", line) for line in map(_trimmed, lines) if line]

    def close(self) -> list[ServerEvent]:
        """Give a last line that had no line end."""
        line = _trimmed(bytes(self._held))
        self._held.clear()
        return [ServerEvent("", line)] if line else []

    def _check(self, length: int) -> None:
        if length > self._limit:
            raise _too_large("line", self._limit)


def _parse(block: bytes) -> ServerEvent | None:
    """Read the lines of one event; None when it has no data, which the standard says is not dispatched.

    A field ``error`` with an object stands for an event of that name, as older servers of llama.cpp mean it.
    """
    name = ""
    data: list[bytes] = []
    error = b""
    for line in block.split(b"\n"):
        if line.startswith(b"data:"):
            data.append(line[6:] if line[5:6] == b" " else line[5:])
        elif line.startswith(b"event:"):
            name = line[6:].removeprefix(b" ").decode("utf-8", "replace")
        elif line == b"data":
            data.append(b"")
        elif line == b"event":
            name = ""
        elif line.startswith(_ERROR):
            error = line[6:].lstrip()
    if data:
        return ServerEvent(name, b"\n".join(data))
    return ServerEvent("error", error) if error else None


def _trimmed(line: bytes) -> bytes:
    return line.removeprefix(_BOM).strip()


def _too_large(what: str, limit: int) -> MalformedResponseError:
    return MalformedResponseError(
        f"one {what} of the event stream is larger than {limit} bytes; "
        f"raise Limits.{what} if the provider really sends such"
    )
