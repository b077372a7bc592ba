"""Settings of routes, retries and circuits are checked when they are made."""

from __future__ import annotations

from typing import Any

import pytest
from litellm_gateway import CircuitBreakerConfig, ConfigurationError, GatewayConfig, RetryBudgetConfig, RouteConfig


def test_routes_may_be_plain_data() -> None:
    """A model, a list of models, or a mapping of settings."""
    config = GatewayConfig(
        routes={
            "one": "openai/gpt-4",
            "two": ["openai/gpt-4", "local/small"],
            "three": {"models": ["a/x", "b/y"], "strategy": "weighted", "weights": [3, 1], "sticky": True},
        }
    )

    assert config.routes["one"] == RouteConfig(models="openai/gpt-4")
    assert config.routes["two"].models == ("openai/gpt-4", "local/small")
    assert config.routes["three"].weights == (3, 1)


@pytest.mark.parametrize(
    ("route", "path"),
    [
        ([], "routes.fast.models"),
        ([3], "routes.fast.models"),
        (3, "routes.fast"),
        ({"models": ["a/x"], "strategy": "random"}, "routes.fast.strategy"),
        ({"models": ["a/x"], "strategy": 3}, "routes.fast.strategy"),
        ({"models": ["a/x"], "weights": [1, 2]}, "routes.fast.weights"),
        ({"models": ["a/x"], "weights": [0]}, "routes.fast.weights"),
        ({"models": ["a/x"], "weights": 3}, "routes.fast.weights"),
        ({"models": ["a/x"], "sticky": "yes"}, "routes.fast.sticky"),
        ({"model": ["a/x"]}, "routes.fast.model"),
    ],
)
def test_an_impossible_route_is_refused_by_name(route: Any, path: str) -> None:
    """The error's path leads to the setting."""
    with pytest.raises(ConfigurationError) as caught:
        GatewayConfig(routes={"fast": route})

    assert caught.value.path == path


@pytest.mark.parametrize("routes", [["fast"], {"": "a/x"}, {3: "a/x"}])
def test_the_table_of_routes_is_a_mapping(routes: Any) -> None:
    """Names lead to models."""
    with pytest.raises(ConfigurationError) as caught:
        GatewayConfig(routes=routes)

    assert caught.value.path == "routes"


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (RetryBudgetConfig, {"share": 0}),
        (RetryBudgetConfig, {"share": 1.5}),
        (RetryBudgetConfig, {"minimum": -1}),
        (RetryBudgetConfig, {"window": 0}),
        (CircuitBreakerConfig, {"slow_call_seconds": 0}),
        (CircuitBreakerConfig, {"slow_call_rate": 0}),
        (CircuitBreakerConfig, {"half_open_calls": 0}),
        (GatewayConfig, {"first_token_timeout": 0}),
        (GatewayConfig, {"key_rest": 0}),
        (GatewayConfig, {"context_fallbacks": 3}),
        (GatewayConfig, {"content_fallbacks": [3]}),
    ],
)
def test_an_impossible_number_is_refused_by_name(kind: type, settings: dict[str, Any]) -> None:
    """No gateway is made of settings that cannot be meant."""
    with pytest.raises(ConfigurationError) as caught:
        kind(**settings)

    assert caught.value.path == next(iter(settings))


def test_the_retry_budget_may_be_given_as_data_or_switched_off() -> None:
    """Nested settings are mappings, None means no budget."""
    assert GatewayConfig.from_dict({"retry_budget": {"share": 0.1}}).retry_budget == RetryBudgetConfig(share=0.1)
    assert GatewayConfig(retry_budget=None).retry_budget is None


def test_a_list_of_keys_is_never_shown() -> None:
    """Keys in ``api_keys`` are secrets as soon as the configuration is read."""
    config = GatewayConfig.from_dict({"providers": {"openai": {"api_keys": ["sk-first-123456", "sk-second-12345"]}}})

    assert "sk-" not in repr(config) + repr(config.providers)
