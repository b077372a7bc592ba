"""Settings of second requests and of the background check: what is taken, and what is refused by name."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from litellm_gateway import ConfigurationError, GatewayConfig, HealthCheckConfig, HedgingConfig


def test_both_may_be_given_as_mappings() -> None:
    """As every nested configuration."""
    config = GatewayConfig.from_dict({"hedging": {"max_cost": 0.01}, "health_check": {"interval": 5}})

    assert config.hedging == HedgingConfig(percentile=0.95, max_extra_ratio=0.05, max_cost=Decimal("0.01"))
    assert config.health_check == HealthCheckConfig(interval=5.0, timeout=5.0)


def test_both_are_off_by_default() -> None:
    """Nobody pays for what nobody asked for."""
    assert GatewayConfig().hedging is None
    assert GatewayConfig().health_check is None


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("hedging.percentile", {"percentile": 1}),
        ("hedging.percentile", {"percentile": True}),
        ("hedging.max_extra_ratio", {"max_extra_ratio": 1.5}),
        ("hedging.max_cost", {"max_cost": "much"}),
        ("hedging.max_cost", {"max_cost": -1}),
        ("hedging.max_cost", {"max_cost": float("nan")}),
        ("hedging.min_samples", {"min_samples": 201}),
        ("hedging.min_samples", {"min_samples": "many"}),
        ("hedging.min_delay", {"min_delay": -0.1}),
        ("health_check.interval", {"interval": 0}),
        ("hedging.min_samples", {"min_samples": None}),
        ("hedging.min_delay", {"min_delay": None}),
        ("health_check.interval", {"interval": None}),
        ("health_check.timeout", {"timeout": None}),
    ],
)
def test_what_is_impossible_is_refused_by_name(path: str, values: dict[str, Any]) -> None:
    """The error leads to the setting."""
    with pytest.raises(ConfigurationError) as caught:
        GatewayConfig.from_dict({path.partition(".")[0]: values})

    assert caught.value.path == path
