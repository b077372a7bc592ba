"""Listen to the channels of a server from one event loop, all of them over one connection.

A connection that breaks is told to everybody who listens; the next who listens makes a new one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from redis.exceptions import ConnectionError as RedisConnectionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio.connection import AbstractConnection

_MOST_UNHEARD = 1000
_QUIET = 15.0
"""Seconds without a word after which the server is asked whether it is still there."""
_MOST_IDLE = 100


class Ear:
    """Hears one channel: every message from when it was opened."""

    def __init__(self, channel: bytes) -> None:
        self.channel = channel
        self._heard: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._error: Exception | None = None

    async def next(self) -> bytes:
        """Wait for the next message.

        Raises:
            ConnectionError: The connection broke, or messages came faster than they were read.
        """
        while not self._heard:
            if self._error is not None:
                raise self._error
            self._news.clear()
            await self._news.wait()
        return self._heard.popleft()

    def hear(self, message: bytes) -> None:
        """Take a message in."""
        if len(self._heard) >= _MOST_UNHEARD:
            self.fail(RedisConnectionError("messages come faster than they are read"))
            return
        self._heard.append(message)
        self._news.set()

    def fail(self, error: Exception) -> None:
        """Hear no more."""
        self._error = self._error or error
        self._news.set()


class Channels:
    """The channels one event loop listens to.

    Args:
        connect: Makes a connection, not yet open.
        timeout: Seconds to wait for a connection or an answer.
    """

    def __init__(self, connect: Callable[[], AbstractConnection], *, timeout: float) -> None:
        self._connect = connect
        self._timeout = timeout
        self._line: _Line | None = None
        self._starting = asyncio.Lock()

    async def open(self, channel: str) -> Ear:
        """Listen to a channel; when this returns, no message is missed any more."""
        async with asyncio.timeout(self._timeout * 2):
            async with self._starting:
                if self._line is None or self._line.is_broken:
                    self._line = _Line(self._connect())
                line = self._line
            ear = Ear(channel.encode("utf-8", "surrogatepass"))
            try:
                await line.add(ear)
            except BaseException:
                line.remove(ear)
                raise
        return ear

    def close(self, ear: Ear) -> None:
        """Listen no more."""
        if self._line is not None:
            self._line.remove(ear)

    async def aclose(self) -> None:
        """Close the connection; whoever listens is told."""
        line, self._line = self._line, None
        if line is not None:
            await line.aclose()


class _Line:
    """One connection: who listens to what on it, and the task that reads it."""

    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection
        self._ears: dict[bytes, set[Ear]] = {}
        self._confirmed: dict[bytes, asyncio.Future[None]] = {}
        self._connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sending: set[asyncio.Task[None]] = set()
        self._task = asyncio.get_running_loop().create_task(self._read())
        self.is_broken = False

    async def add(self, ear: Ear) -> None:
        """Listen with one more ear, and wait until the server knows the channel."""
        self._ears.setdefault(ear.channel, set()).add(ear)
        await asyncio.shield(self._connected)
        confirmed = self._confirmed.get(ear.channel)
        if confirmed is None:
            confirmed = self._confirmed[ear.channel] = asyncio.get_running_loop().create_future()
            confirmed.add_done_callback(_note)
            self._send("SUBSCRIBE", ear.channel)
        await asyncio.shield(confirmed)

    def remove(self, ear: Ear) -> None:
        """Take an ear away; the server is told of channels nobody listens to once they are many."""
        self._ears.get(ear.channel, set()).discard(ear)
        idle = [channel for channel, ears in self._ears.items() if not ears]
        if len(idle) <= _MOST_IDLE or self.is_broken:
            return
        known = [channel for channel in idle if channel in self._confirmed]
        for channel in idle:
            del self._ears[channel]
            self._confirmed.pop(channel, None)
        if known:
            self._send("UNSUBSCRIBE", *known)

    async def aclose(self) -> None:
        """Close the connection."""
        self._task.cancel()
        await asyncio.wait((self._task, *self._sending))

    def _send(self, *command: Any) -> None:
        # A task of its own: a caller that is cancelled half-way would break the connection for all.
        task = asyncio.get_running_loop().create_task(self._send_in_time(command))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send_in_time(self, command: tuple[Any, ...]) -> None:
        try:
            async with asyncio.timeout(_QUIET):
                await self._connection.send_command(*command)
        except Exception as error:
            self._break(error)
            self._task.cancel()

    async def _read(self) -> None:
        try:
            await self._connection.connect()  # type: ignore[no-untyped-call]
            self._connected.set_result(None)
            was_asked = False
            while True:
                try:
                    async with asyncio.timeout(_QUIET):
                        message = await self._connection.read_response(disconnect_on_error=False)
                except TimeoutError:
                    if was_asked:
                        raise RedisConnectionError("the server says nothing any more") from None
                    was_asked = True
                    self._send("PING")
                    continue
                was_asked = False
                self._take(message)
        except Exception as error:
            self._break(error)
        finally:
            self._break(RedisConnectionError("the connection is closed"))
            await self._connection.disconnect(nowait=True)

    def _take(self, message: Any) -> None:
        if not isinstance(message, list) or len(message) < 3:
            return  # the answer to a ping
        kind, channel, content = message[0], message[1], message[2]
        if kind == b"message":
            for ear in tuple(self._ears.get(channel, ())):
                ear.hear(content)
        elif kind == b"subscribe":
            confirmed = self._confirmed.get(channel)
            if confirmed is not None and not confirmed.done():
                confirmed.set_result(None)

    def _break(self, error: Exception) -> None:
        if self.is_broken:
            return
        self.is_broken = True
        self._connected.add_done_callback(_note)
        for waiting in (self._connected, *self._confirmed.values()):
            if not waiting.done():
                waiting.set_exception(error)
        for ears in self._ears.values():
            for ear in ears:
                ear.fail(error)


def _note(waiting: asyncio.Future[None]) -> None:
    """Look at an error, so that one nobody waits for is not complained about."""
    if not waiting.cancelled():
        waiting.exception()
