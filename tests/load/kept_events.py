"""A telemetry sink that keeps every event, for tests that look at them when all is over."""

from __future__ import annotations

from typing import Any

from attrs import define, field
from litellm_gateway.contracts import Offer
from litellm_gateway.hookspecs import hookimpl


@define(eq=False)
class KeptEvents:
    """The plugin and the sink ``kept`` in one."""

    events: list[Any] = field(factory=list)

    @hookimpl
    def gateway_telemetry_sink(self) -> Offer[Any]:
        return Offer(name="kept", summary="", build=lambda settings, context: self)

    def record(self, event: Any) -> None:
        self.events.append(event)

    async def aclose(self) -> None:
        return

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]
