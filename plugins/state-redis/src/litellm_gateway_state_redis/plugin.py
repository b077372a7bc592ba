"""Offers the shared state ``redis``; the client is imported when the state is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_gateway.contracts import Offer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.shared_state import SharedStateSettings

if TYPE_CHECKING:
    from litellm_gateway.contracts import BuildContext
    from litellm_gateway.shared_state import SharedState


@hookimpl
def gateway_shared_state() -> Offer[SharedState]:
    """Offer the shared state ``redis``."""
    return Offer(
        name="redis",
        summary="Requests in flight and circuits of several processes, in Redis or Valkey",
        settings=SharedStateSettings,
        build=build,
    )


def build(settings: SharedStateSettings, _context: BuildContext) -> SharedState:
    """Make the state; nothing is connected yet."""
    from litellm_gateway_state_redis.state import RedisState

    return RedisState(settings.uri.reveal(), timeout=settings.timeout)
