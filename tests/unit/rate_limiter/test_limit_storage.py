from __future__ import annotations

import math
import threading

import pytest
from hypothesis import given, settings, strategies as st
from limits import RateLimitItemPerMinute
from limits.strategies import SlidingWindowCounterRateLimiter
from litellm_gateway.limit_storage import SLOTS, SlidingWindows

WINDOW = 60.0
arrivals = st.lists(
    st.tuples(st.one_of(st.just(0.0), st.floats(0, 3), st.floats(0, 90)), st.integers(1, 7)), max_size=120
)


class Clock:
    def __init__(self) -> None:
        self.now = 5000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@settings(max_examples=400, deadline=None)
@given(arrivals=arrivals, limit=st.integers(1, 20))
def test_no_window_ever_holds_more_than_its_limit(arrivals: list[tuple[float, int]], limit: int) -> None:
    """However requests arrive, any 60 seconds hold at most the limit, and no more than one slot is given away."""
    clock = Clock()
    limiter = SlidingWindowCounterRateLimiter(SlidingWindows(clock))
    item = RateLimitItemPerMinute(limit)
    admitted: list[tuple[float, int]] = []

    def within(seconds: float) -> int:
        return sum(amount for at, amount in admitted if at > clock.now - seconds)

    for gap, amount in arrivals:
        clock.now += gap
        fits_strictly = within(WINDOW + 1.001 * WINDOW / SLOTS) + amount <= limit

        accepted = limiter.hit(item, "tenant", cost=amount)

        if accepted:
            admitted.append((clock.now, amount))
        assert within(WINDOW - 1e-6) <= limit
        assert accepted or not fits_strictly


@settings(max_examples=200, deadline=None)
@given(arrivals=arrivals, limit=st.integers(7, 20))
def test_room_comes_exactly_when_foretold(arrivals: list[tuple[float, int]], limit: int) -> None:
    """An amount that finds no room fits at the time the storage names, and not a moment before."""
    clock = Clock()
    storage = SlidingWindows(clock)

    for gap, amount in arrivals:
        clock.now += gap
        if storage.acquire_sliding_window_entry("key", limit, 60, amount):
            continue
        room_at = storage.room_at("key", limit, amount)
        clock.now = room_at - 1e-6
        too_early = storage.acquire_sliding_window_entry("key", limit, 60, amount)
        clock.now = room_at + 1e-6

        in_time = storage.acquire_sliding_window_entry("key", limit, 60, amount)

        assert (too_early, in_time) == (False, True)


def test_a_refused_hit_costs_nothing(clock: Clock) -> None:
    """What found no room is not counted."""
    limiter = SlidingWindowCounterRateLimiter(SlidingWindows(clock))
    item = RateLimitItemPerMinute(10)
    limiter.hit(item, "tenant", cost=8)

    refused = [limiter.hit(item, "tenant", cost=3) for _ in range(5)]

    assert refused == [False] * 5
    assert limiter.hit(item, "tenant", cost=2)


def test_a_negative_cost_gives_back(clock: Clock) -> None:
    """The refund of the ``limits`` library works: a negative cost makes room."""
    limiter = SlidingWindowCounterRateLimiter(SlidingWindows(clock))
    item = RateLimitItemPerMinute(10)
    limiter.hit(item, "tenant", cost=10)

    limiter.hit(item, "tenant", cost=-4)

    assert limiter.test(item, "tenant", cost=4)
    assert not limiter.test(item, "tenant", cost=5)


def test_what_is_given_back_leaves_the_moment_it_was_counted_at(clock: Clock) -> None:
    """A refund of an old amount does not make younger ones be forgotten earlier."""
    storage = SlidingWindows(clock)
    first = clock.now
    storage.acquire_sliding_window_entry("key", 100, 60, 50)
    clock.now += 30
    storage.acquire_sliding_window_entry("key", 100, 60, 50)

    storage.give_back("key", 40, first)

    assert storage.get("key") == 60
    clock.now += 31
    assert storage.get("key") == 50


