"""An event loop that a test turns by hand, with a clock that moves only when it is told to; no time really passes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

if TYPE_CHECKING:
    from collections.abc import Coroutine

ENOUGH = 12
"""Turns after which everything that can happen now has happened."""


class SteppedLoop(asyncio.SelectorEventLoop):
    """Its ``time()`` is ``now``."""

    now = 1000.0

    def time(self) -> float:
        return self.now

    def turn(self, count: int = 1) -> None:
        """Let what is ready run, ``count`` times."""
        for _ in range(count):
            self.call_soon(self.stop)  # something is ready, so no turn waits
            self.run_forever()


class LoopMachine(RuleBasedStateMachine):
    """A state machine whose steps start, cancel and wait for tasks of one loop."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = SteppedLoop()
        self.unheard: list[dict[str, Any]] = []
        self.loop.set_exception_handler(lambda _, context: self.unheard.append(context))
        self.tasks: list[asyncio.Task[Any]] = []
        self.cancelled: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start a task."""
        task = self.loop.create_task(work)
        self.tasks.append(task)
        return task

    def call(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run something that waits for nobody."""
        task = self.loop.create_task(work)
        self.loop.turn(ENOUGH)
        assert task.done()
        return task.result()

    @rule(count=st.integers(1, 3))
    def turn(self, count: int) -> None:
        self.loop.turn(count)

    # Sums of these are exact: no timer goes off a hair before its time.
    @rule(seconds=st.sampled_from((0.125, 0.5, 1.0, 3.0, 10.0)))
    def wait(self, seconds: float) -> None:
        self.loop.now += seconds
        self.loop.turn(ENOUGH)

    @rule(pick=st.integers(0, 1000))
    def cancel(self, pick: int) -> None:
        running = [task for task in self.tasks if not task.done()]
        if running:
            task = running[pick % len(running)]
            self.cancelled.add(task)
            task.cancel()

    def end_all(self) -> None:
        """Cancel what runs, and look around: nobody else was cancelled, and no error went unheard."""
        for task in self.tasks:
            if not task.done():
                self.cancelled.add(task)
                task.cancel()
        self.loop.turn(ENOUGH)
        assert all(task.done() for task in self.tasks)
        for task in self.tasks:
            assert not task.cancelled() or task in self.cancelled
            _ = task.cancelled() or task.exception()

    def close(self) -> None:
        """Close the loop, which nothing runs on any more."""
        assert asyncio.all_tasks(self.loop) == set()
        self.loop.turn(ENOUGH)
        self.loop.close()
        assert self.unheard == []
