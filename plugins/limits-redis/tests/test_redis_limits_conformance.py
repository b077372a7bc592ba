"""The promises of every limit store, on a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from litellm_gateway.testing.limit_store_suite import LimitStoreSuite
from litellm_gateway_limits_redis.store import RedisLimits

if TYPE_CHECKING:
    from litellm_gateway.limit_store import LimitStore


class TestRedisLimits(LimitStoreSuite):
    @pytest.fixture(autouse=True)
    def _server(self, redis_server) -> None:
        self.uri = redis_server.uri

    def make_store(self) -> LimitStore:
        return RedisLimits(self.uri, timeout=5.0)


class TestValkeyUri(TestRedisLimits):
    def make_store(self) -> LimitStore:
        return RedisLimits(self.uri.replace("redis://", "valkey://"), timeout=5.0)
