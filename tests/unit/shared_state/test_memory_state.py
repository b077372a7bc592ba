"""The state in memory keeps the promises of every state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from litellm_gateway.testing.memory_state import MemoryState
from litellm_gateway.testing.state_suite import SharedStateSuite

if TYPE_CHECKING:
    from litellm_gateway.shared_state import SharedState


class TestMemoryState(SharedStateSuite):
    @pytest.fixture(autouse=True)
    def _store(self) -> None:
        self.state = MemoryState()

    def make_state(self) -> SharedState:
        return self.state
