"""The offer and its settings: light to import, checked early, free of charge."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from litellm_gateway.config import from_mapping
from litellm_gateway.errors import ConfigurationError
from litellm_gateway_provider_local.plugin import gateway_provider
from litellm_gateway_provider_local.settings import LocalSettings


def test_the_offer_needs_no_key() -> None:
    """No key, no environment variable for one, and no setting that would take one."""
    offer = gateway_provider()

    assert (offer.name, tuple(offer.key_env), tuple(offer.key_prefixes)) == ("local", (), ())
    assert not hasattr(LocalSettings(), "api_key")


def test_tokens_cost_nothing() -> None:
    """Every model has the price zero, so a call's cost is zero and not unknown."""
    price = gateway_provider().prices

    assert price is not None
    found = price("anything")
    assert found is not None
    assert (found.input, found.output, found.source) == (Decimal(0), Decimal(0), "local model")


def test_importing_the_plugin_loads_nothing_heavy() -> None:
    """Neither the native package nor asyncio, httpx or subprocess comes with the plugin module."""
    script = (
        "import sys, litellm_gateway_provider_local.plugin as plugin; plugin.gateway_provider();"
        "print([name for name in ('xllamacpp', 'httpx', 'asyncio', 'subprocess') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("context_tokens", 0),
        ("parallel", -1),
        ("threads", 1.5),
        ("max_tokens", True),
        ("start_timeout", 0),
        ("start_timeout", float("nan")),
    ],
)
def test_an_impossible_setting_is_refused(name: str, value: Any) -> None:
    """A wrong value is refused with the path to it."""
    with pytest.raises(ConfigurationError) as caught:
        from_mapping(LocalSettings, {name: value}, path="providers.local")

    assert caught.value.path == f"providers.local.{name}"


def test_a_misspelt_setting_is_refused() -> None:
    """An unknown setting names the nearest known one."""
    with pytest.raises(ConfigurationError, match="context_tokens"):
        from_mapping(LocalSettings, {"context_token": 1024}, path="providers.local")
