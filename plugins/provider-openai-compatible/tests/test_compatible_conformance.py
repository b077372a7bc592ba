"""Servers that speak OpenAI's format keep the promises of every provider, on what was recorded of them."""

from __future__ import annotations

from pathlib import Path

from litellm_gateway.testing.provider_suite import ProviderSuite
from litellm_gateway_provider_openai_compatible.plugin import plugin_of

WIRE = Path(__file__).parent / "wire"


class TestAzure(ProviderSuite):
    plugin = plugin_of("azure")
    settings = {"base_url": "https://resource.openai.azure.example"}
    recordings = WIRE / "azure"


class TestDeepSeek(ProviderSuite):
    plugin = plugin_of("deepseek")
    recordings = WIRE / "deepseek"


class TestGroq(ProviderSuite):
    plugin = plugin_of("groq")
    recordings = WIRE / "groq"


class TestMistral(ProviderSuite):
    plugin = plugin_of("mistral")
    recordings = WIRE / "mistral"


class TestOpenRouter(ProviderSuite):
    plugin = plugin_of("openrouter")
    recordings = WIRE / "openrouter"


class TestXAI(ProviderSuite):
    plugin = plugin_of("xai")
    recordings = WIRE / "xai"
