"""Cut a byte stream into events: SSE and NDJSON readers that work on bytes, wherever the network cut them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from litellm_gateway.wire import Limits


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


def reader_for(framing: Literal["sse", "ndjson"], limits: Limits) -> EventReader:
    """Give a fresh reader for one body."""
    raise NotImplementedError
