"""Settings of what may be spent: rate limits, who shares them, how one waits for them, and budgets; all checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import attrs
from attrs import field, frozen

from litellm_gateway.errors import ConfigurationError
from litellm_gateway.setting_checks import flag, positive, refuse, whole
from litellm_gateway.setting_mapping import from_mapping

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800, "month": 2_592_000}
"""Lengths of the windows that have a name; a month is 30 days."""

_ONLY_AT_THE_TOP = (
    "tenants", "shared", "weights", "max_queue_size", "storage", "storage_timeout", "on_storage_failure",
    "heed_provider_limits",
)  # fmt: skip


def _models(value: Any) -> Mapping[str, Any]:
    return _overrides("models", value)


def _tenants(value: Any) -> Mapping[str, Any]:
    return _overrides("tenants", value)


def _overrides(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{name} must map patterns to limits, not {type(value).__name__}", path=name)
    return {str(key): from_mapping(RateLimitConfig, given, path=f"{name}.{key}") for key, given in value.items()}


def _limits(value: Any) -> Any:
    return None if value is None else from_mapping(RateLimitConfig, value, path="shared")


def _overrides_only_limits(_instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Settings of the whole limiter have no place in an override, and models have no models of their own."""
    named = value.items() if isinstance(value, Mapping) else [("", value)] if value is not None else []
    misplaced = (*_ONLY_AT_THE_TOP, "models") if attribute.name == "models" else _ONLY_AT_THE_TOP
    for pattern, config in named:
        for name in misplaced:
            default = getattr(attrs.fields(RateLimitConfig), name).default
            if getattr(config, name) != (default.factory() if isinstance(default, attrs.Factory) else default):  # type: ignore[arg-type]
                path = ".".join(filter(None, (attribute.name, pattern, name)))
                raise ConfigurationError(f"{path} belongs to the outermost rate limit configuration", path=path)


def _weights(_instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, Mapping):
        refuse(attribute.name, "must map patterns of tenants to numbers", value)
    for pattern, weight in value.items():
        if not isinstance(weight, int | float) or isinstance(weight, bool) or not 0.001 <= weight <= 1000:
            refuse(f"{attribute.name}.{pattern}", "must be a number from 0.001 to 1000", weight)


def _storage(_instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, str) or "://" not in value:
        raise ConfigurationError(f"{attribute.name} must be a URI such as 'memory://'", path=attribute.name)


