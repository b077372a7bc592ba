"""Run a coroutine and, when it takes too long, another beside it: the first result is taken, the other is ended.

It knows nothing of requests. Whatever ends a race, nothing of it goes on running and no result is lost unfreed.
The first runs in the task of the caller, so that a race nobody is late for costs one timer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import define

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from litellm_gateway.loop_state import DetachedTasks

T = TypeVar("T")
PATIENCE = 0.1
"""Seconds a result waits at most for the second to end; one that takes longer ends behind its back."""


async def race(
    first: Coroutine[Any, Any, T],
    delay: float,
    second: Callable[[], Coroutine[Any, Any, T] | None],
    *,
    tasks: DetachedTasks,
    decided: Callable[[bool], None],
    unheard: Callable[[Exception], None],
    discard: Callable[[T], Coroutine[Any, Any, None]] | None = None,
) -> T:
    """Give the first result.

    Args:
        first: Runs from the start, in this task. If it is late it is cancelled, and has ended when this returns.
        delay: Seconds after which ``second`` is asked.
        second: Gives what to run beside, in a task of its own; None for nothing.
        tasks: Holds what runs.
        decided: Told whether it was the second, before the other is ended.
        unheard: Told what the first failed with when the result is the second's, so that nobody else hears of it.
        discard: Frees a result nobody takes.

    Raises:
        BaseException: What ``first`` raised, when neither gave a result.
    """
    runner = asyncio.current_task()
    assert runner is not None  # a coroutine that awaits timers runs in a task
    contest = _Contest(runner, runner.cancelling(), second, tasks, decided, unheard, discard)
    timer = asyncio.get_running_loop().call_later(delay, contest.start)
    try:
        result = await first
    except BaseException as error:
        timer.cancel()
        if contest.beside is None:
            raise
        return await contest.after_failure(contest.beside, error)
    timer.cancel()
    return result if contest.beside is None else await contest.after_result(contest.beside, result)


@define(eq=False)
class _Contest(Generic[T]):
    """The second of a race, and what it does to the first.

    Attributes:
        beside: Runs the second; None while there is none.
    """

    _runner: asyncio.Task[Any]
    _cancels: int  # how often the runner had been asked to end before
    _second: Callable[[], Coroutine[Any, Any, T] | None]
    _tasks: DetachedTasks
    _decided: Callable[[bool], None]
    _unheard: Callable[[Exception], None]
    _discard: Callable[[T], Coroutine[Any, Any, None]] | None
    beside: asyncio.Task[T] | None = None
    _first_runs: bool = True
    _overtook: bool = False

    def start(self) -> None:
        """Start the second, if there is one."""
        work = self._second()
        if work is not None:
            self.beside = self._tasks.start(work)
            self.beside.add_done_callback(self._overtake)

    async def after_result(self, beside: asyncio.Task[T], result: T) -> T:
        """Take the result of the first, unless the second had one already."""
        self._first_ended()
        if self._overtook:  # and the first did not care for being cancelled
            self._free(result)
            return beside.result()
        self._decided(False)
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
            if self._runner.cancelling() > self._cancels or not isinstance(error, Exception | asyncio.CancelledError):
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
                self._unheard(error)
            if not self._overtook:
                self._decided(True)
            return beside.result()
        finally:
            del error  # it holds this frame

    def _overtake(self, beside: asyncio.Task[T]) -> None:
        """End the first, as a timeout would, when the second has a result."""
        if self._first_runs and _has_result(beside):
            self._overtook = True
            self._decided(True)
            self._runner.cancel()

    def _first_ended(self) -> None:
        self._first_runs = False
        if self._overtook:
            self._runner.uncancel()

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
        if self._discard is not None:
            self._tasks.start(self._discard(result))


def _has_result(task: asyncio.Task[Any]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None
