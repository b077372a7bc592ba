"""What a request holds of its limits from being admitted until it is settled; it decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_gateway.limit_plans import Amounts, Ask
    from litellm_gateway.shared_limits import Ticket

    Close = Callable[["Reservation", Amounts], None]


@define(eq=False)
class Reservation:
    """A request's place and tokens. The first ``settle`` or ``refund`` counts, later ones do nothing.

    Attributes:
        ask: What was asked for; None when no limit was set at all.
        at: When it was admitted, on the limiter's clock.
        ticket: What the processes that share the limits counted for it.
        close: Told once how much more, or negative, less, was used than counted.
    """

    ask: Ask | None = None
    at: float = 0.0
    close: Close | None = None
    ticket: Ticket | None = None

    @property
    def tenant(self) -> str:
        """Whose limits it counts against; ``""`` when no limit was set at all."""
        return "" if self.ask is None else self.ask.plan.tenant

    @property
    def requests(self) -> int | None:
        """What was counted of requests; None where no limit was set."""
        return 1 if self.ask is not None and self.ask.plan.counts_requests else None

    @property
    def tokens(self) -> int | None:
        """What was counted of tokens; None where no limit was set."""
        return self.ask.amounts[1] if self.ask is not None and self.ask.plan.counts_tokens else None

    def settle(self, tokens: int, money: int = 0) -> None:
        """Replace the estimate by what was really used, and free the place.

        What was reserved too much is given back as of the moment it was reserved; what was used beyond the
        reservation counts from now on.

        Args:
            tokens: Prompt and answer.
            money: In units of 10**-9.
        """
        if self.close is not None and self.ask is not None:
            _, reserved, priced = self.ask.amounts
            self.close(self, (0, max(tokens, 0) - reserved, max(money, 0) - priced))

    def refund(self) -> None:
        """Give everything back: the call was never answered."""
        if self.close is not None and self.ask is not None:
            requests, reserved, priced = self.ask.amounts
            self.close(self, (-requests, -reserved, -priced))
