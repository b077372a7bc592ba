"""One aiohttp session per event loop, and what it tells about the connection a request went out on."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import TYPE_CHECKING
from weakref import WeakSet

import aiohttp
from attrs import define

if TYPE_CHECKING:
    import ssl

    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

_READ_AHEAD = 128 * 1024


@define(eq=False)
class Attempt:
    """One request on its way: when it got its connection (None: not yet), and whether that had served before."""

    connected_at: float | None = None
    reused: bool = False


ATTEMPT: ContextVar[Attempt] = ContextVar("litellm_gateway_transport_aiohttp_attempt")
"""The attempt the running task makes; the connector, called deep inside aiohttp, writes into it."""


class ObservedConnector(aiohttp.TCPConnector):
    """aiohttp's connector, noting for each attempt what connection it got."""

    def __init__(self, *, maximum: int, keepalive: float, tls: bool | ssl.SSLContext) -> None:
        super().__init__(
            limit=maximum,
            keepalive_timeout=keepalive if keepalive > 0 else None,
            force_close=keepalive <= 0,
            ssl=tls,
        )
        self._served: WeakSet[ResponseHandler] = WeakSet()

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """Get a connection for a request.

        What came unasked on a kept one would be taken for the response: such a connection is closed.
        """
        while True:
            connection = await super().connect(req, traces, timeout)
            if connection.protocol is None or not connection.protocol.should_close:
                break
            connection.close()
        attempt = ATTEMPT.get(None)
        protocol = connection.protocol
        if attempt is not None and protocol is not None:
            attempt.connected_at = asyncio.get_running_loop().time()
            attempt.reused = protocol in self._served
            if not attempt.reused:
                self._served.add(protocol)
        return connection


@define(eq=False)
class Sessions:
    """The sessions of one event loop: one that keeps connections, and one that never does.

    The second sends again what a dead kept-alive connection did not take, on a connection that is surely new.
    """

    kept: aiohttp.ClientSession
    fresh: aiohttp.ClientSession
    loop: asyncio.AbstractEventLoop

    @property
    def closed(self) -> bool:
        """Can nothing be sent any more?"""
        return self.kept.closed

    async def aclose(self) -> None:
        """Close every connection, in use or not."""
        await self.kept.close()
        await self.fresh.close()
        # Sockets are closed by the loop's next turns.
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def make_sessions(*, maximum: int, keepalive: float, tls: bool | ssl.SSLContext, header_limit: int) -> Sessions:
    """Make the sessions of the running event loop."""

    def session(keepalive: float) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=ObservedConnector(maximum=maximum, keepalive=keepalive, tls=tls),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("content-type",),
            trust_env=False,
            read_bufsize=_READ_AHEAD,
            max_line_size=header_limit,
            max_field_size=header_limit,
        )

    return Sessions(session(keepalive), session(0), asyncio.get_running_loop())
