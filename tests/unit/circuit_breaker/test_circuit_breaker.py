from __future__ import annotations

import random
import sys
import threading
from collections import Counter

import pytest
from litellm_gateway.breaker_table import CircuitBreakers
from litellm_gateway.circuit_breaker import JITTER, CircuitBreaker
from litellm_gateway.config import CircuitBreakerConfig
from litellm_gateway.errors import CircuitOpenError

CONFIG = CircuitBreakerConfig(failure_rate=0.5, minimum_calls=10, window=30.0, recovery_timeout=20.0)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make(clock: Clock, config: CircuitBreakerConfig | None = CONFIG, seed: int = 0) -> CircuitBreaker:
    return CircuitBreaker("openai/gpt", config, clock=clock, random=random.Random(seed))


def call(breaker: CircuitBreaker, *, fails: bool) -> None:
    ticket = breaker.admit()
    if fails:
        breaker.failed(ticket)
    else:
        breaker.succeeded(ticket)


def trip(breaker: CircuitBreaker) -> None:
    for _ in range(CONFIG.minimum_calls):
        call(breaker, fails=True)


def ripen(breaker: CircuitBreaker, clock: Clock) -> None:
    """Let the recovery time of an open circuit pass."""
    clock.now += breaker.snapshot()["retry_after"]


def refused(breaker: CircuitBreaker) -> CircuitOpenError | None:
    try:
        breaker.admit()
    except CircuitOpenError as error:
        return error
    return None


def test_it_opens_when_enough_calls_fail_often_enough(clock: Clock) -> None:
    """Five successes and five failures of ten, at a rate of one half."""
    breaker = make(clock)
    for number in range(9):
        call(breaker, fails=number % 2 == 0)
    before = breaker.state

    call(breaker, fails=True)

    assert (before, breaker.state) == ("closed", "open")


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.6, 0.7, 1.0])
def test_the_rate_is_met_exactly(clock: Clock, rate: float) -> None:
    """Of ten calls, rate times ten failures open it and one less does not; no rounding error in between."""
    config = CircuitBreakerConfig(failure_rate=rate, minimum_calls=10)
    needed = round(rate * 10)

    def state_after(failures: int) -> str:
        breaker = make(clock, config)
        for number in range(10):
            call(breaker, fails=number >= 10 - failures)
        return breaker.state

    assert (state_after(needed - 1), state_after(needed)) == ("closed", "open")


def test_few_calls_never_open_it(clock: Clock) -> None:
    """Below the minimum volume even nothing but failures proves nothing."""
    breaker = make(clock)

    for _ in range(CONFIG.minimum_calls - 1):
        call(breaker, fails=True)

    assert breaker.state == "closed"


def test_a_low_rate_never_opens_it(clock: Clock) -> None:
    """A third of a thousand calls failing stays below one half."""
    breaker = make(clock)

    for number in range(1000):
        call(breaker, fails=number % 3 == 2)
        clock.now += 0.01

    assert breaker.state == "closed"


def test_old_calls_leave_the_window(clock: Clock) -> None:
    """Nine failures of half a minute ago do not add up with one of today."""
    breaker = make(clock)
    for _ in range(9):
        call(breaker, fails=True)
    clock.now += CONFIG.window + 1

    call(breaker, fails=True)

    assert breaker.state == "closed"
    assert (breaker.snapshot()["calls"], breaker.snapshot()["failures"]) == (1, 1)


def test_the_window_slides_slice_by_slice(clock: Clock) -> None:
    """One call a second for five minutes: what counts is always between nine tenths and all of the window."""
    breaker = make(clock)

    for second in range(300):
        clock.now += 1
        call(breaker, fails=second % 4 == 0)
        if second > 30:
            assert 27 <= breaker.snapshot()["calls"] <= 30
            assert 6 <= breaker.snapshot()["failures"] <= 8


def test_an_open_circuit_refuses_with_the_time_to_wait(clock: Clock) -> None:
    """The error names the route and the provider, and its hint is exact."""
    breaker = make(clock)
    trip(breaker)
    clock.now += 5

    error = refused(breaker)

    assert error is not None
    assert "'openai/gpt'" in error.message
    assert error.provider == "openai"
    assert error.retry_after is not None
    assert CONFIG.recovery_timeout - 5 <= error.retry_after <= CONFIG.recovery_timeout * (1 + JITTER) - 5
    clock.now += error.retry_after
    assert refused(breaker) is None


