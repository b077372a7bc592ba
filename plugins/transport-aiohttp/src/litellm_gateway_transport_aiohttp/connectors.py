"""The connectors of one event loop: aiohttp finds, opens, secures and keeps the connections here."""

from __future__ import annotations

import asyncio
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from attrs import define, field

if TYPE_CHECKING:
    import ssl

    from aiohttp.connector import Connection
    from yarl import URL

_MOST_DESTINATIONS = 256
_BUFFER = 64 * 1024
_NEVER_ROUND = 1e9
"""aiohttp rounds timeouts above a threshold up to whole seconds; ours stay as they are."""


class Handler(ResponseHandler, asyncio.BufferedProtocol):
    """aiohttp's side of one connection, read through a buffer that all of a connector share.

    Without one, the event loop asks the system for 256 KiB of memory each time a piece arrives, and gives them back.

    Attributes:
        served: Whether a request went over it already.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, buffer: memoryview) -> None:
        super().__init__(loop)
        self.served = False
        self._shared = buffer

    def get_buffer(self, _sizehint: int) -> memoryview:
        """Give the buffer; what is read into it is handed over before anybody else reads."""
        return self._shared

    def buffer_updated(self, nbytes: int) -> None:
        """Hand over what was read."""
        self.data_received(bytes(self._shared[:nbytes]))

    def resume_reading(self, *args: Any, **options: Any) -> None:
        """Go on reading if that was paused. aiohttp asks for it with every piece of a body, and looks at more."""
        if self._reading_paused:
            super().resume_reading(*args, **options)


@define(eq=False)
class Lease:
    """A connection in use, since when, and whether it had served a request before."""

    connection: Connection
    protocol: Handler
    at: float
    reused: bool


class LeasingConnector(aiohttp.TCPConnector):
    """aiohttp's connector, which also tells whether a connection has served before."""

    def __init__(self, *, maximum: int, keepalive: float, tls: bool | ssl.SSLContext) -> None:
        super().__init__(
            limit=maximum,
            keepalive_timeout=keepalive if keepalive > 0 else None,
            force_close=keepalive <= 0,
            ssl=tls,
        )
        self._factory = partial(Handler, self._loop, memoryview(bytearray(_BUFFER)))  # type: ignore[assignment]

    async def lease(self, destination: aiohttp.ClientRequest, connect_timeout: float | None) -> Lease:
        """Give a connection to where a request would go, a kept one if there is any.

        What came unasked on a kept one would be taken for the response: such a connection is closed.

        Args:
            destination: A request that tells host, port and proxy; it is not sent.
            connect_timeout: Seconds that opening one may take, None for any.

        Raises:
            aiohttp.ClientError, OSError: None can be opened.
            TimeoutError: It took too long.
        """
        while True:
            connection = await self.connect(destination, [], _timeout(connect_timeout))
            protocol = connection.protocol
            assert isinstance(protocol, Handler)
            reused = protocol.served
            if not (reused and protocol.should_close):
                break
            connection.close()
        protocol.served = True
        return Lease(connection, protocol, self._loop.time(), reused)


@lru_cache(maxsize=64)
def _timeout(seconds: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, sock_connect=seconds, ceil_threshold=_NEVER_ROUND)


@define(eq=False)
class Connectors:
    """Those of one event loop: one that keeps connections, and one that never does.

    The second sends again what a dead kept-alive connection did not take, on a connection that is surely new.
    """

    kept: LeasingConnector
    fresh: LeasingConnector
    loop: asyncio.AbstractEventLoop
    _destinations: dict[URL, aiohttp.ClientRequest] = field(factory=dict, init=False)

    @property
    def closed(self) -> bool:
        """Can nothing be sent any more?"""
        return self.kept.closed

    def destination(self, url: URL, proxy: URL | None, proxy_headers: dict[str, str] | None) -> aiohttp.ClientRequest:
        """Give what tells a connector where to connect to; it changes those that go through a proxy."""
        if proxy is not None:
            return aiohttp.ClientRequest("GET", url, loop=self.loop, proxy=proxy, proxy_headers=proxy_headers)
        known = self._destinations.get(url)
        if known is None:
            if len(self._destinations) >= _MOST_DESTINATIONS:
                self._destinations.clear()
            known = self._destinations[url] = aiohttp.ClientRequest("GET", url, loop=self.loop)
        return known

    async def aclose(self) -> None:
        """Close every connection, in use or not."""
        await self.kept.close()
        await self.fresh.close()
        # Sockets are closed by the loop's next turns.
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def make_connectors(*, maximum: int, keepalive: float, tls: bool | ssl.SSLContext) -> Connectors:
    """Make the connectors of the running event loop."""
    return Connectors(
        LeasingConnector(maximum=maximum, keepalive=keepalive, tls=tls),
        LeasingConnector(maximum=maximum, keepalive=0, tls=tls),
        asyncio.get_running_loop(),
    )
