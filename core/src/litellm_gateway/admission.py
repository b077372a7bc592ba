"""Count what each plan admits against all of its limits, all or nothing; the door to ``limits``.

It never waits and takes no lock: ``rate_limiter`` holds its own around every step and sets ``now`` first, so
that all counts of a step agree on the time.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING

from attrs import frozen
from limits import RateLimitItemPerSecond
from limits.strategies import SlidingWindowCounterRateLimiter

from litellm_gateway.limit_storage import SlidingWindows
from litellm_gateway.provider_pace import ProviderPace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_gateway.limit_plans import Amounts, Ask, Limit, Plan, Scope

_REMEMBERED = 4096


class _Item(RateLimitItemPerSecond):
    """A limit as the library sees it; its key leaves the amount out, so that counts outlive a change of it."""

    __slots__ = ("key", "metric", "seconds", "soft")

    def __init__(self, limit: Limit) -> None:
        super().__init__(limit.amount)
        self.key = limit.key
        self.seconds = limit.seconds
        self.metric = limit.metric
        self.soft = limit.soft

    def key_for(self, *_identifiers: bytes | str | float) -> str:
        """Give the storage key."""
        return self.key

    def get_expiry(self) -> int:
        """Give the seconds of the window; a burst's may be a fraction."""
        return self.seconds  # type: ignore[return-value]


class _Strategy(SlidingWindowCounterRateLimiter):
    """The library's own, which need not ask one of our items for what stands in it."""

    storage: SlidingWindows

    def hit(self, item: _Item, *_identifiers: str, cost: int = 1) -> bool:  # type: ignore[override]
        """Count a cost if there is room for it."""
        return self.storage.acquire_sliding_window_entry(item.key, item.amount, item.seconds, cost)


@frozen
class Standing:
    """What a request would take of one limit.

    Attributes:
        limit: The limit, None for that of requests under way at once.
        whose: ``"tenant"``, ``"shared"`` or ``"budget"``.
        amount, takes, used: All there is, what the request would take, and what is taken now.
    """

    limit: Limit | None
    whose: str
    amount: int
    takes: int
    used: int


