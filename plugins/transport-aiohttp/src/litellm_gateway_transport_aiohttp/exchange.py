"""One request and its response on one connection of aiohttp, without the session that aiohttp puts around it.

The session follows redirects, keeps cookies, traces and builds headers anew for every request, none of which is
wanted here, and which takes longer than all the rest. aiohttp's own parser reads the response.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.http import StreamWriter
from attrs import define, field

from litellm_gateway_transport_aiohttp.faults import typed_error

if TYPE_CHECKING:
    from aiohttp.http import RawResponseMessage
    from litellm_gateway.addressing import Target
    from litellm_gateway.wire import Limits, Timeouts

    from litellm_gateway_transport_aiohttp.connectors import Handler, Lease

_READ_AHEAD = 128 * 1024
_AT_ONCE = 64 * 1024
_SLICE = 256 * 1024
_SWITCHING = 101
_FINAL = 200


@define
class Sending:
    """One request as it goes over the wire, and how long its phases may take; its head holds secrets.

    Attributes:
        head: Request line and headers, with the blank line that ends them.
        has_no_answer_body: The answer never has a body, whatever its headers say.
        deadline: Point on the loop's clock.
    """

    target: Target
    head: bytes = field(repr=False)
    body: bytes = field(repr=False)
    has_no_answer_body: bool
    timeouts: Timeouts
    deadline: float
    limits: Limits


class Exchange:
    """A request on its way and the response to it; see ``BodySource`` for what it is to its reader.

    Args:
        lease: The connection; it goes back when the response has ended, and is closed if anything goes wrong.
        sending: The request.
        loop: The running loop.
    """

    def __init__(self, lease: Lease, sending: Sending, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.label = sending.target.label
        self.is_late = False
        self._sending = sending
        self._connection = lease.connection
        self._protocol: Handler = lease.protocol
        self._payload: aiohttp.StreamReader | None = None
        self._writing: asyncio.Task[None] | None = None
        self._timer = loop.call_at(sending.deadline, self._expire)

    async def start(self) -> RawResponseMessage:
        """Send the request and give the head of the response; whatever is raised, the connection is closed."""
        protocol, sending = self._protocol, self._sending
        try:
            protocol.set_response_params(
                skip_payload=sending.has_no_answer_body,
                read_until_eof=True,
                auto_decompress=False,
                read_timeout=sending.timeouts.first_byte,
                read_bufsize=_READ_AHEAD,
                max_line_size=sending.limits.headers,
                max_field_size=sending.limits.headers,
            )
            self._write()
            while True:
                message, payload = await protocol.read()
                if message.code >= _FINAL or message.code == _SWITCHING:
                    break
        except BaseException:
            self.discard()
            raise
        self._payload = payload
        if sending.timeouts.chunk != sending.timeouts.first_byte and not payload.is_eof():
            protocol.read_timeout = sending.timeouts.chunk
            protocol.start_timeout()
        payload.on_eof(self._ended)
        return message

    async def read(self) -> bytes:
        """Give the next bytes of the body."""
        assert self._payload is not None
        try:
            return await self._payload.readany()
        except Exception as error:
            failure = typed_error(error, self._sending.target, "chunk", at_deadline=self.is_late)
        # Raised out here, so that aiohttp's error is not its context.
        raise failure

    async def release(self) -> None:
        """The connection went back by itself when the body had ended."""

    def discard(self) -> None:
        """Close the connection at once, unless it went back already."""
        self._timer.cancel()
        if self._writing is not None:
            self._writing.cancel()
        transport = self._connection.transport
        if transport is not None and transport.get_write_buffer_size():
            transport.abort()  # one who reads nothing would keep it open, to be sent the rest
        self._connection.close()

    async def settle(self) -> None:
        """Wait for a body that was still being sent."""
        if self._writing is not None:
            await asyncio.wait((self._writing,))

    def _write(self) -> None:
        protocol, sending = self._protocol, self._sending
        if protocol.transport is None or protocol.transport.is_closing():
            raise aiohttp.ServerDisconnectedError
        if len(sending.body) <= _AT_ONCE:
            protocol.transport.write(sending.head + sending.body)
            self._start_waiting()
            return
        protocol.transport.write(sending.head)
        self._writing = self.loop.create_task(self._write_body())

    async def _write_body(self) -> None:
        """Send a large body as fast as it is taken; an answer may come before its end."""
        writer, rest = StreamWriter(self._protocol, self.loop), memoryview(self._sending.body)
        try:
            for start in range(0, len(rest), _SLICE):
                await writer.write(rest[start : start + _SLICE])
        except (OSError, aiohttp.ClientError):  # the one who waits for the answer learns of it, and of what came before
            return
        self._start_waiting()

    def _start_waiting(self) -> None:
        if self._sending.timeouts.first_byte is not None and self._payload is None:
            self._protocol.start_timeout()

    def _ended(self) -> None:
        """The last byte of the response has come."""
        self._timer.cancel()
        if self._writing is None or self._writing.done():
            self._connection.release()
        else:  # what is left of the request would be taken for the next one
            self.discard()

    def _expire(self) -> None:
        """The deadline has passed: whoever waits hears of it."""
        self.is_late = True
        late = TimeoutError()
        self._protocol.set_exception(late)
        if self._payload is not None:
            self._payload.set_exception(late)
