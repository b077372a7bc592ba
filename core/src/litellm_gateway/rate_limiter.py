"""Keep requests, tokens and concurrency under their limits: reserve before a call, settle after it.

Any window of a limit's length stays within the limit (see ``limit_storage``), and tenants share only what is
configured as shared. Whoever finds no room waits in a bounded queue, or is refused.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Literal

from attrs import frozen

from litellm_gateway.config import RateLimitConfig
from litellm_gateway.limit_plans import Ask, Plans
from litellm_gateway.limit_refusals import never_fits, queue_full, refused, timed_out
from litellm_gateway.limit_store import Refused
from litellm_gateway.reservation import Reservation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from litellm_gateway.admission import Admission
    from litellm_gateway.shared_limits import SharedLimits, Ticket
    from litellm_gateway.waiter import Waiter
    from litellm_gateway.waiting_queue import Line, Pool, WaitingQueue

__all__ = ["RateLimitConfig", "RateLimiter", "Reservation"]

_LONGEST_HOLD = 1.0
_HOLD_UNFORETOLD = 0.1


@frozen
class _Room:
    """What was admitted and who waits; made with the first limit, kept for good."""

    admission: Admission
    queue: WaitingQueue


class RateLimiter:
    """Admits requests of any thread and event loop.

    Args:
        config: The limits; None for none.
        clock: Monotonic seconds; deadlines are points on it.
        share: Gives what counts for several processes together where a configuration names such a storage.
    """

    def __init__(
        self,
        config: RateLimitConfig | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        share: Callable[[RateLimitConfig], SharedLimits | None] = lambda _config: None,
    ) -> None:
        self._clock = clock
        # Reentrant: a garbage-collected call may settle its reservation in the middle of a locked step.
        self._lock = threading.RLock()
        self._share = share
        self._sharing: SharedLimits | None = None
        self._plans: Plans | None = None
        self._room: _Room | None = None
        self._number = 0
        self.configure(config)

    @property
    def active(self) -> bool:
        """Whether there is anything to keep to."""
        return self._plans is not None

    @property
    def queue_depth(self) -> int:
        """Requests waiting now."""
        return len(self._room.queue) if self._room is not None else 0

    @property
    def sharing(self) -> SharedLimits | None:
        """What counts for several processes together, None when only this one counts."""
        return self._sharing

    def configure(self, config: RateLimitConfig | None) -> None:
        """Set other limits. What was admitted stays counted; who waits keeps its turn and is judged again."""
        if config is not None and not (config.limits_anything or config.heed_provider_limits):
            config = None
        sharing = None if config is None else self._share(config)
        with self._lock:
            self._sharing = sharing
            self._plans = None if config is None else Plans(config)
            if config is not None and self._room is None:
                self._room = _make_room()
            if self._room is not None:
                self._judge_anew(self._room)

    def remaining(self, tenant: str = "") -> int | None:
        """Give the requests the tenant may still send now, as this process counts; None when unlimited."""
        with self._lock:
            if self._room is None or self._plans is None:
                return None
            self._room.admission.now = self._clock()
            return self._room.admission.requests_left(self._plans.get(tenant, ""))

    def heed(self, model: str, headers: Mapping[str, str], *, is_refusal: bool = False) -> None:
        """Take in what a provider said of its own limits with an answer, or with a refusal (status 429).

        Args:
            model: ``provider/model``.
            headers: Response headers, names in lower case.
            is_refusal: Whether the time to come again counts.
        """
        from litellm_gateway.limit_hints import read_limit_hints

        if self._plans is None or self._room is None or not self._plans.config.heed_provider_limits:
            return
        hints = read_limit_hints(headers, is_refusal=is_refusal)
        if hints is None:
            return
        with self._lock:
            self._room.admission.now = now = self._clock()
            self._room.admission.pace.heed(model, hints, now)
            self._serve(self._room, self._room.queue.pools())

    async def reserve(
        self, tenant: str, model: str, tokens: int, deadline: float, *, priority: int = 0, alone: bool = True
    ) -> Reservation:
        """Take a place for one request and ``tokens`` tokens, both or none; wait for them if configured.

        Args:
            tenant: Whose limits to count against.
            model: ``provider/model``, for limits of its own and for errors.
            tokens: Most tokens the call may use, prompt and answer.
            deadline: Point on the clock until which waiting makes sense.
            priority: The higher, the earlier among the tenant's own that wait.
            alone: No other model can answer; only then one waits for a provider that said it is full.

        Raises:
            InvalidRequestError: More tokens than a limit ever lets through.
            RateLimitError: No room, and queuing is off; or the shared storage is out of reach and must not be.
            QueueTimeoutError: No room came free within ``queue_timeout`` or until the deadline.
            QueueFullError: As many wait as may.
        """
        with self._lock:
            room, plans = self._room, self._plans
            if room is None or plans is None:
                return Reservation(tenant)
            plan = plans.get(tenant, model, alone=alone)
            self._number += 1
            room.admission.now = now = self._clock()
            ask = Ask(plan, max(tokens, 0), priority, self._number, min(now + plan.queue_timeout, deadline))
            admitted = self._enter(room, ask)
        reservation = admitted if isinstance(admitted, Reservation) else await self._wait(room, admitted)
        if self._sharing is None:
            return reservation
        return await self._agree(room, reservation, deadline)

    def _enter(self, room: _Room, ask: Ask) -> Reservation | Waiter:
        """Let a newcomer in, put it in line, or send it away."""
        error = never_fits(ask.tokens, ask.plan)
        if error is not None:
            raise error
        if room.queue.is_before_nobody(ask.plan):
            reservation = self._take(room, ask)
            if reservation is not None:
                return reservation
        if not ask.plan.waits:
            raise refused(ask.plan, room.admission.seconds_until_room(ask.plan, ask.tokens))
        return self._join(room, ask)

    def _take(self, room: _Room, ask: Ask) -> Reservation | None:
        """Count request and tokens now, both or none."""
        plan = ask.plan
        if not room.admission.take(plan, ask.tokens):
            return None
        requests = 1 if plan.counts_requests else None
        tokens = ask.tokens if plan.counts_tokens else None
        return Reservation(plan.tenant, room.admission.now, requests, tokens, ask, self._close)

    async def _wait(self, room: _Room, waiter: Waiter) -> Reservation:
        try:
            return await waiter.wait(waiter.ask.give_up_at - self._clock(), self._give_up)
        except BaseException:
            self._abandon(room, waiter)
            raise

    async def _agree(self, room: _Room, reservation: Reservation, deadline: float) -> Reservation:
        """Have the processes that share the limits agree; as long as they do not, wait at the head of the line."""
        while self._sharing is not None and reservation.ask is not None:
            try:
                answer = await self._sharing.take(reservation.ask, max(0.0, deadline - self._clock()))
            except BaseException:
                reservation.refund()
                raise
            if not isinstance(answer, Refused):
                self._agreed(room, reservation, answer)
                break
            reservation = await self._wait(room, self._send_back(room, reservation, answer))
        return reservation

    def _agreed(self, room: _Room, reservation: Reservation, ticket: Ticket | None) -> None:
        with self._lock:
            reservation.ticket = ticket
            pool = room.queue.pool(reservation.ask.plan.pool) if reservation.ask is not None else None
            if pool is not None and pool.asking is reservation:
                pool.asking = None
                self._serve(room, (pool,))

    def _send_back(self, room: _Room, reservation: Reservation, refusal: Refused) -> Waiter:
        """Undo an admission the other processes leave no room for, and let nobody ask again too soon."""
        ask = reservation.ask
        assert ask is not None
        with self._lock:
            room.admission.now = self._clock()
            seconds = _HOLD_UNFORETOLD if refusal.seconds is None else min(refusal.seconds, _LONGEST_HOLD)
            room.admission.hold(ask.plan.scope_of(refusal.key), seconds)
            reservation.refund()
            if not ask.plan.waits:
                raise refused(ask.plan, refusal.seconds)
            return self._join(room, ask)

    def _close(self, reservation: Reservation, requests: int, tokens: int) -> None:
        """Count so many more or less than was reserved, once, and let in who fits now."""
        with self._lock:
            room, ask = self._room, reservation.ask
            if reservation.close is None or ask is None or room is None:
                return
            reservation.close = None
            room.admission.now = self._clock()
            room.admission.ended(ask.plan)
            room.admission.correct(ask.plan, requests=requests, tokens=tokens, at=reservation.at)
            if reservation.ticket is not None and self._sharing is not None:
                self._sharing.settle(reservation.ticket, requests, tokens)
            pool = room.queue.pool(ask.plan.pool)
            if pool is not None and pool.asking is reservation:
                pool.asking = None
            if ask.plan.shared:  # the tenant's own limits may be what others of its requests wait for elsewhere
                self._serve(room, room.queue.pools())
            elif pool is not None:
                self._serve(room, (pool,))

    def _join(self, room: _Room, ask: Ask) -> Waiter:
        from litellm_gateway.waiter import Waiter

        admission, queue, plan = room.admission, room.queue, ask.plan
        if ask.give_up_at <= admission.now:
            raise timed_out(plan, admission.seconds_until_room(plan, ask.tokens))
        if self._plans is not None and len(queue) >= self._plans.config.max_queue_size:
            displaced = queue.displace(plan.tenant)
            if displaced is None:
                raise queue_full(plan, len(queue), admission.seconds_until_room(plan, ask.tokens))
            other = displaced.ask
            seconds = admission.seconds_until_room(other.plan, other.tokens)
            displaced.refuse(queue_full(other.plan, len(queue), seconds))
        waiter = Waiter(ask)
        self._serve(room, (queue.join(waiter),))
        return waiter

    def _serve(self, room: _Room, pools: Iterable[Pool]) -> None:
        """Let in who fits, pool by pool, each tenant of a pool in its turn."""
        room.admission.now = self._clock()
        for pool in pools:
            turns = pool.round()
            while pool.asking is None and (line := turns.next()) is not None:
                outcome = self._judge(room, pool, line)
                if outcome == "shared":  # whoever comes after it waits for the same
                    break
                if outcome == "moved":
                    turns.again(line)
            room.queue.drop_if_idle(pool)

    def _judge(self, room: _Room, pool: Pool, line: Line) -> Literal["moved", "own", "shared"]:
        """Let the first of a line in, send it away, or set its alarm and say what it goes on waiting for."""
        admission, waiter = room.admission, line.first
        ask = waiter.ask
        if waiter.gone:
            room.queue.leave(waiter)
            return "moved"
        error = never_fits(ask.tokens, ask.plan)
        if error is None and ask.give_up_at <= admission.now:
            error = timed_out(ask.plan, admission.seconds_until_room(ask.plan, ask.tokens))
        if error is not None:
            room.queue.leave(waiter)
            waiter.refuse(error)
            return "moved"
        reservation = self._take(room, ask)
        if reservation is None:
            waiter.ring_in(admission.seconds_until_room(ask.plan, ask.tokens), admission.now, self._look_again)
            return "shared" if admission.waits_for_shared(ask.plan, ask.tokens) else "own"
        pool.pass_turn(line, max(ask.tokens, 1) if ask.plan.shares_tokens else 1)
        if self._sharing is not None:
            pool.asking = reservation
        room.queue.leave(waiter)
        if not waiter.grant(reservation):
            reservation.refund()
        return "moved"

    def _judge_anew(self, room: _Room) -> None:
        """Put everybody who waits in the line the limits of now mean, or let in who has none."""
        for waiter in room.queue.empty():
            if self._plans is None:
                waiter.grant(Reservation(waiter.ask.plan.tenant))
                continue
            plan = waiter.ask.plan
            waiter.ask.plan = self._plans.get(plan.tenant, plan.model, alone=plan.alone)
            room.queue.join(waiter)
        self._serve(room, room.queue.pools())

    def _look_again(self, waiter: Waiter) -> None:
        """Serve the pool a waiter stands or stood in."""
        with self._lock:
            pool = self._room.queue.pool(waiter.ask.plan.pool) if self._room is not None else None
            if self._room is not None and pool is not None:
                self._serve(self._room, (pool,))

    def _give_up(self, waiter: Waiter) -> None:
        """Send a waiter away whose time is over; if it was given a place just now, it keeps that."""
        with self._lock:
            if self._room is not None and self._room.queue.leave(waiter):
                admission, ask = self._room.admission, waiter.ask
                admission.now = self._clock()
                waiter.refuse(timed_out(ask.plan, admission.seconds_until_room(ask.plan, ask.tokens)))
                self._look_again(waiter)

    def _abandon(self, room: _Room, waiter: Waiter) -> None:
        """Close the gap a cancelled waiter leaves, or give back the place it was just given."""
        with self._lock:
            if room.queue.leave(waiter):
                self._look_again(waiter)
            elif waiter.granted is not None:
                waiter.granted.refund()


def _make_room() -> _Room:
    from litellm_gateway.admission import Admission
    from litellm_gateway.waiting_queue import WaitingQueue

    return _Room(Admission(), WaitingQueue())
