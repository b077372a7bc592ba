"""Cut a streamed answer into events: server-sent ones, or the JSON that comes where they were asked for.

Errors arrive as plain JSON even under the content type of a stream, and proxies that drop ``alt=sse`` give one JSON
array. JSON is read when it is whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_gateway.errors import MalformedResponseError
from litellm_gateway.framing import ServerEvent, reader_for

if TYPE_CHECKING:
    from litellm_gateway.framing import EventReader
    from litellm_gateway.wire import Limits

_SPACE = b" \t\r\n\xef\xbb\xbf"


class GeminiStreamReader:
    """Looks at the first byte of a body to tell which of the two it is."""

    def __init__(self, limits: Limits) -> None:
        self._events: EventReader | None = None
        self._held = bytearray()
        self._indented = False
        self._limits = limits

    def feed(self, data: bytes) -> list[ServerEvent]:
        """Take bytes, give the events they complete."""
        if self._events is not None:
            return self._events.feed(data)
        if not self._held:
            text = data.lstrip(_SPACE)
            if len(text) < len(data):
                self._indented = data[len(data) - len(text) - 1] in b" \t"
            data = text
        self._held += data
        if not self._held:
            return []
        if self._held[0] in b"[{":
            if len(self._held) > self._limits.body:
                raise MalformedResponseError(f"a JSON answer is larger than {self._limits.body} bytes")
            return []
        self._events = reader_for("sse", self._limits)
        held = b" " * self._indented + self._held  # a field behind a space is none
        self._held.clear()
        return self._events.feed(held)

    def close(self) -> list[ServerEvent]:
        """Give what is left: a last event, or the JSON as one."""
        if self._events is not None:
            return self._events.close()
        body = bytes(self._held)
        self._held.clear()
        return [ServerEvent("", body)] if body else []
