"""The errors a rate limit ends in, each saying what stopped the request, for how long, and what may be changed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from litellm_gateway.errors import (
    BudgetExceededError,
    InvalidRequestError,
    QueueFullError,
    QueueTimeoutError,
    RateLimitError,
)
from litellm_gateway.limit_plans import METRICS

if TYPE_CHECKING:
    from litellm_gateway.limit_plans import Ask, Limit, Plan


def never_fits(ask: Ask) -> InvalidRequestError | None:
    """Give the error for a request that may use more tokens than a limit ever lets through, None if it does not."""
    plan, tokens = ask.plan, ask.amounts[1]
    if plan.most_tokens is None or tokens <= plan.most_tokens[0]:
        return None
    limit, setting = plan.most_tokens
    return InvalidRequestError(
        f"the request may use {tokens} tokens, more than {setting}={limit} ever lets through; "
        "shorten the prompt, lower max_tokens or raise the limit",
        parameter="max_tokens",
        model=plan.model,
    )


def over_budget(limit: Limit, model: str, seconds: float | None) -> BudgetExceededError:
    """Give the error for a request that a hard budget has no room for."""
    budget = limit.budget
    whose = "of all tenants" if budget is None or budget.tenant is None else "of the tenant"
    amount = f"{METRICS[limit.metric]}: {limit.shown(limit.amount).normalize():f} in {limit.seconds:g} seconds"
    if seconds is not None and math.isinf(seconds):
        trouble = "never has room for the request, which may use more than all of it; lower max_tokens"
    else:
        trouble = "has no room for the request; try again later, lower max_tokens"
    return BudgetExceededError(
        f"the budget {whose} ({amount}) {trouble} or raise the budget",
        retry_after=_finite(seconds),
        model=model,
    )


def refused(plan: Plan, seconds: float | None) -> RateLimitError:
    """Give the error for a request that finds no room and may not wait."""
    return RateLimitError(
        "the gateway's own rate limit is reached and queuing is off; try again later",
        retry_after=_finite(seconds),
        scope="gateway",
        model=plan.model,
    )


def timed_out(plan: Plan, seconds: float) -> QueueTimeoutError:
    """Give the error for a request that waited as long as it may."""
    return QueueTimeoutError(
        "the request waited in the gateway's queue as long as it may; try again later, or raise the rate "
        "limit, queue_timeout or the call's timeout",
        retry_after=_finite(seconds),
        model=plan.model,
    )


def queue_full(plan: Plan, depth: int, seconds: float) -> QueueFullError:
    """Give the error for a request that finds the queue full."""
    return QueueFullError(
        f"{depth} requests wait in the gateway's queue, as many as may; try again later, or raise max_queue_size",
        retry_after=_finite(seconds),
        model=plan.model,
    )


def out_of_reach(plan: Plan, seconds: float) -> RateLimitError:
    """Give the error for a request while the shared counts are out of reach and must not be done without."""
    return RateLimitError(
        "the storage of the rate limits is out of reach and on_storage_failure is 'refuse'; see that the storage "
        "runs, or set on_storage_failure='local'",
        retry_after=seconds,
        scope="gateway",
        model=plan.model,
    )


def _finite(seconds: float | None) -> float | None:
    return seconds if seconds is not None and math.isfinite(seconds) else None
