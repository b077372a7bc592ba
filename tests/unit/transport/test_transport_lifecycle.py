"""What happens to connections when loops, processes and transports end in unusual ways."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import textwrap
import weakref

from litellm_gateway.testing.loopback import Exchange, LoopbackServer, in_thread
from litellm_gateway.testing.transport_fixture import answer_ok, ask, fetch
from litellm_gateway.transport import HttpxTransport

NEVER_CLOSED = textwrap.dedent(
    """
    import asyncio, sys, time
    from litellm_gateway.transport import HttpxTransport
    from litellm_gateway.wire import Timeouts, WireRequest

    async def main():
        opened = await transport.open(
            WireRequest(url=sys.argv[1]), timeouts=Timeouts(), deadline=time.monotonic() + 5
        )
        print((await opened.read()).decode())

    transport = HttpxTransport()
    asyncio.run(main())
    asyncio.run(main())
    """
)


def test_a_transport_never_closed_is_silent() -> None:
    """A process that never closes its transport ends at once, without a warning."""
    with in_thread(LoopbackServer(answer_ok)) as server:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", NEVER_CLOSED, server.url],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert done.stdout == '{"ok":true}\n{"ok":true}\n'
    assert done.stderr == ""


def test_ended_loops_are_let_go() -> None:
    """A transport that outlives many event loops holds on to none of them."""

    async def one() -> weakref.ref[asyncio.AbstractEventLoop]:
        await fetch(transport, server.url)
        return weakref.ref(asyncio.get_running_loop())

    transport = HttpxTransport()
    with in_thread(LoopbackServer(answer_ok)) as server:
        loops = [asyncio.run(one()) for _ in range(5)]
        gc.collect()

    assert [loop() for loop in loops] == [None] * 5


async def test_a_forgotten_transport_closes_its_connections() -> None:
    """Connections of a transport that nobody refers to any more are closed, on a loop that goes on."""
    async with LoopbackServer(answer_ok) as server:
        transport = HttpxTransport(keepalive=0.2)
        await fetch(transport, server.url)
        del transport
        gc.collect()
        still_open = await server.settled(0, seconds=3.0)

    assert still_open == 0


async def test_idle_connections_count_as_open() -> None:
    """Over several origins, idle connections included, no more than ``max_connections`` are open."""
    transport = HttpxTransport(max_connections=3)
    async with LoopbackServer(answer_ok) as one, LoopbackServer(answer_ok) as two:
        for url in (one.url, two.url) * 3:
            await asyncio.gather(*(fetch(transport, url) for _ in range(6)))
        await asyncio.sleep(0.05)
        open_now = one.open + two.open
        await transport.aclose()

    assert open_now <= 3


async def test_headers_go_out_as_latin_1() -> None:
    """A header value may hold latin-1 characters."""
    transport = HttpxTransport()
    async with LoopbackServer(answer_ok) as server:
        await fetch(transport, server.url, headers=(("x-name", "caf\xe9"),))
        await transport.aclose()

    assert server.requests[0].headers["x-name"] == "caf\xe9"


async def test_an_answer_without_length_ends_with_its_connection() -> None:
    """A body that ends with the connection is whole, and the connection is not used again."""

    async def script(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
        exchange.close()

    transport = HttpxTransport()
    async with LoopbackServer(script) as server:
        bodies = [(await fetch(transport, server.url)).body for _ in range(2)]
        await transport.aclose()

    assert bodies == [b"until the end"] * 2
    assert server.connections == 2


async def test_a_server_that_says_close_is_believed() -> None:
    """After ``connection: close`` the connection is not used again."""

    async def script(exchange: Exchange) -> None:
        await exchange.respond(headers={"connection": "close"})

    transport = HttpxTransport()
    async with LoopbackServer(script) as server:
        for _ in range(2):
            await fetch(transport, server.url)
        await transport.aclose()

    assert server.connections == 2


async def test_a_slow_reader_stops_the_server() -> None:
    """What nobody reads is not piled up: the server has to wait."""
    sent = 0

    async def script(exchange: Exchange) -> None:
        nonlocal sent
        await exchange.start()
        for _ in range(400):
            await exchange.chunk(bytes(100_000))
            sent += 100_000
        await exchange.finish()

    transport = HttpxTransport()
    async with LoopbackServer(script) as server:
        opened = await ask(transport, server.url)
        await anext(opened.chunks())
        await asyncio.sleep(0.3)
        sent_while_waiting = sent
        total = sum([len(piece) async for piece in opened.chunks()])
        await transport.aclose()

    assert sent_while_waiting < 20_000_000
    assert total > 39_000_000
