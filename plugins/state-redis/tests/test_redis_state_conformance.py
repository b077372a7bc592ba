"""The promises of every shared state, on a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from litellm_gateway.testing.state_suite import SharedStateSuite
from litellm_gateway_state_redis.state import RedisState

if TYPE_CHECKING:
    from litellm_gateway.shared_state import SharedState


class TestRedisState(SharedStateSuite):
    @pytest.fixture(autouse=True)
    def _server(self, redis_server) -> None:
        self.uri = redis_server.uri

    def make_state(self) -> SharedState:
        return RedisState(self.uri, timeout=5.0)
