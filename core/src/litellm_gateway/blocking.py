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
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from litellm_gateway.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator

T = TypeVar("T")
_BUFFERED = 256
_LAST_WORDS = 2.0


class LoopThread:
    """An event loop running in a daemon thread of its own."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="litellm-gateway", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def is_current(self) -> bool:
        """Is the caller running in this very thread?"""
        return threading.get_ident() == self._thread.ident

    def stop(self) -> None:
        """Cancel what still runs, let it clean up, and end the thread; takes two seconds at most."""
        if self.pid != os.getpid() or not self._thread.is_alive():
            return
        done = asyncio.run_coroutine_threadsafe(self._wind_down(), self.loop)
        try:
            done.result(_LAST_WORDS)
        except (TimeoutError, asyncio.CancelledError):
            done.cancel()
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
    """The loop thread of this process; a forked child makes its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: LoopThread | None = None
        os.register_at_fork(after_in_child=self._forget)

    def get(self) -> LoopThread:
        thread = self._thread
        if thread is not None and thread.pid == os.getpid():
            return thread
        with self._lock:
            if self._thread is None:
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
        GatewayError: Called from a coroutine on the loop thread itself, where waiting would never end.
    """
    thread = _current.get()
    if thread.is_current():
        coroutine.close()
        raise GatewayError(
            "a blocking call inside the gateway's own event loop would wait for itself; "
            "a plugin must await generate_async, embed_async or generate_stream_async instead"
        )
    future = asyncio.run_coroutine_threadsafe(coroutine, thread.loop)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


class BlockingIterator(Generic[T]):
    """Iterates over an async iterator from plain code, a bounded number of items ahead of its reader."""

    def __init__(self, source: AsyncIterator[T]) -> None:
        self._source = source
        self._items: deque[T] = deque()
        self._ready = threading.Condition()
        self._ended = False
        self._error: BaseException | None = None
        self._room: asyncio.Event | None = None
        self._thread = _current.get()
        if self._thread.is_current():
            raise GatewayError("a blocking stream inside the gateway's own event loop would wait for itself")
        self._pump = asyncio.run_coroutine_threadsafe(self._fill(), self._thread.loop)

    async def _fill(self) -> None:
        self._room = asyncio.Event()
        error: BaseException | None = None
        try:
            async for item in self._source:
                with self._ready:
                    self._items.append(item)
                    self._ready.notify()
                if len(self._items) >= _BUFFERED:
                    self._room.clear()
                    await self._room.wait()
        except BaseException as caught:
            error = caught
            if not isinstance(caught, Exception):
                raise
        finally:
            aclose = getattr(self._source, "aclose", None)
            if aclose is not None:
                await aclose()
            with self._ready:
                self._error, self._ended = error, True
                self._ready.notify()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        try:
            with self._ready:
                while not self._items and not self._ended:
                    self._ready.wait()
                if not self._items:
                    raise self._last_word()
                item = self._items.popleft()
        except (KeyboardInterrupt, SystemExit):
            self.close()
            raise
        if len(self._items) == _BUFFERED // 2 and self._room is not None:
            self._thread.loop.call_soon_threadsafe(self._room.set)
        return item

    def _last_word(self) -> BaseException:
        """Give the error the source ended with once, then the plain end."""
        error, self._error = self._error, None
        return error if isinstance(error, Exception) else StopIteration()

    def close(self) -> None:
        """Break off; the connection behind it is closed at once."""
        if not self._ended and self._thread.pid == os.getpid():
            self._pump.cancel()

    def __del__(self) -> None:
        if hasattr(self, "_pump"):
            self.close()