def test_nothing_is_given_back_once_it_left_the_window(clock: Clock) -> None:
    """A refund that comes too late takes nothing from others."""
    storage = SlidingWindows(clock)
    first = clock.now
    storage.acquire_sliding_window_entry("key", 100, 60, 50)
    clock.now += 61
    storage.acquire_sliding_window_entry("key", 100, 60, 50)

    storage.give_back("key", 50, first)

    assert storage.get("key") == 50


def test_giving_back_more_than_was_counted_stops_at_zero(clock: Clock) -> None:
    """Counts never become negative."""
    storage = SlidingWindows(clock)
    storage.charge("key", 60, 5)

    storage.give_back("key", 50, clock.now)

    assert storage.get("key") == 0


def test_spent_beyond_the_limit_is_a_debt(clock: Clock) -> None:
    """A charge counts even without room, and keeps others out until it is old."""
    storage = SlidingWindows(clock)
    storage.charge("key", 60, 25)

    admitted_now = storage.acquire_sliding_window_entry("key", 10, 60, 1)
    clock.now += 61

    assert not admitted_now
    assert storage.acquire_sliding_window_entry("key", 10, 60, 1)


def test_an_amount_above_the_limit_never_finds_room(clock: Clock) -> None:
    """The time of its room is infinity, also for a key nobody used."""
    storage = SlidingWindows(clock)
    storage.charge("used", 60, 1)

    assert storage.room_at("used", 10, 11) == math.inf
    assert storage.room_at("fresh", 10, 11) == math.inf
    assert storage.room_at("fresh", 10, 10) == 0.0


def test_keys_are_bounded_and_idle_ones_go_first(clock: Clock) -> None:
    """A thousand tenants leave no more keys than allowed; the busy one is kept."""
    storage = SlidingWindows(clock, max_keys=10)
    for number in range(1000):
        storage.charge("busy", 60, 1)
        storage.charge(f"tenant {number}", 60, 1)

    assert len(storage) == 10
    assert storage.get("busy") == 1000


def test_idle_keys_are_dropped_as_new_ones_come(clock: Clock) -> None:
    """Keys of a minute ago do not wait for the bound to be reached."""
    storage = SlidingWindows(clock, max_keys=10_000)
    for number in range(100):
        storage.charge(f"old {number}", 60, 1)
    clock.now += 61

    for number in range(60):
        storage.charge(f"new {number}", 60, 1)

    assert len(storage) == 60


def test_a_clock_that_steps_back_loses_no_count(clock: Clock) -> None:
    """Counts made at an earlier reading of the clock still add up."""
    storage = SlidingWindows(clock)
    storage.charge("key", 60, 1)
    clock.now -= 10
    storage.charge("key", 60, 1)

    assert storage.get("key") == 2


def test_the_storage_offers_all_that_limits_asks_for(clock: Clock) -> None:
    """Counting, reading, expiry, clearing and resetting follow the library's storage contract."""
    storage = SlidingWindows(clock)

    counted = storage.incr("key", 60, 3), storage.incr("other", 60)
    expiry = storage.get_expiry("key")
    storage.clear("key")
    after_clear = storage.get("key")
    storage.clear_sliding_window("other", 60)
    storage.incr("third", 60)
    forgotten = storage.reset()

    assert counted == (3, 1)
    assert clock.now + WINDOW <= expiry <= clock.now + WINDOW + WINDOW / SLOTS
    assert (after_clear, forgotten, len(storage), storage.check()) == (0, 1, 0, True)
    assert issubclass(storage.base_exceptions, Exception)


def test_no_thread_is_started(clock: Clock) -> None:
    """Unlike the library's own memory storage it needs no timer thread."""
    before = threading.active_count()

    SlidingWindowCounterRateLimiter(SlidingWindows(clock)).hit(RateLimitItemPerMinute(1), "tenant")

    assert threading.active_count() == before
