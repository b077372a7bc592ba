"""An event loop whose clock jumps: when nothing is left to do, it is at once the time of the next timer."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


class NothingWillHappen(Exception):
    """Every task waits for something, and no timer is set."""


class _Jumping(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    """Does not wait for sockets: it adds the time it was to wait to the clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise NothingWillHappen
        if not ready and timeout is not None and timeout > 0:
            self.now += timeout
        return list(ready)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Time starts at 1000.0 and passes only while everybody waits."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        self._jumping.now = 1000.0
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run something in virtual time; tasks it leaves behind are its failure."""
    loop = VirtualTimeLoop()
    try:
        result = loop.run_until_complete(work)
        loop.run_until_complete(loop.shutdown_asyncgens())
        left = asyncio.all_tasks(loop)
        assert not left, f"left tasks behind: {left}"
        return result
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
