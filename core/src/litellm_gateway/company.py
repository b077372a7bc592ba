"""What prompts that travel together share when their one request fails: one word to the retry budget, one pause.

It sends nothing and judges no error; whose request was whose, ``prompts_together`` tells it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@define(eq=False)
class JointFailure:
    """One failed request of several prompts, until they are sent again.

    Attributes:
        error: What each of them got.
    """

    error: BaseException
    _paid: bool | None = None
    _pause: float | None = None
    _until: float | None = None
    _rested: bool = False
    _awake: asyncio.Event | None = field(default=None, repr=False)

    def pause(self, choose: Callable[[], float]) -> float:
        """Give the seconds to wait, the same to each: what the first of them chooses."""
        if self._pause is None:
            self._pause = choose()
        return self._pause

    def pay(self, take: Callable[[], bool]) -> bool:
        """Take one retry out of a budget for all; say whether there was one."""
        if self._paid is None:
            self._paid = take()
        return self._paid

    async def rest(self, sleep: Callable[[float], Awaitable[None]], clock: Callable[[], float], seconds: float) -> None:
        """Wait until all are sent again: one sleeps and wakes the others; if it leaves, another sleeps on."""
        if self._until is None:
            self._until = clock() + seconds
        while self._awake is not None:
            awake = self._awake
            await awake.wait()
            if self._rested:
                return
            if self._awake is awake:
                self._awake = None
        awake = self._awake = asyncio.Event()
        try:
            await sleep(max(0.0, self._until - clock()))
            self._rested = True
        finally:
            awake.set()
        await asyncio.sleep(0)  # the others wake a turn of the loop later


@define(eq=False)
class Company:
    """Prompts of one batch that were let in together."""

    _failures: list[JointFailure] = field(factory=list, repr=False)

    def failed(self, error: BaseException) -> None:
        """Note an error that several of them got from one request."""
        self._failures.append(JointFailure(error))

    def failure(self, error: BaseException) -> JointFailure | None:
        """Give the joint failure behind an error; None when it is of one prompt alone."""
        return next((each for each in self._failures if each.error is error), None)
