"""The circuit breakers of all routes of one gateway: made when first asked for, bounded in number."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from litellm_gateway.circuit_breaker import CircuitBreaker

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from litellm_gateway.circuit_breaker import State
    from litellm_gateway.route_config import CircuitBreakerConfig
    from litellm_gateway.shared_circuits import SharedCircuits


class CircuitBreakers:
    """The breakers of all routes, made on first use.

    Args:
        config: When they open; None for never.
        clock, random: Handed to each.
        most: Breakers kept; beyond it the least recently used closed one is dropped, and with it its counts.
    """

    def __init__(
        self,
        config: CircuitBreakerConfig | None,
        *,
        clock: Callable[[], float],
        random: random.Random,
        most: int = 1000,
    ) -> None:
        self._config, self._most = config, most
        self._clock, self._random = clock, random
        self._lock = threading.RLock()
        self._breakers: OrderedDict[str, CircuitBreaker] = OrderedDict()
        self.sharing: SharedCircuits | None = None

    def get(self, key: str) -> CircuitBreaker:
        """Give the breaker of a route."""
        if self.sharing is not None:
            self.sharing.attend()
        with self._lock:
            breaker = self._breakers.get(key)
            if breaker is not None:
                self._breakers.move_to_end(key)
                return breaker
            if len(self._breakers) >= self._most:
                self._drop_one()
            made = CircuitBreaker(key, self._config, clock=self._clock, random=self._random, sharing=self.sharing)
            self._breakers[key] = made
            return made

    def look(self, key: str) -> State:
        """Give the state of one circuit without making its breaker."""
        breaker = self._all().get(key)
        return "closed" if breaker is None else breaker.state

    def probe_now(self, provider: str) -> None:
        """Let calls probe every open circuit of a provider without waiting any longer."""
        for key, breaker in self._all().items():
            if key.partition("/")[0] == provider:
                breaker.probe_now()

    def state(self) -> State:
        """Give the worst state of all: ``open``, else ``half_open``, else ``closed``."""
        states = {breaker.state for breaker in self._all().values()}
        return "open" if "open" in states else "half_open" if "half_open" in states else "closed"

    def snapshot(self) -> dict[str, dict[str, Any]]:
        """Give the snapshot of every breaker by key."""
        return {key: breaker.snapshot() for key, breaker in self._all().items()}

    def _all(self) -> dict[str, CircuitBreaker]:
        with self._lock:
            return dict(self._breakers)

    def _drop_one(self) -> None:
        closed = (key for key, breaker in self._breakers.items() if breaker.state == "closed")
        del self._breakers[next(closed, next(iter(self._breakers)))]
