"""What belongs to one event loop: state kept per running loop, and tasks that outlive the one who started them."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakKeyDictionary, ref

from attrs import define, field

from litellm_gateway.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


class LoopLocal(Generic[T]):
    """One value for each event loop, made on first use there and gone with the loop.

    Args:
        make: Makes the value.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._values: WeakKeyDictionary[asyncio.AbstractEventLoop, T] = WeakKeyDictionary()
        self._latest: tuple[ref[asyncio.AbstractEventLoop], T] | None = None  # asked for again most of the time

    def here(self) -> T:
        """Give the value of the running loop."""
        loop, latest = asyncio.get_running_loop(), self._latest
        if latest is not None and latest[0]() is loop:
            return latest[1]
        value = self._values.get(loop)
        if value is None:
            value = self._add(loop)
        self._latest = ref(loop, self._let_go), value
        return value

    def _let_go(self, _ended: object) -> None:
        self._latest = None

    def _add(self, loop: asyncio.AbstractEventLoop) -> T:
        value = self._make()
        with self._lock:
            for other in [other for other in self._values if other.is_closed()]:
                del self._values[other]  # a task left in it may hold its loop, which then would never go
            self._values[loop] = value
        return value


@define(eq=False)
class DetachedTasks:
    """Tasks of one loop that several callers wait for, none of which owns them."""

    _running: set[asyncio.Task[Any]] = field(factory=set, init=False)

    def __len__(self) -> int:
        return len(self._running)

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run it, with a copy of the current context, and hold on to it until it is done."""
        return self.hold(asyncio.get_running_loop().create_task(work))

    def hold(self, task: asyncio.Task[T]) -> asyncio.Task[T]:
        """Hold on to a task until it is done."""
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def finish(self) -> None:
        """Wait until all are done."""
        while self._running:
            await asyncio.wait(tuple(self._running))


async def cleaned_up(task: asyncio.Task[Any]) -> None:
    """Wait until a cancelled task has let go of what it held; being cancelled meanwhile ends only the wait."""
    if not task.done():
        await asyncio.wait((task,))


def outcome_error(task: asyncio.Task[Any]) -> BaseException | None:
    """Give what a finished task failed with, None when it did not.

    A task that was cancelled though somebody still waits for it is an error like any other: the waiters
    themselves were not cancelled.
    """
    if not task.cancelled():
        return task.exception()
    return cancelled_midway()


def cancelled_midway() -> GatewayError:
    """Say that a call several callers waited for was cancelled by somebody else."""
    return GatewayError("the call that was to answer several identical or similar ones was cancelled; send it again")
