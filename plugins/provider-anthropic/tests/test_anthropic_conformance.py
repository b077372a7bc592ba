"""Anthropic keeps the promises of every provider."""

from __future__ import annotations

from pathlib import Path

from litellm_gateway.testing.provider_suite import ProviderSuite
from litellm_gateway_provider_anthropic import plugin


class TestAnthropic(ProviderSuite):
    plugin = plugin
    recordings = Path(__file__).parent / "wire"
