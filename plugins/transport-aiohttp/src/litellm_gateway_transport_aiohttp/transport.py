"""The HTTP door on aiohttp; it keeps every promise of a transport, in aiohttp's way."""

from __future__ import annotations

import asyncio
import io
import threading
import time
from typing import TYPE_CHECKING

import aiohttp
from attrs import define, field, frozen
from litellm_gateway.addressing import parse_target, proxy_from_environment, user_agent
from litellm_gateway.errors import GatewayError, InvalidRequestError, MalformedResponseError
from litellm_gateway.known_heads import KnownHeads
from litellm_gateway.network import too_late
from litellm_gateway.open_response import StreamedResponse
from litellm_gateway.per_loop import PerLoop
from litellm_gateway.wire import Limits
from multidict import CIMultiDict
from yarl import URL

from litellm_gateway_transport_aiohttp.faults import typed_error
from litellm_gateway_transport_aiohttp.sessions import ATTEMPT, Attempt, Sessions, make_sessions

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    from litellm_gateway.addressing import HeaderPairs, Target
    from litellm_gateway.wire import OpenResponse, Timeouts, WireRequest

_MOST_TARGETS = 256
_STALE_WITHIN = 0.25
_LARGE_BODY = 512 * 1024
_SWITCHING = 101
_NEVER_ROUND = 1e9
"""aiohttp rounds timeouts above a threshold up to whole seconds; ours stay as they are."""


@frozen
class _Place:
    """A URL taken apart, once for the gateway and once for aiohttp."""

    target: Target
    url: URL = field(repr=False)
    proxy: URL | None = field(repr=False)
    proxy_headers: dict[str, str] | None = field(repr=False)
    forward_headers: tuple[tuple[str, str], ...] = field(repr=False)


@define
class _Sending:
    """One request and how long its phases may take; its headers hold secrets."""

    method: str
    place: _Place
    headers: CIMultiDict[str] = field(repr=False)
    body: bytes = field(repr=False)
    timeouts: Timeouts
    deadline: float
    limits: Limits


