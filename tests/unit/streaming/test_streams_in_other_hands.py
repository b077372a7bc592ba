"""A stream read, closed or dropped by somebody else than who opened it, or too early, or too late."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway import GatewayError, LiteLLMGateway, create_gateway
from litellm_gateway.responses import StreamChunk
from litellm_gateway.testing.scripted_provider import ScriptedProvider, answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Slow(ScriptedProvider):
    """Gives one piece, then takes its time."""

    async def stream(self, request: Any, call: Any) -> AsyncIterator[StreamChunk]:
        self.open_streams += 1
        try:
            yield StreamChunk("a")
            await asyncio.sleep(0.2)
            yield StreamChunk("b")
            yield StreamChunk(kind="finish", finish_reason="stop")
        finally:
            self.open_streams -= 1


def make() -> tuple[LiteLLMGateway, Slow]:
    provider = Slow(answer())
    return create_gateway(provider="scripted", plugins=[provider], discover=False, guardrails=()), provider


async def test_closing_while_another_task_reads_is_a_typed_error() -> None:
    """Who reads is not disturbed; the one who closes is told to cancel the reader instead."""
    gateway, provider = make()
    stream = gateway.generate_stream_async("hi")
    reader = asyncio.create_task(stream.response())
    await asyncio.sleep(0.05)

    with pytest.raises(GatewayError, match="cancel"):
        await stream.aclose()

    assert (await reader).text == "ab"
    assert provider.open_streams == 0


async def test_another_task_may_close_between_two_pieces() -> None:
    """The provider's stream is closed, and reading on ends at once."""
    gateway, provider = make()
    stream = gateway.generate_stream_async("hi")
    await anext(stream), await anext(stream)

    await asyncio.create_task(stream.aclose())

    assert provider.open_streams == 0
    assert [piece async for piece in stream] == []
    assert gateway.get_health()["in_flight"] == 0


async def test_a_stream_closed_before_it_began_sends_nothing() -> None:
    """And is over."""
    gateway, provider = make()
    stream = gateway.generate_stream_async("hi")

    await stream.aclose()
    await stream.aclose()

    assert [piece async for piece in stream] == []
    with pytest.raises(GatewayError, match="broken off"):
        stream.whole()
    assert provider.requests == []


def test_a_stream_left_in_a_loop_that_ended_is_closed_with_it() -> None:
    """``asyncio.run`` ends with a stream half read and still held: nothing stays open, nothing warns."""
    gateway, provider = make()
    held: list[Any] = []

    async def main() -> None:
        held.append(gateway.generate_stream_async("hi"))
        await anext(held[0]), await anext(held[0])

    asyncio.run(main())
    held.clear()
    gc.collect()

    assert provider.open_streams == 0
    assert gateway.get_health()["in_flight"] == 0


def test_a_stream_dropped_in_another_thread_is_closed_on_its_loop() -> None:
    """Garbage is collected wherever it falls."""
    gateway, provider = make()

    async def main() -> None:
        held = [gateway.generate_stream_async("hi")]
        await anext(held[0]), await anext(held[0])
        await asyncio.to_thread(held.clear)
        for _ in range(100):
            if not provider.open_streams:
                return
            await asyncio.sleep(0.01)

    asyncio.run(main())

    assert provider.open_streams == 0
