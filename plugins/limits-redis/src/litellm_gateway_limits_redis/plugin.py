"""Offers the limit store ``redis``; the client is imported when the store is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_gateway.contracts import Offer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.limit_store import LimitStoreSettings

if TYPE_CHECKING:
    from litellm_gateway.contracts import BuildContext
    from litellm_gateway.limit_store import LimitStore


@hookimpl
def gateway_limit_store() -> Offer[LimitStore]:
    """Offer the limit store ``redis``."""
    return Offer(
        name="redis",
        summary="Limits of several processes, counted exactly in Redis or Valkey",
        settings=LimitStoreSettings,
        build=build,
    )


def build(settings: LimitStoreSettings, _context: BuildContext) -> LimitStore:
    """Make the store; nothing is connected yet."""
    from litellm_gateway_limits_redis.store import RedisLimits

    return RedisLimits(settings.uri, timeout=settings.timeout)