class AiohttpTransport:
    """Sends requests with aiohttp, one session per event loop.

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
        self._heads: KnownHeads[CIMultiDict[str]] = KnownHeads(_head)
        self._sessions: PerLoop[Sessions] = PerLoop(self._make_sessions, Sessions.aclose)

    async def open(self, request: WireRequest, *, timeouts: Timeouts, deadline: float) -> OpenResponse:
        """Send, and return as soon as the response headers are there; raises as ``Transport.open`` says."""
        place = self._places.get(request.url) or self._learn(request.url)
        headers = self._heads.get(request, place.target, self._agent)
        if place.forward_headers:
            headers = CIMultiDict([*headers.items(), *place.forward_headers])
        if self._closed:
            raise GatewayError("the transport is closed; create a new gateway")
        sessions = self._sessions.find() or await self._sessions.enter()
        left = deadline - self._clock()
        if left <= 0:
            raise too_late(place.target.label, "connect", at_deadline=True)
        ends, limits = sessions.loop.time() + left, self._limits.for_answer(request)
        sending = _Sending(request.method, place, headers, request.body, timeouts, ends, limits)
        # What may go out but once goes on a fresh connection: a kept one may be dead.
        answer = None if request.once else await self._send(sessions.kept, sending, may_be_stale=True)
        if answer is None:
            answer = await self._send(sessions.fresh, sending, may_be_stale=False)
        assert answer is not None
        return answer

    async def aclose(self) -> None:
        """Close every connection of every event loop that still runs; no request can be sent any more."""
        self._closed = True
        await self._sessions.aclose()

    async def _send(
        self, session: aiohttp.ClientSession, sending: _Sending, *, may_be_stale: bool
    ) -> StreamedResponse | None:
        """Send once; None when a kept-alive connection turned out dead before the request was read."""
        attempt = Attempt()
        ATTEMPT.set(attempt)
        loop = asyncio.get_running_loop()
        try:
            response = await _request(session, sending, sending.deadline - loop.time())
        except Exception as error:
            if may_be_stale and attempt.reused and _died_unread(error, attempt, loop.time()):
                return None
            phase = "connect" if attempt.connected_at is None else "first_byte"
            failure = typed_error(error, sending.place.target, phase, at_deadline=loop.time() >= sending.deadline)
        else:
            if response.status != _SWITCHING:
                source = _Body(response, sending, loop)
                return StreamedResponse(response.status, response.raw_headers, source, sending.limits)
            response.close()
            label = sending.place.target.label
            failure = MalformedResponseError(f"{label} switched to another protocol, which was not asked for")
        # Raised out here, so that aiohttp's error, which holds the headers, is not its context.
        raise failure

    def _learn(self, url: str) -> _Place:
        """Take a URL apart and remember it; they are few, and parsing one is dear."""
        target = parse_target(url)
        if self._trust_env:
            target = parse_target(url, proxy_from_environment(target.origin))
        place = _place(target)
        with self._lock:
            self._agent = self._agent or user_agent()
            if len(self._places) >= _MOST_TARGETS:
                self._places.clear()
            self._places[url] = place
        return place

    def _make_sessions(self) -> Sessions:
        return make_sessions(
            maximum=self._max_connections,
            keepalive=self._keepalive,
            tls=self._verify,
            header_limit=self._limits.headers,
        )


class _Body:
    """The body of an aiohttp response; see ``BodySource``."""

    def __init__(self, response: aiohttp.ClientResponse, sending: _Sending, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.label = sending.place.target.label
        self._sending = sending
        self._response = response
        if sending.timeouts.chunk == sending.timeouts.first_byte:
            return
        protocol = response.connection.protocol if response.connection is not None else None
        if protocol is not None:
            protocol.read_timeout = sending.timeouts.chunk
            protocol.start_timeout()

    async def read(self) -> bytes:
        try:
            return await self._response.content.readany()
        except Exception as error:
            late = self.loop.time() >= self._sending.deadline
            failure = typed_error(error, self._sending.place.target, "chunk", at_deadline=late)
        raise failure

    async def release(self) -> None:
        """Aiohttp has taken the connection back by itself."""

    def discard(self) -> None:
        self._response.close()

    async def settle(self) -> None:
        """Nothing is left behind."""


def _request(session: aiohttp.ClientSession, sending: _Sending, left: float) -> Awaitable[aiohttp.ClientResponse]:
    body = sending.body
    timeouts = sending.timeouts
    return session.request(
        sending.method,
        sending.place.url,
        headers=sending.headers,
        data=_payload(body) if body else None,
        allow_redirects=False,
        proxy=sending.place.proxy,
        proxy_headers=sending.place.proxy_headers,
        timeout=aiohttp.ClientTimeout(
            total=max(left, 0.001),
            sock_connect=timeouts.connect,
            sock_read=timeouts.first_byte,
            ceil_threshold=_NEVER_ROUND,
        ),
    )


def _payload(body: bytes) -> aiohttp.BytesPayload | io.BytesIO:
    """Give a body as aiohttp wants it: a large one as a file, to be written piece by piece."""
    return io.BytesIO(body) if len(body) > _LARGE_BODY else aiohttp.BytesPayload(body)


def _head(pairs: HeaderPairs) -> CIMultiDict[str]:
    """Give headers as aiohttp wants them, without the one it sets by itself."""
    if not all(value.isascii() for _, value in pairs):
        raise InvalidRequestError("a header value holds a non-ASCII character", parameter="headers")
    return CIMultiDict([(name.decode(), value.decode()) for name, value in pairs if name != b"host"])


def _died_unread(error: Exception, attempt: Attempt, now: float) -> bool:
    """Did the connection break without a byte of an answer, so soon that the request cannot have been worked on?"""
    if attempt.connected_at is None or now - attempt.connected_at >= _STALE_WITHIN:
        return False
    if isinstance(error, aiohttp.ServerDisconnectedError):
        # A message that is no text is the part of an answer that had come.
        return isinstance(error.message, str)
    return isinstance(error, OSError) and not isinstance(error, TimeoutError)


def _place(target: Target) -> _Place:
    url = URL(f"{target.origin[0]}://{target.netloc}{target.path}", encoded=True)
    proxy = target.proxy
    if proxy is None:
        return _Place(target, url, None, None, ())
    authorization = proxy.authorization.decode()
    address = URL.build(scheme=proxy.scheme, host=proxy.host, port=proxy.port)
    if not authorization:
        return _Place(target, url, address, None, ())
    if target.is_tls:
        return _Place(target, url, address, {"proxy-authorization": authorization}, ())
    return _Place(target, url, address, None, (("proxy-authorization", authorization),))
