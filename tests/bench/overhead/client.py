"""One client, measured in a process of its own: ``python client.py <client> <mode> <concurrency> <calls> <url>``.

Prints one JSON line: CPU and wall microseconds per call (``whole``) or per chunk (``stream``), and how many failed.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

PROMPT = "word " * 200
BODY = {"model": "bench", "messages": [{"role": "user", "content": PROMPT}], "temperature": 0.5, "max_tokens": 100}
STREAM_BODY = {**BODY, "stream": True, "stream_options": {"include_usage": True}}
WARM_CALLS = 200
Ask = Callable[[], Awaitable[int]]


async def httpx_client(url: str, mode: str, *, open_pool: bool) -> Ask:
    import httpx

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None) if open_pool else None
    client = httpx.AsyncClient(limits=limits, timeout=60) if limits else httpx.AsyncClient(timeout=60)

    async def whole() -> int:
        response = await client.post(f"{url}/v1/chat/completions", json=BODY)
        return len(response.json()["choices"])

    async def stream() -> int:
        count = 0
        async with client.stream("POST", f"{url}/v1/chat/completions", json=STREAM_BODY) as response:
            async for _ in response.aiter_bytes():
                count += 1
        return count

    async def parsed() -> int:
        count = 0
        async with client.stream("POST", f"{url}/v1/chat/completions", json=STREAM_BODY) as response:
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    json.loads(line[6:])
                    count += 1
        return count

    return {"whole": whole, "stream": stream, "parsed": parsed}[mode]


async def aiohttp_client(url: str, mode: str) -> Ask:
    import aiohttp

    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def whole() -> int:
        async with session.post(f"{url}/v1/chat/completions", json=BODY) as response:
            return len((await response.json())["choices"])

    async def stream() -> int:
        count = 0
        async with session.post(f"{url}/v1/chat/completions", json=STREAM_BODY) as response:
            async for _ in response.content.iter_any():
                count += 1
        return count

    async def parsed() -> int:
        count = 0
        async with session.post(f"{url}/v1/chat/completions", json=STREAM_BODY) as response:
            async for line in response.content:
                if line.startswith(b"data: {"):
                    json.loads(line[6:])
                    count += 1
        return count

    return {"whole": whole, "stream": stream, "parsed": parsed}[mode]


def context(name: str, transport: Any = None) -> Any:
    """Give what a plugin is built from."""
    from litellm_gateway.contracts import BuildContext
    from litellm_gateway.wire import Timeouts

    return BuildContext(
        name=name, transport=lambda: transport, timeouts=Timeouts(), clock=time.monotonic, sleep=asyncio.sleep,
        random=random.Random(0),
    )  # fmt: skip


def build_transport(name: str) -> Any:
    """Build one of the gateway's own transports."""
    from litellm_gateway.wire import TransportSettings

    module = {"httpx": "litellm_gateway.builtin.httpx_transport", "aiohttp": "litellm_gateway_transport_aiohttp.plugin"}
    return importlib.import_module(module[name]).build(TransportSettings(max_connections=1200), context(name))


async def transport_client(url: str, mode: str, *, transport: str) -> Ask:
    """One of the gateway's own transports, called directly: sends bytes and reads bytes."""
    from litellm_gateway.wire import Timeouts, WireRequest

    made = build_transport(transport)
    body = json.dumps(STREAM_BODY if mode == "stream" else BODY, separators=(",", ":")).encode()
    headers = (("content-type", "application/json"), ("authorization", "Bearer sk-bench-0123456789"))
    request = WireRequest(url=f"{url}/v1/chat/completions", body=body, headers=headers)

    async def whole() -> int:
        response = await made.open(request, timeouts=Timeouts(), deadline=time.monotonic() + 60)
        return len(await response.read())

    async def stream() -> int:
        count = 0
        response = await made.open(request, timeouts=Timeouts(), deadline=time.monotonic() + 60)
        async for _ in response.chunks():
            count += 1
        await response.aclose()
        return count

    return whole if mode == "whole" else stream


async def provider_client(url: str, mode: str, *, transport: str) -> Ask:
    """The package of a provider on one of the gateway's own transports, called directly, without any of the core."""
    return provider_ask(build_transport(transport), mode, base_url=f"{url}/v1")


def provider_ask(transport: Any, mode: str, *, base_url: str | None = None) -> Ask:
    """Ask the package of a provider, with a request that was made before: it translates, sends and translates back."""
    from litellm_gateway.contracts import Call
    from litellm_gateway.request_builder import build_generate
    from litellm_gateway.secrets import Secret
    from litellm_gateway_provider_openai.plugin import build
    from litellm_gateway_provider_openai.settings import OpenAISettings

    settings = OpenAISettings(api_key=Secret("sk-bench-0123456789"), base_url=base_url)
    provider: Any = build(settings, context("openai", transport))
    options = {name: value for name, value in BODY.items() if name != "messages"}
    request = build_generate(PROMPT, options)
    now = time.monotonic()
    call = Call(
        id="bench", tenant="", deadline=now + 600.0, retries_left=0, clock=time.monotonic, started_at=now,
    )  # fmt: skip

    async def whole() -> int:
        return len((await provider.generate(request, call)).text)

    async def stream() -> int:
        count = 0
        async for _ in provider.stream(request, call):
            count += 1
        return count

    return whole if mode == "whole" else stream


