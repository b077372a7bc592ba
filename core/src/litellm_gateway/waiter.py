"""One request that waits for a place, woken through its own event loop from whichever thread frees one."""

from __future__ import annotations

import asyncio
import contextlib
import math
from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_gateway.limit_plans import Ask
    from litellm_gateway.reservation import Reservation


@define(eq=False)
class Waiter:
    """One request that waits.

    Attributes:
        ask: What it asks for.
        loop, place: Its event loop, and the future there that ends the wait.
        granted: The place it was given; set before ``place`` is, which may be on another thread's loop.
        alarm_at: When its alarm rings, None if none is set; only the first of a tenant has one.
    """

    ask: Ask
    loop: asyncio.AbstractEventLoop = field(factory=asyncio.get_running_loop)
    place: asyncio.Future[Reservation] = field(init=False)
    granted: Reservation | None = None
    alarm_at: float | None = None
    _alarm: asyncio.TimerHandle | None = None

    def __attrs_post_init__(self) -> None:
        self.place = self.loop.create_future()

    async def wait(self, seconds: float, give_up: Callable[[Waiter], None]) -> Reservation:
        """Wait for the place; ``give_up`` is called after ``seconds``."""
        timer = self.loop.call_later(seconds, give_up, self)
        try:
            return await self.place
        finally:
            timer.cancel()
            self._silence()

    @property
    def gone(self) -> bool:
        """Whether its loop is closed, so that nobody waits any more."""
        return self.loop.is_closed()

    def grant(self, reservation: Reservation) -> bool:
        """Hand the place over; False when its loop is gone and nobody will take it."""
        self.granted = reservation
        return self._tell(self._take, reservation)

    def refuse(self, error: Exception) -> None:
        """End the wait with an error."""
        self._tell(self._fail, error)

    def ring_in(self, seconds: float, now: float, ring: Callable[[Waiter], None]) -> None:
        """Have ``ring`` called with it ``seconds`` after ``now``, and not when it was to before."""
        if not math.isfinite(seconds):  # a place that comes free is handed over, nobody knows when
            self.alarm_at = None
            self._tell(self._silence)
            return
        if self.alarm_at is not None and abs(self.alarm_at - now - seconds) < 0.001:
            return
        self.alarm_at = now + seconds
        self._tell(self._set_alarm, max(seconds, 0.001), ring)

    def _tell(self, step: Callable[..., None], *args: object) -> bool:
        """Run a step on the waiter's loop, at once if that is the one running here."""
        with contextlib.suppress(RuntimeError):
            if asyncio.get_running_loop() is self.loop:
                step(*args)
                return True
        try:
            self.loop.call_soon_threadsafe(step, *args)
        except RuntimeError:  # the loop is closed
            return False
        return True

    def _take(self, reservation: Reservation) -> None:
        if not self.place.done():
            self.place.set_result(reservation)

    def _fail(self, error: Exception) -> None:
        if not self.place.done():
            self.place.set_exception(error)

    def _set_alarm(self, seconds: float, ring: Callable[[Waiter], None]) -> None:
        self._silence()
        if not self.place.done():
            self._alarm = self.loop.call_later(seconds, self._ring, ring)

    def _ring(self, ring: Callable[[Waiter], None]) -> None:
        self.alarm_at = None
        ring(self)

    def _silence(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
