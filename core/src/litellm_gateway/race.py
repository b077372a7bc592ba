"""Run a coroutine and, when it takes too long, another beside it: the first result is taken, the other is ended.

It knows nothing of requests. Whatever ends a race, nothing of it goes on running and no result is lost unfreed.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from litellm_gateway.loop_state import DetachedTasks

    Discard = Callable[[Any], Coroutine[Any, Any, None]]

T = TypeVar("T")
PATIENCE = 0.1
"""Seconds a taken result waits at most for the loser to end; one that takes longer ends behind its back."""


async def race(
    first: Coroutine[Any, Any, T],
    delay: float,
    second: Callable[[], Coroutine[Any, Any, T] | None],
    *,
    tasks: DetachedTasks,
    decided: Callable[[bool], None],
    discard: Discard | None = None,
) -> T:
    """Give the first result.

    Args:
        first: Runs from the start.
        delay: Seconds after which ``second`` is asked.
        second: Gives what to run beside, None for nothing.
        tasks: Holds what runs.
        decided: Told whether it was the second, before the other is ended.
        discard: Frees a result nobody takes.

    Raises:
        BaseException: What ``first`` raised, when neither gave a result.
    """
    runners = [tasks.start(first)]
    try:
        await asyncio.wait(runners, timeout=delay)
        beside = None if runners[0].done() else second()
        if beside is not None:
            runners.append(tasks.start(beside))
        winner = await _first_result(runners)
    except BaseException:
        await _give_up(runners, tasks, discard, patience=None)
        raise
    if winner is None:
        return runners[0].result()
    if len(runners) > 1:
        decided(winner is runners[1])
        try:
            await _give_up([each for each in runners if each is not winner], tasks, discard, patience=PATIENCE)
        except BaseException:
            await _give_up([winner], tasks, discard, patience=None)
            raise
    return winner.result()


async def _first_result(runners: Sequence[asyncio.Task[T]]) -> asyncio.Task[T] | None:
    """Wait for one that gives a result; None when each has failed."""
    while True:
        for runner in runners:
            if _has_result(runner):
                return runner
        running = [runner for runner in runners if not runner.done()]
        if not running:
            return None
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)


async def _give_up(
    runners: Sequence[asyncio.Task[Any]], tasks: DetachedTasks, discard: Discard | None, *, patience: float | None
) -> None:
    """Cancel what runs, see to it that late results are freed, and wait until it has ended."""
    free = partial(_free, tasks, discard)
    running = [runner for runner in runners if not runner.done()]
    for runner in runners:
        runner.cancel()
        runner.add_done_callback(free)
    if running:
        await asyncio.wait(running, timeout=patience)


def _free(tasks: DetachedTasks, discard: Discard | None, runner: asyncio.Task[Any]) -> None:
    if _has_result(runner) and discard is not None:
        tasks.start(discard(runner.result()))


def _has_result(runner: asyncio.Task[Any]) -> bool:
    return runner.done() and not runner.cancelled() and runner.exception() is None
