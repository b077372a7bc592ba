"""Who of several routes for one model is asked first: one small class per strategy. None of them sends anything."""

from __future__ import annotations

import math
from hashlib import blake2b
from typing import TYPE_CHECKING, Protocol

from attrs import field, frozen

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping, Sequence

    from litellm_gateway.contracts import Route
    from litellm_gateway.route_config import RouteConfig
    from litellm_gateway.route_statistics import RouteStatistics
    from litellm_gateway.token_usage import Price

_EVEN: Mapping[Route, float] = {}
_INPUT_SHARE = 3
"""Tokens of a prompt per token of an answer, for comparing prices."""


class RouteStrategy(Protocol):
    """Puts routes in the order they are tried in."""

    def order(self, routes: Sequence[Route], *, tenant: str, streamed: bool) -> Sequence[Route]:
        """Give all the routes, the one to ask first in front."""
        ...


@frozen
class Ordered:
    """As they are listed."""

    def order(self, routes: Sequence[Route], *, tenant: str, streamed: bool) -> Sequence[Route]:
        """Give the routes as they are."""
        return routes


@frozen
class Weighted:
    """By chance: a route of twice the weight is twice as often in front; without weights all are equal."""

    random: random.Random
    weights: Mapping[Route, float] = _EVEN

    def order(self, routes: Sequence[Route], *, tenant: str, streamed: bool) -> Sequence[Route]:
        """Draw the routes one after the other, without putting any back."""
        return _by_weight(routes, self.weights, [self.random.random() for _ in routes])


@frozen
class LeastBusy:
    """The fewest requests in flight first; chance decides between equals."""

    statistics: RouteStatistics
    random: random.Random

    def order(self, routes: Sequence[Route], *, tenant: str, streamed: bool) -> Sequence[Route]:
        """Sort by requests in flight."""
        get = self.statistics.get
        return sorted(routes, key=lambda route: (get(route.id).in_flight, self.random.random()))


@frozen
class LowestLatency:
    """The fastest of late first, busy ones counted as slower; a route nobody measured yet is asked early.

    Streams are compared by their first content, whole answers by their end.
    """

    statistics: RouteStatistics
    random: random.Random

    def order(self, routes: Sequence[Route], *, tenant: str, streamed: bool) -> Sequence[Route]:
        """Sort by the seconds to expect, times the requests that share the route."""
        now = self.statistics.clock()
        expected: dict[Route, float | None] = {}
        for route in routes:
            record = self.statistics.get(route.id)
            expected[route] = (record.first_content if streamed else record.whole).estimate(now)
        slowest = max((seconds for seconds in expected.values() if seconds is not None), default=0.0)

        def cost(route: Route) -> tuple[float, int, float]:
            busy = self.statistics.get(route.id).in_flight
            seconds = expected[route]
            if seconds is None:  # the first request finds out; those beside it count it as slow
                seconds = slowest if busy else 0.0
            return seconds * (busy + 1), busy, self.random.random()

        return sorted(routes, key=cost)


@frozen
class Cheapest:
    """By list price, a prompt counted three times as long as its answer; unknown prices last."""

    price: Callable[[str, str], Price | None]

    def order(self, routes: Sequence[Route], *, tenant: str, streamed: bool) -> Sequence[Route]:
        """Sort by price, equals as they are listed."""
        return sorted(routes, key=self._cost)

    def _cost(self, route: Route) -> float:
        price = self.price(route.provider, route.model)
        return math.inf if price is None else float(price.input * _INPUT_SHARE + price.output)


@frozen
class Sticky:
    """A named tenant always has the same order, spread over the routes by weight; ``otherwise`` for no tenant.

    It depends on nothing but names, so it is the same in every process and after every restart; when a route
    comes or goes, only its own tenants move.
    """

    otherwise: RouteStrategy
    weights: Mapping[Route, float] = field(default=_EVEN)

    def order(self, routes: Sequence[Route], *, tenant: str, streamed: bool) -> Sequence[Route]:
        """Sort by a hash of tenant and route."""
        if not tenant:
            return self.otherwise.order(routes, tenant=tenant, streamed=streamed)
        return _by_weight(routes, self.weights, [_chance(tenant, route) for route in routes])


def _chance(tenant: str, route: Route) -> float:
    """Give a number above 0 and below 1 that only the names decide."""
    digest = blake2b(f"{len(tenant)} {tenant} {route.id}".encode("utf-8", "surrogatepass"), digest_size=7)
    return (int.from_bytes(digest.digest(), "big") + 0.5) / 2.0**56


def _by_weight(routes: Sequence[Route], weights: Mapping[Route, float], chances: Sequence[float]) -> Sequence[Route]:
    """Draw without putting back (Efraimidis and Spirakis): the largest ``chance ** (1 / weight)`` is first."""
    keys = {
        route: math.log(max(chance, 1e-300)) / weights.get(route, 1.0)
        for route, chance in zip(routes, chances, strict=True)
    }
    return sorted(routes, key=lambda route: -keys[route])


@frozen
class StrategyMaker:
    """Makes the strategy of a configured route; without a configuration, for the keys of one provider."""

    statistics: RouteStatistics
    random: random.Random
    price: Callable[[str, str], Price | None]

    def __call__(self, entry: RouteConfig | None, weights: Mapping[Route, float]) -> RouteStrategy | None:
        """Give the strategy, None for the order routes are listed in."""
        if entry is None:
            return LeastBusy(self.statistics, self.random)
        made = self._named(entry.strategy, weights)
        return Sticky(made or Ordered(), weights) if entry.sticky else made

    def _named(self, name: str, weights: Mapping[Route, float]) -> RouteStrategy | None:
        if name == "weighted":
            return Weighted(self.random, weights)
        if name == "least_busy":
            return LeastBusy(self.statistics, self.random)
        if name == "lowest_latency":
            return LowestLatency(self.statistics, self.random)
        if name == "cheapest":
            return Cheapest(self.price)
        return None
