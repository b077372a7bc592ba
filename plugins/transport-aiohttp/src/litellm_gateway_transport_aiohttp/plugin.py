"""Offers the transport ``aiohttp``; aiohttp itself is imported when the transport is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_gateway.contracts import TransportOffer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.wire import TransportSettings

if TYPE_CHECKING:
    from litellm_gateway.contracts import BuildContext, Transport


@hookimpl
def gateway_transport() -> TransportOffer:
    """Offer the transport ``aiohttp``."""
    return TransportOffer(
        name="aiohttp",
        summary="HTTP/1.1 with aiohttp: least CPU per request and per streamed chunk",
        settings=TransportSettings,
        build=build,
        speed=20,
    )


def build(settings: TransportSettings, context: BuildContext) -> Transport:
    """Make the transport."""
    from litellm_gateway_transport_aiohttp.transport import AiohttpTransport

    return AiohttpTransport(
        settings.limits,
        max_connections=settings.max_connections,
        keepalive=settings.keepalive,
        trust_env=settings.trust_env,
        clock=context.clock,
    )
