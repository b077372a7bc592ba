"""Say which limits hold for a tenant's request to a model: its own and those it shares. It counts nothing."""

from __future__ import annotations

from collections import OrderedDict
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeVar

from attrs import define, frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from litellm_gateway.limit_settings import Budget, RateLimitConfig

T = TypeVar("T")
_REMEMBERED = 4096


METRICS = ("requests", "tokens", "money")
"""What is counted, in the order amounts are given; money in units of 10**-9."""

MONEY_UNIT = Decimal("1e-9")

Amounts = tuple[int, int, int]
"""Requests, tokens, money."""


@frozen(eq=False)
class Limit:
    """At most ``amount`` of one of ``METRICS`` in any ``seconds``.

    Attributes:
        key: Names what is counted, not how much.
        metric: Index into ``METRICS``.
        soft: Going beyond is allowed and noted.
        budget: The budget it belongs to, if it does.
    """

    key: str
    metric: int
    amount: int
    seconds: float
    soft: bool = False
    budget: Budget | None = None

    def whose(self) -> str:
        """Say what it belongs to: ``"tenant"``, ``"shared"`` or ``"budget"``."""
        return "budget" if self.budget is not None else _whose(self.key.split("/", 2)[2])

    def shown(self, amount: int) -> Decimal:
        """Give an amount as people count it: tokens, or money in the currency of the prices."""
        return amount * MONEY_UNIT if self.metric == METRICS.index("money") else Decimal(amount)


@frozen(eq=False)
class Scope:
    """Limits that are counted together.

    Attributes:
        key: Names whose they are.
        limits: Those of windows.
        concurrency: Most requests under way at once, None for no limit.
    """

    key: str
    limits: tuple[Limit, ...]
    concurrency: int | None

    def whose(self) -> str:
        """Say whether it is a ``"tenant"``'s or ``"shared"``."""
        return _whose(self.key)


@frozen(eq=False)
class Plan:
    """All that holds for one tenant's requests to one model.

    Attributes:
        tenant, model: Whose, and to which.
        scopes: The tenant's own, then the shared one if any.
        limits: Those of all scopes, then those of budgets.
        places: Keys of the scopes that limit requests under way, with how many each allows.
        line: Requests of one line are served in order.
        pool: Lines of one pool wait for the same places, and take turns.
        shared: Whether other tenants are in the pool.
        weight: The tenant's share of the turns.
        most_tokens: Tokens one request may use, None when unlimited, and the setting that says so.
        has_budget: Whether some of the limits are those of a budget.
        soft: Those of budgets that may be passed, and are told of then.
        heeds: Whether to keep to what the model's provider said it still takes.
        alone: Whether no other model can answer.
        waits, queue_timeout: Whether to wait for a place, and for how many seconds.
    """

    tenant: str
    model: str
    scopes: tuple[Scope, ...]
    limits: tuple[Limit, ...]
    places: tuple[tuple[str, int], ...]
    line: str
    pool: str
    shared: bool
    weight: float
    most_tokens: tuple[int, str] | None
    counts_requests: bool
    counts_tokens: bool
    shares_tokens: bool
    has_budget: bool
    soft: tuple[Limit, ...]
    heeds: bool
    alone: bool
    waits: bool
    queue_timeout: float

    def scope_of(self, key: str) -> str:
        """Give the key of the scope that a limit's key, or its own, belongs to."""
        return next((scope.key for scope in self.scopes if any(limit.key == key for limit in scope.limits)), key)


@define(eq=False)
class Ask:
    """What one request asks for: a place, and tokens.

    Attributes:
        plan: Under which limits.
        amounts: How many requests, one of them or a party, and how many tokens and how much money at most.
        priority: The higher, the earlier among the tenant's own that wait.
        number: Who came first has the lower one.
        give_up_at: Point on the limiter's clock until which it waits.
    """

    plan: Plan
    amounts: Amounts
    priority: int
    number: int
    give_up_at: float


