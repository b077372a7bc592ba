"""Several requests that stand in the limiter's line as one, and what became of each. It decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define

from litellm_gateway.limit_plans import Ask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_gateway.errors import GatewayError
    from litellm_gateway.limit_plans import Amounts, Plan
    from litellm_gateway.reservation import Reservation
    from litellm_gateway.waiter import Waiter


@define(eq=False)
class Guest:
    """One request of a party.

    Attributes:
        tokens, money: Most it may use; money in units of 10**-9.
        deadline: Point on the limiter's clock until which it may last.
        give_up_at: Point until which it waits for a place; known once it has come.
        party: Whom it stands in line with.
        place: What it was given, the place in line it has for itself, or what it was refused with; None as long as
            the party stands for it.
        agreed: Whether the processes that share the limits have agreed to what it was given.
        left: It does not want its place any more.
    """

    tokens: int
    money: int
    deadline: float
    give_up_at: float = 0.0
    party: Party | None = None
    place: Reservation | Waiter | GatewayError | None = None
    agreed: bool = False
    left: bool = False

    @property
    def amounts(self) -> Amounts:
        """What it asks for by itself."""
        return 1, max(self.tokens, 0), max(self.money, 0)


@define(eq=False)
class Party(Ask):
    """What several requests ask for together; it gives up when the last of them does.

    Its guests have the numbers after its own, for the case that they must stand in line one behind the other.

    Attributes:
        guests: Those who have not left, as long as it waits.
        waiter: Who stands in line for them.
        admitted: What was reserved for all of them as soon as they came.
    """

    guests: list[Guest]
    waiter: Waiter | None = None
    admitted: Reservation | None = None

    @property
    def stands_in_line(self) -> bool:
        """Whether somebody waits for all of them."""
        return self.waiter is not None and not self.waiter.place.done()

    @property
    def first_give_up(self) -> float:
        """Point on the limiter's clock when the least patient gives up."""
        return min((guest.give_up_at for guest in self.guests), default=self.give_up_at)

    def without_those_who_left(self) -> None:
        """Ask for those who are still there only; nothing may be counted for the party now."""
        self.guests = [guest for guest in self.guests if not guest.left]
        self.amounts = _sum(self.guests)

    def each(self) -> Iterator[tuple[Guest, Ask]]:
        """Give every guest with what it asks for by itself."""
        for number, guest in enumerate(self.guests, start=self.number + 1):
            yield guest, Ask(self.plan, guest.amounts, self.priority, number, guest.give_up_at)


def gather(plan: Plan, guests: list[Guest], priority: int, number: int, now: float) -> Party:
    """Make a party of requests that come now, under one plan."""
    for guest in guests:
        guest.give_up_at = min(now + plan.queue_timeout, guest.deadline)
    party = Party(plan, _sum(guests), priority, number, max(guest.give_up_at for guest in guests), guests)
    for guest in guests:
        guest.party = party
    return party


def _sum(guests: list[Guest]) -> Amounts:
    each = [guest.amounts for guest in guests]
    return len(each), sum(amounts[1] for amounts in each), sum(amounts[2] for amounts in each)
