"""Bedrock keeps the promises of every provider."""

from __future__ import annotations

from pathlib import Path

from litellm_gateway.testing.provider_suite import ProviderSuite
from litellm_gateway_provider_bedrock import plugin


class TestBedrock(ProviderSuite):
    plugin = plugin
    settings = {"region": "us-east-1"}
    recordings = Path(__file__).parent / "wire"
