"""The door to httpx: its HTTP/1.1 engine on our own sockets, one whole connection at a time.

It opens a connection, sends one request after another on it, and turns what goes wrong into typed errors. It keeps
no pool; that is ``connections``.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import TYPE_CHECKING, Any, cast

import httpcore
from attrs import field, frozen

from litellm_gateway.errors import (
    GatewayError,
    InvalidRequestError,
    MalformedResponseError,
    ProviderConnectionError,
)
from litellm_gateway.network import NetworkStream, connect_error, too_late

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Callable

    from litellm_gateway.addressing import HeaderPairs, Target
    from litellm_gateway.connections import Origin
    from litellm_gateway.network import Schedule

_HAPPY_EYEBALLS = 0.25
_UNREADABLE = 100 * 1024


class _Engine(httpcore.AsyncHTTP11Connection):
    """httpx's engine, asked by nobody but its own connection."""

    def __init__(self, stream: NetworkStream) -> None:
        # The stream keeps count of the head; the engine's own limit is for what it cannot make sense of yet.
        self.MAX_INCOMPLETE_EVENT_SIZE = max(stream.header_limit, _UNREADABLE)
        super().__init__(httpcore.Origin(b"http", b"", 80), stream)  # type: ignore[arg-type]

    def can_handle_request(self, origin: httpcore.Origin) -> bool:
        """Take what its connection sends."""
        return True

    def holds_unread_bytes(self) -> bool:
        """Did the server send more than its response? The engine would take it for the next one."""
        return bool(self._h11_state.trailing_data[0])


@frozen
class Message:
    """One request as it goes on the wire; its headers hold secrets."""

    method: str
    path: str = field(repr=False)
    headers: HeaderPairs = field(repr=False)
    body: bytes = field(repr=False)


class Connection:
    """One whole connection to an origin, and at most one request on it at a time."""

    def __init__(self, target: Target, stream: NetworkStream) -> None:
        self.origin: Origin = target.origin
        self.idle_since = 0.0
        self._stream = stream
        self._prefix, self._extra = _forwarding(target)
        self._engine = _Engine(stream)
        self._response: httpcore.Response
        self._body: AsyncGenerator[bytes, None]

    @property
    def label(self) -> str:
        """``host:port``, for messages."""
        return self._stream.label

    async def send(self, message: Message, schedule: Schedule) -> tuple[int, HeaderPairs]:
        """Send one request and read the response's head; give status and headers.

        Raises:
            GatewayError: As ``Transport.open`` says.
        """
        stream = self._stream
        stream.begin(schedule)
        url = _url(self._prefix + message.path)
        request = httpcore.Request(message.method, url, headers=message.headers + self._extra, content=message.body)
        try:
            response = await self._engine.handle_async_request(request)
        except Exception as error:
            raise self.translated(error) from error
        if stream.received == 0:
            raise MalformedResponseError(f"{self.label} sent a response before it was asked")
        if response.status == 101:
            raise MalformedResponseError(f"{self.label} switched to another protocol, which was not asked for")
        stream.begin_body()
        self._response = response
        self._body = cast("AsyncGenerator[bytes, None]", aiter(cast("AsyncIterable[bytes]", response.stream)))
        return response.status, response.headers

    async def read_body(self) -> bytes:
        """Give the next bytes of the body, ``b""`` at its end.

        Raises:
            GatewayError: As ``OpenResponse.read`` says.
        """
        try:
            return await anext(self._body)
        except StopAsyncIteration:
            return b""
        except Exception as error:
            raise self.translated(error) from error

    async def end_body(self) -> None:
        """Be through with the response: read to its end, ready for the next request; else closed."""
        # Another task may be reading still; the closed connection ends that, and the body with it.
        with contextlib.suppress(RuntimeError):
            await self._body.aclose()
        await self._response.aclose()

    def died_unread(self) -> bool:
        """Did it break before a byte of the answer, so soon that the request cannot have been worked on?"""
        return self._stream.died_unread()

    def is_usable(self) -> bool:
        """Was the last response read to its end, and is nothing in the pipe that nobody asked for?"""
        return self._stream.is_quiet() and self._engine.is_idle() and not self._engine.holds_unread_bytes()

    def abort(self) -> None:
        """Close it at once."""
        self._stream.abort()

    def translated(self, error: Exception) -> GatewayError:
        """Give the typed error for whatever the engine or the network raised."""
        if isinstance(error, GatewayError):
            return error
        stream = self._stream
        if isinstance(error, httpcore.LocalProtocolError):
            return InvalidRequestError(f"the request for {self.label} cannot be sent as HTTP")
        if isinstance(error, httpcore.RemoteProtocolError) and not (stream.hung_up and stream.speaks_http()):
            return MalformedResponseError(f"{self.label} sent something that is not HTTP")
        return ProviderConnectionError(f"{self.label} closed the connection before its response was complete")


