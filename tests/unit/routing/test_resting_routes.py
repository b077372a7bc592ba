"""Keys that are dead and routes that are limited are left alone for a while."""

from __future__ import annotations

import pytest
from litellm_gateway.contracts import Route
from litellm_gateway.errors import (
    AuthenticationError,
    GatewayError,
    InvalidRequestError,
    PermissionDeniedError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
)
from litellm_gateway.route_statistics import LONGEST_LIMIT, RouteStatistics

A, OTHER, B = Route(provider="a", model="m"), Route(provider="a", model="other"), Route(provider="b", model="m")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def statistics(clock: Clock) -> RouteStatistics:
    return RouteStatistics(clock=clock, key_rest=300.0)


@pytest.mark.parametrize("error", [AuthenticationError("401"), QuotaExceededError("402")])
def test_a_dead_key_leaves_the_pool_for_a_while(clock: Clock, statistics: RouteStatistics, error: GatewayError) -> None:
    """A key that is refused or spent answers for none of its models until its rest is over."""
    statistics.leave_alone(A, error)

    assert list(statistics.awake([A, OTHER, B])) == [B]
    clock.now += 300.0
    assert list(statistics.awake([A, OTHER, B])) == [A, OTHER, B]


def test_a_forbidden_model_rests_alone(statistics: RouteStatistics) -> None:
    """The key may be good for other models."""
    statistics.leave_alone(A, PermissionDeniedError("403"))

    assert list(statistics.awake([A, OTHER])) == [OTHER]


def test_a_limited_route_goes_behind_the_others(clock: Clock, statistics: RouteStatistics) -> None:
    """It is asked last until the time its provider named is over, and a minute at most."""
    statistics.leave_alone(A, RateLimitError("429", retry_after=7.0))

    assert list(statistics.awake([A, B])) == [B, A]
    clock.now += 7.0
    assert list(statistics.awake([A, B])) == [A, B]
    statistics.leave_alone(A, RateLimitError("429", retry_after=9000.0))
    clock.now += LONGEST_LIMIT
    assert list(statistics.awake([A, B])) == [A, B]


def test_the_last_ones_are_never_taken_away(statistics: RouteStatistics) -> None:
    """When every key is dead they are all asked, so that one that was mended answers again."""
    for route in (A, B):
        statistics.leave_alone(route, AuthenticationError("401"))

    assert list(statistics.awake([A, B])) == [A, B]


@pytest.mark.parametrize(
    "error", [ProviderError("500"), InvalidRequestError("400"), RateLimitError("ours", scope="gateway")]
)
def test_other_failures_let_nobody_rest(statistics: RouteStatistics, error: GatewayError) -> None:
    """A provider's failures are the circuit breaker's business, a caller's mistakes nobody's."""
    statistics.leave_alone(A, error)

    assert list(statistics.awake([A, B])) == [A, B]


def test_an_answer_ends_the_rest(statistics: RouteStatistics) -> None:
    """A key that answers is in the pool again at once."""
    statistics.leave_alone(A, AuthenticationError("401"))
    record = statistics.get(OTHER.id)

    statistics.answered(OTHER, record, record.whole, 0.1, 100.0)

    assert statistics.describe(OTHER)["left_alone"] is None
    assert B in statistics.awake([OTHER, B])


def test_health_names_the_reason_and_the_time(statistics: RouteStatistics) -> None:
    """A snapshot says for what a route is left alone and how long still."""
    statistics.leave_alone(A, AuthenticationError("401"))

    shown = statistics.snapshot()["a/m"]

    assert shown["left_alone"] == "AuthenticationError"
    assert shown["left_alone_seconds"] == 300.0


def test_the_number_of_records_is_bounded(clock: Clock) -> None:
    """Of many routes an idle one is forgotten, a busy one is not."""
    statistics = RouteStatistics(clock=clock, most=10)
    statistics.get("busy/m").running.add("one")

    for number in range(500):
        statistics.get(f"route/{number}")

    snapshot = statistics.snapshot()
    assert len(snapshot) == 10
    assert snapshot["busy/m"]["in_flight"] == 1
