"""Count requests and tokens of each tenant against their limits, both or none; the door to ``limits``.

It never waits and takes no lock: ``rate_limiter`` holds its own around every step and sets ``now`` first, so
that all counts of a step agree on the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from limits import RateLimitItemPerMinute
from limits.strategies import SlidingWindowCounterRateLimiter

from litellm_gateway.limit_storage import SlidingWindows

if TYPE_CHECKING:
    from litellm_gateway.config import RateLimitConfig

WINDOW = 60
"""Seconds every limit looks back."""


class _PerMinute(RateLimitItemPerMinute):
    """A limit per minute whose key leaves its amount out, so that counts outlive a change of the amount."""

    __slots__ = ()

    def key_for(self, *identifiers: bytes | str | float) -> str:
        """Give the storage key of a tenant."""
        return f"{self.namespace}/{identifiers[0]!s}"


class Admission:
    """What every tenant was admitted in the last minute, and what it still may.

    Attributes:
        now: The time of the current step, on the limiter's clock.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._storage = SlidingWindows(lambda: self.now)
        self._strategy = SlidingWindowCounterRateLimiter(self._storage)
        self._requests: _PerMinute | None = None
        self._tokens: _PerMinute | None = None

    def configure(self, config: RateLimitConfig | None) -> None:
        """Set other limits; what was admitted stays counted."""
        requests = config.requests_per_minute if config is not None else None
        tokens = config.tokens_per_minute if config is not None else None
        self._requests = None if requests is None else _PerMinute(requests, namespace="requests")
        self._tokens = None if tokens is None else _PerMinute(tokens, namespace="tokens")

    @property
    def counts_requests(self) -> bool:
        """Whether requests are limited."""
        return self._requests is not None

    @property
    def most_tokens(self) -> int | None:
        """Tokens one request may use at most, None when unlimited."""
        return None if self._tokens is None else self._tokens.amount

    def take(self, tenant: str, tokens: int) -> bool:
        """Count one request and its tokens now, both or none; False when there is no room."""
        if self._requests is not None and not self._strategy.hit(self._requests, tenant):
            return False
        if self._tokens is None or self._strategy.hit(self._tokens, tenant, cost=tokens):
            return True
        if self._requests is not None:
            self._storage.give_back(self._requests.key_for(tenant), 1, self.now)
        return False

    def correct_requests(self, tenant: str, change: int, at: float) -> None:
        """Change the requests counted at time ``at``."""
        self._correct(f"requests/{tenant}", change, at)

    def correct_tokens(self, tenant: str, change: int, at: float) -> None:
        """Change the tokens counted at time ``at``: less is taken off there, more counts from now on."""
        self._correct(f"tokens/{tenant}", change, at)

    def _correct(self, key: str, change: int, at: float) -> None:
        if change < 0:
            self._storage.give_back(key, -change, at)
        elif change > 0:
            self._storage.charge(key, WINDOW, change)

    def requests_left(self, tenant: str) -> int | None:
        """Give the requests the tenant may still send in this minute, None when unlimited."""
        if self._requests is None:
            return None
        return max(0, self._requests.amount - self._storage.get(self._requests.key_for(tenant)))

    def seconds_until_room(self, tenant: str, tokens: int) -> float:
        """Give how long until a request of ``tokens`` fits, if nothing else comes or goes."""
        room_at = self.now
        for item, amount in ((self._requests, 1), (self._tokens, tokens)):
            if item is not None:
                room_at = max(room_at, self._storage.room_at(item.key_for(tenant), item.amount, amount))
        return room_at - self.now
