"""The real command with a provider behind it that takes its time; started by tests as a program of its own."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import attrs
from litellm_gateway.contracts import ProviderOffer
from litellm_gateway.gateway import LiteLLMGateway
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.responses import GenerateResponse, StreamChunk
from litellm_gateway_cli.main import main
from litellm_gateway_cli.options import Setup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class SlowProvider:
    """Answers ``go on`` with lines without end, anything else with itself and a terminal escape."""

    async def generate(self, request: Any, call: Any) -> GenerateResponse:
        return GenerateResponse(text="".join([piece async for piece in self.stream(request, call)]), model="slow-1")

    async def stream(self, request: Any, call: Any) -> AsyncIterator[StreamChunk]:
        asked = request.messages[-1].text
        yield StreamChunk(f"heard {len(request.messages)}: {asked} \x1b[31mred\n")
        while asked == "go on":
            await asyncio.sleep(0.01)
            yield StreamChunk("and on\n")
        yield StreamChunk(kind="finish", finish_reason="stop")

    async def aclose(self) -> None:
        return


class SlowPlugin:
    """A plugin without packaging."""

    @hookimpl
    def gateway_provider(self) -> ProviderOffer:
        return ProviderOffer(
            name="slow", summary="Slow", build=lambda settings, context: SlowProvider(), default_model="slow-1"
        )


def open_gateway(config: Any) -> LiteLLMGateway:
    alone = attrs.evolve(config, provider="slow", plugins=(SlowPlugin(),), discover=False)
    return LiteLLMGateway(config=alone)


if __name__ == "__main__":
    sys.exit(main(obj=Setup(open_gateway=open_gateway)))
