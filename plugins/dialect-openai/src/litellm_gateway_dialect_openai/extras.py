"""Read what single servers say beside the answer: what it cost by their own count, which sources it rests on."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

_SOURCES: Final = ("citations", "search_results")
_NAMES: Final = frozenset({*_SOURCES, "provider"})


def read_extras(body: dict[str, Any]) -> dict[str, Any]:
    """Give what a body or a stream event holds of it.

    Returns:
        ``provider_cost`` (USD; OpenRouter, Perplexity), ``routed_to`` (OpenRouter's upstream), ``citations`` and
        ``search_results`` (Perplexity), each where it is there.
    """
    extras: dict[str, Any] = {}
    usage = body.get("usage")
    cost = usage.get("cost") if isinstance(usage, dict) else None
    if cost is None and _NAMES.isdisjoint(body):
        return extras
    for name in _SOURCES:
        if value := body.get(name):
            extras[name] = value
    if isinstance(body.get("provider"), str):
        extras["routed_to"] = body["provider"]
    if isinstance(cost, dict):  # Perplexity itemises it
        cost = cost.get("total_cost")
    if isinstance(cost, int | float) and not isinstance(cost, bool):
        extras["provider_cost"] = Decimal(str(cost))
    return extras