def test_the_recovery_time_is_jittered(clock: Clock) -> None:
    """A hundred breakers tripped at once do not all probe at once, and none before its time."""
    waits = []
    for seed in range(100):
        breaker = make(clock, seed=seed)
        trip(breaker)
        waits.append(breaker.snapshot()["retry_after"])

    assert min(waits) >= CONFIG.recovery_timeout
    assert max(waits) - min(waits) > CONFIG.recovery_timeout * JITTER * 0.8


def test_exactly_one_probe_passes(clock: Clock) -> None:
    """When the time is over one caller of twenty is let through; the others are told to wait."""
    breaker = make(clock)
    trip(breaker)
    ripen(breaker, clock)

    outcomes = [refused(breaker) for _ in range(20)]

    assert outcomes[0] is None
    assert all(error is not None and error.retry_after for error in outcomes[1:])
    assert breaker.state == "half_open"


def test_a_good_probe_closes_it_and_the_past_is_forgotten(clock: Clock) -> None:
    """After recovery, nine failures do not open it again."""
    breaker = make(clock)
    trip(breaker)
    ripen(breaker, clock)

    call(breaker, fails=False)
    after_probe = breaker.state
    for _ in range(9):
        call(breaker, fails=True)

    assert (after_probe, breaker.state) == ("closed", "closed")


def test_a_bad_probe_opens_it_for_another_full_time(clock: Clock) -> None:
    """The wait starts anew."""
    breaker = make(clock)
    trip(breaker)
    ripen(breaker, clock)

    call(breaker, fails=True)

    assert breaker.state == "open"
    assert breaker.snapshot()["retry_after"] >= CONFIG.recovery_timeout


def test_a_released_probe_leaves_the_place_to_the_next(clock: Clock) -> None:
    """A probe that was cancelled proves nothing; the next caller probes at once."""
    breaker = make(clock)
    trip(breaker)
    ripen(breaker, clock)

    breaker.released(breaker.admit())
    after_release = breaker.state

    assert after_release == "half_open"
    assert refused(breaker) is None


def test_a_stuck_probe_does_not_wedge_it(clock: Clock) -> None:
    """A probe that never reports is replaced after the recovery timeout."""
    breaker = make(clock)
    trip(breaker)
    ripen(breaker, clock)
    breaker.admit()
    error = refused(breaker)
    assert error is not None
    assert error.retry_after is not None

    clock.now += error.retry_after
    call(breaker, fails=False)

    assert breaker.state == "closed"


def test_a_slow_probe_still_counts_while_nobody_took_its_place(clock: Clock) -> None:
    """An answer that comes after the probe's time, but before another probe, closes the circuit."""
    breaker = make(clock)
    trip(breaker)
    ripen(breaker, clock)
    probe = breaker.admit()
    clock.now += 10 * CONFIG.recovery_timeout

    breaker.succeeded(probe)

    assert breaker.state == "closed"


def test_calls_of_before_the_opening_are_not_mistaken_for_the_probe(clock: Clock) -> None:
    """Late results with an old ticket neither close nor open it, nor free the probe's place."""
    breaker = make(clock)
    late = [breaker.admit() for _ in range(3)]
    trip(breaker)
    ripen(breaker, clock)
    probe = breaker.admit()

    breaker.succeeded(late[0])
    breaker.failed(late[1])
    breaker.released(late[2])

    after_late = breaker.state
    assert refused(breaker) is not None
    breaker.succeeded(probe)
    assert (after_late, breaker.state) == ("half_open", "closed")


def test_reports_without_a_ticket_count_for_the_current_state(clock: Clock) -> None:
    """Who keeps no ticket is believed: ten failures open it, one good probe closes it."""
    breaker = make(clock)
    for _ in range(10):
        breaker.admit()
        breaker.failed()
    opened = breaker.state
    ripen(breaker, clock)
    breaker.admit()

    breaker.succeeded()

    assert (opened, breaker.state) == ("open", "closed")


def test_late_results_do_not_change_an_open_circuit(clock: Clock) -> None:
    """While open nothing counts."""
    breaker = make(clock)
    trip(breaker)
    before = breaker.snapshot()

    breaker.succeeded()
    breaker.failed()
    breaker.released()

    assert breaker.snapshot() == before


