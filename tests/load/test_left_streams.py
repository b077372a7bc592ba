"""Readers that leave a stream: the connection is closed at once, and each call is counted once."""

from __future__ import annotations

import asyncio
import json
import os
import time
from typing import Any

import pytest
from kept_events import KeptEvents
from litellm_gateway import create_gateway
from litellm_gateway.telemetry import CallFinished
from litellm_gateway.testing.loopback import Exchange, LoopbackServer

READERS = int(os.environ.get("LEFT_STREAMS", "200"))
"""1000 for the long form."""


def _piece(text: str) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return b"data: " + json.dumps({"id": "1", "model": "m", "choices": [choice]}).encode() + b"\n\n"


@pytest.mark.parametrize(
    "features", [{}, {"enable_request_deduplication": True, "enable_caching": True}], ids=["plain", "shared"]
)
@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
@pytest.mark.parametrize("way", ["closed", "cancelled", "dropped"])
async def test_every_stream_that_is_left_is_closed_within_a_second(
    way: str, transport: str, features: dict[str, Any]
) -> None:
    """However its reader goes, and however many go at once."""
    closed: list[float] = []

    async def endless(exchange: Exchange) -> None:
        await exchange.start()
        for number in range(3):
            await exchange.chunk(_piece(f"{number} "))
        assert await exchange.wait_closed(20.0)
        closed.append(time.monotonic())
        exchange.close()

    async def read(gateway: Any, number: int, reading: asyncio.Event) -> float:
        stream = gateway.generate_stream_async(f"prompt {number}", tenant_id=f"tenant {number % 7}")
        await anext(stream)
        await anext(stream)
        if way == "cancelled":
            reading.set()
            async for _ in stream:
                pass
        left = time.monotonic()
        if way == "closed":
            await stream.aclose()
        return left

    sink = KeptEvents()
    async with LoopbackServer(endless) as server:
        gateway = create_gateway(
            provider="openai", api_key="sk-load-0123456789", default_model="gpt-4o", base_url=f"{server.url}/v1",
            transport=transport, plugins=[sink], telemetry=["kept"], **features,
        )  # fmt: skip
        for start in range(0, READERS // 3, 50):
            events = [asyncio.Event() for _ in range(50)]
            readers = [asyncio.create_task(read(gateway, start + number, event)) for number, event in enumerate(events)]
            if way == "cancelled":
                await asyncio.gather(*(event.wait() for event in events))
                left = time.monotonic()
                for reader in readers:
                    reader.cancel()
            ends = await asyncio.gather(*readers, return_exceptions=True)
            left = left if way == "cancelled" else min(end for end in ends if isinstance(end, float))
            while len(closed) < len(server.requests) and time.monotonic() < left + 5.0:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            assert max(closed) - left <= 1.0

        ended = sink.of(CallFinished)
        assert len(closed) == len(server.requests) == len(ended)
        assert {event.outcome for event in ended} == {"cancelled" if way == "cancelled" else "abandoned"}
        assert gateway.usage()["calls"] == len(ended)
        assert gateway.get_health()["in_flight"] == 0
        await gateway.aclose()
        assert server.errors == []
