"""Many calls at once, and many broken off: everything succeeds, and nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import define
from litellm_gateway import (
    GatewayError,
    HealthCheckConfig,
    HedgingConfig,
    LiteLLMGateway,
    RateLimitConfig,
    create_gateway,
)
from litellm_gateway.contracts import Offer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.telemetry import CallFinished
from litellm_gateway.testing.loopback import Exchange, LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Iterator

CANCELLED = int(os.environ.get("CANCELLED_CALLS", "5000"))
"""10000 for the long form."""
TRANSPORTS = ["httpx", "aiohttp"]
ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
).encode()


@define(eq=False)
class Sink:
    """Adds up what the last events of calls tell."""

    calls: int = 0
    tokens: int = 0

    @hookimpl
    def gateway_telemetry_sink(self) -> Offer[Any]:
        return Offer(name="sink", summary="", build=lambda settings, context: self)

    def record(self, event: Any) -> None:
        if not isinstance(event, CallFinished):
            return
        self.calls += 1
        self.tokens += event.given_up_tokens
        if event.usage is not None and not event.cached and not event.shared:
            self.tokens += event.usage.total_tokens

    async def aclose(self) -> None:
        return


@pytest.fixture(autouse=True)
def _room_for_sockets() -> Iterator[None]:
    """Both ends of a thousand connections live in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192 if hard < 0 else min(hard, 8192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def memory() -> float:
    """Resident memory of this process in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


def piece(text: str) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return b"data: " + json.dumps({"id": "1", "model": "m", "choices": [choice]}).encode() + b"\n\n"


def server(delay: float) -> LoopbackServer:
    """Answer after a delay, streamed where a stream is asked for."""

    async def script(exchange: Exchange) -> None:
        await asyncio.sleep(delay)
        if exchange.path.endswith("/embeddings"):
            count = len(json.loads(exchange.body)["input"])
            data = [{"index": number, "embedding": "AAAAPw=="} for number in range(count)]
            usage = {"prompt_tokens": count, "total_tokens": count}
            await exchange.respond(json.dumps({"model": "e", "usage": usage, "data": data}).encode())
            return
        if b'"stream":true' not in exchange.body:
            await exchange.respond(ANSWER)
            return
        await exchange.start()
        for number in range(4):
            await exchange.chunk(piece(f"{number}"))
            await asyncio.sleep(delay)
        end = {"id": "1", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        await exchange.chunk(b"data: " + json.dumps(end).encode() + b"\n\ndata: [DONE]\n\n")
        await exchange.finish()

    return LoopbackServer(script)


def make(url: str, transport: str, **settings: Any) -> LiteLLMGateway:
    return create_gateway(
        provider="openai", api_key="sk-load-0123456789", default_model="gpt-4o", base_url=f"{url}/v1",
        transport=transport, **settings,
    )  # fmt: skip


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_thousand_calls_at_once_all_succeed_and_leave_nothing(transport: str) -> None:
    """Afterwards sockets, tasks and memory are back where they were before, within a tenth."""
    async with server(0.05) as loopback:
        gateway = make(loopback.url, transport)
        await asyncio.gather(*(gateway.generate_async("warm up") for _ in range(1000)))
        await gateway.aclose()
        await loopback.settled()
        gc.collect()
        files, tasks, before = open_files(), len(asyncio.all_tasks()), memory()

        gateway = make(loopback.url, transport)
        answers = await asyncio.gather(*(gateway.generate_async(f"call {number}") for number in range(1000)))
        in_flight = gateway.get_health()["in_flight"]
        await gateway.aclose()
        await loopback.settled()
        gc.collect()

        assert [answer.text for answer in answers] == ["ok"] * 1000
        assert in_flight == 0
        assert open_files() <= files + 2
        assert len(asyncio.all_tasks()) <= tasks
        assert memory() <= before * 1.1


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_after_thousands_of_cancelled_calls_the_next_fifty_succeed(transport: str) -> None:
    """Calls cancelled in line, connecting, before and amid their answer hold nothing; every sum is right."""
    chance = random.Random(20)
    limits = RateLimitConfig(
        requests_per_minute=10**6, tokens_per_minute=10**9, concurrency=60, max_queue_size=100, queue_timeout=5.0
    )
    sink = Sink()
    async with server(0.002) as loopback:
        gateway = make(
            loopback.url, transport, rate_limit_config=limits, circuit_breaker=None, max_connections=50,
            plugins=[sink], telemetry=["sink"], budgets=[{"tokens": 10**9}], enable_caching=True,
            enable_request_deduplication=True, enable_request_batching=True, batch_timeout=0.001,
            hedging=HedgingConfig(min_samples=5, min_delay=0.0, max_extra_ratio=1.0), retry_budget=None,
            health_check=HealthCheckConfig(interval=0.2, timeout=0.2),
        )  # fmt: skip
        tasks_before = len(asyncio.all_tasks())

        async def one(number: int) -> None:
            prompt = f"prompt {number // 2}"  # every second call follows the one before
            if number % 3:
                await gateway.generate_async(prompt)
            elif number % 2:
                await gateway.embed_async([prompt, "and more"], model="text-embedding-3-small")
            else:
                await gateway.generate_stream_async(prompt).response()

        await asyncio.gather(*(gateway.generate_async(f"first {number}") for number in range(10)))
        for start in range(0, CANCELLED, 200):
            running = [asyncio.create_task(one(start + offset)) for offset in range(200)]
            for _ in range(chance.randrange(6)):
                await asyncio.sleep(0)
            for task in running:
                if chance.random() < 0.1:
                    await asyncio.sleep(chance.random() * 0.002)
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        good = await asyncio.gather(*(gateway.generate_async(f"good {number}") for number in range(50)))
        for _ in range(100):
            if len(asyncio.all_tasks()) <= tasks_before + 60:
                break
            await asyncio.sleep(0.01)

        health, limit = gateway.get_health(), gateway.explain("x")["limits"]["each"]
        assert [answer.text for answer in good] == ["ok"] * 50
        assert health["in_flight"] == 0
        assert health["rate_limit"]["queue_depth"] == 0
        assert [each["free"] for each in limit if each["unit"] == "concurrency"] == [60]
        used = gateway.usage()["tokens"]["total"]
        assert sink.tokens <= used  # of what callers left that others went on waiting for, only the sums tell
        assert 0.9 * CANCELLED < sink.calls == gateway.usage()["calls"] <= CANCELLED + 60
        assert [each["limit"] - each["free"] for each in limit if each["unit"] == "tokens"] == [used] * 2
        await gateway.aclose()
        await loopback.settled()
    assert len(asyncio.all_tasks()) <= tasks_before


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
async def test_a_thousand_identical_calls_are_one_request(streamed: bool) -> None:
    """Whoever of them leaves early, the leader first, the others get the answer."""
    async with server(0.05) as loopback:
        gateway = make(loopback.url, "httpx", enable_request_deduplication=True)

        async def one() -> str:
            if streamed:
                return (await gateway.generate_stream_async("the same").response()).text
            return (await gateway.generate_async("the same")).text

        callers = [asyncio.create_task(one()) for _ in range(1000)]
        await asyncio.sleep(0.03)
        for caller in callers[:10]:
            caller.cancel()
        answers = await asyncio.gather(*callers, return_exceptions=True)

        assert {type(answer) for answer in answers[:10]} == {asyncio.CancelledError}
        assert answers[10:] == ["0123" if streamed else "ok"] * 990
        assert len(loopback.requests) == 1
        await gateway.aclose()


async def test_memory_does_not_grow_with_calls() -> None:
    """Ten thousand calls with ever new tenants and prompts stay within their bounds."""
    gateway = create_gateway(
        provider="echo", enable_caching=True, enable_request_deduplication=True, deduplication_ttl=60,
        cache_settings={"max_entries": 500, "max_bytes": 1_000_000},
        rate_limit_config=RateLimitConfig(requests_per_minute=100),
    )  # fmt: skip

    async def some(start: int, count: int) -> None:
        for number in range(start, start + count):
            await gateway.generate_async(f"prompt {number}", tenant_id=f"tenant {number}")

    await some(0, 12_000)
    gc.collect()
    before = memory()

    await some(12_000, 10_000)
    gc.collect()

    assert memory() <= before + 12


@pytest.mark.skipif(sys.platform != "linux", reason="counts open files in /proc")
async def test_failing_calls_leave_no_socket(tmp_path: Path) -> None:
    """A server that resets every connection costs typed errors and nothing else."""

    async def reset(exchange: Exchange) -> None:
        exchange.reset()

    async with LoopbackServer(reset) as loopback:
        gateway = make(loopback.url, "httpx", max_retries=1, circuit_breaker=None)
        files = open_files()

        answers = await asyncio.gather(*(gateway.generate_async("x") for _ in range(200)), return_exceptions=True)
        await loopback.settled()

        assert {isinstance(answer, GatewayError) for answer in answers} == {True}
        assert open_files() <= files + 2
        await gateway.aclose()
