"""Settings are checked the moment they are made."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import field, frozen
from litellm_gateway import CacheConfig, CircuitBreakerConfig, ConfigurationError, GatewayConfig, RateLimitConfig
from litellm_gateway.config import from_mapping, read_environment


@pytest.mark.parametrize(
    ("kind", "values", "path"),
    [
        (GatewayConfig, {"timeout": 0}, "timeout"),
        (GatewayConfig, {"timeout": float("inf")}, "timeout"),
        (GatewayConfig, {"timeout": "60"}, "timeout"),
        (GatewayConfig, {"max_retries": -1}, "max_retries"),
        (GatewayConfig, {"max_retries": 1.5}, "max_retries"),
        (GatewayConfig, {"batch_size": 0}, "batch_size"),
        (GatewayConfig, {"max_connections": True}, "max_connections"),
        (GatewayConfig, {"cache_ttl": -1}, "cache_ttl"),
        (RateLimitConfig, {"requests_per_minute": 0}, "requests_per_minute"),
        (RateLimitConfig, {"tokens_per_minute": 1.5}, "tokens_per_minute"),
        (RateLimitConfig, {"queue_timeout": 0}, "queue_timeout"),
        (CacheConfig, {"default_ttl": 0}, "default_ttl"),
        (CircuitBreakerConfig, {"failure_rate": 1.1}, "failure_rate"),
    ],
)
def test_an_impossible_value_is_refused_by_name(kind: type, values: dict[str, Any], path: str) -> None:
    """The error names the setting and the rule."""
    with pytest.raises(ConfigurationError) as caught:
        kind(**values)

    assert caught.value.path == path


def test_an_unknown_key_suggests_the_nearest() -> None:
    """Plain data with a typo is refused with the setting that was meant."""
    with pytest.raises(ConfigurationError, match="did you mean 'default_model'"):
        GatewayConfig.from_dict({"defualt_model": "x"})


def test_nested_settings_may_be_plain_data() -> None:
    """Limits and breaker may be mappings, and their mistakes carry the whole path."""
    config = GatewayConfig.from_dict({"rate_limit_config": {"requests_per_minute": 5}, "circuit_breaker": None})

    with pytest.raises(ConfigurationError) as caught:
        GatewayConfig.from_dict({"rate_limit_config": {"requests_per_minute": 0}})

    assert config.rate_limit_config == RateLimitConfig(requests_per_minute=5)
    assert config.circuit_breaker is None
    assert caught.value.path == "rate_limit_config.requests_per_minute"


def test_the_environment_is_read_only_when_asked() -> None:
    """``from_env`` reads ``LITELLM_GATEWAY_*`` and refuses what is no number."""
    config = GatewayConfig.from_env({"LITELLM_GATEWAY_PROVIDER": "echo", "LITELLM_GATEWAY_TIMEOUT": "5"})

    assert (config.provider, config.timeout) == ("echo", 5.0)
    with pytest.raises(ConfigurationError, match="LITELLM_GATEWAY_MAX_RETRIES"):
        GatewayConfig.from_env({"LITELLM_GATEWAY_MAX_RETRIES": "many"})


def test_providers_may_be_a_list_of_names() -> None:
    """Names alone mean default settings."""
    assert GatewayConfig(providers=["a", "b"]).providers == {"a": {}, "b": {}}  # type: ignore[arg-type]


@frozen(kw_only=True)
class Settings:
    size: int = field(default=1)

    def __attrs_post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("size is negative")


@pytest.mark.parametrize("value", [{"sise": 1}, {"size": -1}, 5, ["size"]])
def test_a_plugins_settings_are_checked_too(value: Any) -> None:
    """Unknown keys, values its class refuses, and things that are no mapping; the path leads there."""
    with pytest.raises(ConfigurationError) as caught:
        from_mapping(Settings, value, path="providers.x")

    assert (caught.value.path or "").startswith("providers.x")


def test_plugin_settings_pass_as_mapping_instance_or_nothing() -> None:
    """All three give an instance."""
    assert from_mapping(Settings, {"size": 3}, path="p") == Settings(size=3)
    assert from_mapping(Settings, Settings(size=3), path="p") == Settings(size=3)
    assert from_mapping(Settings, None, path="p") == Settings()


def test_the_first_variable_set_wins() -> None:
    """Empty variables count as not set."""
    assert read_environment(["A", "B", "C"], {"A": "", "B": "b", "C": "c"}) == ("B", "b")
    assert read_environment(["A"], {}) is None
