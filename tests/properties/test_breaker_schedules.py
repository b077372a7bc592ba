"""Thousands of random schedules of calls over time: the breaker opens soon, lets little through, and always closes."""

from __future__ import annotations

import heapq
import random
from itertools import count

from attrs import define, field
from how_many import scaled
from litellm_gateway.circuit_breaker import JITTER, LONGEST_HINT, CircuitBreaker
from litellm_gateway.config import CircuitBreakerConfig
from litellm_gateway.errors import CircuitOpenError

HEALTHY, DEAD = 0.0, 1.0


@define
class Traffic:
    """Calls through one breaker in simulated time, as ``chance`` has it."""

    chance: random.Random
    config: CircuitBreakerConfig
    now: float = 1000.0
    asked: int = 0
    sent: int = 0
    quick: bool = False
    running: list[tuple[float, int, int, str]] = field(factory=list)
    numbers: count[int] = field(factory=count)
    breaker: CircuitBreaker = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.breaker = CircuitBreaker("p/m", self.config, clock=lambda: self.now, random=self.chance)

    def pass_time(self, seconds: float) -> None:
        """Let the calls end that end in this time."""
        until = self.now + seconds
        while self.running and self.running[0][0] <= until:
            self.now, _, ticket, end = heapq.heappop(self.running)
            self._report(ticket, end)
        self.now = until

    def _report(self, ticket: int, end: str) -> None:
        seconds = 0.0 if self.quick else self.chance.random()
        if end == "failed":
            hint = self.chance.choice((None, None, 1.0, 10_000.0))
            self.breaker.failed(ticket, seconds, retry_after=hint)
        elif end == "succeeded":
            self.breaker.succeeded(ticket, seconds)
        elif end == "released":
            self.breaker.released(ticket)

    def call(self, failing: float, *, odd: float = 0.0, latency: float = 1.0) -> bool:
        """Send one call if it may pass; ``odd`` of them are cancelled, or never heard of again."""
        self.asked += 1
        try:
            ticket = self.breaker.admit()
        except CircuitOpenError:
            return False
        self.sent += 1
        end = "failed" if self.chance.random() < failing else "succeeded"
        if self.chance.random() < odd:
            end = self.chance.choice(("released", "lost"))
        ends_at = self.now + self.chance.random() * latency
        heapq.heappush(self.running, (ends_at, next(self.numbers), ticket, end))
        return True


def some_config(chance: random.Random) -> CircuitBreakerConfig:
    return CircuitBreakerConfig(
        failure_rate=chance.choice((0.1, 0.5, 1.0)),
        slow_call_seconds=chance.choice((None, None, 0.9)),
        minimum_calls=chance.choice((1, 3, 10)),
        window=chance.choice((1.0, 10.0, 60.0)),
        recovery_timeout=chance.choice((0.5, 5.0, 30.0)),
        half_open_calls=chance.choice((1, 1, 2, 5)),
    )


def test_no_schedule_wedges_it() -> None:
    """Whatever happened, cancelled and lost probes included: once calls succeed and time passes, it is closed."""
    for seed in range(scaled(1000)):
        chance = random.Random(seed)
        traffic = Traffic(chance, some_config(chance))
        for _ in range(chance.randrange(80)):
            traffic.call(chance.choice((HEALTHY, 0.5, DEAD)), odd=0.4, latency=chance.choice((0.1, 10.0, 100.0)))
            traffic.pass_time(chance.expovariate(1.0) * traffic.config.recovery_timeout / 4)

        traffic.pass_time(100.0 + traffic.config.recovery_timeout * LONGEST_HINT * (1 + JITTER))
        traffic.quick = True
        for _ in range(traffic.config.half_open_calls):
            assert traffic.call(HEALTHY, latency=0.0), seed
            traffic.pass_time(0.0)

        assert traffic.breaker.state == "closed", seed


def test_it_opens_within_the_least_number_of_failures() -> None:
    """Of a dead provider no more calls are seen, one after the other, than the minimum and one."""
    for seed in range(scaled(200)):
        chance = random.Random(seed)
        config = some_config(chance)
        traffic = Traffic(chance, config)
        for _ in range(chance.randrange(30)):  # an earlier time of health, long ago
            traffic.call(HEALTHY, latency=0.0)
            traffic.pass_time(0.01)
        traffic.pass_time(2 * config.window)
        traffic.sent = 0

        for _ in range(50):
            traffic.call(DEAD, latency=0.0)
            traffic.pass_time(config.window / 1000)
            if traffic.breaker.state != "closed":
                break

        assert traffic.breaker.state != "closed", seed
        assert traffic.sent <= config.minimum_calls + 1, seed


def test_a_dead_provider_sees_little() -> None:
    """Of the calls made in ten minutes while the circuit is open, at most one in twenty reaches the provider."""
    for seed in range(scaled(5)):
        chance = random.Random(seed)
        traffic = Traffic(chance, CircuitBreakerConfig())
        rate = chance.choice((1.0, 5.0, 50.0))
        while traffic.breaker.state == "closed":
            traffic.call(DEAD, odd=0.1, latency=5.0)
            traffic.pass_time(1 / rate)
        traffic.asked = traffic.sent = 0

        for _ in range(int(rate * 600)):
            traffic.call(DEAD, odd=0.1, latency=5.0)
            traffic.pass_time(chance.expovariate(rate))

        assert traffic.sent <= 0.05 * traffic.asked, (seed, traffic.sent, traffic.asked)
        assert traffic.sent >= 1


def test_it_closes_within_one_probe() -> None:
    """Once the provider works again, the first probe closes the circuit, and then everybody passes."""
    for seed in range(scaled(200)):
        chance = random.Random(seed)
        config = CircuitBreakerConfig(minimum_calls=chance.choice((1, 5)), recovery_timeout=chance.choice((0.5, 30.0)))
        traffic = Traffic(chance, config)
        while traffic.breaker.state == "closed":
            traffic.call(DEAD, latency=0.0)
            traffic.pass_time(0.001)
        traffic.pass_time(config.recovery_timeout * LONGEST_HINT * (1 + JITTER))

        probes = [traffic.call(HEALTHY, latency=0.0) for _ in range(3)]
        traffic.pass_time(0.001)

        assert probes == [True, False, False], seed
        assert traffic.breaker.state == "closed", seed
        assert all(traffic.call(HEALTHY, latency=0.0) for _ in range(20)), seed
