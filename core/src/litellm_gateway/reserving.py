"""Hold what a call may use of limits and budgets from before it is sent until it is over, exactly once.

It joins the estimate, the price and the rate limiter; none of them knows the others.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attrs import define, frozen

from litellm_gateway.errors import QuotaExceededError, RateLimitError
from litellm_gateway.ledger import estimate_text_tokens
from litellm_gateway.limit_hints import tells_of_limits
from litellm_gateway.limit_plans import METRICS, MONEY_UNIT
from litellm_gateway.reservation import Reservation
from litellm_gateway.responses import TokenUsage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from litellm_gateway.admission import Standing
    from litellm_gateway.attempts import Attempt
    from litellm_gateway.contracts import Call, Route
    from litellm_gateway.hedging import Hedge
    from litellm_gateway.ledger import Ledger
    from litellm_gateway.rate_limiter import RateLimiter
    from litellm_gateway.requests import AnyRequest
    from litellm_gateway.token_estimator import Estimate, TokenEstimator


@define(eq=False)
class Hold:
    """What one call holds; :meth:`close` must follow, whatever happens."""

    reserving: Reserving
    request: AnyRequest
    model: str
    estimate: Estimate
    reservation: Reservation

    def answered(self, route: Route, usage: TokenUsage, named: str | None = None, hedge: Hedge | None = None) -> None:
        """Count what was really used, by a request that was given up as well, and learn from it."""
        money = self.reserving.money(route, usage, named) if self.reserving.counts_money else 0
        tokens = usage.total_tokens
        if hedge is not None and hedge.lost is not None and hedge.given_up is not None:
            money += self.reserving.money(hedge.given_up, hedge.lost, named) if self.reserving.counts_money else 0
            tokens += hedge.lost.total_tokens
        self.reservation.settle(tokens, money)
        if route.id == self.model:
            self.reserving.estimator.learn(self.model, self.request, self.estimate, usage)

    def streamed(
        self, route: Route, usage: TokenUsage | None, said: str, named: str | None, hedge: Hedge | None = None
    ) -> TokenUsage:
        """Count a stream that was opened, and say what: what it reported, or about what came of it."""
        if usage is None:
            usage = TokenUsage(
                input_tokens=self.estimate.prompt, output_tokens=estimate_text_tokens(said), estimated=True
            )
        self.answered(route, usage, named, hedge)
        return usage

    def close(self) -> None:
        """Give everything back, unless it was settled."""
        self.reservation.refund()


@frozen(kw_only=True, eq=False)
class Reserving:
    """Reserves for calls, and tells the limiter what providers say.

    Attributes:
        limiter: Counts; nothing is reserved while it is not active.
        counts_money: Whether a budget is in money, so that calls are priced beforehand.
    """

    limiter: RateLimiter
    ledger: Ledger
    estimator: TokenEstimator
    counts_money: bool = False

    def foresee(self, tenant: str, request: AnyRequest, routes: Sequence[Route]) -> dict[str, Any] | None:
        """Say what :meth:`hold` would reserve and what is free of it, as plain data; None when there are no limits."""
        if not self.limiter.active:
            return None
        model = routes[0].id
        estimate = self.estimator.estimate(model, request)
        money = self._most_money(routes, estimate)
        each, seconds = self.limiter.foresee(tenant, model, estimate.total, money=money, alone=len(routes) == 1)
        return {
            "model": model,
            "requests": 1,
            "tokens": estimate.total,
            "money": money * MONEY_UNIT if self.counts_money else None,
            "remaining": self.limiter.remaining(tenant),
            "wait": seconds if math.isfinite(seconds) else None,
            "each": [_shown(standing) for standing in each],
        }

    async def hold(self, call: Call, request: AnyRequest, routes: Sequence[Route]) -> Hold | None:
        """Reserve for a call, waiting in line if configured; None when there are no limits."""
        if not self.limiter.active:
            return None
        held = self.take(call, request, routes)
        return held if isinstance(held, Hold) else await held

    def take(self, call: Call, request: AnyRequest, routes: Sequence[Route]) -> Hold | Awaitable[Hold]:
        """Give what :meth:`hold` gives at once, or, where that takes waiting for something, what to await for it."""
        model = routes[0].id
        estimate = self.estimator.estimate(model, request)
        admitted = self.limiter.enter(
            call.tenant,
            model,
            estimate.total,
            call.deadline,
            money=self._most_money(routes, estimate) if self.counts_money else 0,
            priority=call.priority,
            alone=len(routes) == 1,
        )
        if isinstance(admitted, Reservation):
            return Hold(self, request, model, estimate, admitted)
        return self._held(request, model, estimate, admitted)

    async def _held(
        self, request: AnyRequest, model: str, estimate: Estimate, admitted: Awaitable[Reservation]
    ) -> Hold:
        return Hold(self, request, model, estimate, await admitted)

    def most(self, request: AnyRequest, routes: Sequence[Route]) -> tuple[Estimate, int]:
        """Give what a request may use at most: tokens, and money in units of 10**-9."""
        estimate = self.estimator.estimate(routes[0].id, request)
        return estimate, self._most_money(routes, estimate)

    def heed(self, attempt: Attempt, error: BaseException | None = None) -> None:
        """Hand on what the provider said of its limits with the answer to an attempt, or with its refusal."""
        headers = attempt.call.provider_headers or {}
        if not self.limiter.active or (error is None and not tells_of_limits(headers)):
            return
        closed_for = None
        if isinstance(error, RateLimitError) and error.scope == "provider":
            closed_for = None if isinstance(error, QuotaExceededError) else error.retry_after
        if attempt.call.mixes_headers or (attempt.hedge is not None and attempt.hedge.beside is not None):
            headers = {}  # several were on their way: nobody knows whose headers came last
        self.limiter.heed(attempt.route.id, headers, closed_for=closed_for)

    def money(self, route: Route, usage: TokenUsage, named: str | None) -> int:
        """Give what a call cost in units of 10**-9, rounded up."""
        rates = self.ledger.rates(route.provider, route.model, named)
        return 0 if rates is None else rates.cost(usage)

    def _most_money(self, routes: Sequence[Route], estimate: Estimate) -> int:
        """Give the most a call may cost, in units of 10**-9, whichever of its routes answers."""
        if not self.counts_money:
            return 0
        most = 0
        for route in routes:
            rates = self.ledger.rates(route.provider, route.model)
            if rates is not None:
                most = max(most, rates.most(estimate.prompt, estimate.answer))
        return most


def _shown(standing: Standing) -> dict[str, Any]:
    limit = standing.limit
    show = int if limit is None or limit.metric < METRICS.index("money") else limit.shown
    return {
        "of": standing.whose,
        "unit": "concurrency" if limit is None else METRICS[limit.metric],
        "seconds": None if limit is None else limit.seconds,
        "limit": show(standing.amount),
        "reserved": show(standing.takes),
        "free": show(max(0, standing.amount - standing.used)),
    }