class Plans:
    """The plans of one configuration, remembered for the tenants and models seen lately."""

    def __init__(self, config: RateLimitConfig, budgets: Sequence[Budget] = ()) -> None:
        self.config = config
        self._budgets = tuple(budgets)
        self._known: OrderedDict[tuple[str, str, bool], Plan] = OrderedDict()

    def get(self, tenant: str, model: str, *, alone: bool = True) -> Plan:
        """Give the plan of a tenant's requests to a model (``provider/model``); ``alone`` when it has no substitute."""
        key = (tenant, model, alone)
        plan = self._known.get(key)
        if plan is None:
            plan = self._known[key] = self._make(tenant, model, alone=alone)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return plan

    def _make(self, tenant: str, model: str, *, alone: bool) -> Plan:
        top = self.config
        _, own = _first(top.tenants, tenant) or ("", top)
        pattern, chosen = _first(own.models, model) or ("", own)
        mine = _scope(chosen, f"tenant/{tenant}", pattern)
        scopes: tuple[Scope, ...] = (mine,)
        if top.shared is not None:
            pattern, every = _first(top.shared.models, model) or ("", top.shared)
            shared = _scope(every, "shared", pattern)
            if shared.limits or shared.concurrency:
                scopes = (mine, shared)
        limits = [limit for scope in scopes for limit in scope.limits]
        tokens = [(limit.amount, _setting(limit)) for limit in limits if limit.metric == 1]
        pool = scopes[-1].key
        _, weight = _first(top.weights, tenant) or ("", 1.0)
        # A provider's own limits hold per model, so requests to one model must not hold up those to another.
        heeds = alone and top.heed_provider_limits
        apart = f"\x1f{model}" if heeds else ""
        spending = tuple(limit for budget in self._budgets for limit in _budget_limits(budget, tenant))
        return Plan(
            tenant=tenant,
            model=model,
            scopes=scopes,
            limits=(*limits, *spending),
            places=tuple((scope.key, scope.concurrency) for scope in scopes if scope.concurrency is not None),
            line=f"{mine.key}\x1f{pool}{apart}",
            pool=pool,
            shared=len(scopes) > 1,
            weight=float(weight),
            most_tokens=min(tokens, default=None),
            counts_requests=any(limit.metric == 0 for limit in limits),
            counts_tokens=bool(tokens),
            shares_tokens=len(scopes) > 1 and any(limit.metric == 1 for limit in scopes[1].limits),
            has_budget=bool(spending),
            soft=tuple(limit for limit in spending if limit.soft),
            heeds=heeds,
            alone=alone,
            waits=chosen.enable_queuing,
            queue_timeout=chosen.queue_timeout,
        )


def _first(patterns: Mapping[str, T], name: str) -> tuple[str, T] | None:
    for pattern, value in patterns.items():
        if fnmatchcase(name, pattern):
            return pattern, value
    return None


def _scope(config: RateLimitConfig, key: str, pattern: str) -> Scope:
    key = f"{key}\x1f{pattern}"
    limits = tuple(
        Limit(f"{metric}/{seconds:g}/{key}", index, amount, seconds)
        for index, metric in enumerate(METRICS[:2])
        for amount, seconds in config.windows(metric)
    )
    return Scope(key, limits, config.concurrency)


def _budget_limits(budget: Budget, tenant: str) -> Iterator[Limit]:
    """Give the limits a tenant's request has by a budget; whose it is is part of the key, its amount is not."""
    if budget.tenant is not None and not fnmatchcase(tenant, budget.tenant):
        return
    whose = "all" if budget.tenant is None else f"tenant/{budget.tenant}\x1f{tenant}"
    money = None if budget.money is None else int(budget.money / MONEY_UNIT)
    for index, amount in ((1, budget.tokens), (2, money)):
        if amount is not None:
            key = f"budget/{METRICS[index]}/{budget.window:g}/{whose}"
            yield Limit(key, index, amount, budget.window, not budget.hard, budget)


def _whose(scope: str) -> str:
    return "tenant" if scope.startswith("tenant/") else "shared"


def _setting(limit: Limit) -> str:
    units = {1.0: "second", 60.0: "minute", 3600.0: "hour", 86_400.0: "day"}
    return f"{METRICS[limit.metric]}_per_{units.get(limit.seconds, 'window')}"
