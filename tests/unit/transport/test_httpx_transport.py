"""The built-in transport keeps every promise of a transport."""

from __future__ import annotations

from litellm_gateway.builtin import httpx_transport
from litellm_gateway.testing.transport_suite import TransportSuite


class TestHttpxTransport(TransportSuite):
    plugin = httpx_transport
