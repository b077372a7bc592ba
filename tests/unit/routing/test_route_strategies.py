"""Who of several routes is asked first."""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal

import pytest
from litellm_gateway.contracts import Route
from litellm_gateway.route_config import RouteConfig
from litellm_gateway.route_statistics import HALF_LIFE, RouteStatistics
from litellm_gateway.route_strategies import (
    Cheapest,
    LeastBusy,
    LowestLatency,
    Ordered,
    RouteStrategy,
    Sticky,
    StrategyMaker,
    Weighted,
)
from litellm_gateway.token_usage import Price

A, B, C = (Route(provider=name, model="m") for name in "abc")
ROUTES = (A, B, C)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def statistics(clock: Clock) -> RouteStatistics:
    return RouteStatistics(clock=clock)


def order(strategy: RouteStrategy, *, tenant: str = "", streamed: bool = False) -> list[Route]:
    return list(strategy.order(ROUTES, tenant=tenant, streamed=streamed))


def answered(statistics: RouteStatistics, route: Route, seconds: float, *, streamed: bool = False) -> None:
    record = statistics.get(route.id)
    average = record.first_content if streamed else record.whole
    statistics.answered(route, record, average, seconds, statistics.clock())


def test_ordered_leaves_the_order() -> None:
    """As listed."""
    assert order(Ordered()) == [A, B, C]


def test_weighted_follows_the_weights_and_leaves_nobody_out() -> None:
    """Twice the weight is twice as often first; the others follow as fallbacks."""
    strategy = Weighted(random.Random(1), {A: 4.0, B: 2.0, C: 2.0})

    orders = [order(strategy) for _ in range(8000)]

    first = Counter(each[0] for each in orders)
    assert first[A] == pytest.approx(4000, rel=0.06)
    assert first[B] == pytest.approx(2000, rel=0.1)
    assert all(set(each) == set(ROUTES) for each in orders)


def test_least_busy_prefers_the_fewest_in_flight(statistics: RouteStatistics) -> None:
    """Requests on their way decide."""
    statistics.get(A.id).running.update({"one", "two"})
    statistics.get(C.id).running.add("three")

    assert order(LeastBusy(statistics, random.Random(1))) == [B, C, A]


def test_equally_busy_routes_share_by_chance(statistics: RouteStatistics) -> None:
    """Idle keys are used evenly, not the first one always."""
    strategy = LeastBusy(statistics, random.Random(1))

    first = Counter(order(strategy)[0] for _ in range(3000))

    assert all(first[route] == pytest.approx(1000, rel=0.15) for route in ROUTES)


def test_lowest_latency_prefers_the_fastest(statistics: RouteStatistics) -> None:
    """The mean of late decides, whole answers and streams apart."""
    for route, whole, first_content in ((A, 3.0, 0.1), (B, 1.0, 0.3), (C, 2.0, 0.2)):
        answered(statistics, route, whole)
        answered(statistics, route, first_content, streamed=True)
    strategy = LowestLatency(statistics, random.Random(1))

    assert order(strategy) == [B, C, A]
    assert order(strategy, streamed=True) == [A, C, B]


def test_a_route_nobody_measured_is_asked_early_but_not_by_everybody(statistics: RouteStatistics) -> None:
    """The first request finds out how fast it is; those that come meanwhile go to known ones."""
    answered(statistics, A, 1.0)
    answered(statistics, B, 2.0)
    strategy = LowestLatency(statistics, random.Random(1))

    assert order(strategy)[0] == C
    statistics.get(C.id).running.add("finding out")
    assert order(strategy) == [A, B, C]


def test_a_slow_route_gets_another_chance(clock: Clock, statistics: RouteStatistics) -> None:
    """What is known fades with time."""
    answered(statistics, A, 8.0)
    clock.now += 4 * HALF_LIFE
    for route in (B, C):
        answered(statistics, route, 1.0)

    assert order(LowestLatency(statistics, random.Random(1)))[0] == A


def test_failing_fast_is_not_being_fast(statistics: RouteStatistics) -> None:
    """A provider that refuses in no time is not preferred for it."""
    for route in ROUTES:
        answered(statistics, route, 1.0)
    for _ in range(3):
        statistics.failed(statistics.get(B.id), 0.001, statistics.clock())

    assert order(LowestLatency(statistics, random.Random(1)))[-1] == B


def test_cheapest_goes_by_list_price() -> None:
    """A prompt counts three times as long as its answer; who has no price is last."""
    prices = {
        "a": Price(input=Decimal(3), output=Decimal(1), source="", as_of=""),
        "b": Price(input=Decimal(1), output=Decimal(5), source="", as_of=""),
        "c": None,
    }
    strategy = Cheapest(lambda provider, model: prices[provider])

    assert order(strategy) == [B, A, C]


def test_a_tenant_sticks_to_its_route() -> None:
    """The same tenant has the same order each time, tenants are spread, and only a lost route's tenants move."""
    strategy = Sticky(Ordered())
    tenants = [f"tenant {number}" for number in range(3000)]

    before = {tenant: order(strategy, tenant=tenant) for tenant in tenants}

    assert before == {tenant: order(strategy, tenant=tenant) for tenant in tenants}
    first = Counter(each[0] for each in before.values())
    assert all(first[route] == pytest.approx(1000, rel=0.1) for route in ROUTES)
    without = {tenant: strategy.order((A, C), tenant=tenant, streamed=False) for tenant in tenants}
    assert all(list(without[tenant]) == [route for route in before[tenant] if route != B] for tenant in tenants)


def test_nobody_in_particular_sticks_to_nothing(statistics: RouteStatistics) -> None:
    """Without a tenant the strategy proper decides."""
    statistics.get(A.id).running.add("one")

    assert order(Sticky(LeastBusy(statistics, random.Random(1))))[-1] == A


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ordered", type(None)),
        ("weighted", Weighted),
        ("least_busy", LeastBusy),
        ("lowest_latency", LowestLatency),
        ("cheapest", Cheapest),
    ],
)
def test_a_strategy_is_chosen_by_name(statistics: RouteStatistics, name: str, kind: type) -> None:
    """Every name of the configuration makes its class; ``sticky`` is around it, and keys share the load."""
    make = StrategyMaker(statistics, random.Random(1), lambda provider, model: None)

    assert isinstance(make(RouteConfig(models="a/m", strategy=name), {}), kind)
    assert isinstance(make(RouteConfig(models="a/m", strategy=name, sticky=True), {}), Sticky)
    assert isinstance(make(None, {}), LeastBusy)


def test_failures_count_for_routes_nobody_measured(statistics: RouteStatistics) -> None:
    """A route that only ever failed is known as slow."""
    answered(statistics, A, 0.5)
    answered(statistics, C, 0.5)
    statistics.failed(statistics.get(B.id), 2.0, statistics.clock())

    assert order(LowestLatency(statistics, random.Random(1)))[-1] == B
