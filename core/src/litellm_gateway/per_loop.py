"""Keep one thing per event loop, such as a pool of sockets, and close it when its loop ends.

It knows nothing of what it keeps. Sockets and tasks belong to one loop and one process; this is where that is held.
"""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Generic, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine

T = TypeVar("T")


class PerLoop(Generic[T]):
    """One ``T`` per event loop, made when first asked for.

    A loop that ends through ``asyncio.run`` or its like closes its own; :meth:`aclose` closes those of all loops
    that run. A forked child has none of its parent's.

    Args:
        make: Makes one for the running loop.
        close: Closes one, on its own loop; called twice it must do no harm.
    """

    def __init__(self, make: Callable[[], T], close: Callable[[T], Coroutine[object, object, None]]) -> None:
        self._make = make
        self._close = close
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._kept: WeakKeyDictionary[asyncio.AbstractEventLoop, T] = WeakKeyDictionary()
        self._guards: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncGenerator[None, None]] = WeakKeyDictionary()
        self._closing: set[asyncio.Task[None]] = set()
        self._left_behind: list[object] = []

    def find(self) -> T | None:
        """Give what is kept for the running loop, None when nothing is."""
        if self._pid != os.getpid():
            self._leave_parent_behind()
        return self._kept.get(asyncio.get_running_loop())

    async def enter(self) -> T:
        """Make one for the running loop, and see to it that it is closed when the loop ends."""
        loop = asyncio.get_running_loop()
        with self._lock:
            for ended in [known for known in self._guards if known.is_closed()]:
                self._forget(ended)
            value = self._make()
            guard = self._until_the_loop_ends(loop, value)
            self._kept[loop] = value
            self._guards[loop] = guard
        await anext(guard)
        return value

    async def aclose(self) -> None:
        """Close what is kept for this loop now, and ask the other loops to close theirs."""
        if self._pid != os.getpid():
            self._leave_parent_behind()
        with self._lock:
            kept = list(self._kept.items())
            self._kept = WeakKeyDictionary()
        here = asyncio.get_running_loop()
        for loop, value in kept:
            if loop is here:
                await self._close(value)
            elif not loop.is_closed():
                loop.call_soon_threadsafe(self._start_closing, value)

    async def _until_the_loop_ends(self, loop: asyncio.AbstractEventLoop, value: T) -> AsyncGenerator[None, None]:
        """Be an asynchronous generator that the loop closes as it shuts down, and close the value then."""
        try:
            yield
        finally:
            with self._lock:
                self._forget(loop)
            await self._close(value)

    def _forget(self, loop: asyncio.AbstractEventLoop) -> None:
        # A guard and what it keeps hold on to their loop: a weak key alone would never let go of it.
        self._kept.pop(loop, None)
        self._guards.pop(loop, None)

    def _start_closing(self, value: T) -> None:
        task = asyncio.get_running_loop().create_task(self._close(value))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _leave_parent_behind(self) -> None:
        """Start anew in a forked child.

        Sockets, their place in epoll, and a lock that may be held are the parent's: they are not to be touched,
        not even to be freed.
        """
        self._left_behind += [self._kept, self._guards]
        self._kept = WeakKeyDictionary()
        self._guards = WeakKeyDictionary()
        self._lock = threading.Lock()
        self._pid = os.getpid()
