"""OpenAI keeps the promises of every provider, by either of its APIs."""

from __future__ import annotations

from pathlib import Path

from litellm_gateway.testing.provider_suite import ProviderSuite
from litellm_gateway_provider_openai import plugin


class TestOpenAI(ProviderSuite):
    plugin = plugin
    recordings = Path(__file__).parent / "wire"


class TestOpenAIResponses(ProviderSuite):
    plugin = plugin
    settings = {"api": "responses"}
    recordings = Path(__file__).parent / "wire_responses"
