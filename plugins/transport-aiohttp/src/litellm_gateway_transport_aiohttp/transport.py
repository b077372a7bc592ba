"""The HTTP door on aiohttp's connections and parser; it keeps every promise of a transport, in aiohttp's way."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import aiohttp
from attrs import field, frozen
from litellm_gateway.addressing import length_header, parse_target, proxy_from_environment, user_agent
from litellm_gateway.bounded_wait import within
from litellm_gateway.errors import GatewayError, InvalidRequestError, MalformedResponseError
from litellm_gateway.known_heads import KnownHeads
from litellm_gateway.network import too_late
from litellm_gateway.open_response import StreamedResponse
from litellm_gateway.per_loop import PerLoop
from litellm_gateway.wire import Limits
from yarl import URL

from litellm_gateway_transport_aiohttp.connectors import Connectors, Lease, make_connectors
from litellm_gateway_transport_aiohttp.exchange import Exchange, Sending
from litellm_gateway_transport_aiohttp.faults import typed_error

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from litellm_gateway.addressing import HeaderPairs, Target
    from litellm_gateway.wire import OpenResponse, Timeouts, WireRequest

    from litellm_gateway_transport_aiohttp.connectors import LeasingConnector

_MOST_PLACES = 256
_STALE_WITHIN = 0.25
_SWITCHING = 101


@frozen
class _Place:
    """A URL taken apart, once for the gateway and once for aiohttp.

    Attributes:
        named: How a request line names it: by its path, or to a proxy that passes requests on, as a whole.
        further: Headers for such a proxy.
    """

    target: Target
    url: URL = field(repr=False)
    named: bytes = field(repr=False)
    proxy: URL | None = field(default=None, repr=False)
    proxy_headers: dict[str, str] | None = field(default=None, repr=False)
    further: bytes = field(default=b"", repr=False)


class AiohttpTransport:
    """Sends requests over connections of aiohttp, which belong to one event loop each.

    Args:
        limits: Most bytes to take.
        max_connections: Connections in use at once per event loop; further requests wait in line.
        keepalive: Seconds an idle connection is kept.
        trust_env: Use the proxies that environment variables name.
        verify: Check TLS certificates; an ``ssl.SSLContext`` is used as it is.
        clock: What deadlines are measured by, in seconds.
    """

    def __init__(
        self,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        *,
        max_connections: int = 200,
        keepalive: float = 30.0,
        trust_env: bool = False,
        verify: bool | ssl.SSLContext = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._max_connections = max_connections
        self._keepalive = keepalive
        self._trust_env = trust_env
        self._verify = verify
        self._clock = clock
        self._closed = False
        self._agent = ""
        self._lock = threading.Lock()
        self._places: dict[str, _Place] = {}
        self._heads: KnownHeads[bytes] = KnownHeads(_written)
        self._connectors: PerLoop[Connectors] = PerLoop(self._make_connectors, Connectors.aclose)

    async def open(self, request: WireRequest, *, timeouts: Timeouts, deadline: float) -> OpenResponse:
        """Send, and return as soon as the response headers are there; raises as ``Transport.open`` says."""
        place = self._places.get(request.url) or self._learn(request.url)
        headers = self._heads.get(request, place.target, self._agent)
        if self._closed:
            raise GatewayError("the transport is closed; create a new gateway")
        connectors = self._connectors.find() or await self._connectors.enter()
        left = deadline - self._clock()
        if left <= 0:
            raise too_late(place.target.label, "connect", at_deadline=True)
        sending = Sending(
            place.target,
            _head(request, place, headers),
            request.body,
            request.method == "HEAD",
            timeouts,
            connectors.loop.time() + left,
            self._limits.for_answer(request),
        )
        # What may go out but once goes on a fresh connection: a kept one may be dead.
        answer = None if request.once else await _send(connectors, connectors.kept, place, sending)
        if answer is None:
            answer = await _send(connectors, connectors.fresh, place, sending)
        assert answer is not None
        return answer

    async def aclose(self) -> None:
        """Close every connection of every event loop that still runs; no request can be sent any more."""
        self._closed = True
        await self._connectors.aclose()

    def _learn(self, url: str) -> _Place:
        """Take a URL apart and remember it; they are few, and parsing one is dear."""
        target = parse_target(url)
        if self._trust_env:
            target = parse_target(url, proxy_from_environment(target.origin))
        place = _place(target)
        with self._lock:
            self._agent = self._agent or user_agent()
            if len(self._places) >= _MOST_PLACES:
                self._places.clear()
            self._places[url] = place
        return place

    def _make_connectors(self) -> Connectors:
        return make_connectors(maximum=self._max_connections, keepalive=self._keepalive, tls=self._verify)


async def _send(
    connectors: Connectors, connector: LeasingConnector, place: _Place, sending: Sending
) -> StreamedResponse | None:
    """Send once; None when a kept-alive connection turned out dead before the request was read."""
    loop = connectors.loop
    lease: Lease | None = None
    exchange: Exchange | None = None
    try:
        destination = connectors.destination(place.url, place.proxy, place.proxy_headers)
        waiting = connector.lease(destination, sending.timeouts.connect)
        lease = await within(lambda: sending.deadline - loop.time(), waiting)
        exchange = Exchange(lease, sending, loop)
        message = await exchange.start()
    except Exception as error:
        if lease is not None and lease.reused and _died_unread(error, loop.time() - lease.at):
            return None
        late = loop.time() >= sending.deadline or (exchange is not None and exchange.is_late)
        phase = "connect" if lease is None else "first_byte"
        failure = typed_error(error, place.target, phase, at_deadline=late)
    else:
        if message.code != _SWITCHING:
            return StreamedResponse(message.code, message.raw_headers, exchange, sending.limits)
        exchange.discard()
        failure = MalformedResponseError(f"{place.target.label} switched to another protocol, which was not asked for")
    # Raised out here, so that aiohttp's error is not its context.
    raise failure


def _died_unread(error: Exception, seconds: float) -> bool:
    """Did the connection break without a byte of an answer, so soon that the request cannot have been worked on?"""
    if seconds >= _STALE_WITHIN:
        return False
    if isinstance(error, aiohttp.ServerDisconnectedError):
        # A message that is no text is the part of an answer that had come.
        return isinstance(error.message, str)
    return isinstance(error, OSError) and not isinstance(error, TimeoutError)


def _written(pairs: HeaderPairs) -> bytes:
    return b"".join([b"%b: %b\r\n" % pair for pair in pairs])


def _head(request: WireRequest, place: _Place, headers: bytes) -> bytes:
    """Write request line and headers."""
    if not request.method.isalpha() or not request.method.isascii():
        raise InvalidRequestError("the method of a request is one word", parameter="method")
    return b"%b %b HTTP/1.1\r\n%b%b%b\r\n" % (
        request.method.encode(), place.named, headers, place.further, _written(length_header(request))
    )  # fmt: skip


def _place(target: Target) -> _Place:
    address = f"{target.origin[0]}://{target.netloc}{target.path}"
    url, path, proxy = URL(address, encoded=True), target.path.encode(), target.proxy
    if proxy is None:
        return _Place(target, url, path)
    through = URL.build(scheme=proxy.scheme, host=proxy.host, port=proxy.port)
    authorization = proxy.authorization
    if target.is_tls:
        headers = {"proxy-authorization": authorization.decode()} if authorization else None
        return _Place(target, url, path, through, headers)
    further = b"proxy-authorization: %b\r\n" % authorization if authorization else b""
    return _Place(target, url, address.encode(), through, None, further)
