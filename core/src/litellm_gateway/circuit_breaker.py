"""Keep requests away from a route that keeps failing, and find out when it works again: one breaker per route.

A breaker only counts what it is told and says who may pass. It sends nothing, waits for nothing, and does not
judge errors: the caller reports a failure only when it was the provider's fault.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Literal

from litellm_gateway.errors import CircuitOpenError
from litellm_gateway.sliding_counts import SlidingCounts

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from litellm_gateway.route_config import CircuitBreakerConfig
    from litellm_gateway.shared_circuits import Change, SharedCircuits

State = Literal["closed", "open", "half_open"]

_CALLS, _FAILURES, _SLOW = range(3)
JITTER = 0.2
"""Share of the recovery timeout by which it is lengthened at most, so that many gateways do not probe at once."""
LONGEST_HINT = 10.0
"""Recovery timeouts a circuit stays open at most on a provider's word."""
FIRST_RECOVERY, LAST_RECOVERY = 1.0, 30.0
"""Seconds a circuit stays open at least and at most where no recovery timeout is set."""
OUTAGE_SHARE = 0.1
"""Share of the time a provider has been away that it is left alone before the next probe, within these bounds."""


class CircuitBreaker:
    """Lets calls pass until too many fail or are slow, then a few to probe. Safe to use from any thread.

    ``admit`` gives a ticket; exactly one of ``succeeded``, ``failed`` and ``released`` follows it. Hand the ticket
    back with it, and a call that was admitted before the circuit changed cannot be mistaken for a probe.

    Args:
        key: What it guards, ``provider/model``; named in errors.
        config: When to open; None never opens by itself.
        clock: Monotonic seconds.
        random: Source of the jitter.
        sharing: Told of every change that is not another process's.
    """

    def __init__(
        self,
        key: str,
        config: CircuitBreakerConfig | None,
        *,
        clock: Callable[[], float],
        random: random.Random,
        sharing: SharedCircuits | None = None,
    ) -> None:
        self._sharing = sharing
        self._key = key
        self._config = config
        self._slow_after = config.slow_call_seconds if config is not None else None
        self._clock = clock
        self._random = random
        # Reentrant: a garbage-collected call may report in the middle of a locked step.
        self._lock = threading.RLock()
        self._counts = SlidingCounts(config.window if config is not None else 1.0, 3)
        self._state: State = "closed"
        self._term = 0  # grows with every change of state and when probes are lost; tickets of former terms are void
        self._open_until: float | None = None  # None while open: opened by hand, stays so
        self._probes = self._answered = 0  # while half open: probes on their way, and those that were answered
        self._probe_until = 0.0  # when the last probe on its way counts as lost
        self._away_since: float | None = None  # when it opened first since it was last closed

    @property
    def state(self) -> State:
        """How it stands now; an open circuit whose time is over is half open."""
        with self._lock:
            return self._state_now()

    def admit(self) -> int:
        """Let one call pass and give its ticket.

        Raises:
            CircuitOpenError: It may not pass; ``retry_after`` says when to ask again, None for a circuit that
                was opened by hand.
        """
        term = self._term
        if self._state == "closed":
            return term
        with self._lock:
            state = self._state_now()
            if state == "closed":
                return self._term
            now = self._clock()
            if state == "open":
                raise self._refusal(self._open_until, now)
            if self._state == "open" or (self._probes and now >= self._probe_until):
                self._enter("half_open")
            if self._probes + self._answered >= self._most_probes():
                raise self._refusal(self._probe_until, now)
            self._probes += 1
            self._probe_until = now + self._longest_recovery()
            return self._term

    def succeeded(self, ticket: int | None = None, seconds: float = 0.0) -> None:
        """Report that the call was answered, and how long that took."""
        with self._lock:
            if ticket is not None and ticket != self._term:
                return
            slow = self._slow_after is not None and seconds >= self._slow_after
            if self._state == "closed":
                if self._count(failed=False, slow=slow):
                    self._trip()
            elif self._state == "half_open":
                self._probed(well=not slow)

    def failed(self, ticket: int | None = None, seconds: float = 0.0, retry_after: float | None = None) -> None:
        """Report that the call failed by the provider's fault.

        Args:
            ticket: What :meth:`admit` gave.
            seconds: How long it took.
            retry_after: The provider's own hint; a circuit that opens stays open as long, within reason.
        """
        with self._lock:
            if self._void(ticket):
                return
            slow = self._slow_after is not None and seconds >= self._slow_after
            tripped = self._state == "closed" and self._count(failed=True, slow=slow)
            if tripped or self._state == "half_open":
                self._trip(retry_after or 0.0)

    def released(self, ticket: int | None = None) -> None:
        """Report that the call says nothing about the provider: it was cancelled, or wrong in itself."""
        with self._lock:
            if self._state == "half_open" and not self._void(ticket):
                self._probes = max(0, self._probes - 1)

    def open(self) -> None:
        """Keep every call out until :meth:`close` or :meth:`reset`."""
        with self._lock:
            self._enter("open")
            self._tell("opened")

    def close(self) -> None:
        """Let every call pass and start counting anew."""
        with self._lock:
            self._close()
            self._tell("closed")

    def follow_opening(self, seconds: float | None) -> None:
        """Open as another process did, for so long, None for by hand; a circuit that is open longer stays so."""
        with self._lock:
            until = None if seconds is None else self._clock() + seconds
            longer = self._open_until is None or (until is not None and until <= self._open_until)
            if self._state == "open" and longer:
                return
            self._enter("open")
            self._open_until = until

    def follow_closing(self, *, by_hand: bool) -> None:
        """Close as another process did; one that was opened by hand closes by hand only."""
        with self._lock:
            if by_hand or self._state == "half_open" or self._open_until is not None:
                self._close()

    def probe_now(self) -> None:
        """Let calls probe an open circuit without waiting any longer; one that was opened by hand stays open."""
        with self._lock:
            if self._state == "open" and self._open_until is not None:
                self._open_until = min(self._open_until, self._clock())

    def reset(self) -> None:
        """Forget everything, as if it were new."""
        self.close()

    def snapshot(self) -> dict[str, Any]:
        """Give ``state``; ``calls``, ``failures`` and ``slow`` of the window; ``retry_after`` in seconds or None."""
        with self._lock:
            now = self._clock()
            state = self._state_now()
            self._counts.advance(now)
            until = self._open_until if state == "open" else None
            calls, failures, slow = self._counts.totals
            return {
                "state": state,
                "calls": calls,
                "failures": failures,
                "slow": slow,
                "retry_after": None if until is None else max(0.0, until - now),
            }

    def _state_now(self) -> State:
        if self._state == "open" and self._open_until is not None and self._clock() >= self._open_until:
            return "half_open"
        return self._state

    def _void(self, ticket: int | None) -> bool:
        return ticket is not None and ticket != self._term

    def _count(self, *, failed: bool, slow: bool) -> bool:
        """Count one call; say whether that makes too many failures or slow calls."""
        config = self._config
        if config is None:
            return False
        counts, now = self._counts, self._clock()
        if now >= counts.until:
            counts.advance(now)
        counts.slice[_CALLS] += 1
        counts.totals[_CALLS] += 1
        if not (failed or slow):
            return False
        if failed:
            counts.add(_FAILURES)
        if slow:
            counts.add(_SLOW)
        calls, failures, slow_calls = counts.totals
        if calls < config.minimum_calls:
            return False
        return failures / calls >= config.failure_rate or slow_calls / calls >= config.slow_call_rate

    def _probed(self, *, well: bool) -> None:
        """Close once every probe was answered in time, open again with the first that was not."""
        if not well:
            self._trip()
            return
        self._probes = max(0, self._probes - 1)
        self._answered += 1
        if self._answered >= self._most_probes():
            self._close()
            self._tell("recovered")

    def _trip(self, at_least: float = 0.0) -> None:
        self._enter("open")
        now = self._clock()
        if self._away_since is None:
            self._away_since = now
        timeout = self._recovery_timeout(now - self._away_since)
        longest = self._longest_recovery() * LONGEST_HINT
        wait = max(timeout * (1.0 + JITTER * self._random.random()), min(at_least, longest))
        self._open_until = now + wait
        self._tell("tripped", wait)

    def _close(self) -> None:
        self._enter("closed")
        self._away_since = None
        self._counts.reset()

    def _enter(self, state: State) -> None:
        self._state = state
        self._term += 1
        self._open_until = None
        self._probes = self._answered = 0

    def _tell(self, change: Change, seconds: float = 0.0) -> None:
        if self._sharing is not None:
            self._sharing.changed(self._key, change, seconds)

    def _most_probes(self) -> int:
        return self._config.half_open_calls if self._config is not None else 1

    def _recovery_timeout(self, away: float) -> float:
        """Seconds it stays open after the provider has been away for so long."""
        set_time = self._config.recovery_timeout if self._config is not None else 0.0
        return min(max(FIRST_RECOVERY, away * OUTAGE_SHARE), LAST_RECOVERY) if set_time is None else set_time

    def _longest_recovery(self) -> float:
        """Seconds it stays open at most; also the most a probe may take before another one is let through."""
        set_time = self._config.recovery_timeout if self._config is not None else 0.0
        return LAST_RECOVERY if set_time is None else set_time

    def _refusal(self, until: float | None, now: float) -> CircuitOpenError:
        provider = self._key.partition("/")[0]
        how = "was opened by hand; close it" if until is None else "is open after too many failures or slow calls; wait"
        return CircuitOpenError(
            f"the circuit of '{self._key}' {how}, or name a fallback",
            retry_after=None if until is None else until - now,
            provider=provider,
        )
