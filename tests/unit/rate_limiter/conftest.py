"""An event loop whose clock jumps to the next timer instead of waiting for it."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class _JumpingSelector(selectors.DefaultSelector):
    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            return super().select(5)  # only another thread can wake us
        self.loop.now += timeout
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """``time()`` stands still while code runs and jumps while it waits."""

    def __init__(self) -> None:
        self.now = 1000.0
        selector = _JumpingSelector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now


@pytest.fixture
def virtually() -> Callable[[Callable[[Callable[[], float]], Awaitable[None]]], None]:
    """Run ``main(clock)`` on a virtual loop; the clock is the loop's."""

    def run(main: Callable[[Callable[[], float]], Awaitable[None]]) -> None:
        async def start() -> None:
            await main(asyncio.get_running_loop().time)
            assert asyncio.all_tasks() == {asyncio.current_task()}, "a task was left behind"

        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(start())

    return run
