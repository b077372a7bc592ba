"""The transport on aiohttp keeps every promise of a transport."""

from __future__ import annotations

from litellm_gateway.testing.transport_suite import TransportSuite
from litellm_gateway_transport_aiohttp import plugin as aiohttp_plugin


class TestAiohttpTransport(TransportSuite):
    plugin = aiohttp_plugin
