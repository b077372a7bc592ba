"""The transport that ships with core: httpx's engine over connections of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_gateway.contracts import TransportOffer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.wire import TransportSettings

if TYPE_CHECKING:
    from litellm_gateway.contracts import BuildContext, Transport


@hookimpl
def gateway_transport() -> TransportOffer:
    """Offer the transport ``httpx``."""
    return TransportOffer(
        name="httpx",
        summary="HTTP/1.1 with httpx's engine and a bounded pool of whole connections",
        settings=TransportSettings,
        build=build,
        speed=10,
    )


def build(settings: TransportSettings, context: BuildContext) -> Transport:
    """Make the transport; the engine is imported here, not before."""
    from litellm_gateway.transport import HttpxTransport

    return HttpxTransport(
        settings.limits,
        max_connections=settings.max_connections,
        keepalive=settings.keepalive,
        trust_env=settings.trust_env,
        clock=context.clock,
    )
