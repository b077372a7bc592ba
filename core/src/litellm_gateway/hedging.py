"""Decide when a slow request gets a second one beside it: whose, after how long, how often, at what price.

It sends nothing and races nothing; ``attempts`` asks it, and tells it how long requests took.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any, Literal

from attrs import define, evolve

from litellm_gateway.loop_state import DetachedTasks, LoopLocal
from litellm_gateway.requests import EmbedRequest, GenerateRequest
from litellm_gateway.route_config import TIMES_KEPT

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from litellm_gateway.contracts import Call, Route
    from litellm_gateway.requests import AnyRequest
    from litellm_gateway.route_config import HedgingConfig
    from litellm_gateway.token_usage import TokenUsage

MOST_SAVED = 10.0
"""Second requests that may be saved up in quiet times and sent in one burst."""
_MOST_ROUTES = 1000
_NEWS = 8
"""Times are put in order anew when one of so many is new."""


class RecentTimes:
    """The newest times of one route, and the one that a given share of them stays below.

    Args:
        config: Which share, and how many times to know at least.

    Attributes:
        late: Seconds after which a request is slow, None when too little is known; it may lag behind by a few.
    """

    __slots__ = ("_config", "_new", "_times", "late")

    def __init__(self, config: HedgingConfig) -> None:
        self._config = config
        self._times: deque[float] = deque(maxlen=TIMES_KEPT)
        self._new = 0
        self.late: float | None = None

    def take(self, seconds: float) -> None:
        """Take one time."""
        times = self._times
        times.append(seconds)
        self._new += 1
        known = len(times)
        if known >= self._config.min_samples and (self.late is None or self._new * _NEWS >= known):
            self._new = 0
            self.late = self._look()

    def _look(self) -> float:
        ordered = sorted(self._times)
        index = min(len(ordered) - 1, int(self._config.percentile * len(ordered)))
        return max(self._config.min_delay, ordered[index])


@define(eq=False)
class Hedge:
    """One request's leave to be sent a second time while it is still on its way, and what came of it.

    Attributes:
        request: What is asked.
        streamed: A stream is asked for.
        beside: Route the second request went to; None while there is none.
        answered_by: Which of the two gave the answer.
        failed: Which of the two failed while the other was on its way.
        given_up: Route of the request that was given up because the other was answered.
        lost: About what that one has used.
    """

    request: AnyRequest
    streamed: bool
    _owner: Hedging
    beside: Route | None = None
    answered_by: Literal["first", "second"] | None = None
    failed: Literal["first", "second"] | None = None
    given_up: Route | None = None
    lost: TokenUsage | None = None
    _first: Route | None = None

    @property
    def tasks(self) -> DetachedTasks:
        """What runs for hedged requests on this event loop."""
        return self._owner.tasks.here()

    def delay(self, call: Call, route: Route) -> float | None:
        """Give the seconds a request has alone; None when there can be no second, or too little is known."""
        if self.beside is not None or call.retries_left <= 0:
            return None
        delay = self._owner.delay(route.id, streamed=self.streamed)
        return None if delay is None or delay >= call.remaining() else delay

    def took(self, route: Route, seconds: float) -> None:
        """Note how long such a request took at a route."""
        self._owner.took(route.id, seconds, streamed=self.streamed)

    def take(self, route: Route) -> bool:
        """Ask for a second request to ``route``; :meth:`give_back` if it is not sent after all."""
        return self._owner.take(route, self.request)

    def give_back(self) -> None:
        """Say that the second request was not sent after all."""
        self._owner.give_back()

    def sent(self, call: Call, first: Route, second: Route) -> None:
        """Note that a second request is on its way."""
        self._first, self.beside = first, second
        call.hedges += (self,)

    def decided(self, by_second: bool) -> None:
        """Note which of the two was answered first."""
        self.answered_by = "second" if by_second else "first"
        if by_second:
            self._owner.won()

    def overtook(self, usage: TokenUsage) -> None:
        """Note about what the request that was given up has used, if one was."""
        if self.answered_by is not None and self.failed is None:
            self.given_up = self._first if self.answered_by == "second" else self.beside
            self.lost = evolve(usage, estimated=True)


class Hedging:
    """Keeps how fast routes are and how many second requests there may be. Safe to use from any thread.

    Args:
        config: When and how often.
        price: Gives what a request will about cost at a route, None when nobody knows.
    """

    def __init__(self, config: HedgingConfig, *, price: Callable[[Route, AnyRequest], Decimal | None]) -> None:
        self._config = config
        self._price = price
        # Reentrant: a garbage-collected call may report in the middle of a locked step.
        self._lock = threading.RLock()
        self._times: OrderedDict[tuple[str, bool], RecentTimes] = OrderedDict()
        self._credit = 0.0
        self._requests = 0
        self._counts = {"sent": 0, "won": 0, "refused": 0}
        self.tasks = LoopLocal(DetachedTasks)

    def plan(self, request: AnyRequest, *, streamed: bool = False) -> Hedge | None:
        """Count a request and give its leave; None for one that must not be sent twice."""
        if not is_harmless(request):
            return None
        with self._lock:
            self._requests += 1
            if self._credit < MOST_SAVED:
                self._credit += self._config.max_extra_ratio
        return Hedge(request, streamed, self)

    def took(self, route: str, seconds: float, *, streamed: bool) -> None:
        """Note how long a request took: to its first content if streamed, else as a whole."""
        with self._lock:
            times = self._times.get((route, streamed))
            if times is None:
                times = self._times[route, streamed] = RecentTimes(self._config)
                if len(self._times) > _MOST_ROUTES:
                    self._times.popitem(last=False)
            times.take(seconds)

    def delay(self, route: str, *, streamed: bool) -> float | None:
        """Give the seconds after which a request to this route counts as slow; None when too little is known."""
        times = self._times.get((route, streamed))
        return None if times is None else times.late

    def take(self, route: Route, request: AnyRequest) -> bool:
        """Say whether one more second request fits, and count it."""
        fits = self._is_cheap(route, request)
        with self._lock:
            if not fits or self._credit < 1.0:
                self._counts["refused"] += 1
                return False
            self._credit -= 1.0
            self._counts["sent"] += 1
            return True

    def give_back(self) -> None:
        """Take a counted second request back that was not sent."""
        with self._lock:
            self._credit += 1.0
            self._counts["sent"] -= 1
            self._counts["refused"] += 1

    def won(self) -> None:
        """Count a second request that was answered before the first."""
        with self._lock:
            self._counts["won"] += 1

    def snapshot(self) -> dict[str, Any]:
        """Give ``requests`` that may be hedged, ``sent``, ``won`` and ``refused`` second ones, ``remaining``."""
        with self._lock:
            return {"requests": self._requests, **self._counts, "remaining": int(self._credit)}

    def _is_cheap(self, route: Route, request: AnyRequest) -> bool:
        most = self._config.max_cost
        if most is None:
            return True
        cost = self._price(route, request)
        return cost is not None and cost <= most


def is_harmless(request: AnyRequest) -> bool:
    """Say whether a request may be sent twice: it asks for one answer and changes nothing at its provider.

    Tools are run by the caller, who sees one answer only. What ``extra_body`` and ``extra_headers`` ask of a
    provider, such as tools of its own or that the answer be stored, the gateway cannot know.
    """
    if not isinstance(request, (GenerateRequest, EmbedRequest)) or request.extra_body or request.extra_headers:
        return False
    return isinstance(request, EmbedRequest) or request.n in (None, 1)
