"""A telemetry sink that keeps how calls ended."""

from __future__ import annotations

from typing import Any

from litellm_gateway.contracts import Offer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.telemetry import CallFinished


class Ear:
    """Keeps the last event of each call."""

    def __init__(self) -> None:
        self.ended: list[CallFinished] = []

    @hookimpl
    def gateway_telemetry_sink(self) -> Offer[Any]:
        return Offer(name="ear", summary="", build=lambda settings, context: self)

    def record(self, event: Any) -> None:
        if isinstance(event, CallFinished):
            self.ended.append(event)

    async def aclose(self) -> None:
        return
