"""What is known of each route: requests in flight, how fast it answers, and how long it should be left alone.

It only keeps what it is told; who is asked first is the strategies' business.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from attrs import define, field

from litellm_gateway.errors import (
    AuthenticationError,
    GatewayError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from litellm_gateway.contracts import Route

WEIGHT = 0.2
"""Share of the newest measurement in an average."""
HALF_LIFE = 60.0
"""Seconds after which an average that got no new measurement counts half, so that a slow route is tried again."""
LONGEST_LIMIT = 60.0
"""Seconds a limited route is left alone at most, and for how long when the provider does not say."""
_LIMITED = 5.0


@define(eq=False)
class Average:
    """A moving average of seconds that fades when nothing new comes."""

    value: float = 0.0
    at: float | None = None

    def take(self, seconds: float, now: float) -> None:
        """Take one measurement."""
        self.value = seconds if self.at is None else self.value + WEIGHT * (seconds - self.value)
        self.at = now

    def estimate(self, now: float) -> float | None:
        """Give the seconds to expect, None when nothing was ever measured."""
        return None if self.at is None else float(self.value * 0.5 ** ((now - self.at) / HALF_LIFE))


@define(eq=False)
class RouteRecord:
    """What is known of one route.

    Attributes:
        running: What is on its way, one object per request.
        answered, failed: Requests that were answered, and that failed by the provider's fault.
        whole, first_content: Seconds until a whole answer, and until the first content of a stream.
        rests_until: Point on the clock until which it is left alone.
        reason: Class of the error it is left alone for.
    """

    running: set[object] = field(factory=set)
    answered: int = 0
    failed: int = 0
    whole: Average = field(factory=Average)
    first_content: Average = field(factory=Average)
    rests_until: float = 0.0
    reason: str | None = None

    @property
    def in_flight(self) -> int:
        """Requests on their way."""
        return len(self.running)


class RouteStatistics:
    """The records of all routes, made on first use. Safe to use from any thread.

    Args:
        clock: Monotonic seconds.
        key_rest: Seconds a refused key is left alone.
        most: Records kept; beyond it the least recently made idle one is dropped.
    """

    def __init__(self, *, clock: Callable[[], float], key_rest: float = 300.0, most: int = 1000) -> None:
        self.clock = clock
        self._key_rest = key_rest
        self._most = most
        # Reentrant: a garbage-collected call may report in the middle of a locked step.
        self._lock = threading.RLock()
        self._records: dict[str, RouteRecord] = {}
        self._keys: dict[str, tuple[float, str]] = {}
        self._resting_until = 0.0

    def get(self, key: str) -> RouteRecord:
        """Give the record of a route, by its ``id``."""
        record = self._records.get(key)
        if record is not None:
            return record
        with self._lock:
            if len(self._records) >= self._most:
                idle = (each for each, record in self._records.items() if not record.running)
                self._records.pop(next(idle, next(iter(self._records))))
            return self._records.setdefault(key, RouteRecord())

    def answered(self, route: Route, record: RouteRecord, average: Average, seconds: float, now: float) -> None:
        """A request was answered after this many seconds; if the route was left alone, that is over."""
        with self._lock:
            record.answered += 1
            average.take(seconds, now)
            if self._keys or record.reason is not None:
                self._keys.pop(route.provider, None)
                record.rests_until, record.reason = 0.0, None

    def failed(self, record: RouteRecord, seconds: float, now: float) -> None:
        """A request failed by the provider's fault, which counts as an answer that took twice as long."""
        with self._lock:
            record.failed += 1
            for average in (record.whole, record.first_content):
                average.take(2.0 * max(seconds, average.value), now)

    def leave_alone(self, route: Route, error: GatewayError) -> None:
        """Let a route rest whose key is refused or spent, or which is limited; other errors change nothing."""
        with self._lock:
            now = self.clock()
            reason = type(error).__name__
            if isinstance(error, AuthenticationError | QuotaExceededError):
                until = now + self._key_rest
                self._keys[route.provider] = (until, reason)
            elif isinstance(error, PermissionDeniedError):  # the key may be good for other models
                until = now + self._key_rest
            elif isinstance(error, RateLimitError) and error.scope == "provider":
                until = now + min(LONGEST_LIMIT, _seconds(error.retry_after))
            else:
                return
            record = self.get(route.id)
            record.rests_until, record.reason = max(record.rests_until, until), reason
            self._resting_until = max(self._resting_until, until)

    def awake(self, routes: Sequence[Route]) -> Sequence[Route]:
        """Give the routes that are not left alone; all of them when no other is left, limited ones behind."""
        now = self.clock()
        if now >= self._resting_until:
            return routes
        with self._lock:
            awake = [route for route in routes if self._reason(route.id, now) is None]
            limited = [route for route in routes if self._reason(route.id, now) == RateLimitError.__name__]
        return [*awake, *limited] or routes

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """Give every record by route, seconds as numbers or None."""
        with self._lock:
            now = self.clock()
            return {key: self._shown(key, record, now) for key, record in self._records.items()}

    def describe(self, route: Route) -> dict[str, Any]:
        """Give what :meth:`snapshot` gives for one route, also for one nobody used yet."""
        with self._lock:
            return self._shown(route.id, self._records.get(route.id) or RouteRecord(), self.clock())

    def _shown(self, key: str, record: RouteRecord, now: float) -> dict[str, Any]:
        until = max(record.rests_until, self._keys.get(key.partition("/")[0], (0.0, ""))[0])
        return {
            "in_flight": record.in_flight,
            "answered": record.answered,
            "failed": record.failed,
            "seconds": None if record.whole.at is None else record.whole.value,
            "first_content_seconds": None if record.first_content.at is None else record.first_content.value,
            "left_alone": self._reason(key, now),
            "left_alone_seconds": max(0.0, until - now) or None,
        }

    def _reason(self, key: str, now: float) -> str | None:
        """Say for which error a route is left alone; None when it is not."""
        until, reason = self._keys.get(key.partition("/")[0], (0.0, None))
        if now < until:
            return reason
        record = self._records.get(key)
        return record.reason if record is not None and now < record.rests_until else None


def _seconds(hint: object) -> float:
    return float(hint) if isinstance(hint, int | float) and hint >= 0.0 else _LIMITED
