"""The HTTP door: sends one request and hands out the open response, over a bounded pool per event loop.

Nothing is retried here but a kept-alive connection found dead. It knows no provider, follows no redirect and keeps
no cookie.
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

from litellm_gateway.addressing import (
    length_header,
    parse_proxy,
    parse_target,
    proxy_from_environment,
    user_agent,
)
from litellm_gateway.connections import ConnectionPool, closed_error
from litellm_gateway.errors import GatewayError
from litellm_gateway.http_engine import Connection, Message, connect, tls_context
from litellm_gateway.known_heads import KnownHeads
from litellm_gateway.network import Schedule, too_late
from litellm_gateway.open_response import StreamedResponse
from litellm_gateway.per_loop import PerLoop
from litellm_gateway.wire import Limits

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from litellm_gateway.addressing import HeaderPairs, Target
    from litellm_gateway.wire import OpenResponse, Timeouts, WireRequest

_MOST_TARGETS = 256


class HttpxTransport:
    """Sends requests with httpx's engine over a bounded stack of connections per event loop.

    One instance serves any number of threads and event loops; a forked child starts with no connection.

    Args:
        limits: Most bytes to take.
        max_connections: Connections open at once per event loop; further requests wait in line.
        keepalive: Seconds an idle connection is kept.
        trust_env: Use the proxies that environment variables name.
        verify: Check TLS certificates; an ``ssl.SSLContext`` is used as it is.
        proxy: URL of a proxy for everything.
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
        proxy: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._max_connections = max_connections
        self._keepalive = keepalive
        self._trust_env = trust_env
        self._verify = verify
        self._proxy = parse_proxy(proxy) if proxy else None
        self._clock = clock
        self._closed = False
        self._lock = threading.Lock()
        self._agent = ""
        self._targets: dict[str, Target] = {}
        self._heads: KnownHeads[HeaderPairs] = KnownHeads(list)
        self._tls: ssl.SSLContext | None = None
        self._pools: PerLoop[ConnectionPool[Connection]] = PerLoop(self._make_pool, ConnectionPool.aclose)

    async def open(self, request: WireRequest, *, timeouts: Timeouts, deadline: float) -> OpenResponse:
        """Send, and return as soon as the response headers are there; raises as ``Transport.open`` says."""
        target = self._targets.get(request.url) or self._learn(request.url)
        headers = [*self._heads.get(request, target, self._agent), *length_header(request)]
        message = Message(request.method, target.path, headers, request.body)
        if self._closed:
            raise closed_error()
        pool = self._pools.find() or await self._pools.enter()
        left = deadline - self._clock()
        if left <= 0:
            raise too_late(target.label, "connect", at_deadline=True)
        schedule = Schedule(pool.loop.time() + left, timeouts)
        connection = await pool.acquire(target.origin, schedule.deadline)
        try:
            if connection is not None and request.once:  # it may be dead, and finding out would take a second try
                pool.forget(connection)
                connection = None
            limits = self._limits.for_answer(request)
            if connection is not None:
                answer = await self._send_on_kept(pool, connection, message, schedule, limits)
                if answer is not None:
                    return answer
                pool.forget(connection)
                connection = None
            connection = await connect(target, schedule, header_limit=self._limits.headers, tls=self._tls_context)
            pool.adopt(connection)
            return await self._send(pool, connection, message, schedule, limits)
        except BaseException:
            pool.discard(connection)
            raise

    async def aclose(self) -> None:
        """Close every connection of every event loop that still runs; no request can be sent any more."""
        self._closed = True
        await self._pools.aclose()

    async def _send_on_kept(
        self,
        pool: ConnectionPool[Connection],
        connection: Connection,
        message: Message,
        schedule: Schedule,
        limits: Limits,
    ) -> OpenResponse | None:
        """Send on a kept-alive connection; None when it turns out dead before the request was read."""
        try:
            return await self._send(pool, connection, message, schedule, limits)
        except GatewayError:
            if connection.died_unread():
                return None
            raise

    async def _send(
        self,
        pool: ConnectionPool[Connection],
        connection: Connection,
        message: Message,
        schedule: Schedule,
        limits: Limits,
    ) -> OpenResponse:
        status, headers = await connection.send(message, schedule)
        return StreamedResponse(status, headers, _PooledBody(pool, connection), limits)

    def _learn(self, url: str) -> Target:
        """Take a URL apart and remember it; they are few, and parsing one is dear."""
        target = parse_target(url, self._proxy)
        if self._proxy is None and self._trust_env:
            target = parse_target(url, proxy_from_environment(target.origin))
        with self._lock:
            self._agent = self._agent or user_agent()
            if len(self._targets) >= _MOST_TARGETS:
                self._targets.clear()
            self._targets[url] = target
        return target

    def _tls_context(self) -> ssl.SSLContext:
        with self._lock:
            if self._tls is None:
                self._tls = tls_context(self._verify, trust_env=self._trust_env)
            return self._tls

    def _make_pool(self) -> ConnectionPool[Connection]:
        loop = asyncio.get_running_loop()
        return ConnectionPool(loop, maximum=self._max_connections, keepalive=self._keepalive)


class _PooledBody:
    """The body of a response on a pooled connection; see ``BodySource``."""

    def __init__(self, pool: ConnectionPool[Connection], connection: Connection) -> None:
        self.loop = pool.loop
        self.label = connection.label
        self.read = connection.read_body
        self.settle = connection.end_body
        self._pool = pool
        self._connection = connection

    async def release(self) -> None:
        await self._connection.end_body()
        self._pool.give_back(self._connection)

    def discard(self) -> None:
        self._pool.discard(self._connection)
