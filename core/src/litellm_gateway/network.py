"""One TCP or TLS connection under a clock: every wait ends with its phase or with the call's deadline.

It knows no HTTP, and belongs to the event loop that opened it. The HTTP engine above reads and writes through it.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from typing import TYPE_CHECKING, Any, cast

from attrs import frozen

from litellm_gateway.body_slices import SLICE, Backlog
from litellm_gateway.errors import (
    DeadlineExceededError,
    GatewayError,
    MalformedResponseError,
    ProviderConnectionError,
    ProviderTimeoutError,
)

if TYPE_CHECKING:
    from litellm_gateway.addressing import Target
    from litellm_gateway.wire import Timeouts

_READ_AHEAD, _STALE_WITHIN = 128 * 1024, 0.25


@frozen
class Schedule:
    """When one request must be through: ``deadline`` on the event loop's clock, and seconds per phase."""

    deadline: float
    timeouts: Timeouts


class NetworkStream(asyncio.Protocol):
    """A connection's two byte streams.

    What is written goes out with the next read, in one piece: head and body of a request share a packet. One timer
    serves all waits of all requests; it is moved only when a wait ends sooner than it would fire.

    Attributes:
        label: ``host:port``, for messages.
        header_limit: Most bytes of a response's head.
        received: Bytes read since the request began.
        hung_up: A read found that the other side has closed, or that the connection broke.
    """

    def __init__(self, label: str, header_limit: int) -> None:
        self.label = label
        self.received = 0
        self.hung_up = False
        self._ended = False
        self._aborted = False
        self.header_limit = header_limit
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._error: Exception | None = None
        self._incoming: list[bytes] = []
        self._waiting_bytes = 0
        self._paused = False
        self._outgoing: list[bytes] = []
        self._unsent = False
        self._backlog = Backlog()
        self._sent_at: float | None = None
        self._first_bytes = b""
        self._phase = "first_byte"
        self._schedule: Schedule | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._limit = 0.0

    # What the transport asks for.

    def begin(self, schedule: Schedule) -> None:
        """Start a request: from here on its schedule holds."""
        self._schedule = schedule
        self._phase = "first_byte"
        self._sent_at = None
        self.received = 0

    def begin_body(self) -> None:
        """The headers are read; what follows is the body."""
        self._phase = "chunk"

    def is_quiet(self) -> bool:
        """Is it open, with nothing unasked for in it?"""
        return not self._ended and not self._incoming

    def died_unread(self) -> bool:
        """Did it break before a byte of the answer, so soon that the request cannot have been worked on?"""
        if not self.hung_up or self.received:
            return False
        return self._sent_at is None or self._loop.time() - self._sent_at < _STALE_WITHIN

    def speaks_http(self) -> bool:
        """Do the first bytes of the answer look like HTTP?"""
        return b"HTTP/"[: len(self._first_bytes)] == self._first_bytes

    async def start_tls(self, context: ssl.SSLContext, server_name: str) -> None:
        """Shake hands for TLS on the open connection."""
        if self._transport is None:
            raise ConnectionResetError("closed before the TLS handshake")
        upgraded = await self._loop.start_tls(self._transport, self, context, server_hostname=server_name)
        if upgraded is None:
            raise ConnectionResetError("closed during the TLS handshake")
        self.connection_made(upgraded)

    def abort(self) -> None:
        """Close at once; a waiting read fails."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
        self._aborted = True
        self._end(ConnectionAbortedError("closed by this side"))

    # What the HTTP engine calls.

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Give what has arrived, waiting for the first byte of it; ``b""`` when the other side has closed."""
        if self._outgoing:
            self._flush()
        schedule = cast("Schedule", self._schedule)
        if self._loop.time() >= schedule.deadline:
            self._limit = schedule.deadline
            raise self._too_late()
        if self.received > self.header_limit and self._phase == "first_byte":
            raise MalformedResponseError(
                f"the response headers of {self.label} are larger than {self.header_limit} bytes"
            )
        if not self._incoming and not self._ended:
            await self._wait()
        if not self._incoming:
            return self._nothing_more()
        data = self._incoming[0] if len(self._incoming) == 1 else b"".join(self._incoming)
        self._incoming.clear()
        self._waiting_bytes = 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        if self.received < 5 and self._phase == "first_byte":
            self._first_bytes = (self._first_bytes[: self.received] + data)[:5]
        self.received += len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Keep bytes for the next read to send."""
        if buffer:
            self._outgoing.append(buffer)

    async def aclose(self) -> None:
        """Close at once."""
        self.abort()

    def get_extra_info(self, info: str) -> Any:
        """Tell about the connection; the engine asks whether an idle one is readable."""
        return not self.is_quiet() if info == "is_readable" else None

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket, or its TLS face."""
        self._transport = cast("asyncio.Transport", transport)
        # A high-water mark of one byte: paused means "not everything is sent yet".
        self._transport.set_write_buffer_limits(high=1, low=0)

    def data_received(self, data: bytes) -> None:
        """Take bytes; stop reading while nobody fetches them."""
        self._incoming.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes > _READ_AHEAD and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool | None:
        """The other side has closed; so will we."""
        self._end(None)
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._end(exc)

    def pause_writing(self) -> None:
        """Something is not sent yet."""
        self._unsent = True

    def resume_writing(self) -> None:
        """Everything is sent: the wait for the first byte begins."""
        if self._backlog:
            self._loop.call_soon(self._write_on)
            return
        self._unsent = False
        if self._waiter is not None:
            self._sent_at = self._loop.time()
            self._set_limit()

    # Inside.

    def _write_on(self) -> None:
        """Hand the socket as much of a large body as it takes; more when that is on its way."""
        self._unsent = False
        while self._backlog and not self._unsent and self._transport is not None and not self._ended:
            self._transport.write(self._backlog.popleft())
        if not self._unsent:
            self._backlog.clear()
            self.resume_writing()

    def _flush(self) -> None:
        self._sent_at = self._loop.time()
        pieces, self._outgoing = self._outgoing, []
        if self._backlog or len(pieces[-1]) > SLICE:
            self._backlog.add(pieces)
            self._write_on()
        elif self._transport is not None and not self._ended:
            self._transport.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def _nothing_more(self) -> bytes:
        self.hung_up = not self._aborted
        if self._error is not None:
            raise ProviderConnectionError(f"the connection to {self.label} broke") from self._error
        return b""

    def _end(self, error: Exception | None) -> None:
        if not self._ended:
            self._ended = True
            self._error = error
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        self._set_limit()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _set_limit(self) -> None:
        schedule = cast("Schedule", self._schedule)
        timeouts = schedule.timeouts
        seconds = None
        if not self._unsent:
            seconds = timeouts.chunk if self._phase == "chunk" else timeouts.first_byte
        limit = schedule.deadline
        if seconds is not None:
            limit = min(limit, self._loop.time() + seconds)
        self._limit = limit
        if self._timer is None:
            self._timer = self._loop.call_at(limit, self._on_timer)
        elif self._timer.when() > limit:
            self._timer.cancel()
            self._timer = self._loop.call_at(limit, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if self._loop.time() < self._limit:
            self._timer = self._loop.call_at(self._limit, self._on_timer)
            return
        self._waiter.set_exception(self._too_late())

    def _too_late(self) -> GatewayError:
        phase = "write" if self._unsent else self._phase
        schedule = cast("Schedule", self._schedule)
        return too_late(self.label, phase, at_deadline=self._limit >= schedule.deadline)


def too_late(label: str, phase: str, *, at_deadline: bool) -> GatewayError:
    """Name what ran out: the call's own time, or the time of one phase."""
    waiting = _WAITING_FOR.get(phase, phase)
    if at_deadline:
        return DeadlineExceededError(f"the call's time was up while {waiting} {label}", phase=phase)
    return ProviderTimeoutError(
        f"timed out while {waiting} {label}; raise {phase}_timeout if it may take longer", phase=phase
    )


def connect_error(error: Exception, target: Target) -> GatewayError:
    """Name why a connection could not be opened."""
    if isinstance(error, GatewayError):
        return error
    typed = _no_connection(error, target)
    typed.phase = "connect"
    return typed


def _no_connection(error: Exception, target: Target) -> ProviderConnectionError:
    via = f" through the proxy {target.proxy.host}:{target.proxy.port}" if target.proxy else ""
    if isinstance(error, ssl.SSLCertVerificationError):
        return ProviderConnectionError(
            f"the TLS certificate of {target.label}{via} is not trusted: {error.verify_message}"
        )
    if isinstance(error, ssl.SSLError):
        return ProviderConnectionError(f"no TLS with {target.label}{via}: {error.reason or 'handshake failed'}")
    reason = str(error) or type(error).__name__
    if isinstance(error, OSError) and (error.errno or 0) > 0:
        reason = os.strerror(error.errno or 0)
    return ProviderConnectionError(f"cannot connect to {target.label}{via}: {reason}")


_WAITING_FOR = {
    "connect": "connecting to", "write": "sending the request to",
    "first_byte": "waiting for the first byte from", "chunk": "waiting for the next piece from",
}  # fmt: skip
