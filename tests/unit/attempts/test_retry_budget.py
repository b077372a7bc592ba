"""How many retries all calls of a gateway may make together."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, strategies as st
from litellm_gateway.retry_budget import RetryBudget
from litellm_gateway.route_config import RetryBudgetConfig


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_few_retries_are_always_allowed(clock: Clock) -> None:
    """The minimum holds without any traffic, and comes back with the window."""
    budget = RetryBudget(RetryBudgetConfig(minimum=3, window=10.0), clock=clock)

    assert [budget.take() for _ in range(5)] == [True, True, True, False, False]
    clock.now += 10.0
    assert budget.take()


def test_traffic_allows_its_share(clock: Clock) -> None:
    """A hundred requests allow twenty retries."""
    budget = RetryBudget(RetryBudgetConfig(share=0.2, minimum=3), clock=clock)
    for _ in range(100):
        budget.sent(clock())

    assert sum(budget.take() for _ in range(100)) == 20


def test_one_call_always_has_its_own_retries(clock: Clock) -> None:
    """``max_retries`` above the minimum raises it."""
    budget = RetryBudget(RetryBudgetConfig(minimum=3), clock=clock, at_least=5)

    assert sum(budget.take() for _ in range(9)) == 5


def test_no_budget_refuses_nothing(clock: Clock) -> None:
    """``retry_budget=None`` switches it off."""
    budget = RetryBudget(None, clock=clock)

    assert all(budget.take() for _ in range(1000))
    assert budget.snapshot() is None


def test_the_snapshot_counts(clock: Clock) -> None:
    """Health shows requests, retries, what is left and what was refused."""
    budget = RetryBudget(RetryBudgetConfig(minimum=1), clock=clock)
    budget.sent(clock())
    budget.take()
    budget.take()

    assert budget.snapshot() == {"requests": 1, "retries": 1, "remaining": 0, "refused": 1}


def test_ten_seconds_of_an_outage_cost_a_fifth_more(clock: Clock) -> None:
    """At 50 requests per second to a dead provider, no more than 1.2 times as many are sent."""
    budget = RetryBudget(RetryBudgetConfig(), clock=clock, at_least=2)
    sent = 0

    for _ in range(500):
        clock.now += 0.02
        budget.sent(clock())
        sent += 1 + sum(budget.take() for _ in range(2))

    assert sent <= 1.2 * 500


@given(
    st.lists(st.tuples(st.floats(0.0, 3.0), st.booleans()), max_size=300),
    st.floats(0.01, 1.0),
    st.integers(0, 5),
)
def test_no_window_ever_holds_more_retries_than_allowed(
    steps: list[tuple[float, bool]], share: float, minimum: int
) -> None:
    """Whatever the order of requests and retries, the share of a window is kept."""
    clock = Clock()
    budget = RetryBudget(RetryBudgetConfig(share=share, minimum=minimum, window=10.0), clock=clock)
    for seconds, is_retry in steps:
        clock.now += seconds
        if is_retry:
            budget.take()
        else:
            budget.sent(clock())
        shown = budget.snapshot()
        assert shown is not None
        assert shown["remaining"] >= 0
        if is_retry and shown["retries"] > max(minimum, int(share * shown["requests"])):
            assert not budget.take()


def test_threads_share_it_exactly(clock: Clock) -> None:
    """Retries taken at once from several threads are never more than allowed."""
    budget = RetryBudget(RetryBudgetConfig(share=0.5, minimum=0), clock=clock)
    for _ in range(400):
        budget.sent(clock())
    taken: list[bool] = []

    def take() -> None:
        taken.extend(budget.take() for _ in range(100))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(taken) == 200
