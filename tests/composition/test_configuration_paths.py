"""A wrong setting fails when the gateway is made, with the path to it."""

from __future__ import annotations

import pytest
from litellm_gateway.errors import ConfigurationError

WRONG = {
    "unknown setting": ({"provder": "echo"}, "provder", "did you mean 'provider'?"),
    "impossible value": ({"timeout": -1}, "timeout", "above zero"),
    "wrong type": ({"max_retries": "two"}, "max_retries", "whole number"),
    "nested unknown": (
        {"rate_limit_config": {"requests_per_minut": 1}},
        "rate_limit_config.requests_per_minut",
        "did you mean 'requests_per_minute'?",
    ),
    "nested impossible": (
        {"circuit_breaker": {"failure_rate": 7}},
        "circuit_breaker.failure_rate",
        "at most 1",
    ),
    "provider unknown": ({"providers": {"echo": {"dely": 1}}}, "providers.echo.dely", "did you mean 'delay'?"),
    "provider impossible": ({"providers": {"echo": {"dimensions": 0}}}, "providers.echo.dimensions", "above zero"),
    "provider wrong type": ({"providers": {"echo": {"delay": "0"}}}, "providers.echo.delay", "zero or more"),
    "budget of nothing": ({"budgets": [{"window": 60}]}, "budgets.0.money", "needs one of them"),
    "cache wrong type": (
        {"enable_caching": True, "cache_settings": {"max_entries": "many"}},
        "cache_settings.max_entries",
        "int",
    ),
    "provider no mapping": ({"providers": {"echo": "fast"}}, "providers.echo", "must be a mapping"),
    "base_url nobody takes": ({"base_url": "http://localhost:1"}, "base_url", "takes no base_url"),
    "guardrail nobody runs": ({"guardrail_settings": {"sise": {}}}, "guardrail_settings.sise", "did you mean 'size'?"),
    "guardrail unknown": (
        {"guardrail_settings": {"size": {"no_such": 1}}},
        "guardrail_settings.size.no_such",
        "unknown setting",
    ),
    "sink unknown": ({"telemetry_settings": {"log": {"loger": "x"}}}, "telemetry_settings.log.loger", "'logger'?"),
    "cache unknown": (
        {"enable_caching": True, "cache_settings": {"max_entires": 1}},
        "cache_settings.max_entires",
        "did you mean 'max_entries'?",
    ),
}


@pytest.mark.parametrize(("settings", "path", "hint"), WRONG.values(), ids=WRONG)
def test_a_wrong_setting_is_named_by_its_path(compose, settings, path: str, hint: str) -> None:
    """``path`` leads to the setting and the message says what would be right."""
    given = settings if {"provder", "providers"} & set(settings) else {"provider": "echo", **settings}

    with pytest.raises(ConfigurationError) as caught:
        compose(**given)

    assert caught.value.path == path
    assert hint in caught.value.message


def test_one_provider_may_be_written_as_a_name(compose) -> None:
    """``providers="echo"`` is one provider, not four letters."""
    assert list(compose(providers="echo").describe()["providers"]) == ["echo"]
