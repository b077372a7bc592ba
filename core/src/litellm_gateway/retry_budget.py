"""How much of a gateway's traffic may be tried again, so that a dead provider is not asked three times as often.

It counts requests and retries and says whether one more retry fits; it waits for nothing and judges no error.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from litellm_gateway.sliding_counts import SlidingCounts

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_gateway.route_config import RetryBudgetConfig

_REQUESTS, _RETRIES = range(2)


class RetryBudget:
    """Requests fill it, retries empty it; what is older than its window no longer counts. Safe in any thread.

    Args:
        config: Share, minimum and window; None allows any number.
        clock: Monotonic seconds.
        at_least: Retries always allowed in a window, should the configured minimum be less.
    """

    def __init__(self, config: RetryBudgetConfig | None, *, clock: Callable[[], float], at_least: int = 0) -> None:
        self._config = config
        self._clock = clock
        self._minimum = max(at_least, config.minimum if config is not None else 0)
        self._counts = SlidingCounts(config.window if config is not None else 1.0, 2)
        self._refused = 0
        self._lock = threading.Lock()

    def sent(self, now: float) -> None:
        """A request went to a route for the first time, at this point of the clock."""
        if self._config is None:
            return
        counts = self._counts
        with self._lock:
            if now >= counts.until:
                counts.advance(now)
            counts.totals[_REQUESTS] += 1
            counts.slice[_REQUESTS] += 1

    def take(self) -> bool:
        """Take one retry out; False when none is left."""
        if self._config is None:
            return True
        with self._lock:
            self._counts.advance(self._clock())
            if self._left() < 1:
                self._refused += 1
                return False
            self._counts.add(_RETRIES)
            return True

    def snapshot(self) -> dict[str, Any] | None:
        """Give ``requests`` and ``retries`` of the window, retries ``remaining``, and ``refused`` ones in all."""
        if self._config is None:
            return None
        with self._lock:
            self._counts.advance(self._clock())
            requests, retries = self._counts.totals
            return {"requests": requests, "retries": retries, "remaining": self._left(), "refused": self._refused}

    def _left(self) -> int:
        assert self._config is not None
        requests, retries = self._counts.totals
        return max(0, max(self._minimum, int(requests * self._config.share)) - retries)
