"""Settings of how a model is reached: its routes, when one is left alone, tried again, asked twice, or checked."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from litellm_gateway.setting_checks import flag, not_negative, positive, refuse, share, to_names, whole
from litellm_gateway.token_usage import as_decimal

if TYPE_CHECKING:
    import attrs

TIMES_KEPT = 200
"""Newest times of a route that its percentile is taken from."""
STRATEGIES = ("ordered", "weighted", "least_busy", "lowest_latency", "cheapest")


@frozen(kw_only=True)
class CircuitBreakerConfig:
    """When to stop asking a failing provider, and when to try it again.

    Attributes:
        failure_rate: Share of failed calls in the window that opens the circuit, above 0, at most 1.
        slow_call_seconds: A call that takes longer is slow: until its first content for a stream, else as a whole.
            None: no call is.
        slow_call_rate: Share of slow calls in the window that opens the circuit, above 0, at most 1.
        minimum_calls: Calls the window must hold before a rate counts.
        window: Seconds the window looks back.
        recovery_timeout: Seconds the circuit stays open before calls may probe. None: a tenth of the time the provider
            has been away, at least 1 and at most 30.
        half_open_calls: Calls let through to probe; all of them must be answered to close the circuit.
        shared: Open and close with the other processes that name the same ``shared_state``.
    """

    failure_rate: float = field(default=0.5, validator=share)
    slow_call_seconds: float | None = field(default=None, validator=positive)
    slow_call_rate: float = field(default=1.0, validator=share)
    minimum_calls: int = field(default=10, validator=[whole, positive])
    window: float = field(default=30.0, validator=positive)
    recovery_timeout: float | None = field(default=None, validator=positive)
    half_open_calls: int = field(default=1, validator=[whole, positive])
    shared: bool = field(default=True, validator=flag)


@frozen(kw_only=True)
class RetryBudgetConfig:
    """How much of a gateway's traffic may be tried again, over all calls and routes.

    Attributes:
        share: Retries per request in any window, above 0, at most 1.
        minimum: Retries always allowed in a window; never less than one call's own ``max_retries``.
        window: Seconds looked back.
    """

    share: float = field(default=0.2, validator=share)
    minimum: int = field(default=3, validator=[whole, not_negative])
    window: float = field(default=10.0, validator=positive)


def _given(_instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is None:
        refuse(attribute.name, "must be a number", value)


def _at_most_kept(_instance: object, attribute: attrs.Attribute[Any], value: int) -> None:
    if value > TIMES_KEPT:
        refuse(attribute.name, f"must be at most {TIMES_KEPT}, the times that are kept", value)


def _below_one(_instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1:
        refuse(attribute.name, "must be above 0 and below 1", value)


def _money(_instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not None and not (isinstance(value, Decimal) and value.is_finite() and value >= 0):
        refuse(attribute.name, "must be an amount of money from zero up, or None", value)


@frozen(kw_only=True)
class HedgingConfig:
    """When a request that takes unusually long is sent a second time; the first answer is taken.

    Attributes:
        percentile: Share of a route's newest times a request must exceed: until the first content for a stream, else
            until the whole answer. Above 0, below 1.
        max_extra_ratio: Second requests per request, above 0, at most 1.
        max_cost: Most that a second request may cost by the list price, in the price's currency; where it is set,
            requests without a known price are not sent twice. None for any amount.
        min_samples: Times of a route to know before any request to it is sent twice; 200 are kept.
        min_delay: Seconds a request has alone at least.
    """

    percentile: float = field(default=0.95, validator=_below_one)
    max_extra_ratio: float = field(default=0.05, validator=share)
    max_cost: Decimal | None = field(default=None, converter=as_decimal, validator=_money)
    min_samples: int = field(default=20, validator=[_given, whole, positive, _at_most_kept])
    min_delay: float = field(default=0.05, validator=[_given, not_negative])


@frozen(kw_only=True)
class HealthCheckConfig:
    """How often providers are asked whether they can be reached, while the gateway is in use.

    Attributes:
        interval: Seconds between two rounds, lengthened by chance by a fifth at most, and never less than a round
            may take.
        timeout: Seconds a provider has to answer.
    """

    interval: float = field(default=30.0, validator=[_given, positive])
    timeout: float = field(default=5.0, validator=[_given, positive])


def _to_numbers(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _named(_instance: object, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    is_list = isinstance(value, tuple) and bool(value)
    if not is_list or not all(isinstance(model, str) and model for model in value):
        refuse(attribute.name, "must name at least one model, each as 'provider/model'", value)


def _strategy(_instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, str) or value not in STRATEGIES:
        refuse(attribute.name, f"must be one of {', '.join(STRATEGIES)}", value)


def _weights(instance: RouteConfig, attribute: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, tuple):
        refuse(attribute.name, "must be a list of numbers", value)
        return
    if value and len(value) != len(instance.models):
        refuse(attribute.name, f"must hold one number for each of the {len(instance.models)} models", value)
    if any(not isinstance(weight, int | float) or isinstance(weight, bool) or not 0 < weight < 1e9 for weight in value):
        refuse(attribute.name, "must be numbers above zero", value)


@frozen(kw_only=True)
class RouteConfig:
    """Where requests for one name go.

    Attributes:
        models: Models that may answer, each ``"provider/model"``; one model may stand here at several providers.
        strategy: Who is asked first: ``"ordered"`` as listed, ``"weighted"`` by chance, ``"least_busy"`` with the
            fewest requests in flight, ``"lowest_latency"`` the fastest of late, ``"cheapest"`` by list price.
        weights: One number per model for ``"weighted"``: twice the weight, twice as often first.
        sticky: A named tenant is always sent to the same one first, as long as that works.
    """

    models: tuple[str, ...] = field(converter=to_names, validator=_named)
    strategy: str = field(default="ordered", validator=_strategy)
    weights: tuple[float, ...] = field(default=(), converter=_to_numbers, validator=_weights)
    sticky: bool = field(default=False, validator=flag)
