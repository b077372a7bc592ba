"""Call async code from code that is not: one event-loop thread per process, started when first needed.

It works in plain scripts, from many threads, in notebooks, inside a running event loop, and after a fork.
The thread is the one piece of state this package keeps per process; it knows nothing of gateways.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from litellm_gateway.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator
    from concurrent.futures import Future

T = TypeVar("T")
_BUFFERED = 256
_LAST_WORDS = 2.0


class LoopThread:
    """An event loop running in a daemon thread of its own."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="litellm-gateway", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            self.loop.close()
            raise

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        while not self._ending:  # neither a task's SystemExit nor somebody's loop.stop() may end it for everybody
            with suppress(SystemExit, KeyboardInterrupt):
                self.loop.run_forever()

    @property
    def usable(self) -> bool:
        """Does it belong to this process, and run on?"""
        return not self._ending and self.pid == os.getpid()

    def is_current(self) -> bool:
        """Is the caller running in this very thread?"""
        return threading.get_ident() == self._thread.ident

    def stop(self) -> None:
        """Cancel what still runs, let it clean up, and end the thread; takes two seconds at most."""
        if not self.usable:
            return
        done = asyncio.run_coroutine_threadsafe(self._wind_down(), self.loop)
        try:
            done.result(_LAST_WORDS)
        except (TimeoutError, asyncio.CancelledError):
            done.cancel()
        self._ending = True
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(_LAST_WORDS)
        if not self._thread.is_alive():
            self.loop.close()

    async def _wind_down(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.loop.shutdown_asyncgens()
        await self.loop.shutdown_default_executor()


class _Current:
    """The loop thread of this process; a forked child makes its own, and so does who calls after it was stopped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: LoopThread | None = None
        os.register_at_fork(after_in_child=self._forget)

    def get(self) -> LoopThread:
        thread = self._thread
        if thread is not None and thread.usable:
            return thread
        with self._lock:
            if self._thread is None or not self._thread.usable:
                self._thread = LoopThread()
                atexit.register(self._thread.stop)
            return self._thread

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._thread = None


_current = _Current()


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on the loop thread and give its result.

    An interruption (Ctrl-C) cancels it and is raised at once.

    Raises:
        GatewayError: Called from a coroutine on the loop thread itself, where waiting would never end; or while the
            program ends and no thread can be started any more.
    """
    future = _submit(coroutine)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def start(coroutine: Coroutine[Any, Any, object]) -> None:
    """Run a coroutine on the loop thread without waiting for it; one that cannot be run any more is dropped."""
    with suppress(GatewayError):
        _submit(coroutine)


def _submit(coroutine: Coroutine[Any, Any, T]) -> Future[T]:
    """Start a coroutine on the loop thread; one that cannot be started is closed."""
    try:
        thread = _current.get()
        if not thread.is_current():
            return asyncio.run_coroutine_threadsafe(coroutine, thread.loop)
    except RuntimeError as error:
        coroutine.close()
        raise GatewayError(f"no blocking call can be made any more, the program is ending ({error})") from error
    coroutine.close()
    raise GatewayError(
        "a blocking call inside the gateway's own event loop would wait for itself; "
        "a plugin must await generate_async, embed_async or generate_stream_async instead"
    )


class BlockingIterator(Generic[T]):
    """Iterates over an async iterator from plain code, a bounded number of items ahead of its reader.

    Several threads may share one. Dropping it closes the async iterator, as :meth:`close` does.
    """

    def __init__(self, source: AsyncIterator[T]) -> None:
        self._pid = os.getpid()
        self._buffer: _Buffer[T] = _Buffer()
        self._pump = _submit(self._buffer.fill(source))

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        if self._pid != os.getpid():
            raise GatewayError("this stream belongs to the process that forked; open one of your own")
        try:
            return self._buffer.take()
        except (KeyboardInterrupt, SystemExit):
            self.close()
            raise

    def close(self) -> None:
        """Break off; the connection behind it is closed at once, and nothing more comes."""
        if not self._buffer.ended and self._pid == os.getpid():
            self._buffer.give_up()
            self._pump.cancel()

    def __del__(self) -> None:
        if hasattr(self, "_pump"):
            self.close()


class _Buffer(Generic[T]):
    """What came and was not taken yet.

    The running task holds this and never the :class:`BlockingIterator`, which could not be dropped otherwise.
    """

    def __init__(self) -> None:
        self.ended = False
        self._items: deque[T] = deque()
        # Its lock is reentrant: a garbage-collected reader may give up in the middle of a locked step.
        self._ready = threading.Condition()
        self._given_up = False
        self._error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._room: asyncio.Future[None] | None = None

    async def fill(self, source: AsyncIterator[T]) -> None:
        """Read the source to its end, as far ahead as there is room, and close it."""
        self._loop = asyncio.get_running_loop()
        error: BaseException | None = None
        try:
            async for item in source:
                room = self._put(item)
                if room is not None:
                    await room
        except BaseException as caught:
            error = caught
            if isinstance(caught, asyncio.CancelledError | GeneratorExit):
                raise
        finally:
            try:
                await _close(source)
            finally:
                self._end(error)

    def _put(self, item: T) -> asyncio.Future[None] | None:
        """Add an item; give what to wait for when there is no room for another."""
        with self._ready:
            self._items.append(item)
            self._ready.notify()
            if len(self._items) >= _BUFFERED and self._loop is not None:
                self._room = self._loop.create_future()
                return self._room
        return None

    def _end(self, error: BaseException | None) -> None:
        with self._ready:
            self._error, self.ended = error, True
            self._ready.notify_all()

    def take(self) -> T:
        """Wait for the next item; raises what the source ended with once, then ``StopIteration``."""
        with self._ready:
            while not self._items and not self.ended and not self._given_up:
                self._ready.wait()
            if self._given_up or not self._items:
                raise self._last_word()
            item = self._items.popleft()
            room = self._room
            if room is not None and self._loop is not None and len(self._items) <= _BUFFERED // 2:
                self._room = None
                with suppress(RuntimeError):  # the loop is closed: nothing more will come
                    self._loop.call_soon_threadsafe(_set, room)
        return item

    def give_up(self) -> None:
        """Forget what is there and take nothing more."""
        with self._ready:
            self._given_up = True
            self._items.clear()
            self._ready.notify_all()

    def _last_word(self) -> BaseException:
        error, self._error = self._error, None
        if error is None or self._given_up:
            return StopIteration()
        if isinstance(error, asyncio.CancelledError):
            return GatewayError("the stream was cancelled before its end")
        return error


async def _close(source: Any) -> None:
    aclose = getattr(source, "aclose", None)
    if aclose is not None:
        with suppress(Exception):  # what was read is as good as it is, and an error before it matters more
            await aclose()


def _set(room: asyncio.Future[None]) -> None:
    if not room.done():
        room.set_result(None)
