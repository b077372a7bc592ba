"""Let in together those who come together, or one by one where they cannot be: the steps for parties.

Nobody is refused for being one of several. A party is let in as a whole, or waits as one as long as it is foreseen
to fit before the first of its guests gives up; else its guests stand in line one behind the other, in its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from litellm_gateway.doorkeeper import Doorkeeper
from litellm_gateway.errors import GatewayError
from litellm_gateway.limit_plans import Ask
from litellm_gateway.limit_refusals import never_fits, queue_full, timed_out
from litellm_gateway.party import Party
from litellm_gateway.reservation import Reservation
from litellm_gateway.waiter import Waiter

if TYPE_CHECKING:
    from litellm_gateway.party import Guest
    from litellm_gateway.waiting_queue import Line, Pool


class PartyDoor(Doorkeeper):
    """A doorkeeper who knows parties. Every step runs under the limiter's lock."""

    def enter_together(self, party: Party) -> Reservation | Waiter:
        """Let a party in, put it in line, or part it."""
        if self.queue.is_before_nobody(party.plan):
            reservation = self._take(party)
            if reservation is not None:
                return reservation
        if not party.plan.waits or self._is_too_much(party):
            return self.part(party)
        try:
            return self.join(party)
        except GatewayError:  # no room in line for all, or no time left for any
            return self.part(party)

    def part(self, party: Party) -> Waiter:
        """Have each guest enter by itself; gives somebody who waits for nothing."""
        party.without_those_who_left()
        for guest, ask in party.each():
            try:
                guest.place = self.enter(ask)
            except GatewayError as error:
                guest.place = error
        nobody = Waiter(party)
        nobody.grant(Reservation())
        return nobody

    def part_in_line(self, waiter: Waiter, party: Party) -> None:
        """Put the guests of a party that waits in line one behind the other, where it stands."""
        for guest, ask in party.each():
            guest.place = Waiter(ask, waiter.loop)
            self.queue.join(guest.place)
        self.queue.leave(waiter)
        waiter.grant(Reservation())

    def join(self, ask: Ask) -> Waiter:
        """Put a request or a party in line; of a party that must make room for it only the last guest goes."""
        if isinstance(ask, Party):
            ask.without_those_who_left()
            depth, most = len(self.queue), self._most_waiting()
            if depth + ask.amounts[0] > most:
                raise queue_full(ask.plan, depth, self.admission.seconds_until_room(ask))
            ask.waiter = super().join(ask)
            return ask.waiter
        last = self.queue.last_of_most(ask.plan.tenant) if len(self.queue) >= self._most_waiting() else None
        if last is None or not isinstance(last.ask, Party):
            return super().join(ask)
        self.part_in_line(last, last.ask)
        waiter = super().join(ask)
        self.serve_pool_of(last)
        return waiter

    def time_is_up(self, guest: Guest) -> GatewayError | None:
        """Take out a guest who has waited long enough, and give what to tell it; None if its party waits no more."""
        party = guest.party
        if guest.place is not None or party is None:
            return None
        alone = Ask(party.plan, guest.amounts, party.priority, party.number, guest.give_up_at)
        if not self._take_out(guest, party):
            return None
        return timed_out(party.plan, self.admission.seconds_until_room(alone))

    def let_go(self, guest: Guest) -> None:
        """Give back whatever a guest has, who has left; the others of its party stay where they are."""
        place, party = guest.place, guest.party
        if isinstance(place, Reservation):
            place.refund()
        elif isinstance(place, Waiter):
            self.abandon(place)
        elif place is None and party is not None:
            self._take_out(guest, party)
        guest.left = True

    def _take_out(self, guest: Guest, party: Party) -> bool:
        """Let a party that waits go on without one; False when it was let in meanwhile, or does not wait."""
        waiter = party.waiter
        if guest.left or waiter is None or not self.queue.lose_one(waiter):
            return False
        guest.left = True
        party.without_those_who_left()
        if not party.guests:
            self.queue.leave(waiter)
        self.serve_pool_of(waiter)
        return True

    def _judge(self, pool: Pool, line: Line) -> Literal["moved", "own", "shared"]:
        waiter = line.first
        if isinstance(waiter.ask, Party) and not waiter.gone and self._must_part(waiter.ask):
            self.part_in_line(waiter, waiter.ask)
            return "moved"
        return super()._judge(pool, line)

    def _must_part(self, party: Party) -> bool:
        if self._is_too_much(party):
            return True
        return self.admission.seconds_until_room(party) > max(0.0, party.first_give_up - self.admission.now)

    def _is_too_much(self, party: Party) -> bool:
        """Whether a limit or a budget has no room for all of them, which it may have for some."""
        return never_fits(party) is not None or self._over_budget(party) is not None

    def _most_waiting(self) -> int:
        return self.plans.config.max_queue_size if self.plans is not None else 0
