"""Let requests in, keep them in line, or send them away: the synchronous steps of the rate limiter.

Every step runs under the lock of ``rate_limiter``, which waits, and asks other processes, in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from litellm_gateway.admission import Admission
from litellm_gateway.limit_refusals import never_fits, over_budget, queue_full, refused, timed_out
from litellm_gateway.reservation import Reservation
from litellm_gateway.waiter import Waiter
from litellm_gateway.waiting_queue import WaitingQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from litellm_gateway.errors import GatewayError
    from litellm_gateway.limit_plans import Amounts, Ask, Plans
    from litellm_gateway.reservation import Close
    from litellm_gateway.waiting_queue import Line, Pool


class Doorkeeper:
    """Knows what was admitted and who waits.

    Args:
        clock: Monotonic seconds.
        close: What a reservation is closed with.
        look_again: Called from a waiter's loop when the room it waited for should be there.

    Attributes:
        plans: The limits of now, None for none.
        asks: Whether other processes must agree to what is admitted here; then one of a pool asks at a time.
    """

    def __init__(self, clock: Callable[[], float], close: Close, look_again: Callable[[Waiter], None]) -> None:
        self.admission = Admission()
        self.queue = WaitingQueue()
        self.plans: Plans | None = None
        self.asks = False
        self._clock = clock
        self._close = close
        self._look_again = look_again

    def enter(self, ask: Ask) -> Reservation | Waiter:
        """Let a newcomer in, put it in line, or send it away."""
        error: GatewayError | None = never_fits(ask)
        if error is not None:
            raise error
        if self.queue.is_before_nobody(ask.plan):
            reservation = self._take(ask)
            if reservation is not None:
                return reservation
        error = self._over_budget(ask)
        if error is not None:
            raise error
        if not ask.plan.waits:
            raise refused(ask.plan, self.admission.seconds_until_room(ask))
        return self.join(ask)

    def _take(self, ask: Ask) -> Reservation | None:
        """Count request and tokens now, both or none."""
        return Reservation(ask, self.admission.now, self._close) if self.admission.take(ask) else None

    def join(self, ask: Ask) -> Waiter:
        """Put a request in line, at the place its number gives it."""
        admission, queue, plan = self.admission, self.queue, ask.plan
        if ask.give_up_at <= admission.now:
            raise timed_out(plan, admission.seconds_until_room(ask))
        if self.plans is not None and len(queue) >= self.plans.config.max_queue_size:
            displaced = queue.displace(plan.tenant)
            if displaced is None:
                raise queue_full(plan, len(queue), admission.seconds_until_room(ask))
            other = displaced.ask
            seconds = admission.seconds_until_room(other)
            displaced.refuse(queue_full(other.plan, len(queue), seconds))
        waiter = Waiter(ask)
        self.serve((queue.join(waiter),))
        return waiter

    def serve(self, pools: Iterable[Pool]) -> None:
        """Let in who fits, pool by pool, each tenant of a pool in its turn."""
        self.admission.now = self._clock()
        for pool in pools:
            turns = pool.round()
            while pool.asking is None and (line := turns.next()) is not None:
                outcome = self._judge(pool, line)
                if outcome == "shared":  # whoever comes after it waits for the same
                    break
                if outcome == "moved":
                    turns.again(line)
            self.queue.drop_if_idle(pool)

    def close(self, ask: Ask, changes: Amounts, at: float, *, asking: Reservation) -> None:
        """Count so much more or less for a request that is over, and let in who fits now."""
        self.admission.now = self._clock()
        self.admission.ended(ask.plan, ask.amounts[0])
        self.admission.correct(ask, changes, at)
        if self.queue.is_empty:
            return
        self.has_asked(ask, asking, serve=not ask.plan.shared)
        if ask.plan.shared:  # the tenant's own limits may be what others of its requests wait for elsewhere
            self.serve(self.queue.pools())

    def has_asked(self, ask: Ask, asking: Reservation, *, serve: bool = True) -> None:
        """Note that other processes have answered, or need not any more, and go on serving the pool."""
        if self.queue.is_empty:
            return
        pool = self.queue.pool(ask.plan.pool)
        if pool is None:
            return
        if pool.asking is asking:
            pool.asking = None
        if serve:
            self.serve((pool,))

    def give_up(self, waiter: Waiter) -> None:
        """Send a waiter away whose time is over; if it was given a place just now, it keeps that."""
        if self.queue.leave(waiter):
            self.admission.now = self._clock()
            waiter.refuse(timed_out(waiter.ask.plan, self.admission.seconds_until_room(waiter.ask)))
            self.serve_pool_of(waiter)

    def abandon(self, waiter: Waiter) -> None:
        """Close the gap a cancelled waiter leaves, or give back the place it was just given."""
        if self.queue.leave(waiter):
            self.serve_pool_of(waiter)
        elif waiter.granted is not None:
            waiter.granted.refund()

    def serve_pool_of(self, waiter: Waiter) -> None:
        """Serve the pool a waiter stands or stood in."""
        pool = self.queue.pool(waiter.ask.plan.pool)
        if pool is not None:
            self.serve((pool,))

    def judge_anew(self) -> None:
        """Put everybody who waits in the line the limits of now mean, or let in who has none."""
        for waiter in self.queue.empty():
            if self.plans is None:
                waiter.grant(Reservation())
                continue
            plan = waiter.ask.plan
            waiter.ask.plan = self.plans.get(plan.tenant, plan.model, alone=plan.alone)
            self.queue.join(waiter)
        self.serve(self.queue.pools())

    def _judge(self, pool: Pool, line: Line) -> Literal["moved", "own", "shared"]:
        """Let the first of a line in, send it away, or set its alarm and say what it goes on waiting for."""
        admission, waiter = self.admission, line.first
        ask = waiter.ask
        if waiter.gone:
            self.queue.leave(waiter)
            return "moved"
        error = never_fits(ask) or self._over_budget(ask)
        if error is None and ask.give_up_at <= admission.now:
            error = timed_out(ask.plan, admission.seconds_until_room(ask))
        if error is not None:
            self.queue.leave(waiter)
            waiter.refuse(error)
            return "moved"
        reservation = self._take(ask)
        if reservation is None:
            waiter.ring_in(admission.seconds_until_room(ask), admission.now, self._look_again)
            return "shared" if admission.waits_for_shared(ask) else "own"
        pool.pass_turn(line, max(ask.amounts[1], 1) if ask.plan.shares_tokens else ask.amounts[0])
        if self.asks:
            pool.asking = reservation
        self.queue.leave(waiter)
        if not waiter.grant(reservation):
            reservation.refund()
        return "moved"

    def _over_budget(self, ask: Ask) -> GatewayError | None:
        found = self.admission.over_budget(ask) if ask.plan.has_budget else None
        return None if found is None else over_budget(found[0], ask.plan.model, found[1])
