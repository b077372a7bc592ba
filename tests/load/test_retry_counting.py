"""How many requests reach the provider: counted there, for every fault and every provider, whole and streamed."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway import GatewayConfig, GatewayError, Message
from litellm_gateway.compose import Composer
from litellm_gateway.contracts import Call
from litellm_gateway.requests import GenerateRequest
from litellm_gateway.telemetry import CallRecord
from litellm_gateway.testing.loopback import Exchange, LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

RETRIES = 3
ALL = RETRIES + 1
PROVIDERS: dict[str, dict[str, Any]] = {
    "openai": {"api": "chat"},
    "anthropic": {},
    "cohere": {},
    "google": {},
    "bedrock": {"region": "us-east-1"},
}
HEADERS = {"retry-after": "0"}
STATUSES = {
    400: 1, 401: 1, 402: 1, 403: 1, 404: 1, 413: 1, 422: 1,
    429: ALL, 500: ALL, 502: ALL, 503: ALL, 504: ALL, 529: ALL,
}  # fmt: skip


async def reset(exchange: Exchange) -> None:
    exchange.reset()


async def hang_up(exchange: Exchange) -> None:
    exchange.close()


async def stall(exchange: Exchange) -> None:
    await exchange.wait_closed()


async def stall_after_head(exchange: Exchange) -> None:
    await exchange.start()
    await exchange.wait_closed()


async def reset_after_head(exchange: Exchange) -> None:
    await exchange.start()
    exchange.reset()


async def end_after_head(exchange: Exchange) -> None:
    await exchange.start()
    await exchange.finish()
    exchange.close()


async def cut_body(exchange: Exchange) -> None:
    await exchange.send(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n" + b'{"id": "x"'
    )
    exchange.close()


async def truncated(exchange: Exchange) -> None:
    await exchange.respond(b'{"id": "x", "choi')


async def html(exchange: Exchange) -> None:
    await exchange.respond(b"<html>Bad Gateway</html>", headers={"content-type": "text/html"})


async def redirect(exchange: Exchange) -> None:
    await exchange.respond(b"", status=307, headers={"location": "http://127.0.0.1:1/"})


FAULTS: dict[Callable[[Exchange], Awaitable[None]], tuple[int, int]] = {
    reset: (ALL, ALL),
    hang_up: (ALL, ALL),
    stall: (ALL, ALL),
    stall_after_head: (ALL, ALL),
    reset_after_head: (ALL, ALL),
    end_after_head: (2, 2),
    cut_body: (ALL, ALL),
    truncated: (2, 2),
    html: (2, 2),
    redirect: (2, 2),
}
"""Requests expected for a whole answer and for a stream: an answer that cannot be read is asked for twice only."""


class World:
    """A gateway in front of one provider that misbehaves; nothing pauses between tries."""

    def __init__(self, provider: str, url: str, **settings: Any) -> None:
        config = GatewayConfig(
            providers={provider: {"api_key": "test-key-0123456789", "base_url": url, **PROVIDERS[provider]}},
            max_retries=RETRIES,
            first_byte_timeout=0.4,
            chunk_timeout=0.4,
            telemetry=(),
            guardrails=(),
            **settings,
        )
        self.pauses: list[float] = []
        self.composition = Composer(config, sleep=self.sleep).compose(None)

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def ask(self, *, streamed: bool) -> GatewayError | None:
        """Ask once; give the error it ended in."""
        now = time.monotonic()
        call = Call(
            id="req_1", tenant="", deadline=now + 20.0, retries_left=RETRIES, clock=time.monotonic, started_at=now
        )
        request = GenerateRequest(model="some-model", messages=(Message(role="user", content="Hello"),), max_tokens=5)
        pipeline = self.composition.pipeline
        record = CallRecord(call=call, operation="stream" if streamed else "generate")
        try:
            if streamed:
                async for _ in pipeline.stream(lambda: record, request):
                    pass
            else:
                await pipeline.run(call, request, record)
        except GatewayError as error:
            return error
        return None


async def count(provider: str, script: Callable[[Exchange], Awaitable[None]], *, streamed: bool) -> int:
    """Give the requests that reached a server with this fault."""
    async with LoopbackServer(script) as server:
        world = World(provider, server.url)
        try:
            error = await world.ask(streamed=streamed)
        finally:
            await world.composition.aclose()

        assert error is not None
        assert len(world.pauses) == len(server.requests) - 1
        return len(server.requests)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_status_is_retried_as_often_as_its_meaning_allows(provider: str, streamed: bool) -> None:
    """``max_retries=3`` means at most 4 requests, and one only where another try cannot help."""

    def answering(status: int) -> Callable[[Exchange], Awaitable[None]]:
        async def script(exchange: Exchange) -> None:
            await exchange.respond(b'{"error": {"message": "no"}}', status=status, headers=HEADERS)

        return script

    counts = await asyncio.gather(*(count(provider, answering(status), streamed=streamed) for status in STATUSES))

    assert dict(zip(STATUSES, counts, strict=True)) == STATUSES


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_fault_is_retried_as_often_as_its_meaning_allows(provider: str, streamed: bool) -> None:
    """What the network and broken servers do is retried to the limit, what cannot be read once."""
    counts = await asyncio.gather(*(count(provider, fault, streamed=streamed) for fault in FAULTS))

    found = {fault.__name__: number for fault, number in zip(FAULTS, counts, strict=True)}
    assert found == {fault.__name__: expected[streamed] for fault, expected in FAULTS.items()}


async def test_nothing_is_sent_again_once_content_was_given() -> None:
    """A stream that breaks after its first content ends in an error after one request."""

    async def script(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b'data: {"id":"x","model":"m","choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n')
        exchange.reset()

    assert await count("openai", script, streamed=True) == 1


async def test_a_dead_provider_is_hardly_asked_more_often_than_without_retries() -> None:
    """A hundred calls at once to a provider that answers 503 send at most half as many again, breaker or not."""
    asked = 100

    async def script(exchange: Exchange) -> None:
        await exchange.respond(b"{}", status=503, headers=HEADERS)

    async with LoopbackServer(script) as server:
        world = World("openai", server.url, circuit_breaker=None)
        errors = await asyncio.gather(*(world.ask(streamed=False) for _ in range(asked)))
        await world.composition.aclose()

        assert all(error is not None for error in errors)
        assert asked <= len(server.requests) <= 1.2 * asked
