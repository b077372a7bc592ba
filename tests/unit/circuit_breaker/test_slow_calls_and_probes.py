"""Slow calls, several probes, and a provider's own word about how long it needs."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, strategies as st
from litellm_gateway.breakers import CircuitBreakers
from litellm_gateway.circuit_breaker import JITTER, LONGEST_HINT, CircuitBreaker
from litellm_gateway.circuits import Circuits
from litellm_gateway.errors import CircuitOpenError, InvalidRequestError
from litellm_gateway.route_config import CircuitBreakerConfig


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def breaker(clock: Clock, **settings: object) -> CircuitBreaker:
    fields: dict[str, object] = {"minimum_calls": 4, "recovery_timeout": 5.0}
    config = CircuitBreakerConfig(**(fields | settings))  # type: ignore[arg-type]
    return CircuitBreaker("p/m", config, clock=clock, random=random.Random(1))


def admitted(breaker: CircuitBreaker, callers: int) -> list[int]:
    tickets = []
    for _ in range(callers):
        try:
            tickets.append(breaker.admit())
        except CircuitOpenError:
            continue
    return tickets


def opened(clock: Clock, **settings: object) -> CircuitBreaker:
    """A breaker whose recovery time is just over."""
    tripped = breaker(clock, **settings)
    for _ in range(4):
        tripped.failed(tripped.admit())
    assert tripped.state == "open"
    clock.now += 5.0 * (1 + JITTER)
    return tripped


def test_slow_answers_open_the_circuit(clock: Clock) -> None:
    """``slow_call_rate`` of the calls taking ``slow_call_seconds`` or longer opens it, however well they end."""
    slow = breaker(clock, slow_call_seconds=2.0, slow_call_rate=0.5)

    for seconds in (0.1, 2.0, 0.1):
        slow.succeeded(slow.admit(), seconds)
    assert slow.state == "closed"
    slow.succeeded(slow.admit(), 9.0)

    assert slow.state == "open"
    assert slow.snapshot()["slow"] == 2


def test_no_call_is_slow_unless_asked_for(clock: Clock) -> None:
    """By default only failures count."""
    patient = breaker(clock)

    for _ in range(50):
        patient.succeeded(patient.admit(), 1e6)

    assert patient.state == "closed"


@pytest.mark.parametrize("probes", [1, 3])
def test_exactly_as_many_probes_pass_as_configured(clock: Clock, probes: int) -> None:
    """However many callers wait, ``half_open_calls`` of them pass."""
    probing = opened(clock, half_open_calls=probes)

    assert len(admitted(probing, 100)) == probes


def test_all_probes_must_be_answered(clock: Clock) -> None:
    """The circuit closes with the last of them, and nobody else passes before."""
    probing = opened(clock, half_open_calls=3)
    first, second, third = admitted(probing, 3)

    probing.succeeded(first)
    probing.succeeded(second)
    assert probing.state == "half_open"
    assert admitted(probing, 10) == []
    probing.succeeded(third)

    assert probing.state == "closed"


def test_one_failing_probe_opens_it_again(clock: Clock) -> None:
    """What the other probes report then no longer counts."""
    probing = opened(clock, half_open_calls=2)
    first, second = admitted(probing, 2)

    probing.failed(first)
    probing.succeeded(second)

    assert probing.state == "open"


def test_a_slow_probe_opens_it_again(clock: Clock) -> None:
    """A provider that answers too slowly has not recovered."""
    probing = opened(clock, slow_call_seconds=2.0)

    probing.succeeded(probing.admit(), 3.0)

    assert probing.state == "open"


def test_a_released_probe_makes_room_for_another(clock: Clock) -> None:
    """A probe that was cancelled proves nothing; the next caller takes its place."""
    probing = opened(clock, half_open_calls=2)
    first, _second = admitted(probing, 2)

    probing.released(first)

    assert len(admitted(probing, 10)) == 1


def test_lost_probes_do_not_wedge_it(clock: Clock) -> None:
    """Probes that never report are replaced after a recovery time."""
    probing = opened(clock, half_open_calls=2)
    admitted(probing, 2)

    clock.now += 5.0

    assert len(admitted(probing, 10)) == 2


def test_a_provider_that_asks_for_time_gets_it(clock: Clock) -> None:
    """The circuit stays open as long as Retry-After says, if that is longer, and within reason."""
    told = breaker(clock)
    for _ in range(4):
        told.failed(told.admit(), 0.1, 20.0)
    assert told.snapshot()["retry_after"] == pytest.approx(20.0)

    clock.now += 20.0
    told.failed(told.admit(), 0.1, 1e9)

    assert told.snapshot()["retry_after"] == pytest.approx(5.0 * LONGEST_HINT)


@given(
    st.integers(1, 4),
    st.lists(st.sampled_from(["admit", "succeeded", "failed", "released", "lost", "wait"]), max_size=60),
)
def test_it_closes_once_the_provider_works_again(probes: int, steps: list[str]) -> None:
    """From every state that calls, reports and losses lead to, working probes close the circuit."""
    clock = Clock()
    worn = opened(clock, half_open_calls=probes)
    tickets: list[int] = []
    for step in steps:
        if step == "admit":
            tickets += admitted(worn, 1)
        elif step == "wait":
            clock.now += 3.0
        elif tickets and step == "lost":
            tickets.pop()
        elif tickets:
            getattr(worn, step)(tickets.pop(0))

    for _ in range(3):
        clock.now += 5.0 * (1 + JITTER)
        for ticket in admitted(worn, 10):
            worn.succeeded(ticket)

    assert worn.state == "closed"


def test_circuits_are_found_by_route_and_misspellings_refused(clock: Clock) -> None:
    """``circuits["provider/model"]`` is the breaker calls use, known before the first of them."""
    breakers = CircuitBreakers(CircuitBreakerConfig(), clock=clock, random=random.Random(1))
    circuits = Circuits(breakers, ["openai", "local"])

    circuits["openai/gpt-4"].open()

    assert breakers.get("openai/gpt-4").state == "open"
    assert list(circuits) == ["openai/gpt-4"]
    assert len(circuits) == 1
    for name in ("opneai/gpt-4", "openai", "openai/"):
        with pytest.raises(InvalidRequestError, match="openai, local"):
            circuits[name]


def test_without_a_recovery_time_it_probes_the_later_the_longer_the_provider_is_away(clock: Clock) -> None:
    """A tenth of the outage, at least a second, at most thirty; a provider that was back starts anew."""
    patient = breaker(clock, recovery_timeout=None)
    for _ in range(4):
        patient.failed(patient.admit())
    began, waits = clock.now, []
    while clock.now < began + 1000:
        waits.append((clock.now - began, patient.snapshot()["retry_after"]))
        clock.now += waits[-1][1]
        patient.failed(patient.admit())

    assert all(
        min(max(1.0, away / 10), 30.0) <= wait <= min(max(1.0, away / 10), 30.0) * (1 + JITTER) for away, wait in waits
    )
    clock.now += 30 * (1 + JITTER)
    patient.succeeded(patient.admit())
    for _ in range(4):
        patient.failed(patient.admit())
    assert patient.snapshot()["retry_after"] <= 1 + JITTER
