"""Every order of admissions, reports, time and hands: the breaker keeps its promises and never wedges."""

from __future__ import annotations

import random

from how_many import MACHINE
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from litellm_gateway.circuit_breaker import JITTER, CircuitBreaker
from litellm_gateway.config import CircuitBreakerConfig
from litellm_gateway.errors import CircuitOpenError

CONFIG = CircuitBreakerConfig(failure_rate=0.5, minimum_calls=4, window=10.0, recovery_timeout=5.0)


class Breaking(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.breaker = CircuitBreaker("p/m", CONFIG, clock=lambda: self.now, random=random.Random(1))
        self.running: list[tuple[int, str, float]] = []  # ticket, state it was admitted in, when
        self.by_hand = False

    @rule()
    def admit(self) -> None:
        state = self.breaker.state
        probing = any(kind == "half_open" and self.fresh(ticket) for ticket, kind, _ in self.running)
        young = [at for ticket, kind, at in self.running if kind == "half_open" and self.fresh(ticket)]
        error: CircuitOpenError | None = None
        try:
            ticket = self.breaker.admit()
        except CircuitOpenError as refused:
            error = refused
        if error is not None:
            assert state == "open" or (state == "half_open" and probing)
            assert (error.retry_after is None) == self.by_hand
            return
        assert state != "open"
        if state == "half_open" and young:
            assert self.now - young[-1] >= CONFIG.recovery_timeout
        self.running.append((ticket, state, self.now))

    def fresh(self, ticket: int) -> bool:
        probes = [other for other, kind, _ in self.running if kind == "half_open"]
        return bool(probes) and ticket == max(probes)

    @precondition(lambda self: self.running)
    @rule(pick=st.integers(0, 50), report=st.sampled_from(["succeeded", "failed", "released"]))
    def report(self, pick: int, report: str) -> None:
        before = self.breaker.state
        ticket, admitted_in, _ = self.running.pop(pick % len(self.running))
        getattr(self.breaker, report)(ticket)
        after = self.breaker.state
        if after != before:
            assert (report, before) in {("failed", "closed"), ("failed", "half_open"), ("succeeded", "half_open")}
            assert admitted_in == before

    @rule(seconds=st.one_of(st.floats(0, 1), st.floats(0, 30)))
    def wait(self, seconds: float) -> None:
        before = self.breaker.state
        self.now += seconds
        if self.breaker.state != before:
            assert (before, self.breaker.state) == ("open", "half_open")

    @rule(hand=st.sampled_from(["open", "close", "reset"]))
    def by_hand_rule(self, hand: str) -> None:
        getattr(self.breaker, hand)()
        self.by_hand = hand == "open"
        assert self.breaker.state == ("open" if self.by_hand else "closed")

    @invariant()
    def an_open_circuit_says_when(self) -> None:
        snapshot = self.breaker.snapshot()
        if snapshot["state"] == "open" and not self.by_hand:
            assert 0 < snapshot["retry_after"] <= CONFIG.recovery_timeout * (1 + JITTER)
        if snapshot["state"] != "open":
            assert snapshot["retry_after"] is None
            self.by_hand = False
        assert 0 <= snapshot["failures"] <= snapshot["calls"]

    def teardown(self) -> None:
        """From wherever we are: once faults stop and time passes, one call closes it, stuck probes or not."""
        if self.by_hand:
            self.breaker.close()
        self.now += 2 * CONFIG.recovery_timeout * (1 + JITTER)

        self.breaker.succeeded(self.breaker.admit())

        assert self.breaker.state == "closed"


TestBreaking = Breaking.TestCase
TestBreaking.settings = MACHINE
