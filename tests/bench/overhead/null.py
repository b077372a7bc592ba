"""What the gateway itself costs, over a transport that does nothing: ``python null.py [stdlib]``.

Prints one JSON line of CPU microseconds: per call and per chunk, of the bare transport, of the same with the JSON
that any caller has to write and read, of the provider's package without the core, of the gateway, and of the gateway
with every feature on, one call at a time and 20 at a time. ``stdlib`` hides orjson. Rounds take turns, the smallest of
each kind counts.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if "stdlib" in sys.argv:
    sys.modules["orjson"] = None  # type: ignore[assignment]

sys.path.insert(0, str(Path(__file__).parent))

from client import BODY, PROMPT, features, gateway_ask, provider_ask
from litellm_gateway import create_gateway, json_codec
from litellm_gateway.contracts import TransportOffer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.wire import Timeouts, TransportSettings, WireRequest
from server import ANSWER, CHUNKS, PIECES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

NUMBERS = itertools.count()
EVENTS = [piece.split(b"\r\n", 1)[1].removesuffix(b"0\r\n\r\n").removesuffix(b"\r\n") for piece in PIECES]


class NullResponse:
    """An open response out of thin air."""

    status = 200

    def __init__(self, *, streams: bool) -> None:
        self.headers = {"content-type": "text/event-stream" if streams else "application/json"}

    async def read(self) -> bytes:
        return ANSWER

    async def chunks(self) -> AsyncIterator[bytes]:
        for event in EVENTS:
            yield event

    async def aclose(self) -> None:
        return


class NullTransport:
    """A transport without a network."""

    async def open(self, request: WireRequest, *, timeouts: Timeouts, deadline: float) -> NullResponse:
        return NullResponse(streams=b'"stream":true' in request.body)

    async def aclose(self) -> None:
        return


class NullPlugin:
    """Offers it."""

    @hookimpl
    def gateway_transport(self) -> TransportOffer:
        return TransportOffer(
            name="null",
            summary="no network",
            settings=TransportSettings,
            build=lambda settings, context: NullTransport(),
        )


def gateway(settings: dict[str, Any]) -> Any:
    return create_gateway(
        api_key="sk-bench-0123456789", provider="openai", default_model="bench", transport="null",
        plugins=[NullPlugin()], **settings,
    )  # fmt: skip


async def direct_whole() -> int:
    request = WireRequest(url="http://null/", body=b"{}")
    response = await NullTransport().open(request, timeouts=Timeouts(), deadline=0.0)
    return len(await response.read())


async def direct_json() -> int:
    body = json_codec.encode({**BODY, "messages": [{"role": "user", "content": f"{PROMPT}{next(NUMBERS)}"}]})
    response = await NullTransport().open(WireRequest(url="http://null/", body=body), timeouts=Timeouts(), deadline=0.0)
    return len(json_codec.decode(await response.read())["choices"][0]["message"]["content"])


async def direct_stream() -> int:
    count = 0
    async for _ in NullResponse(streams=True).chunks():
        count += 1
    return count


async def cost(ask: Callable[[], Any], times: int, at_once: int = 1) -> float:
    async def some(times: int) -> None:
        for _ in range(times):
            await ask()

    await ask()
    gc.collect()
    start = time.process_time()
    if at_once == 1:
        await some(times)
    else:
        await asyncio.gather(*(some(times // at_once) for _ in range(at_once)))
    return (time.process_time() - start) / times * 1e6


async def main() -> dict[str, float]:
    plain, full = gateway({}), gateway(features())
    budgets = [{"tokens": 10**12, "money": 10**6}]
    spending = gateway({**features(), "budgets": budgets})
    most = {**features(), "budgets": budgets, "hedging": {}}
    subjects: dict[str, tuple[Callable[[], Any], int, int, int]] = {
        "whole/transport alone": (direct_whole, 2000, 1, 1),
        "whole/transport and JSON": (direct_json, 2000, 1, 1),
        "whole/provider's package": (provider_ask(NullTransport(), "whole"), 500, 1, 1),
        "whole/gateway": (gateway_ask(plain, "whole"), 500, 1, 1),
        "whole/gateway, all features": (gateway_ask(full, "whole"), 500, 1, 1),
        "whole/gateway, 20 at a time": (gateway_ask(plain, "whole"), 500, 1, 20),
        "whole/gateway, all features, 20 at a time": (gateway_ask(gateway(features()), "whole"), 500, 1, 20),
        "whole/gateway, a budget as well, 20 at a time": (gateway_ask(spending, "whole"), 500, 1, 20),
        "whole/gateway, a budget and hedging as well": (gateway_ask(gateway(most), "whole"), 500, 1, 1),
        "whole/gateway, a budget and hedging as well, 20 at a time": (gateway_ask(gateway(most), "whole"), 500, 1, 20),
        "stream/transport alone": (direct_stream, 100, CHUNKS, 1),
        "stream/provider's package": (provider_ask(NullTransport(), "stream"), 15, CHUNKS, 1),
        "stream/gateway": (gateway_ask(plain, "stream"), 15, CHUNKS, 1),
        "stream/gateway, all features": (gateway_ask(gateway(features()), "stream"), 15, CHUNKS, 1),
    }
    best: dict[str, float] = {}
    for _ in range(9):
        for name, (ask, times, units, at_once) in subjects.items():
            best[name] = min(best.get(name, float("inf")), await cost(ask, times, at_once) / units)
    return best


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main())))
