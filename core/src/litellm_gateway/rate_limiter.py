"""Keep requests, tokens and concurrency under their limits: reserve before a call, settle after it.

Any window of a limit's length stays within the limit (see ``limit_storage``), and tenants share only what is
configured as shared. Whoever finds no room waits in a bounded queue, or is refused.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from litellm_gateway.config import RateLimitConfig
from litellm_gateway.limit_hints import read_limit_hints
from litellm_gateway.limit_plans import Ask, Plans
from litellm_gateway.limit_refusals import over_budget, refused
from litellm_gateway.limit_store import Refused
from litellm_gateway.reservation import Reservation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from litellm_gateway.admission import Standing
    from litellm_gateway.doorkeeper import Doorkeeper
    from litellm_gateway.limit_plans import Amounts, Limit
    from litellm_gateway.limit_settings import Budget
    from litellm_gateway.shared_limits import SharedLimits
    from litellm_gateway.waiter import Waiter

__all__ = ["RateLimitConfig", "RateLimiter", "Reservation"]

_LONGEST_HOLD = 1.0
_HOLD_UNFORETOLD = 0.1


class RateLimiter:
    """Admits requests of any thread and event loop.

    Args:
        config: The limits; None for none.
        budgets: Counted where the limits are; a request one has no room for is refused, not made to wait.
        clock: Monotonic seconds; deadlines are points on it.
        share: Gives what counts for several processes together where a configuration names such a storage.
        overspent: Told when a tenant's use reaches a soft budget: the tenant, the limit, what is spent.

    Attributes:
        active: Whether there is anything to keep to.
    """

    def __init__(
        self,
        config: RateLimitConfig | None = None,
        budgets: Sequence[Budget] = (),
        *,
        clock: Callable[[], float] = time.monotonic,
        share: Callable[[RateLimitConfig], SharedLimits | None] = lambda _config: None,
        overspent: Callable[[str, Limit, int], None] = lambda _tenant, _limit, _spent: None,
    ) -> None:
        self._clock = clock
        # Reentrant: a garbage-collected call may settle its reservation in the middle of a locked step.
        self._lock = threading.RLock()
        self._share = share
        self._overspent = overspent
        self._budgets = tuple(budgets)
        self._sharing: SharedLimits | None = None
        self._plans: Plans | None = None
        self._door: Doorkeeper | None = None
        self._number = 0
        self.active = False
        self.configure(config)

    @property
    def queue_depth(self) -> int:
        """Requests waiting now."""
        return len(self._door.queue) if self._door is not None else 0

    @property
    def sharing(self) -> SharedLimits | None:
        """What counts for several processes together, None when only this one counts."""
        return self._sharing

    def configure(self, config: RateLimitConfig | None) -> None:
        """Set other limits. What was admitted stays counted; who waits keeps its turn and is judged again."""
        if config is not None and not (config.limits_anything or config.heed_provider_limits):
            config = None
        if config is None and self._budgets:
            config = RateLimitConfig(heed_provider_limits=False)
        sharing = None if config is None else self._share(config)
        with self._lock:
            self._sharing = sharing
            self._plans = None if config is None else Plans(config, self._budgets)
            self.active = config is not None
            if config is not None and self._door is None:
                self._door = self._make_door()
            if self._door is not None:
                self._door.plans = self._plans
                self._door.asks = sharing is not None
                self._door.judge_anew()

    def remaining(self, tenant: str = "") -> int | None:
        """Give the requests the tenant may still send now, as this process counts; None when unlimited."""
        with self._lock:
            if self._door is None or self._plans is None:
                return None
            self._door.admission.now = self._clock()
            return self._door.admission.requests_left(self._plans.get(tenant, ""))

    def foresee(
        self, tenant: str, model: str, tokens: int, *, money: int = 0, alone: bool = True
    ) -> tuple[Sequence[Standing], float]:
        """Say what :meth:`reserve` would take of each limit, as this process counts, and in how many seconds it could.

        Takes what :meth:`reserve` does. Nothing is counted, and those who wait before it are not waited for.
        """
        with self._lock:
            door, plans = self._door, self._plans
            if door is None or plans is None:
                return (), 0.0
            plan = plans.get(tenant, model, alone=alone)
            door.admission.now = now = self._clock()
            ask = Ask(plan, (1, max(tokens, 0), max(money, 0)), 0, 0, now)
            return door.admission.standing(plan, ask.amounts), door.admission.seconds_until_room(ask)

    def heed(self, model: str, headers: Mapping[str, str], *, closed_for: float | None = None) -> None:
        """Take in what a provider said of its own limits, with an answer or with a refusal (status 429).

        Args:
            model: ``provider/model``.
            headers: Response headers, names in lower case.
            closed_for: Seconds after which a refused request may come again, None for no refusal.
        """
        door, plans = self._door, self._plans
        if door is None or plans is None or not plans.config.heed_provider_limits:
            return
        hints = read_limit_hints(headers)
        if hints is None and not closed_for:
            return
        with self._lock:
            now = self._clock()
            if hints is not None:
                door.admission.pace.heed(model, hints, now)
            if closed_for:
                door.admission.pace.close(model, closed_for, now)
            door.serve(door.queue.pools())

    async def reserve(
        self,
        tenant: str,
        model: str,
        tokens: int,
        deadline: float,
        *,
        money: int = 0,
        priority: int = 0,
        alone: bool = True,
    ) -> Reservation:
        """Take a place for one request and ``tokens`` tokens, both or none; wait for them if configured.

        Args:
            tenant: Whose limits to count against.
            model: ``provider/model``, for limits of its own and for errors.
            tokens: Most tokens the call may use, prompt and answer.
            deadline: Point on the clock until which waiting makes sense.
            money: Most it may cost, in units of 10**-9.
            priority: The higher, the earlier among the tenant's own that wait.
            alone: No other model can answer; only then one waits for a provider that said it is full.

        Raises:
            InvalidRequestError: More tokens than a limit ever lets through.
            BudgetExceededError: A hard budget has no room for it.
            RateLimitError: No room, and queuing is off; or the shared storage is out of reach and must not be.
            QueueTimeoutError: No room came free within ``queue_timeout`` or until the deadline.
            QueueFullError: As many wait as may.
        """
        admitted = self.enter(tenant, model, tokens, deadline, money=money, priority=priority, alone=alone)
        return admitted if isinstance(admitted, Reservation) else await admitted

    def enter(
        self, tenant: str, model: str, tokens: int, deadline: float, *, money: int, priority: int, alone: bool
    ) -> Reservation | Awaitable[Reservation]:
        """Give what :meth:`reserve` gives at once, or, where that takes waiting for something, what to await for it."""
        with self._lock:
            door, plans = self._door, self._plans
            if door is None or plans is None:
                return Reservation()
            plan = plans.get(tenant, model, alone=alone)
            self._number += 1
            door.admission.now = now = self._clock()
            ask = Ask(
                plan,
                (1, tokens if tokens > 0 else 0, money if money > 0 else 0),
                priority,
                self._number,
                min(now + plan.queue_timeout, deadline),
            )
            admitted = door.enter(ask)
        if self._sharing is None and isinstance(admitted, Reservation):
            return admitted
        return self._come_in(door, admitted, deadline)

    async def _come_in(self, door: Doorkeeper, admitted: Reservation | Waiter, deadline: float) -> Reservation:
        reservation = admitted if isinstance(admitted, Reservation) else await self._wait(door, admitted)
        return reservation if self._sharing is None else await self._agree(door, reservation, deadline)

    async def _wait(self, door: Doorkeeper, waiter: Waiter) -> Reservation:
        try:
            return await waiter.wait(waiter.ask.give_up_at - self._clock(), self._give_up)
        except BaseException:
            with self._lock:
                door.abandon(waiter)
            raise

    def _give_up(self, waiter: Waiter) -> None:
        with self._lock:
            if self._door is not None:
                self._door.give_up(waiter)

    async def _agree(self, door: Doorkeeper, reservation: Reservation, deadline: float) -> Reservation:
        """Have the processes that share the limits agree; as long as they do not, wait at the head of the line."""
        while self._sharing is not None and reservation.ask is not None:
            try:
                answer = await self._sharing.take(reservation.ask, max(0.0, deadline - self._clock()))
            except BaseException:
                reservation.refund()
                raise
            if not isinstance(answer, Refused):
                with self._lock:
                    reservation.ticket = answer
                    door.has_asked(reservation.ask, reservation)
                break
            with self._lock:
                waiter = self._send_back(door, reservation, reservation.ask, answer)
            reservation = await self._wait(door, waiter)
        return reservation

    def _send_back(self, door: Doorkeeper, reservation: Reservation, ask: Ask, refusal: Refused) -> Waiter:
        """Undo an admission the other processes leave no room for, and let nobody ask again too soon."""
        door.admission.now = self._clock()
        spent = next((limit for limit in ask.plan.limits if limit.budget and limit.key == refusal.key), None)
        if spent is None:
            seconds = _HOLD_UNFORETOLD if refusal.seconds is None else min(refusal.seconds, _LONGEST_HOLD)
            door.admission.hold(ask.plan.scope_of(refusal.key), seconds)
        reservation.refund()
        if spent is not None:
            raise over_budget(spent, ask.plan.model, refusal.seconds)
        if not ask.plan.waits:
            raise refused(ask.plan, refusal.seconds)
        return door.join(ask)

    def _close(self, reservation: Reservation, changes: Amounts) -> None:
        """Count so much more or less than was reserved, once, and let in who fits now."""
        with self._lock:
            door, ask = self._door, reservation.ask
            if reservation.close is None or ask is None or door is None:
                return
            reservation.close = None
            door.close(ask, changes, reservation.at, asking=reservation)
            if reservation.ticket is not None:
                reservation.ticket.settle(changes)
            if ask.plan.soft:
                self._note_overspending(door, ask)

    def _note_overspending(self, door: Doorkeeper, ask: Ask) -> None:
        for limit, spent in door.admission.newly_overspent(ask.plan):
            self._overspent(ask.plan.tenant, limit, spent)

    def _look_again(self, waiter: Waiter) -> None:
        with self._lock:
            if self._door is not None:
                self._door.serve_pool_of(waiter)

    def _make_door(self) -> Doorkeeper:
        from litellm_gateway.doorkeeper import Doorkeeper

        return Doorkeeper(self._clock, self._close, self._look_again)