def test_released_calls_count_for_nothing(clock: Clock) -> None:
    """A thousand cancelled or malformed requests neither open the circuit nor dilute the rate."""
    breaker = make(clock)
    for _ in range(1000):
        breaker.released(breaker.admit())

    trip(breaker)

    assert breaker.state == "open"


def test_opened_by_hand_stays_open(clock: Clock) -> None:
    """Time does not heal it; closing by hand does."""
    breaker = make(clock)

    breaker.open()
    clock.now += 1e6
    error = refused(breaker)
    breaker.close()

    assert error is not None
    assert error.retry_after is None
    assert "by hand" in error.message
    assert refused(breaker) is None


def test_reset_forgets_counts_and_state(clock: Clock) -> None:
    """A reset breaker is like new."""
    breaker = make(clock)
    trip(breaker)

    breaker.reset()

    assert breaker.snapshot() == make(clock).snapshot()


def test_without_config_it_never_opens_by_itself(clock: Clock) -> None:
    """Switched off it lets everything pass, but can still be opened by hand."""
    breaker = make(clock, config=None)
    for _ in range(1000):
        call(breaker, fails=True)
    before = breaker.state

    breaker.open()

    assert (before, breaker.state) == ("closed", "open")


def test_one_probe_among_many_threads(clock: Clock) -> None:
    """However many threads ask in the same moment, one is let through."""
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for _ in range(20):
            breaker = make(clock)
            trip(breaker)
            ripen(breaker, clock)
            outcomes: list[bool] = []
            threads = [
                threading.Thread(target=lambda: outcomes.append(refused(breaker) is None))  # noqa: B023
                for _ in range(8)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

            assert Counter(outcomes) == {True: 1, False: 7}
    finally:
        sys.setswitchinterval(switch)


def test_threads_lose_no_count(clock: Clock) -> None:
    """Eight threads report 1,000 calls each; all are counted."""
    breaker = make(clock, CircuitBreakerConfig(failure_rate=1.0))

    def report() -> None:
        for number in range(1000):
            call(breaker, fails=number % 2 == 0)

    threads = [threading.Thread(target=report) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (breaker.snapshot()["calls"], breaker.snapshot()["failures"]) == (8000, 4000)


def test_each_route_has_its_own_breaker(clock: Clock) -> None:
    """A failing route does not close the way to another, and keeps its breaker."""
    breakers = CircuitBreakers(CONFIG, clock=clock, random=random.Random(0))

    trip(breakers.get("a/x"))

    assert breakers.get("a/x").state == "open"
    assert breakers.get("a/y").state == "closed"


def test_the_state_of_all_is_the_worst(clock: Clock) -> None:
    """Open beats half open beats closed; none at all is closed."""
    breakers = CircuitBreakers(CONFIG, clock=clock, random=random.Random(0))
    states = [breakers.state()]
    call(breakers.get("good"), fails=False)
    trip(breakers.get("old"))
    ripen(breakers.get("old"), clock)
    states.append(breakers.state())

    trip(breakers.get("new"))
    states.append(breakers.state())

    assert states == ["closed", "half_open", "open"]
    assert {key: entry["state"] for key, entry in breakers.snapshot().items()} == {
        "good": "closed",
        "old": "half_open",
        "new": "open",
    }


def test_the_number_of_breakers_is_bounded(clock: Clock) -> None:
    """Of many routes the least recently used closed one goes; an open one stays, so that it stays shut."""
    breakers = CircuitBreakers(CONFIG, clock=clock, random=random.Random(0), most=10)
    trip(breakers.get("broken"))
    call(breakers.get("used"), fails=True)

    for number in range(500):
        breakers.get(f"route {number}")
        breakers.get("used")

    snapshot = breakers.snapshot()
    assert len(snapshot) == 10
    assert snapshot["broken"]["state"] == "open"
    assert snapshot["used"]["failures"] == 1


def test_when_all_are_open_the_oldest_goes(clock: Clock) -> None:
    """The bound holds even then."""
    breakers = CircuitBreakers(CONFIG, clock=clock, random=random.Random(0), most=3)

    for name in "abcd":
        trip(breakers.get(name))

    assert set(breakers.snapshot()) == {"b", "c", "d"}
