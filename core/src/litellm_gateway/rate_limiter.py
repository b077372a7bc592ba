"""Keep requests and tokens per minute under their limits: reserve before a call, settle after it.

Limits count per tenant over the whole gateway; tenants never share. Any window of 60 seconds stays within the
limit (see ``limit_storage``). Whoever finds no room waits in a bounded queue, or is refused.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from attrs import define, frozen

from litellm_gateway.config import RateLimitConfig
from litellm_gateway.errors import InvalidRequestError, QueueFullError, QueueTimeoutError, RateLimitError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from litellm_gateway.admission import Admission
    from litellm_gateway.waiting_queue import Waiter, WaitingQueue

__all__ = ["RateLimitConfig", "RateLimiter", "Reservation"]


@define(eq=False)
class Reservation:
    """A request's place and tokens. The first ``settle`` or ``refund`` counts, later ones do nothing.

    Attributes:
        tenant: Whose limits it counts against.
        at: When it was admitted, on the limiter's clock.
        requests, tokens: What was counted; None where no limit was set.
    """

    tenant: str
    at: float = 0.0
    requests: int | None = None
    tokens: int | None = None
    _limiter: RateLimiter | None = None

    def settle(self, tokens: int) -> None:
        """Replace the estimate by the tokens really used.

        What was reserved too much is given back as of the moment it was reserved; what was used beyond the
        reservation counts from now on.
        """
        if self._limiter is not None:
            self._limiter._close(self, self.requests, max(tokens, 0))

    def refund(self) -> None:
        """Give everything back: the call was never answered."""
        if self._limiter is not None:
            self._limiter._close(self, 0, 0)


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
    """

    def __init__(self, config: RateLimitConfig | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # Reentrant: a garbage-collected call may settle its reservation in the middle of a locked step.
        self._lock = threading.RLock()
        self._config: RateLimitConfig | None = None
        self._room: _Room | None = None
        self.configure(config)

    @property
    def active(self) -> bool:
        """Whether any limit is set."""
        return self._config is not None

    @property
    def queue_depth(self) -> int:
        """Requests waiting now."""
        return len(self._room.queue) if self._room is not None else 0

    def configure(self, config: RateLimitConfig | None) -> None:
        """Set other limits. What was admitted stays counted; who waits keeps its turn and is judged again."""
        if config is not None and config.requests_per_minute is None and config.tokens_per_minute is None:
            config = None
        with self._lock:
            if config is not None and self._room is None:
                self._room = _make_room()
            self._config = config
            if self._room is None:
                return
            self._room.admission.configure(config)
            self._serve(self._room, self._room.queue.tenants())

    def remaining(self, tenant: str = "") -> int | None:
        """Give the requests the tenant may still send in the current minute; None when unlimited."""
        with self._lock:
            if self._room is None:
                return None
            self._room.admission.now = self._clock()
            return self._room.admission.requests_left(tenant)

    async def reserve(self, tenant: str, model: str, tokens: int, deadline: float) -> Reservation:
        """Take a place for one request and ``tokens`` tokens, both or none; wait for them if configured.

        Args:
            tenant: Whose limits to count against.
            model: Named in errors.
            tokens: Most tokens the call may use, prompt and answer.
            deadline: Point on the clock until which waiting makes sense.

        Raises:
            InvalidRequestError: More tokens than a minute's limit: it would never fit.
            RateLimitError: No room, and queuing is off.
            QueueTimeoutError: No room came free within ``queue_timeout`` or until the deadline.
            QueueFullError: As many wait as may.
        """
        tokens = max(tokens, 0)
        with self._lock:
            config, room = self._config, self._room
            if config is None or room is None:
                return Reservation(tenant)
            if config.tokens_per_minute is not None and tokens > config.tokens_per_minute:
                raise _never_fits(tokens, config.tokens_per_minute, model)
            room.admission.now = self._clock()
            if tenant not in room.queue:
                reservation = self._take(room, tenant, tokens)
                if reservation is not None:
                    return reservation
            if not config.enable_queuing:
                raise _refused(model, room.admission.seconds_until_room(tenant, tokens))
            waiter = self._join(room, config, tenant, model, tokens, deadline)
        try:
            return await waiter.wait(waiter.give_up_at - self._clock(), self._give_up)
        except BaseException:
            self._abandon(room, waiter)
            raise

    def _take(self, room: _Room, tenant: str, tokens: int) -> Reservation | None:
        """Count request and tokens now, both or none."""
        admission = room.admission
        if not admission.take(tenant, tokens):
            return None
        requests = 1 if admission.counts_requests else None
        counted = None if admission.most_tokens is None else tokens
        return Reservation(tenant, admission.now, requests, counted, self)

    def _close(self, reservation: Reservation, requests: int | None, tokens: int) -> None:
        """Count these amounts instead of the reserved ones, once, and let in who fits now."""
        with self._lock:
            if reservation._limiter is None or self._room is None:
                return
            reservation._limiter = None
            admission, tenant = self._room.admission, reservation.tenant
            admission.now = self._clock()
            if reservation.requests is not None and requests is not None:
                admission.correct_requests(tenant, requests - reservation.requests, reservation.at)
            if reservation.tokens is not None:
                admission.correct_tokens(tenant, tokens - reservation.tokens, reservation.at)
            if tenant in self._room.queue:
                self._serve(self._room, (tenant,))

    def _join(
        self, room: _Room, config: RateLimitConfig, tenant: str, model: str, tokens: int, deadline: float
    ) -> Waiter:
        from litellm_gateway.waiting_queue import Waiter

        queue = room.queue
        waiter = Waiter(tenant, model, tokens, min(room.admission.now + config.queue_timeout, deadline))
        if waiter.give_up_at <= room.admission.now:
            raise _timed_out(room, waiter)
        if len(queue) >= config.max_queue_size:
            displaced = queue.displace(tenant)
            if displaced is None:
                raise _queue_full(room, waiter)
            displaced.refuse(_queue_full(room, displaced))
        queue.join(waiter)
        self._serve(room, (tenant,))
        return waiter

    def _serve(self, room: _Room, tenants: Iterable[str]) -> None:
        """Let in who fits, one of each tenant in turn."""
        room.admission.now = self._clock()
        turn = deque(tenants)
        while turn:
            tenant = turn.popleft()
            waiter = room.queue.first(tenant)
            if waiter is not None and self._judge(room, waiter):
                turn.append(tenant)

    def _judge(self, room: _Room, waiter: Waiter) -> bool:
        """Let the first of a tenant in, send it away, or set its alarm; False when it goes on waiting."""
        admission, limit = room.admission, room.admission.most_tokens
        if waiter.gone:
            room.queue.leave(waiter)
        elif waiter.give_up_at <= admission.now:
            room.queue.leave(waiter)
            waiter.refuse(_timed_out(room, waiter))
        elif limit is not None and waiter.tokens > limit:
            room.queue.leave(waiter)
            waiter.refuse(_never_fits(waiter.tokens, limit, waiter.model))
        else:
            reservation = self._take(room, waiter.tenant, waiter.tokens)
            if reservation is None:
                seconds = admission.seconds_until_room(waiter.tenant, waiter.tokens)
                waiter.ring_in(seconds, admission.now, self._ring)
                return False
            room.queue.leave(waiter)
            room.queue.pass_turn(waiter.tenant)
            if not waiter.grant(reservation):
                reservation.refund()
        return True

    def _ring(self, tenant: str) -> None:
        """Look again: the room the first of a tenant waited for should be there."""
        with self._lock:
            if self._room is not None:
                self._serve(self._room, (tenant,))

    def _give_up(self, waiter: Waiter) -> None:
        """Send a waiter away whose time is over; if it was given a place just now, it keeps that."""
        with self._lock:
            if self._room is not None and self._room.queue.leave(waiter):
                self._room.admission.now = self._clock()
                waiter.refuse(_timed_out(self._room, waiter))
                self._serve(self._room, (waiter.tenant,))

    def _abandon(self, room: _Room, waiter: Waiter) -> None:
        """Close the gap a cancelled waiter leaves, or give back the place it was just given."""
        with self._lock:
            if room.queue.leave(waiter):
                self._serve(room, (waiter.tenant,))
            elif waiter.granted is not None:
                waiter.granted.refund()


def _make_room() -> _Room:
    from litellm_gateway.admission import Admission
    from litellm_gateway.waiting_queue import WaitingQueue

    return _Room(Admission(), WaitingQueue())


def _never_fits(tokens: int, limit: int, model: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"the request may use {tokens} tokens, more than tokens_per_minute={limit} ever lets through; "
        "shorten the prompt, lower max_tokens or raise the limit",
        parameter="max_tokens",
        model=model,
    )


def _refused(model: str, retry_after: float) -> RateLimitError:
    return RateLimitError(
        "the gateway's own rate limit is reached and queuing is off; try again later",
        retry_after=retry_after,
        scope="gateway",
        model=model,
    )


def _timed_out(room: _Room, waiter: Waiter) -> QueueTimeoutError:
    return QueueTimeoutError(
        "the request waited in the gateway's queue as long as it may; try again later, or raise the rate "
        "limit, queue_timeout or the call's timeout",
        retry_after=room.admission.seconds_until_room(waiter.tenant, waiter.tokens),
        model=waiter.model,
    )


def _queue_full(room: _Room, waiter: Waiter) -> QueueFullError:
    return QueueFullError(
        f"{len(room.queue)} requests wait in the gateway's queue, as many as may; try again later, or raise "
        "max_queue_size",
        retry_after=room.admission.seconds_until_room(waiter.tenant, waiter.tokens),
        model=waiter.model,
    )
