"""Count what each plan admits against all of its limits, all or nothing; the door to ``limits``.

It never waits and takes no lock: ``rate_limiter`` holds its own around every step and sets ``now`` first, so
that all counts of a step agree on the time.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING

from limits import RateLimitItemPerSecond
from limits.strategies import SlidingWindowCounterRateLimiter

from litellm_gateway.limit_storage import SlidingWindows
from litellm_gateway.provider_pace import ProviderPace

if TYPE_CHECKING:
    from litellm_gateway.limit_plans import Limit, Plan, Scope

_REMEMBERED = 4096


class _Item(RateLimitItemPerSecond):
    """A limit as the library sees it; its key leaves the amount out, so that counts outlive a change of it."""

    __slots__ = ("key", "requests", "seconds")

    def __init__(self, limit: Limit) -> None:
        super().__init__(limit.amount)
        self.key = limit.key
        self.seconds = limit.seconds
        self.requests = limit.metric == "requests"

    def key_for(self, *_identifiers: bytes | str | float) -> str:
        """Give the storage key."""
        return self.key

    def get_expiry(self) -> int:
        """Give the seconds of the window; a burst's may be a fraction."""
        return self.seconds  # type: ignore[return-value]


class Admission:
    """What was admitted lately and is under way, and what still may be.

    Attributes:
        now: The time of the current step, on the limiter's clock.
        pace: What providers themselves said they still take.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.pace = ProviderPace()
        self._storage = SlidingWindows(lambda: self.now)
        self._strategy = SlidingWindowCounterRateLimiter(self._storage)
        self._under_way: dict[str, int] = {}
        self._held: dict[str, float] = {}
        self._items: OrderedDict[Plan, tuple[_Item, ...]] = OrderedDict()

    def take(self, plan: Plan, tokens: int) -> bool:
        """Count one request and its tokens now against every limit of the plan, or against none."""
        if (self._held and self.held_until(plan)) or not self._has_places(plan):
            return False
        taken = []
        for item in self._items_of(plan):
            cost = 1 if item.requests else tokens
            if not self._strategy.hit(item, cost=cost):
                self._take_back(taken)
                return False
            taken.append((item, cost))
        if plan.heeds and not self.pace.take(plan.model, tokens, self.now):
            self._take_back(taken)
            return False
        for scope in plan.scopes:
            if scope.concurrency is not None:
                self._under_way[scope.key] = self._under_way.get(scope.key, 0) + 1
        return True

    def waits_for_shared(self, plan: Plan, tokens: int) -> bool:
        """Tell whether a request that finds no room lacks it in what tenants share."""
        return plan.shared and self._room_in(plan.scopes[-1], tokens) > self.now

    def ended(self, plan: Plan) -> None:
        """Free the places a request held while it was under way."""
        if plan.heeds:
            self.pace.ended(plan.model)
        for scope in plan.scopes:
            if scope.concurrency is not None:
                left = self._under_way.get(scope.key, 0) - 1
                if left > 0:
                    self._under_way[scope.key] = left
                else:
                    self._under_way.pop(scope.key, None)

    def correct(self, plan: Plan, *, requests: int, tokens: int, at: float) -> None:
        """Change what was counted at time ``at``: less is taken off there, more counts from now on."""
        for item in self._items_of(plan):
            change = requests if item.requests else tokens
            if change < 0:
                self._storage.give_back(item.key, -change, at)
            elif change > 0:
                self._storage.charge(item.key, item.seconds, change)

    def hold(self, scope: str, seconds: float) -> None:
        """Let nobody into a scope for a time: the processes that share it have used it up together."""
        self._held = {key: until for key, until in self._held.items() if until > self.now}
        self._held[scope] = self.now + seconds

    def held_until(self, plan: Plan) -> float:
        """Give the time until which a scope of the plan is held, 0 when none is."""
        held = max((self._held.get(scope.key, 0.0) for scope in plan.scopes), default=0.0)
        return held if held > self.now else 0.0

    def requests_left(self, plan: Plan) -> int | None:
        """Give the requests that may still be sent now, None when unlimited."""
        left = [item.amount - self._storage.get(item.key) for item in self._items_of(plan) if item.requests]
        return max(0, min(left)) if left else None

    def seconds_until_room(self, plan: Plan, tokens: int) -> float:
        """Give how long until a request of ``tokens`` fits if nothing else comes or goes; infinity if unknown."""
        room_at = max(self._room_in(scope, tokens) for scope in plan.scopes)
        if plan.heeds:
            room_at = max(room_at, self.pace.room_at(plan.model, tokens, self.now))
        return max(0.0, room_at - self.now)

    def under_way(self) -> int:
        """Give how many places of all concurrency limits are taken."""
        return sum(self._under_way.values())

    def _room_in(self, scope: Scope, tokens: int) -> float:
        if scope.concurrency is not None and self._under_way.get(scope.key, 0) >= scope.concurrency:
            return math.inf
        room_at = max(self.now, self._held.get(scope.key, 0.0))
        for limit in scope.limits:
            amount = 1 if limit.metric == "requests" else tokens
            room_at = max(room_at, self._storage.room_at(limit.key, limit.amount, amount))
        return room_at

    def _has_places(self, plan: Plan) -> bool:
        for scope in plan.scopes:
            if scope.concurrency is not None and self._under_way.get(scope.key, 0) >= scope.concurrency:
                return False
        return True

    def _take_back(self, taken: list[tuple[_Item, int]]) -> None:
        for item, cost in taken:
            self._storage.give_back(item.key, cost, self.now)

    def _items_of(self, plan: Plan) -> tuple[_Item, ...]:
        items = self._items.get(plan)
        if items is None:
            items = self._items[plan] = tuple(_Item(limit) for scope in plan.scopes for limit in scope.limits)
            if len(self._items) > _REMEMBERED:
                self._items.popitem(last=False)
        return items
