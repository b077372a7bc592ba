"""Every setting of a gateway, checked the moment it is made; it reads nothing from outside but in ``from_env``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
from attrs import field, frozen

from litellm_gateway.errors import ConfigurationError
from litellm_gateway.limit_settings import Budget, RateLimitConfig, budgets, to_budgets
from litellm_gateway.route_config import (
    CircuitBreakerConfig as CircuitBreakerConfig,  # also known from here
    HealthCheckConfig,
    HedgingConfig,
    RetryBudgetConfig,
    RouteConfig,
)
from litellm_gateway.secrets import Secret, as_secret
from litellm_gateway.setting_checks import (
    by_name,
    capability_keys,
    flag,
    made_of,
    names,
    not_negative,
    positive,
    refuse,
    text,
    text_or_none,
    things,
    to_names,
    to_names_or_none,
    to_settings_by_name,
    to_things,
    unsupported_rule,
    uri_or_none,
    whole,
    with_secret_keys,
)
from litellm_gateway.setting_mapping import check_keys, from_mapping, nearest

if TYPE_CHECKING:
    from typing import Self

__all__ = [
    "Budget",
    "CacheConfig",
    "CircuitBreakerConfig",
    "GatewayConfig",
    "RateLimitConfig",
    "check_keys",
    "from_mapping",
    "nearest",
    "read_environment",
]

ENV_PREFIX = "LITELLM_GATEWAY_"


@frozen(kw_only=True)
class CacheConfig:
    """How answers are cached.

    Attributes:
        default_ttl: Seconds an answer is kept.
        max_entries: Most answers kept in memory.
        max_bytes: Most bytes kept in memory, all answers together.
        shared_tenants: Let tenants see each other's cached answers; off unless you say so.
    """

    default_ttl: float = field(default=3600.0, validator=positive)
    max_entries: int = field(default=10_000, validator=[whole, positive])
    max_bytes: int = field(default=64 * 1024 * 1024, validator=[whole, positive])
    shared_tenants: bool = field(default=False, validator=flag)


def _routes_by_name(value: Mapping[str, Any]) -> Mapping[str, RouteConfig]:
    if not isinstance(value, Mapping):
        refuse("routes", "must map names to models", value)
    return {name: _route(name, given) for name, given in value.items()}


def _route(name: object, given: Any) -> RouteConfig:
    if not isinstance(name, str) or not name:
        refuse("routes", "must map names to models", name)
    if isinstance(given, str | list | tuple):
        given = {"models": given}
    route: RouteConfig = from_mapping(RouteConfig, given, path=f"routes.{name}")
    return route


@frozen(kw_only=True)
class GatewayConfig:
    """All settings of one gateway.

    Attributes:
        provider: Name of the default provider. None: the only one that has a key, else the local model.
        api_key: Key of the default provider; None reads the environment variable its users know. It goes to no other
            provider, and to none that takes no key.
        base_url: Other address of the default provider's API.
        default_model: Model when a call names none; may be ``"provider/model"``.
        default_embedding_model: The same for embeddings.
        providers: Settings per provider name, for gateways with several.
        timeout: Seconds a whole call may take, retries and waiting included.
        connect_timeout, first_byte_timeout, first_token_timeout, chunk_timeout: Seconds per phase of one request;
            None leaves the phase to ``timeout``.
        max_retries: Requests sent again after a failure; at most ``max_retries + 1`` reach a provider.
        retry_budget: How much of the gateway's traffic may be tried again; None for any amount.
        hedging: When a slow request is sent a second time beside the first; None for never.
        health_check: How often providers are asked whether they can be reached; None for never.
        routes: Names of your own for models: ``{"fast": ["openai/gpt-4.1-mini", "local/smollm2-135m-instruct"]}``;
            see :class:`~litellm_gateway.route_config.RouteConfig`.
        fallbacks: Models (``"provider/model"``, or names from ``routes``) to try when the asked one fails, in order.
        context_fallbacks: The same for requests that are too long for the asked model.
        content_fallbacks: The same for requests its provider's content filter refuses.
        key_rest: Seconds a refused key is left alone while another one can answer.
        rate_limit_config: Limits the gateway keeps by itself.
        budgets: What may be spent within a time, per tenant or over all.
        circuit_breaker: When to stop asking a failing provider; None switches the breaker off.
        enable_caching, cache_ttl, cache_backend, cache_settings: Response cache; ``cache_ttl`` in seconds.
        enable_request_deduplication, deduplication_ttl: One upstream call for identical requests in flight
            and within ``deduplication_ttl`` seconds.
        shared_state: Where several processes share identical requests and the state of circuits, as a URI
            (``"redis://host:port/0"``); None for each by itself.
        shared_state_timeout: Seconds one question to it may take.
        enable_request_batching, batch_size, batch_timeout: Collect similar requests for up to
            ``batch_timeout`` seconds or ``batch_size`` requests, and send them together.
        guardrails: Names in order; None takes every installed one, ``()`` none.
        guardrail_settings: Settings per guardrail name.
        telemetry: Names of sinks; None takes every installed one, ``()`` none.
        telemetry_settings: Settings per sink name.
        transport: ``"auto"`` takes the fastest installed, else a transport's name.
        max_connections: Connections open at once, per event loop.
        keepalive: Seconds an idle connection is kept.
        trust_env: Use ``HTTP_PROXY`` and its like from the environment.
        on_unsupported: What to do with a parameter the model does not take: ``"error"``, ``"warn"`` (leave it out
            and warn) or ``"drop"`` (leave it out).
        capabilities: Corrections of what models take, per ``"provider/model"`` or pattern of it:
            ``{"openai/gpt-9*": {"with": ["temperature"], "without": ["seed"]}}``.
        policies: Names of policy plugins; None takes every installed one.
        plugins: Modules or objects with hooks, in place of or beside installed ones.
        discover: Look for installed plugins.
    """

    provider: str | None = field(default=None, validator=text_or_none)
    api_key: Secret | None = field(default=None, converter=as_secret)
    base_url: str | None = field(default=None, validator=text_or_none)
    default_model: str | None = field(default=None, validator=text_or_none)
    default_embedding_model: str | None = field(default=None, validator=text_or_none)
    providers: Mapping[str, Any] = field(factory=dict, converter=to_settings_by_name, validator=by_name, repr=False)

    timeout: float = field(default=60.0, validator=positive)
    connect_timeout: float | None = field(default=10.0, validator=positive)
    first_byte_timeout: float | None = field(default=None, validator=positive)
    first_token_timeout: float | None = field(default=None, validator=positive)
    chunk_timeout: float | None = field(default=None, validator=positive)
    max_retries: int = field(default=2, validator=[whole, not_negative])
    retry_budget: RetryBudgetConfig | None = field(default=RetryBudgetConfig(), validator=made_of(RetryBudgetConfig))
    hedging: HedgingConfig | None = field(default=None, validator=made_of(HedgingConfig))
    health_check: HealthCheckConfig | None = field(default=None, validator=made_of(HealthCheckConfig))
    routes: Mapping[str, RouteConfig] = field(factory=dict, converter=_routes_by_name)
    fallbacks: tuple[str, ...] = field(default=(), converter=to_names, validator=names)
    context_fallbacks: tuple[str, ...] = field(default=(), converter=to_names, validator=names)
    content_fallbacks: tuple[str, ...] = field(default=(), converter=to_names, validator=names)
    key_rest: float = field(default=300.0, validator=positive)
    rate_limit_config: RateLimitConfig | None = field(default=None, validator=made_of(RateLimitConfig))
    budgets: tuple[Budget, ...] = field(default=(), converter=to_budgets, validator=budgets)
    circuit_breaker: CircuitBreakerConfig | None = field(
        default=CircuitBreakerConfig(), validator=made_of(CircuitBreakerConfig)
    )

    enable_caching: bool = field(default=False, validator=flag)
    cache_ttl: float | None = field(default=None, validator=positive)
    cache_backend: str = field(default="memory", validator=text)
    cache_settings: Any = field(default=None, repr=False)
    enable_request_deduplication: bool = field(default=False, validator=flag)
    deduplication_ttl: float = field(default=0.0, validator=not_negative)
    shared_state: Secret | None = field(default=None, converter=as_secret, validator=uri_or_none)
    shared_state_timeout: float = field(default=0.5, validator=positive)
    enable_request_batching: bool = field(default=False, validator=flag)
    batch_size: int = field(default=10, validator=[whole, positive])
    batch_timeout: float = field(default=0.05, validator=positive)

    guardrails: tuple[str, ...] | None = field(default=None, converter=to_names_or_none, validator=names)
    guardrail_settings: Mapping[str, Any] = field(
        factory=dict, converter=to_settings_by_name, validator=by_name, repr=False
    )
    telemetry: tuple[str, ...] | None = field(default=None, converter=to_names_or_none, validator=names)
    telemetry_settings: Mapping[str, Any] = field(
        factory=dict, converter=to_settings_by_name, validator=by_name, repr=False
    )
    transport: str = field(default="auto", validator=text)
    max_connections: int = field(default=200, validator=[whole, positive])
    keepalive: float = field(default=30.0, validator=not_negative)
    trust_env: bool = field(default=False, validator=flag)
    on_unsupported: str = field(default="error", validator=unsupported_rule)
    capabilities: Mapping[str, Mapping[str, Any]] = field(factory=dict, validator=capability_keys)
    policies: tuple[str, ...] | None = field(default=None, converter=to_names_or_none, validator=names)
    plugins: tuple[Any, ...] = field(default=(), converter=to_things, validator=things, repr=False)
    discover: bool = field(default=True, validator=flag)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Make a config from plain data; an unknown key is refused with the nearest known one.

        Raises:
            ConfigurationError: A key is unknown or a value is impossible.
        """
        nested = {
            "rate_limit_config": RateLimitConfig,
            "circuit_breaker": CircuitBreakerConfig,
            "retry_budget": RetryBudgetConfig,
            "hedging": HedgingConfig,
            "health_check": HealthCheckConfig,
        }
        if not isinstance(values, Mapping):
            raise ConfigurationError(f"the configuration must be a mapping, not {type(values).__name__}")
        values = with_secret_keys(values)
        check_keys(values, attrs.fields_dict(cls), path="")
        converted = {
            name: from_mapping(nested[name], value, path=name)
            if name in nested and isinstance(value, Mapping)
            else value
            for name, value in values.items()
        }
        return cls(**converted)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Make a config from ``LITELLM_GATEWAY_*`` variables: provider, default_model, base_url, timeout, max_retries.

        Raises:
            ConfigurationError: A number cannot be read.
        """
        source = os.environ if environ is None else environ
        readers: dict[str, Any] = {
            "provider": str, "default_model": str, "default_embedding_model": str, "base_url": str,
            "transport": str, "timeout": float, "max_retries": int,
        }  # fmt: skip
        values: dict[str, Any] = {}
        for name, read in readers.items():
            text = source.get(ENV_PREFIX + name.upper())
            if not text:
                continue
            try:
                values[name] = read(text)
            except ValueError:
                raise ConfigurationError(
                    f"{ENV_PREFIX}{name.upper()} must be a number, not {text!r}", path=name
                ) from None
        return cls(**values)


def read_environment(names: Sequence[str], environ: Mapping[str, str] | None = None) -> tuple[str, str] | None:
    """Give the first of the named environment variables that is set, as ``(name, value)``."""
    source = os.environ if environ is None else environ
    for name in names:
        value = source.get(name)
        if value:
            return name, value
    return None
