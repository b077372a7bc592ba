"""Say how a gateway is, in the shape the user's guide shows; it only reads what other rooms keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_gateway.breaker_table import CircuitBreakers
    from litellm_gateway.health_check import HealthChecks
    from litellm_gateway.hedging import Hedging
    from litellm_gateway.rate_limiter import RateLimiter
    from litellm_gateway.retry_budget import RetryBudget
    from litellm_gateway.route_statistics import RouteStatistics
    from litellm_gateway.shared_limits import SharedLimits
    from litellm_gateway.store_reach import StoreReach


def report(
    *,
    provider: str | None,
    providers: Sequence[str],
    breakers: CircuitBreakers,
    statistics: RouteStatistics,
    budget: RetryBudget,
    limiter: RateLimiter,
    in_flight: int,
    cache: Mapping[str, int] | None,
    sink_errors: Mapping[str, int],
    broken_plugins: Sequence[str],
    closed: bool,
    tenant: str = "",
    hedging: Hedging | None = None,
    checks: HealthChecks | None = None,
    shared_state: StoreReach | None = None,
) -> dict[str, Any]:
    """Give the state of a gateway as plain data.

    Returns:
        ``status``: ``"healthy"``, ``"degraded"`` (a circuit is not closed, a sink fails, or the limits' storage or
        the shared state is out of reach), ``"unhealthy"`` (every circuit is open) or ``"closed"``.
        ``rate_limit["remaining"]`` counts requests of ``tenant``, None without a limit.
    """
    circuits = breakers.snapshot()
    checked = None if checks is None else checks.snapshot()
    states = [circuit["state"] for circuit in circuits.values()]
    sharing = limiter.sharing
    failing_sinks = {name: count for name, count in sink_errors.items() if count}
    is_away = bool(sharing and not sharing.reachable) or bool(shared_state and shared_state.error)
    return {
        "status": _status(states, bool(failing_sinks) or is_away, closed=closed),
        "provider": provider,
        "providers": list(providers),
        "circuit_breaker": {"state": breakers.state(), "routes": circuits},
        "routes": _routes(statistics, checked or {}),
        "checks": checked,
        "retry_budget": budget.snapshot(),
        "hedging": None if hedging is None else hedging.snapshot(),
        "rate_limit": {
            "remaining": limiter.remaining(tenant),
            "queue_depth": limiter.queue_depth,
            "storage": _storage(sharing),
        },
        "shared_state": None if shared_state is None else shared_state.snapshot(),
        "in_flight": in_flight,
        "cache": None if cache is None else dict(cache),
        "telemetry": {"errors": failing_sinks},
        "plugins": {"broken": list(broken_plugins)},
    }


def _routes(statistics: RouteStatistics, checked: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Give what is known of each route, and whether its provider could be reached when it was asked last."""
    routes = statistics.snapshot()
    for key, route in routes.items():
        route["reachable"] = checked.get(key.partition("/")[0], {}).get("reachable")
    return routes


def _storage(sharing: SharedLimits | None) -> dict[str, Any]:
    """Say where limits are counted: in memory, or in a store that several processes share and that may be away."""
    if sharing is None:
        return {"name": "memory", "reachable": True, "failures": 0, "error": None}
    return {
        "name": sharing.name,
        "reachable": sharing.reachable,
        "failures": sharing.failures,
        "error": sharing.error,
    }


def _status(states: Sequence[str], failing: bool, *, closed: bool) -> str:
    if closed:
        return "closed"
    if states and all(state == "open" for state in states):
        return "unhealthy"
    return "degraded" if failing or any(state != "closed" for state in states) else "healthy"
