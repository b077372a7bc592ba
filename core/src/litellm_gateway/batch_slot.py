"""Collect prompts for a moment and have the limiter let them in together; then each is sent and settled on its own.

Prompts of one tenant, priority and list of routes share a slot, whatever else they ask. It sends nothing.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from attrs import define, field

from litellm_gateway.batching import Batcher
from litellm_gateway.company import Company
from litellm_gateway.errors import DeadlineExceededError, GatewayError
from litellm_gateway.party import Guest
from litellm_gateway.reserving import Hold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_gateway.contracts import Call, Route
    from litellm_gateway.party_limiter import PartyLimiter
    from litellm_gateway.requests import AnyRequest
    from litellm_gateway.reserving import Reserving
    from litellm_gateway.token_estimator import Estimate

_MOST_WAITING = 100_000


@define(eq=False)
class Seat:
    """One prompt of a batch, until it has what it may use.

    Attributes:
        timer: Ends the wait, with ``error`` if there is one.
        alarm: Rings when it has stood in line long enough.
        company: The same for all that are let in together; None for one that is alone.
        left: Nobody waits for it any more.
    """

    call: Call
    request: AnyRequest
    routes: Sequence[Route]
    timer: asyncio.Timeout
    alarm: asyncio.TimerHandle | None = None
    company: Company | None = None
    guest: Guest | None = None
    estimate: Estimate | None = None
    error: GatewayError | None = field(default=None, repr=False)
    left: bool = False

    def end_now(self, error: GatewayError) -> None:
        """Have it fail, unless it is about to anyway."""
        if not self.timer.expired():
            self.error = error
            self.timer.reschedule(asyncio.get_running_loop().time())


class BatchSlot:
    """Lets prompts in that come at about the same time.

    Args:
        size: Prompts let in together at most.
        timeout: Seconds the oldest of them waits for others at most.
        reserving: Knows what a prompt may use.
        limiter: The one ``reserving`` reserves with.
    """

    def __init__(self, *, size: int, timeout: float, reserving: Reserving, limiter: PartyLimiter) -> None:
        self._batcher: Batcher[Seat, None] = Batcher(size=size, timeout=timeout, max_waiting=_MOST_WAITING)
        self._reserving = reserving
        self._limiter = limiter

    async def hold(
        self, call: Call, request: AnyRequest, routes: Sequence[Route]
    ) -> tuple[Hold | None, Company | None]:
        """Wait for others and for the limiter; give what the call holds, None without limits, and its company.

        Raises:
            DeadlineExceededError: The call's time ran out before its batch left.
            GatewayError: What the limiter refuses this one with.
        """
        seat = Seat(call, request, routes, asyncio.timeout(call.remaining()))
        try:
            return await self._in_time(seat), seat.company
        except BaseException:
            seat.left = True
            if seat.guest is not None:
                self._limiter.leave(seat.guest)
            raise
        finally:
            if seat.alarm is not None:
                seat.alarm.cancel()

    async def _in_time(self, seat: Seat) -> Hold | None:
        call = seat.call
        try:
            async with seat.timer:
                await self._batcher.submit((call.tenant, call.priority, tuple(seat.routes)), seat, self._depart)
                return await self._held(seat)
        except GatewayError:
            raise
        except TimeoutError as error:
            if not seat.timer.expired():
                raise
            message = "the call's time is up before its batch has left; raise timeout or lower batch_timeout"
            raise seat.error or DeadlineExceededError(message, phase="total") from error

    async def _held(self, seat: Seat) -> Hold | None:
        if seat.guest is None or seat.estimate is None:
            return await self._reserving.hold(seat.call, seat.request, seat.routes)
        reservation = await self._limiter.place(seat.guest)
        return Hold(self._reserving, seat.request, seat.routes[0].id, seat.estimate, reservation)

    async def _depart(self, seats: Sequence[Seat]) -> Sequence[None]:
        """Have all let in at once; from here on the limiter says how long one waits."""
        staying = [seat for seat in seats if not seat.left]
        for seat in staying:
            if not seat.timer.expired():
                seat.timer.reschedule(None)
        if len(staying) > 1:
            company = Company()
            for seat in staying:
                seat.company = company
            if self._limiter.active:
                await self._enter(staying)
        return [None] * len(seats)

    async def _enter(self, seats: Sequence[Seat]) -> None:
        first = seats[0]
        model, alone = first.routes[0].id, len(first.routes) == 1
        guests = [self._guest(seat) for seat in seats]
        party = self._limiter.come(first.call.tenant, model, guests, priority=first.call.priority, alone=alone)
        if party is None:
            return
        if party.stands_in_line:
            loop, now = asyncio.get_running_loop(), first.call.clock()
            for seat, guest in zip(seats, guests, strict=True):
                seat.alarm = loop.call_later(max(0.0, guest.give_up_at - now), self._ring, seat, guest)
        await self._limiter.admit(party)

    def _guest(self, seat: Seat) -> Guest:
        seat.estimate, money = self._reserving.most(seat.request, seat.routes)
        seat.guest = Guest(seat.estimate.total, money, seat.call.deadline)
        return seat.guest

    def _ring(self, seat: Seat, guest: Guest) -> None:
        error = self._limiter.time_is_up(guest)
        if error is not None:
            seat.end_now(error)
