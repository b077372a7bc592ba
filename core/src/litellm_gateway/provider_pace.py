"""Keep to what providers say they still take, so that they need not refuse; bounded, and without a clock.

What is left grows back evenly until the time the provider named: that is how buckets of tokens fill, and a window
that opens all at once is met no later than it says.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from attrs import define

if TYPE_CHECKING:
    from litellm_gateway.limit_hints import Allowance, LimitHints

_MODELS = 1024
_LONGEST = 300.0


@define
class _Bucket:
    """What is left of one allowance, and how it grows back."""

    left: float
    most: float
    rate: float
    at: float
    until: float

    def level(self, now: float) -> float:
        return min(self.most, self.left + self.rate * max(0.0, now - self.at))

    def room_at(self, amount: float, now: float, requests: int) -> float:
        if amount > self.most:  # what is larger than all there ever is must be judged by the provider, one by one
            if requests > 1:
                return math.inf
            amount = self.most
        lacking = amount - self.level(now)
        return now if lacking <= 1e-9 else min(now + lacking / self.rate, self.until)

    def spend(self, amount: float, now: float) -> None:
        self.left, self.at = self.level(now) - amount, max(now, self.at)


class ProviderPace:
    """What each model's provider still takes, as far as it said so lately."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, dict[str, _Bucket]] = OrderedDict()
        self._closed: OrderedDict[str, float] = OrderedDict()
        self._under_way: dict[str, int] = {}

    def take(self, model: str, tokens: int, now: float, requests: int = 1) -> bool:
        """Spend a request, or several, and their tokens of what is left, all or none."""
        if model in self._buckets or model in self._closed:
            if self.room_at(model, tokens, now, requests) > now:
                return False
            for kind, bucket in self._buckets.get(model, {}).items():
                bucket.spend(requests if kind == "requests" else tokens, now)
        self._under_way[model] = self._under_way.get(model, 0) + requests
        return True

    def ended(self, model: str, requests: int = 1) -> None:
        """Note that a request, or several, that were let through are not under way any more."""
        left = self._under_way.get(model, 0) - requests
        if left > 0:
            self._under_way[model] = left
        else:
            self._under_way.pop(model, None)

    def room_at(self, model: str, tokens: int, now: float, requests: int = 1) -> float:
        """Give the time from which on a request fits, or several do; infinity for more than ever fit at once."""
        if model not in self._buckets and model not in self._closed:
            return now
        self._forget(model, now)
        room = max(now, self._closed.get(model, now))
        for kind, bucket in self._buckets.get(model, {}).items():
            room = max(room, bucket.room_at(requests if kind == "requests" else tokens, now, requests))
        return room

    def close(self, model: str, seconds: float, now: float) -> None:
        """Let nothing through for a time: the provider has refused a request."""
        _remember(self._closed, model, now + min(seconds, _LONGEST))

    def heed(self, model: str, hints: LimitHints, now: float) -> None:
        """Take in what a provider said with one answer; other requests under way it may not have counted yet."""
        others = max(0, self._under_way.get(model, 0) - 1)
        buckets = dict(self._buckets.get(model, {}))
        for kind, allowance in (("requests", hints.requests), ("tokens", hints.tokens)):
            if allowance is not None:
                buckets[kind] = _bucket(allowance, others if kind == "requests" else 0, now)
        if buckets:
            _remember(self._buckets, model, buckets)

    def _forget(self, model: str, now: float) -> None:
        if self._closed.get(model, now + 1) <= now:
            del self._closed[model]
        buckets = self._buckets.get(model)
        if buckets is not None:
            for kind in [kind for kind, bucket in buckets.items() if bucket.until <= now]:
                del buckets[kind]
            if not buckets:
                del self._buckets[model]


def _bucket(allowance: Allowance, spent: int, now: float) -> _Bucket:
    seconds = min(max(allowance.reset_in, 0.001), _LONGEST)
    most = max(float(allowance.limit if allowance.limit is not None else allowance.left), 1.0)
    rate = max(most - allowance.left, 1.0) / seconds
    return _Bucket(left=float(allowance.left - spent), most=most, rate=rate, at=now, until=now + seconds)


def _remember(kept: OrderedDict[str, Any], model: str, value: Any) -> None:
    kept[model] = value
    kept.move_to_end(model)
    if len(kept) > _MODELS:
        kept.popitem(last=False)
