"""Settings of limits and budgets: what is refused, and with the way to it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from litellm_gateway import Budget, ConfigurationError, GatewayConfig, RateLimitConfig


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"burst": 5}, "burst"),
        ({"requests_per_minute": 0}, "requests_per_minute"),
        ({"tokens_per_day": 1.5}, "tokens_per_day"),
        ({"concurrency": True}, "concurrency"),
        ({"storage": "redis"}, "storage"),
        ({"on_storage_failure": "panic"}, "on_storage_failure"),
        ({"storage_timeout": 0}, "storage_timeout"),
        ({"weights": {"a": 0}}, "weights.a"),
        ({"weights": {"a": "much"}}, "weights.a"),
        ({"weights": [1, 2]}, "weights"),
        ({"models": {"p/*": {"storage": "redis://x"}}}, "models.p/*.storage"),
        ({"models": {"p/*": {"models": {"q": {}}}}}, "models.p/*.models"),
        ({"tenants": {"a": {"weights": {"b": 2}}}}, "tenants.a.weights"),
        ({"tenants": {"a": {"request_per_minute": 2}}}, "tenants.a.request_per_minute"),
        ({"shared": {"max_queue_size": 5}}, "shared.max_queue_size"),
        ({"shared": {"shared": {"concurrency": 5}}}, "shared.shared"),
        ({"heed_provider_limits": "no"}, "heed_provider_limits"),
    ],
)
def test_impossible_limits_are_refused(values: dict[str, Any], path: str) -> None:
    """The error's path leads to the setting, from ``rate_limit_config`` on."""
    with pytest.raises(ConfigurationError) as caught:
        GatewayConfig.from_dict({"rate_limit_config": values})

    assert caught.value.path == f"rate_limit_config.{path}"


@pytest.mark.parametrize(
    "values",
    [{}, {"money": 0}, {"money": "much"}, {"money": float("nan")}, {"money": True}, {"tokens": -1}, {"tokens": 1.5},
     {"tokens": 5, "window": "fortnight"}, {"tokens": 5, "window": 0}, {"tokens": 5, "hard": 1}],
)  # fmt: skip
def test_impossible_budgets_are_refused(values: dict[str, Any]) -> None:
    """The error says which budget."""
    with pytest.raises(ConfigurationError) as caught:
        GatewayConfig.from_dict({"budgets": [{"tokens": 5}, values]})

    assert (caught.value.path or "").startswith("budgets.1")


def test_budgets_must_be_a_list() -> None:
    """A budget alone is no list of budgets."""
    with pytest.raises(ConfigurationError) as caught:
        GatewayConfig(budgets={"tokens": 5})  # type: ignore[arg-type]

    assert caught.value.path == "budgets"


def test_money_is_exact() -> None:
    """However it is given, it is the decimal number that was written."""
    amounts = [Budget(money=given).money for given in ("0.1", 0.1, Decimal("0.1"))]

    assert amounts == [Decimal("0.1")] * 3
    assert Budget(tokens=5, window="week").window == 604_800


def test_a_storage_s_password_is_not_shown() -> None:
    """The configuration's repr tells the scheme only."""
    shown = repr(RateLimitConfig(storage="redis://:hush-hush@host/0"))

    assert "hush-hush" not in shown
    assert "redis" in shown
