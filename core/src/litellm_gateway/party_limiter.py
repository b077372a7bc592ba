"""A rate limiter that also admits several requests in one step: one place in line, one turn, one question to others."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from litellm_gateway.errors import GatewayError
from litellm_gateway.party import Party, gather
from litellm_gateway.party_door import PartyDoor
from litellm_gateway.rate_limiter import RateLimiter
from litellm_gateway.reservation import Reservation
from litellm_gateway.waiter import Waiter

if TYPE_CHECKING:
    from litellm_gateway.doorkeeper import Doorkeeper
    from litellm_gateway.limit_plans import Ask
    from litellm_gateway.limit_store import Refused
    from litellm_gateway.party import Guest


class PartyLimiter(RateLimiter):
    """Admits requests one by one, and those that come together together.

    First :meth:`come`, then :meth:`admit`, then :meth:`place` for each guest, which has to :meth:`leave` if it goes
    before it is settled.
    """

    def come(
        self, tenant: str, model: str, guests: list[Guest], *, priority: int = 0, alone: bool = True
    ) -> Party | None:
        """Ask for all of them in one step; None when there are no limits.

        Takes what :meth:`reserve` does, but for what a guest has of its own.
        """
        with self._lock:
            door, plans = self._door, self._plans
            if door is None or plans is None:
                for guest in guests:
                    guest.place = Reservation()
                return None
            assert isinstance(door, PartyDoor)
            door.admission.now = now = self._clock()
            party = gather(plans.get(tenant, model, alone=alone), guests, priority, self._number + 1, now)
            self._number += len(guests) + 1
            admitted = door.enter_together(party)
            if isinstance(admitted, Reservation):
                party.admitted = admitted
            else:
                party.waiter = admitted
            return party

    async def admit(self, party: Party) -> None:
        """Wait until the party was let in, or each guest is on its own.

        Raises:
            RateLimitError: The shared storage is out of reach and must not be.
            QueueTimeoutError: The last of them has waited as long as it may.
        """
        door, reservation = self._door, party.admitted
        assert isinstance(door, PartyDoor)
        if reservation is None:
            assert party.waiter is not None
            reservation = await self._wait(door, party.waiter)
        if self._sharing is not None:
            longest = max((guest.deadline for guest in party.guests), default=0.0)
            reservation = await self._agree(door, reservation, longest)
        with self._lock:
            _hand_out(party, reservation)

    async def place(self, guest: Guest) -> Reservation:
        """Give what a guest was given, which may have to be waited for if it is on its own.

        Raises as :meth:`reserve` does.
        """
        place, door = guest.place, self._door
        if isinstance(place, GatewayError):
            raise place
        assert place is not None
        if isinstance(place, Waiter):
            assert door is not None
            place = await self._wait(door, place)
        if not guest.agreed and self._sharing is not None and door is not None:
            place = await self._agree(door, place, guest.deadline)
        guest.place = place
        return place

    def time_is_up(self, guest: Guest) -> GatewayError | None:
        """Take out a guest whose time to wait is over; None when its party does not stand in line for it any more."""
        with self._lock:
            door = self._door
            return door.time_is_up(guest) if isinstance(door, PartyDoor) else None

    def leave(self, guest: Guest) -> None:
        """Give back what a guest has; does nothing for one that was settled."""
        with self._lock:
            if isinstance(self._door, PartyDoor):
                self._door.let_go(guest)

    def _send_back(self, door: Doorkeeper, reservation: Reservation, ask: Ask, refusal: Refused) -> Waiter:
        """A party the other processes leave no room for waits for that, if it may; else its guests ask one by one."""
        if not isinstance(ask, Party):
            return super()._send_back(door, reservation, ask, refusal)
        assert isinstance(door, PartyDoor)
        is_budget = any(limit.budget and limit.key == refusal.key for limit in ask.plan.limits)
        latest = ask.first_give_up - self._clock()
        if ask.plan.waits and not is_budget and refusal.seconds is not None and refusal.seconds <= latest:
            with suppress(GatewayError):  # the line is full by now
                return super()._send_back(door, reservation, ask, refusal)
        door.admission.now = self._clock()
        reservation.refund()
        return door.part(ask)

    def _make_door(self) -> Doorkeeper:
        return PartyDoor(self._clock, self._close, self._look_again)


def _hand_out(party: Party, reservation: Reservation) -> None:
    """Give each guest its own of what was reserved for all; those who left give it back at once."""
    if reservation.ask is None:  # there are no limits any more, or they were parted
        for guest in party.guests:
            if guest.place is None:
                guest.place = Reservation()
        return
    ticket, close = reservation.ticket, reservation.close
    tickets = [None] * len(party.guests) if ticket is None else ticket.split()
    reservation.close = None  # it is its guests' now
    for (guest, ask), own in zip(party.each(), tickets, strict=True):
        guest.agreed = True
        guest.place = Reservation(ask, reservation.at, close, own)
        if guest.left:
            guest.place.refund()