class Admission:
    """What was admitted lately and is under way, and what still may be.

    Attributes:
        now: The time of the current step, on the limiter's clock.
        pace: What providers themselves said they still take.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.pace = ProviderPace()
        self._storage = SlidingWindows(partial(getattr, self, "now"))  # called often: C, not a function of our own
        self._strategy = _Strategy(self._storage)
        self._under_way: dict[str, int] = {}
        self._held: dict[str, float] = {}
        self._overspent: OrderedDict[str, None] = OrderedDict()
        self._items: OrderedDict[Plan, tuple[_Item, ...]] = OrderedDict()

    def take(self, ask: Ask) -> bool:
        """Count what is asked for now against every limit of the plan, or against none."""
        plan, amounts = ask.plan, ask.amounts
        if (self._held and self._is_held(plan)) or (plan.places and not self._has_places(plan, amounts[0])):
            return False
        items = self._items.get(plan) or self._make_items(plan)
        for taken, item in enumerate(items):
            if not item.soft and not self._strategy.hit(item, cost=amounts[item.metric]):
                self._take_back(items[:taken], amounts)
                return False
        if plan.heeds and not self.pace.take(plan.model, amounts[1], self.now, amounts[0]):
            self._take_back(items, amounts)
            return False
        for key, _ in plan.places:
            self._under_way[key] = self._under_way.get(key, 0) + amounts[0]
        return True

    def over_budget(self, ask: Ask) -> tuple[Limit, float] | None:
        """Give the hard budget that has no room for what is asked, and the seconds until it has."""
        for limit in ask.plan.limits:
            if limit.budget is None or limit.soft:
                continue
            room_at = self._storage.room_at(limit.key, limit.amount, ask.amounts[limit.metric])
            if room_at > self.now:
                return limit, room_at - self.now
        return None

    def newly_overspent(self, plan: Plan) -> list[tuple[Limit, int]]:
        """Give the soft budgets of a plan that were just reached, with what is spent; each once until it is below."""
        found = []
        for limit in plan.soft:
            spent = self._storage.get(limit.key)
            if spent < limit.amount:
                self._overspent.pop(limit.key, None)
            elif limit.key not in self._overspent:
                self._overspent[limit.key] = None
                found.append((limit, spent))
                if len(self._overspent) > _REMEMBERED:
                    self._overspent.popitem(last=False)
        return found

    def standing(self, plan: Plan, amounts: Amounts) -> list[Standing]:
        """Give what a request would take of each limit of its plan, and what is free of it; nothing is counted."""
        found = [
            Standing(limit, limit.whose(), limit.amount, amounts[limit.metric], self._storage.get(limit.key))
            for limit in plan.limits
        ]
        for scope in plan.scopes:
            if scope.concurrency is not None:
                used = self._under_way.get(scope.key, 0)
                found.append(Standing(None, scope.whose(), scope.concurrency, 1, used))
        return found

    def waits_for_shared(self, ask: Ask) -> bool:
        """Tell whether a request that finds no room lacks it in what tenants share."""
        return ask.plan.shared and self._room_in(ask.plan.scopes[-1], ask.amounts) > self.now

    def ended(self, plan: Plan, requests: int = 1) -> None:
        """Free the places a request, or several, held while under way."""
        if plan.heeds:
            self.pace.ended(plan.model, requests)
        for key, _ in plan.places:
            left = self._under_way.get(key, 0) - requests
            if left > 0:
                self._under_way[key] = left
            else:
                self._under_way.pop(key, None)

    def correct(self, ask: Ask, changes: Amounts, at: float) -> None:
        """Change what was counted at time ``at``: less is taken off there, more counts from now on.

        A soft budget holds nobody up, so that only what was really used is ever counted of it.
        """
        for item in self._items.get(ask.plan) or self._make_items(ask.plan):
            change = changes[item.metric]
            if item.soft:
                self._storage.charge(item.key, item.seconds, ask.amounts[item.metric] + change)
            elif change < 0:
                self._storage.give_back(item.key, -change, at)
            elif change > 0:
                self._storage.charge(item.key, item.seconds, change)

    def hold(self, scope: str, seconds: float) -> None:
        """Let nobody into a scope for a time: the processes that share it have used it up together."""
        self._held = {key: until for key, until in self._held.items() if until > self.now}
        self._held[scope] = self.now + seconds

    def requests_left(self, plan: Plan) -> int | None:
        """Give the requests that may still be sent now, None when unlimited."""
        left = [limit.amount - self._storage.get(limit.key) for limit in plan.limits if not limit.metric]
        return max(0, min(left)) if left else None

    def seconds_until_room(self, ask: Ask) -> float:
        """Give how long until what is asked fits if nothing else comes or goes; infinity if nobody can tell."""
        plan = ask.plan
        room_at = max(self._room_in(scope, ask.amounts) for scope in plan.scopes)
        if plan.heeds:
            room_at = max(room_at, self.pace.room_at(plan.model, ask.amounts[1], self.now, ask.amounts[0]))
        return max(0.0, room_at - self.now)

    def _room_in(self, scope: Scope, amounts: Amounts) -> float:
        if scope.concurrency is not None and self._under_way.get(scope.key, 0) + amounts[0] > scope.concurrency:
            return math.inf
        room_at = max(self.now, self._held.get(scope.key, 0.0))
        for limit in scope.limits:
            room_at = max(room_at, self._storage.room_at(limit.key, limit.amount, amounts[limit.metric]))
        return room_at

    def _is_held(self, plan: Plan) -> bool:
        return any(self._held.get(scope.key, 0.0) > self.now for scope in plan.scopes)

    def _has_places(self, plan: Plan, requests: int) -> bool:
        return all(self._under_way.get(key, 0) + requests <= most for key, most in plan.places)

    def _take_back(self, taken: Sequence[_Item], amounts: Amounts) -> None:
        for item in taken:
            if not item.soft:
                self._storage.give_back(item.key, amounts[item.metric], self.now)

    def _make_items(self, plan: Plan) -> tuple[_Item, ...]:
        items = self._items[plan] = tuple(_Item(limit) for limit in plan.limits)
        if len(self._items) > _REMEMBERED:
            self._items.popitem(last=False)
        return items
