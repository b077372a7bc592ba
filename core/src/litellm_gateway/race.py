"""Run a coroutine and, when it takes too long, another beside it: the first result is taken, the other is ended.

It knows nothing of requests. Whatever ends a race, nothing of it goes on running and no result is lost unfreed.
The first runs in the task of the caller, so that a race nobody is late for costs one timer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from litellm_gateway.loop_state import DetachedTasks

T = TypeVar("T")
PATIENCE = 0.1
"""Seconds a result waits at most for the second to end; one that takes longer ends behind its back."""
INSISTENCE = 1.0
"""Seconds after which a first that still runs is asked to end again."""
_LONGEST_CHAIN = 100


class Rivals(Protocol[T]):
    """What a race asks for, and tells."""

    @property
    def tasks(self) -> DetachedTasks:
        """What holds the tasks of the race."""
        ...

    def second(self) -> Coroutine[Any, Any, T] | None:
        """Give what to run beside the first, in a task of its own; None for nothing."""
        ...

    def decided(self, by_second: bool) -> None:
        """Take note of who has a result, before the other is ended."""
        ...

    def unheard(self, error: Exception) -> None:
        """Take note of what the first failed with when the result is the second's: nobody else hears of it."""
        ...

    def discard(self, result: T) -> Coroutine[Any, Any, None] | None:
        """Free a result nobody takes; None when there is nothing to free."""
        ...


async def race(first: Coroutine[Any, Any, T], delay: float, rivals: Rivals[T]) -> T:
    """Give the first result.

    Args:
        first: Runs from the start, in this task. If it is late it is cancelled, and has ended when this returns.
        delay: Seconds after which there may be a second.
        rivals: Makes the second, and is told how it goes.

    Raises:
        BaseException: What ``first`` raised, when neither gave a result.
    """
    loop = asyncio.get_running_loop()
    contest = _Contest(rivals, loop)
    timer = loop.call_at(loop.time() + delay, contest.start)
    try:
        try:
            result = await first
        except BaseException as error:
            if contest.beside is None:
                raise
            return await contest.after_failure(contest.beside, error)
        return result if contest.beside is None else await contest.after_result(contest.beside, result)
    finally:
        timer.cancel()
        contest.runner = None  # whose exception may hold this frame


class _Contest(Generic[T]):
    """The second of a race, and what it does to the first.

    Attributes:
        beside: Runs the second; None while there is none.
        runner: Runs the first, and whoever waits for the race; None once that is over.
    """

    __slots__ = ("_asked", "_first_runs", "_insisting", "_loop", "_overtook", "_rivals", "beside", "runner")

    def __init__(self, rivals: Rivals[T], loop: asyncio.AbstractEventLoop) -> None:
        runner = asyncio.current_task()
        assert runner is not None  # a coroutine that awaits a timer runs in a task
        self._rivals, self._loop = rivals, loop
        self.runner: asyncio.Task[Any] | None = runner
        self.beside: asyncio.Task[T] | None = None
        self._asked = 0  # how often the second has asked the runner to end
        self._first_runs, self._overtook = True, False
        self._insisting: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Start the second, if there is one, and nobody has asked the runner to end, be it before the race began."""
        if not self._first_runs or self._is_broken_off():
            return
        work = self._rivals.second()
        if work is not None:
            self.beside = self._rivals.tasks.start(work)
            self.beside.add_done_callback(self._overtake)

    async def after_result(self, beside: asyncio.Task[T], result: T) -> T:
        """Take the result of the first, unless the second had one already."""
        self._first_ended()
        if self._overtook:  # and the first did not care for being cancelled
            self._free(result)
            return beside.result()
        self._rivals.decided(False)
        try:
            await self._give_up(beside, PATIENCE)
        except BaseException:
            self._free(result)
            raise
        return result

    async def after_failure(self, beside: asyncio.Task[T], error: BaseException) -> T:
        """Take the result of the second; what broke off the race, or ended the first alone, is raised without one."""
        try:
            self._first_ended()
            # a cancellation that nobody asked for is the first's own, and a failure like any other
            is_failure = isinstance(error, Exception | asyncio.CancelledError)
            if not is_failure or (self._is_broken_off() and _came_of_cancelling(error)):
                await self._give_up(beside)
                raise error
            if not beside.done():
                try:
                    await asyncio.wait((beside,))
                except BaseException:
                    await self._give_up(beside)
                    raise
            if not _has_result(beside):
                raise error
            if isinstance(error, Exception):
                self._rivals.unheard(error)
            if not self._overtook:
                self._rivals.decided(True)
            return beside.result()
        finally:
            del error  # it holds this frame

    def _overtake(self, beside: asyncio.Task[T]) -> None:
        """End the first, as a timeout would, when the second has a result and somebody waits for it."""
        if self._first_runs and _has_result(beside) and not self._is_broken_off():
            self._overtook = True
            self._rivals.decided(True)
            self._insist()

    def _insist(self) -> None:
        """Ask the first to end, and again later: code that waits for something else at times misses being cancelled."""
        if self._first_runs and self.runner is not None:
            self._asked += 1
            self.runner.cancel()
            self._insisting = self._loop.call_later(INSISTENCE, self._insist)

    def _first_ended(self) -> None:
        self._first_runs = False
        if self._insisting is not None:
            self._insisting.cancel()
        while self._asked and self.runner is not None:
            self.runner.uncancel()
            self._asked -= 1

    def _is_broken_off(self) -> bool:
        """Whether somebody else has cancelled the runner."""
        return self.runner is not None and self.runner.cancelling() > self._asked

    async def _give_up(self, beside: asyncio.Task[T], patience: float | None = None) -> None:
        """Cancel the second, see to it that a late result is freed, and wait until it has ended."""
        beside.cancel()
        beside.add_done_callback(self._free_late)
        if not beside.done():
            await asyncio.wait((beside,), timeout=patience)

    def _free_late(self, beside: asyncio.Task[T]) -> None:
        if _has_result(beside):
            self._free(beside.result())

    def _free(self, result: T) -> None:
        freeing = self._rivals.discard(result)
        if freeing is not None:
            self._rivals.tasks.start(freeing)


def _came_of_cancelling(error: BaseException) -> bool:
    """Tell whether an error is a cancellation, or was raised while one was handled."""
    each: BaseException | None = error
    for _ in range(_LONGEST_CHAIN):  # one made by hand may be a ring
        if each is None or isinstance(each, asyncio.CancelledError):
            break
        each = each.__context__
    return isinstance(each, asyncio.CancelledError)


def _has_result(task: asyncio.Task[Any]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None
