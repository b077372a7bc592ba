"""Who waits for a place: first come, first served within a tenant, tenants in turn, bounded over all of them.

It keeps order and wakes waiters through their own event loop. It knows no limits and takes no lock:
``rate_limiter`` decides who gets a place and holds its own lock around every step.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import OrderedDict
from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from litellm_gateway.rate_limiter import Reservation


@define(eq=False)
class Waiter:
    """One request that waits.

    Attributes:
        tenant, model, tokens: What it asks for.
        give_up_at: Point on the limiter's clock until which it waits.
        loop, place: Its event loop, and the future there that ends the wait.
        granted: The place it was given; set before ``place`` is, which may be on another thread's loop.
        alarm_at: When its alarm rings, None if none is set; only the first of a tenant has one.
    """

    tenant: str
    model: str
    tokens: int
    give_up_at: float
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

    def ring_in(self, seconds: float, now: float, ring: Callable[[str], None]) -> None:
        """Have ``ring`` called with the tenant ``seconds`` after ``now``, and not when it was to before."""
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

    def _set_alarm(self, seconds: float, ring: Callable[[str], None]) -> None:
        self._silence()
        if not self.place.done():
            self._alarm = self.loop.call_later(seconds, self._ring, ring)

    def _ring(self, ring: Callable[[str], None]) -> None:
        self.alarm_at = None
        ring(self.tenant)

    def _silence(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None


class WaitingQueue:
    """The waiters of every tenant, in order. Leaving costs the same wherever one stands."""

    def __init__(self) -> None:
        self._lines: OrderedDict[str, OrderedDict[Waiter, None]] = OrderedDict()
        self._depth = 0
        self._process = os.getpid()

    def __len__(self) -> int:
        return self._depth if self._lines and self._of_this_process() else 0

    def __contains__(self, tenant: str) -> bool:
        return bool(self._lines) and tenant in self._of_this_process()

    def tenants(self) -> Iterator[str]:
        """Give the tenants that wait, the one waiting longest for its turn first."""
        return iter(tuple(self._of_this_process()))

    def first(self, tenant: str) -> Waiter | None:
        """Give the tenant's next waiter."""
        line = self._lines.get(tenant)
        return None if line is None else next(iter(line))

    def join(self, waiter: Waiter) -> None:
        """Put a waiter at the end of its tenant's line."""
        self._lines.setdefault(waiter.tenant, OrderedDict())[waiter] = None
        self._depth += 1

    def leave(self, waiter: Waiter) -> bool:
        """Take a waiter out, wherever it stands; False when it is not waiting any more."""
        line = self._lines.get(waiter.tenant)
        if line is None or waiter not in line:
            return False
        del line[waiter]
        self._depth -= 1
        if not line:
            del self._lines[waiter.tenant]
        return True

    def pass_turn(self, tenant: str) -> None:
        """Put a tenant that was served behind the others."""
        if tenant in self._lines:
            self._lines.move_to_end(tenant)

    def displace(self, tenant: str) -> Waiter | None:
        """Take the last waiter out of the longest line, if that is longer than ``tenant``'s would become.

        So a tenant with many waiting requests cannot keep the others out of a full queue.
        """
        longest = max(self._lines.values(), key=len, default=None)
        if longest is None or len(longest) <= len(self._lines.get(tenant, ())) + 1:
            return None
        last = next(reversed(longest))
        self.leave(last)
        return last

    def _of_this_process(self) -> OrderedDict[str, OrderedDict[Waiter, None]]:
        """Give the lines; after a fork they are the parent's, whose loops do not run here, and are dropped."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self._lines.clear()
            self._depth = 0
        return self._lines
