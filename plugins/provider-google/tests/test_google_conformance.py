"""Gemini keeps the promises of every provider, through both of Google's APIs."""

from __future__ import annotations

from pathlib import Path

from litellm_gateway.testing.provider_suite import CANARY, ProviderSuite
from litellm_gateway_provider_google import plugin, vertex_plugin

WIRE = Path(__file__).parent / "wire"


class TestGoogle(ProviderSuite):
    plugin = plugin
    recordings = WIRE / "google"


class TestVertex(ProviderSuite):
    plugin = vertex_plugin
    settings = {"access_token": CANARY, "project": "test-project"}
    recordings = WIRE / "vertex"