async def beside_client(url: str, mode: str) -> Ask:
    """A transport called directly and, beside it, the gateway over no network: the two share nothing but a processor.

    What this costs more than the transport alone is what the gateway's own work costs near a socket.
    """
    import null

    direct = await transport_client(url, mode, transport="aiohttp")
    over_nothing = gateway_ask(null.gateway(features()), mode)

    async def both() -> int:
        count = await direct()
        await over_nothing()
        return count

    return both


async def gateway_client(url: str, mode: str, *, transport: str, full: bool) -> Ask:
    from litellm_gateway import create_gateway

    gateway = create_gateway(
        api_key="sk-bench-0123456789", provider="openai", default_model="bench", base_url=f"{url}/v1",
        transport=transport, max_connections=1200, **(features() if full else {}),
    )  # fmt: skip
    return gateway_ask(gateway, mode)


def features() -> dict[str, Any]:
    """Give the settings that switch everything on, so loosely that nothing is refused."""
    from litellm_gateway import RateLimitConfig

    limits = RateLimitConfig(requests_per_minute=10**7, tokens_per_minute=10**11)
    return {
        "enable_caching": True,
        "enable_request_deduplication": True,
        "rate_limit_config": limits,
    }


def gateway_ask(gateway: Any, mode: str) -> Ask:
    number = 0

    async def whole() -> int:
        nonlocal number
        number += 1  # a new prompt each time, so that the cache stores and never answers
        answer = await gateway.generate_async(prompt=f"{PROMPT}{number}", temperature=0.5, max_tokens=100)
        return len(answer.text)

    async def stream() -> int:
        nonlocal number
        number += 1
        count = 0
        async for _ in gateway.generate_stream_async(prompt=f"{PROMPT}{number}", temperature=0.5, max_tokens=100):
            count += 1
        return count

    return whole if mode == "whole" else stream


async def openai_client(url: str, mode: str) -> Ask:
    import openai

    client = openai.AsyncOpenAI(api_key="sk-bench-0123456789", base_url=f"{url}/v1", max_retries=0)

    async def whole() -> int:
        return len((await client.chat.completions.create(**BODY)).choices)

    async def stream() -> int:
        count = 0
        async for _ in await client.chat.completions.create(**STREAM_BODY):
            count += 1
        return count

    return whole if mode == "whole" else stream


async def litellm_client(url: str, mode: str) -> Ask:
    import litellm

    settings = {"api_key": "sk-bench-0123456789", "api_base": f"{url}/v1", "num_retries": 0}

    async def whole() -> int:
        return len((await litellm.acompletion(**{**BODY, **settings, "model": "openai/bench"})).choices)

    async def stream() -> int:
        count = 0
        async for _ in await litellm.acompletion(**{**STREAM_BODY, **settings, "model": "openai/bench"}):
            count += 1
        return count

    return whole if mode == "whole" else stream


CLIENTS: dict[str, Callable[[str, str], Awaitable[Ask]]] = {
    "httpx": lambda url, mode: httpx_client(url, mode, open_pool=False),
    "httpx-open": lambda url, mode: httpx_client(url, mode, open_pool=True),
    "aiohttp": aiohttp_client,
    "transport-httpx": lambda url, mode: transport_client(url, mode, transport="httpx"),
    "transport-aiohttp": lambda url, mode: transport_client(url, mode, transport="aiohttp"),
    "provider-httpx": lambda url, mode: provider_client(url, mode, transport="httpx"),
    "provider-aiohttp": lambda url, mode: provider_client(url, mode, transport="aiohttp"),
    "gateway-httpx": lambda url, mode: gateway_client(url, mode, transport="httpx", full=False),
    "gateway-httpx-full": lambda url, mode: gateway_client(url, mode, transport="httpx", full=True),
    "gateway-aiohttp": lambda url, mode: gateway_client(url, mode, transport="aiohttp", full=False),
    "gateway-aiohttp-full": lambda url, mode: gateway_client(url, mode, transport="aiohttp", full=True),
    "beside-aiohttp-full": beside_client,
    "openai": openai_client,
    "litellm": litellm_client,
}


async def measure(client: str, mode: str, concurrency: int, calls: int, url: str) -> dict[str, float]:
    ask = await CLIENTS[client](url, mode)
    failed = 0
    units = 0

    async def worker(share: int) -> None:
        nonlocal failed, units
        for _ in range(share):
            try:
                got = await ask()
                units += got
            except Exception as error:
                failed += 1
                print(type(error).__name__, error, file=sys.stderr)

    share = max(1, calls // concurrency)
    # until every connection is open and Python has adapted its code to what it runs
    warm = max(1, (WARM_CALLS if mode == "whole" else WARM_CALLS // 40) // concurrency)
    await asyncio.gather(*(worker(warm) for _ in range(concurrency)))
    gc.collect()
    failed = units = 0
    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*(worker(share) for _ in range(concurrency)))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    count = share * concurrency * (100 if mode != "whole" else 1)
    return {"cpu": cpu / count * 1e6, "wall": wall / count * 1e6, "failed": failed, "units": units}


if __name__ == "__main__":
    name, mode, concurrency, calls, url = sys.argv[1:6]
    print(json.dumps(asyncio.run(measure(name, mode, int(concurrency), int(calls), url))))
