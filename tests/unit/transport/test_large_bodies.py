"""Large request bodies: sent as the socket takes them, without a second copy, and never in each other's way."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from litellm_gateway.testing.loopback import LoopbackServer
from litellm_gateway.transport import HttpxTransport
from litellm_gateway.wire import Timeouts, WireRequest
from litellm_gateway_transport_aiohttp.transport import AiohttpTransport

if TYPE_CHECKING:
    from litellm_gateway.contracts import Transport
    from litellm_gateway.testing.loopback import Exchange

BODY = bytes(range(256)) * 4 * 1024 * 24  # 24 MiB


async def digest(exchange: Exchange) -> None:
    await exchange.respond(hashlib.blake2b(exchange.body).hexdigest().encode())


@pytest.fixture(params=[HttpxTransport, AiohttpTransport])
def transport(request: pytest.FixtureRequest) -> Transport:
    """Each of the transports in its turn."""
    made: Transport = request.param()
    return made


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def send(transport: Transport, url: str, body: bytes, seconds: float = 20.0) -> bytes:
    wire = WireRequest(url=url, body=body)
    opened = await transport.open(wire, timeouts=Timeouts(), deadline=time.monotonic() + seconds)
    return await opened.read()


async def test_a_large_body_arrives_whole_and_the_connection_serves_on(transport: Transport) -> None:
    """What was sent is what came, one request after another on one connection."""
    async with LoopbackServer(digest) as server:
        answers = [await send(transport, server.url, body) for body in (BODY, b"small", BODY[1:], b"")]
        await transport.aclose()

    assert answers == [hashlib.blake2b(body).hexdigest().encode() for body in (BODY, b"small", BODY[1:], b"")]
    assert server.connections == 1


async def test_a_large_body_is_not_copied(transport: Transport) -> None:
    """Sending takes far less memory than the body once more, while a slow server reads it."""

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        left = len(BODY)
        while left:
            left -= len(await reader.read(65536))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(slow, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    tracemalloc.start()
    answer = await send(transport, url, BODY)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    await transport.aclose()
    server.close()

    assert answer == b"ok"
    assert peak < len(BODY) / 3


async def test_an_answer_before_the_end_of_the_body_is_read(transport: Transport) -> None:
    """A server that refuses early is heard, though the rest was never sent."""
    heard, done = asyncio.Event(), asyncio.Event()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\nconnection: close\r\n\r\nbig")
        await heard.wait()
        writer.transport.abort()
        done.set()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    wire = WireRequest(url=url, body=BODY)
    opened = await transport.open(wire, timeouts=Timeouts(), deadline=time.monotonic() + 10)
    answer = await opened.read()
    heard.set()
    await done.wait()
    await transport.aclose()
    server.close()

    assert (opened.status, answer) == (413, b"big")


async def test_leaving_a_large_body_half_sent_closes_its_connection(transport: Transport) -> None:
    """A cancelled upload leaves nothing open and spoils no later request."""
    reading, gone = asyncio.Event(), asyncio.Event()

    async def reads_little(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        reading.set()
        with contextlib.suppress(OSError):
            while await reader.read(65536):
                pass
        writer.close()
        gone.set()

    server = await asyncio.start_server(reads_little, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    sending = asyncio.create_task(send(transport, url, BODY * 4))
    await reading.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    async with asyncio.timeout(5):
        await gone.wait()
    async with LoopbackServer(digest) as other:
        answer = await send(transport, other.url, b"next")
        await transport.aclose()
    server.close()

    assert answer == hashlib.blake2b(b"next").hexdigest().encode()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files")
async def test_a_body_that_nobody_reads_leaves_no_socket(transport: Transport) -> None:
    """A server that takes nothing cannot keep the client's end open once the call is over."""
    reading, over = asyncio.Event(), asyncio.Event()

    async def reads_nothing_more(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        reading.set()
        await over.wait()
        writer.close()

    server = await asyncio.start_server(reads_nothing_more, "127.0.0.1", 0, limit=1000)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    before = _open_files()
    sending = asyncio.create_task(send(transport, url, BODY))
    await reading.wait()
    await asyncio.sleep(0.05)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    async with asyncio.timeout(5):
        while _open_files() > before + 1:  # noqa: ASYNC110 - the server's end is the one
            await asyncio.sleep(0.01)
    over.set()
    await transport.aclose()
    server.close()