def _failure_policy(_instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value not in ("local", "refuse"):
        refuse(attribute.name, "must be 'local' or 'refuse'", value)


def _needs_a_rate(instance: RateLimitConfig, _attribute: attrs.Attribute[Any], value: int | None) -> None:
    if value is not None and not instance.windows("requests"):
        raise ConfigurationError("burst needs a limit of requests, such as requests_per_minute", path="burst")


def _amount() -> Any:
    return field(default=None, validator=[whole, positive])


@frozen(kw_only=True)
class RateLimitConfig:
    """Limits the gateway keeps by itself, for each tenant over all its models unless said otherwise.

    Attributes:
        requests_per_second, requests_per_minute, requests_per_hour, requests_per_day: Requests admitted in any
            such time; None for no limit.
        tokens_per_second, tokens_per_minute, tokens_per_hour, tokens_per_day: The same for tokens, prompt and
            answer.
        concurrency: Requests under way at once.
        burst: Requests admitted at once, when the limits of requests would let through more.
        models: Other limits for the models that match a pattern (``"openai/gpt-4*"``), instead of these and
            counted apart; the first that matches.
        tenants: Other limits for the tenants that match a pattern, instead of these; the first that matches.
        shared: Limits all tenants keep together, beside their own.
        weights: Share of a tenant, per pattern, when several wait for what is shared; 1 for all others.
        enable_queuing: Wait for a place instead of failing at once.
        queue_timeout: Seconds a request waits at most, then ``QueueTimeoutError``.
        max_queue_size: Requests that may wait at once; one more is a ``QueueFullError``.
        storage: Where to count: ``"memory://"`` for this process, ``"redis://host:port/0"`` (also with
            ``async+``) or ``"valkey://..."`` for the sum of all processes that name the same.
        storage_timeout: Seconds one question to the storage may take.
        on_storage_failure: While the storage fails, ``"local"`` keeps the limits of this process alone,
            ``"refuse"`` refuses requests.
        heed_provider_limits: Slow down as a provider's rate limit headers tell.
    """

    requests_per_second: int | None = _amount()
    requests_per_minute: int | None = _amount()
    requests_per_hour: int | None = _amount()
    requests_per_day: int | None = _amount()
    tokens_per_second: int | None = _amount()
    tokens_per_minute: int | None = _amount()
    tokens_per_hour: int | None = _amount()
    tokens_per_day: int | None = _amount()
    concurrency: int | None = _amount()
    burst: int | None = field(default=None, validator=[whole, positive, _needs_a_rate])
    models: Mapping[str, RateLimitConfig] = field(factory=dict, converter=_models, validator=_overrides_only_limits)
    tenants: Mapping[str, RateLimitConfig] = field(factory=dict, converter=_tenants, validator=_overrides_only_limits)
    shared: RateLimitConfig | None = field(default=None, converter=_limits, validator=_overrides_only_limits)
    weights: Mapping[str, float] = field(factory=dict, validator=_weights)
    enable_queuing: bool = field(default=True, validator=flag)
    queue_timeout: float = field(default=30.0, validator=positive)
    max_queue_size: int = field(default=1000, validator=[whole, positive])
    storage: str = field(default="memory://", validator=_storage, repr=lambda uri: repr(uri.partition("://")[0]))
    storage_timeout: float = field(default=0.25, validator=positive)
    on_storage_failure: str = field(default="local", validator=_failure_policy)
    heed_provider_limits: bool = field(default=True, validator=flag)

    def windows(self, metric: str) -> tuple[tuple[int, float], ...]:
        """Give the limits of ``"requests"`` or ``"tokens"`` as (amount, seconds); ``burst`` is one of requests."""
        found: list[tuple[int, float]] = []
        for unit in ("second", "minute", "hour", "day"):
            amount = getattr(self, f"{metric}_per_{unit}")
            if amount is not None:
                found.append((amount, float(SECONDS[unit])))
        if metric == "requests" and self.burst is not None and found:
            pace = max(seconds / amount for amount, seconds in found)
            found.append((self.burst, self.burst * pace))
        return tuple(found)

    @property
    def limits_anything(self) -> bool:
        """Whether any limit is set, here or in an override."""
        own = self.concurrency or self.windows("requests") or self.windows("tokens")
        others = [*self.models.values(), *self.tenants.values(), *([self.shared] if self.shared else [])]
        return bool(own) or any(other.limits_anything for other in others)


def _money(value: Any) -> Decimal | None:
    if value is None:
        return None
    try:
        amount = Decimal(str(value)) if isinstance(value, int | float | str) else value
    except InvalidOperation:
        amount = None
    if not isinstance(amount, Decimal) or isinstance(value, bool) or not amount.is_finite() or amount <= 0:
        refuse("money", "must be an amount above zero", value)
    return amount


def _window(value: Any) -> float:
    seconds = SECONDS.get(value) if isinstance(value, str) else value
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 1 <= seconds <= 366 * 86_400:
        refuse("window", f"must be one of {', '.join(SECONDS)} or seconds up to a year", value)
    assert seconds is not None
    return float(seconds)


@frozen(kw_only=True)
class Budget:
    """What may be spent within a time.

    Attributes:
        money: Most money, in the currency of the prices; a Decimal, or a number or text that becomes one.
        tokens: Most tokens, prompt and answer.
        window: ``"minute"``, ``"hour"``, ``"day"``, ``"week"``, ``"month"`` (30 days), or seconds; any stretch of
            that length counts.
        tenant: Pattern of the tenants that have such a budget, each its own; None for one over all together.
        hard: Refuse what goes beyond with ``BudgetExceededError``; else warn and let it pass.
    """

    money: Decimal | None = field(default=None, converter=_money)
    tokens: int | None = field(default=None, validator=[whole, positive])
    window: float = field(default=86_400.0, converter=_window)
    tenant: str | None = None
    hard: bool = field(default=True, validator=flag)

    def __attrs_post_init__(self) -> None:
        if self.money is None and self.tokens is None:
            raise ConfigurationError("money and tokens are both left out; a budget needs one of them", path="money")


def to_budgets(value: Any) -> tuple[Budget, ...]:
    """Convert a list of budgets or mappings; what is no list is left for the check to refuse."""
    is_list = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    converted: tuple[Budget, ...] = value
    if is_list:
        converted = tuple(from_mapping(Budget, given, path=f"budgets.{index}") for index, given in enumerate(value))
    return converted


def budgets(_instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """A tuple of budgets."""
    if not isinstance(value, tuple):
        refuse(attribute.name, "must be a list of budgets", value)
