"""One upstream stream for several readers: late ones replay what came so far, then follow.

One task reads upstream into a record that every reader walks at its own pace. It stays at most ``AHEAD`` bytes
ahead of the fastest reader; what the slowest has not read yet is held for it, at most the whole answer. What all
have read is forgotten, unless newcomers may still join.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from litellm_gateway.kept_answers import weigh
from litellm_gateway.loop_state import cleaned_up, outcome_error
from litellm_gateway.responses import StreamChunk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
    from typing import Any

AHEAD = 256 * 1024
"""Bytes read from upstream before any reader took them."""


class _Piece:
    """One chunk, and the next once it came; ``end`` is the size of all up to here."""

    __slots__ = ("chunk", "end", "next")

    def __init__(self, chunk: StreamChunk, end: int) -> None:
        self.chunk = chunk
        self.end = end
        self.next: _Piece | None = None


class StreamFlight:
    """A stream on its way, and who reads it. Belongs to one event loop.

    Args:
        start: Starts a task that nobody owns.
        make: Opens the upstream stream.
        replay_limit: Bytes newcomers can still replay; beyond it nobody joins any more.
        closed: Called once nobody may join any more, with the whole record when the stream ended well.
    """

    def __init__(
        self,
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        make: Callable[[], AsyncIterator[StreamChunk]],
        *,
        replay_limit: int,
        closed: Callable[[StreamFlight, tuple[StreamChunk, ...] | None], None],
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.ended = False
        self.error: BaseException | None = None
        self._replay_limit = replay_limit
        self._closed = closed
        self._tail = _Piece(StreamChunk(), 0)
        self._start: _Piece | None = self._tail  # None once nobody may join any more
        self._readers = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._paused: asyncio.Future[None] | None = None
        self._written = self._furthest = 0
        self._task = start(self._pump(make))
        self._task.add_done_callback(self._landed)

    def join(self, *, shared: bool) -> SharedStream:
        """Give one more reader, which starts at the beginning."""
        assert self._start is not None
        self._readers += 1
        return SharedStream(self, self._start, shared=shared)

    def reached(self, piece: _Piece) -> None:
        """Note how far a reader has come; upstream is read on when the fastest has come near."""
        if piece.end > self._furthest:
            self._furthest = piece.end
            paused = self._paused
            if paused is not None and not paused.done() and self._written - piece.end <= AHEAD // 2:
                paused.set_result(None)

    def more(self) -> asyncio.Future[None]:
        """Give what to await for the next piece or the end."""
        waiter: asyncio.Future[None] = self.loop.create_future()
        self._waiting.append(waiter)
        return waiter

    def leave(self) -> asyncio.Task[None] | None:
        """Take a reader away; the last one stops the upstream call, whose task is given to wait for."""
        self._readers -= 1
        if self._readers or self._task.done():
            return None
        self._stop_joining(None)
        self._task.cancel()
        return self._task

    async def _pump(self, make: Callable[[], AsyncIterator[StreamChunk]]) -> None:
        upstream = make()
        try:
            async for chunk in upstream:
                self._write(chunk)
                if self._written - self._furthest > AHEAD:
                    self._paused = self.loop.create_future()
                    await self._paused
        finally:
            close = getattr(upstream, "aclose", None)
            if close is not None:
                await close()

    def _write(self, chunk: StreamChunk) -> None:
        self._written += 100 + len(chunk) if chunk.kind == "text" else weigh(chunk)
        piece = _Piece(chunk, self._written)
        self._tail.next = self._tail = piece
        if self._written > self._replay_limit:
            self._stop_joining(None)
        self._wake()

    def _landed(self, task: asyncio.Task[None]) -> None:
        self.error = outcome_error(task)
        self.ended = True
        self._stop_joining(self._start if self.error is None else None)
        self._wake()

    def _stop_joining(self, start: _Piece | None) -> None:
        """Let nobody join any more; ``start`` leads to the record of a stream that ended well."""
        if self._start is not None:
            self._start = None
            self._closed(self, None if start is None else tuple(_chunks(start)))

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)


def _chunks(start: _Piece) -> Iterator[StreamChunk]:
    piece = start.next
    while piece is not None:
        yield piece.chunk
        piece = piece.next


class SharedStream:
    """One reader's view of a stream. Read it to its end, or close it.

    Attributes:
        shared: Another caller opened it, so this one costs nothing.
    """

    def __init__(self, flight: StreamFlight, start: _Piece, *, shared: bool) -> None:
        self.shared = shared
        self._flight: StreamFlight | None = flight
        self._piece: _Piece | None = start

    def __aiter__(self) -> SharedStream:
        return self

    async def __anext__(self) -> StreamChunk:
        flight, last = self._flight, self._piece
        if flight is None or last is None:
            raise StopAsyncIteration
        while (piece := last.next) is None:
            if flight.ended:
                await self.aclose()
                if flight.error is not None:
                    raise flight.error.with_traceback(None)
                raise StopAsyncIteration
            try:
                await flight.more()
            except asyncio.CancelledError:
                await self.aclose()
                raise
        self._piece = piece
        flight.reached(piece)
        return piece.chunk

    async def aclose(self) -> None:
        """Stop reading; the last reader to do so stops the upstream call and waits until it is cleaned up."""
        flight, self._flight, self._piece = self._flight, None, None
        if flight is None:
            return
        stopped = flight.leave()
        if stopped is not None:
            await cleaned_up(stopped)

    def __del__(self) -> None:
        flight = self._flight
        if flight is not None:  # given up without closing
            with contextlib.suppress(RuntimeError):  # its loop is closed, and the call gone with it
                flight.loop.call_soon_threadsafe(flight.leave)


class KeptStream:
    """A stream of a while ago, from memory."""

    shared = True

    def __init__(self, chunks: tuple[StreamChunk, ...]) -> None:
        self._chunks = iter(chunks)

    def __aiter__(self) -> KeptStream:
        return self

    async def __anext__(self) -> StreamChunk:
        for chunk in self._chunks:
            return chunk
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Stop reading."""
        self._chunks = iter(())
