"""Cut AWS's binary event stream (``application/vnd.amazon.eventstream``) into events, checking every checksum.

A frame is its length, the length of its headers and a CRC-32 of these two; then headers, payload, and a CRC-32 of
all of it. Nothing of the payload is decoded here.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final
from zlib import crc32

from litellm_gateway.errors import MalformedResponseError
from litellm_gateway.framing import ServerEvent

if TYPE_CHECKING:
    from litellm_gateway.wire import Limits

EXCEPTION: Final = "exception:"
"""Begins the name of an event that is an exception the service modelled; its type follows."""
FAILURE: Final = "error:"
"""Begins the name of an event that is any other error; its code follows, the data is its message."""

_PRELUDE: Final = struct.Struct(">III")
_LENGTH: Final = struct.Struct(">H")
_CHECKSUM: Final = struct.Struct(">I")
_SMALLEST: Final = 16
_MOST_HEADERS: Final = 128 * 1024
_REMEMBERED: Final = 64
_TEXT: Final = 7
_FIXED_SIZES: Final = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
_SIZED: Final = (6, 7)


class EventFrameReader:
    """Fed with bytes as they come, gives whole events; every byte is looked at a fixed number of times.

    An event's name is its ``:event-type``, or ``exception:`` and the ``:exception-type``, or ``error:`` and the
    ``:error-code``. A frame that the end of the body cuts off is no event.
    """

    def __init__(self, limits: Limits) -> None:
        self._largest = limits.event
        self._held = bytearray()
        self._wanted = 0
        self._names: dict[bytes, tuple[str, bytes | None]] = {}

    def feed(self, data: bytes) -> list[ServerEvent]:
        """Take bytes, give the events they complete.

        Raises:
            MalformedResponseError: A frame is larger than allowed, or damaged.
        """
        held = self._held
        held += data
        start, size, events = 0, len(held), []
        while size - start >= (self._wanted or _PRELUDE.size):
            if not self._wanted:
                self._wanted = self._frame_size(bytes(held[start : start + _PRELUDE.size]))
                continue
            frame = bytes(held[start : start + self._wanted])
            start += self._wanted
            self._wanted = 0
            events.append(self._event(frame))
        if start:
            del held[:start]
        return events

    def close(self) -> list[ServerEvent]:
        """The body has ended; what is left is no whole frame."""
        self._held.clear()
        return []

    def _frame_size(self, prelude: bytes) -> int:
        total, headers, checksum = _PRELUDE.unpack(prelude)
        if crc32(prelude[:8]) != checksum:
            raise _damaged("the checksum of a frame's length does not fit")
        if not _SMALLEST <= total <= self._largest:
            raise _damaged(f"a frame has {total} bytes, allowed are {_SMALLEST} to {self._largest}")
        if headers > min(total - _SMALLEST, _MOST_HEADERS):
            raise _damaged(f"a frame of {total} bytes claims {headers} bytes of headers")
        return int(total)

    def _event(self, frame: bytes) -> ServerEvent:
        if crc32(frame[:-4]) != _CHECKSUM.unpack_from(frame, len(frame) - 4)[0]:
            raise _damaged("the checksum of a frame does not fit")
        end = _PRELUDE.size + int.from_bytes(frame[4:8], "big")
        headers = frame[_PRELUDE.size : end]
        name, message = self._names.get(headers) or self._read_name(headers)
        return ServerEvent(name, frame[end:-4] if message is None else message)

    def _read_name(self, headers: bytes) -> tuple[str, bytes | None]:
        """Give the event's name, and its data where a header holds it; remembered, as few sets of headers are used."""
        fields = _read_headers(headers)
        kind = fields.get(":message-type", "event")
        found: tuple[str, bytes | None]
        if kind == "exception":
            found = EXCEPTION + fields.get(":exception-type", ""), None
        elif kind == "error":
            found = FAILURE + fields.get(":error-code", ""), fields.get(":error-message", "").encode()
        else:
            found = fields.get(":event-type", ""), None
        if len(self._names) < _REMEMBERED:
            self._names[headers] = found
        return found


def _read_headers(data: bytes) -> dict[str, str]:
    """Read the headers that are text; those of other types are passed over."""
    fields: dict[str, str] = {}
    place = 0
    try:
        while place < len(data):
            named = place + 1 + data[place]
            name, kind = data[place + 1 : named].decode(), data[named]
            value = named + 1
            if kind in _SIZED:
                size = _LENGTH.unpack_from(data, value)[0]
                value += _LENGTH.size
            else:
                size = _FIXED_SIZES[kind]
            place = value + size
            if place > len(data):
                raise _damaged("a header of a frame is longer than all headers together")
            if kind == _TEXT:
                fields[name] = data[value:place].decode()
    except (IndexError, KeyError, UnicodeDecodeError, struct.error) as error:
        raise _damaged("the headers of a frame cannot be read") from error
    return fields


def _damaged(what: str) -> MalformedResponseError:
    return MalformedResponseError(f"the event stream is damaged: {what}")