async def connect(
    target: Target, schedule: Schedule, *, header_limit: int, tls: Callable[[], ssl.SSLContext]
) -> Connection:
    """Open a connection within the connect phase: name, TCP, proxy and TLS together.

    Args:
        target: Where to, and through which proxy.
        schedule: Until when.
        header_limit: Most bytes of response headers.
        tls: Gives the TLS context, when one is needed.

    Raises:
        ProviderConnectionError: Not reachable, or not trusted.
        ProviderTimeoutError, DeadlineExceededError: Not in time; ``phase`` is ``connect``.
    """
    limit = schedule.deadline
    if schedule.timeouts.connect is not None:
        limit = min(limit, asyncio.get_running_loop().time() + schedule.timeouts.connect)
    stream = NetworkStream(target.label, header_limit)
    stream.begin(schedule)
    scope = asyncio.timeout_at(limit)
    try:
        async with scope:
            await _dial(target, stream, tls)
    except BaseException as error:
        stream.abort()
        if not isinstance(error, Exception):
            raise
        if scope.expired():
            raise too_late(target.label, "connect", at_deadline=limit >= schedule.deadline) from error
        raise connect_error(error, target) from error
    return Connection(target, stream)


async def _dial(target: Target, stream: NetworkStream, tls: Callable[[], ssl.SSLContext]) -> None:
    proxy = target.proxy
    host, port = (proxy.host, proxy.port) if proxy else target.origin[1:]
    loop, options = asyncio.get_running_loop(), dict[str, Any]()
    is_address = host.replace(".", "").isdigit() or ":" in host
    if not is_address and isinstance(loop, asyncio.BaseEventLoop):  # uvloop has its own way to choose an address
        options["happy_eyeballs_delay"] = _HAPPY_EYEBALLS
    await loop.create_connection(lambda: stream, host, port, **options)
    if proxy and proxy.scheme == "https":
        await stream.start_tls(tls(), proxy.host)
    if target.is_tls:
        if proxy:
            await _open_tunnel(target, proxy.authorization, stream)
        await stream.start_tls(tls(), target.origin[1])


async def _open_tunnel(target: Target, authorization: bytes, stream: NetworkStream) -> None:
    """Ask the proxy to pass our bytes on."""
    address = target.label.encode()
    headers = [(b"host", address)]
    if authorization:
        headers.append((b"proxy-authorization", authorization))
    response = await _Engine(stream).handle_async_request(
        httpcore.Request(b"CONNECT", _url(address.decode()), headers=headers)
    )
    if not 200 <= response.status < 300:
        raise ProviderConnectionError(f"the proxy refused the way to {target.label} (status {response.status})")


def tls_context(verify: bool | ssl.SSLContext, *, trust_env: bool) -> ssl.SSLContext:
    """Give httpx's TLS settings for HTTP/1.1; a context of the caller's is used as it is."""
    if isinstance(verify, ssl.SSLContext):
        return verify
    import httpx

    context = httpx.create_ssl_context(verify=verify, trust_env=trust_env)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _url(target: str) -> httpcore.URL:
    """Wrap what stands in the request line; where it goes was decided when the connection was opened."""
    return httpcore.URL(scheme=b"http", host=b"", port=80, target=target.encode())


def _forwarding(target: Target) -> tuple[str, HeaderPairs]:
    """A proxy for plain HTTP wants the whole URL in the request line."""
    if target.proxy is None or target.is_tls:
        return "", []
    authorization = target.proxy.authorization
    return f"http://{target.netloc}", [(b"proxy-authorization", authorization)] if authorization else []
