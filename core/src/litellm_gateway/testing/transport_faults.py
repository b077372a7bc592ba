"""The promises of a transport about servers that fail: every fault is one typed error, in time."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING

from litellm_gateway.errors import (
    DeadlineExceededError,
    GatewayError,
    MalformedResponseError,
    ProviderConnectionError,
    ProviderTimeoutError,
)
from litellm_gateway.secrets import Secret
from litellm_gateway.testing.transport_fixture import (
    CANARY,
    TransportFixture,
    ask,
    caught,
    drained,
    fetch,
    in_a_loop,
    serve,
)
from litellm_gateway.wire import Timeouts

if TYPE_CHECKING:
    from litellm_gateway.contracts import Transport
    from litellm_gateway.testing.loopback import Exchange


class FaultPromises(TransportFixture):
    """P13 to P20, and P30; mixed into ``TransportSuite``."""

    @in_a_loop
    async def test_p13_cut_bodies_are_connection_errors(self) -> None:
        """P13: a body that ends too early, in good order or by reset, is a ``ProviderConnectionError``."""

        async def script(exchange: Exchange) -> None:
            if exchange.path.startswith("/length"):
                await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart")
            else:
                await exchange.start()
                await exchange.chunk(b"part")
            await asyncio.sleep(0.02)
            if exchange.path.endswith("reset"):
                exchange.reset()
            else:
                exchange.close()

        async with serve(script) as server, self.transport() as transport:
            for path in ("/length", "/length-reset", "/chunked", "/chunked-reset"):
                whole = await caught(fetch(transport, server.url + path))
                pieces = await caught(drained(await ask(transport, server.url + path)))

                assert isinstance(whole, ProviderConnectionError), path
                assert isinstance(pieces, ProviderConnectionError), path

    @in_a_loop
    async def test_p14_what_is_not_http_is_malformed(self) -> None:
        """P14: an answer that is not HTTP is a ``MalformedResponseError``."""
        answers = {
            "/ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
            "/status": b"HTTP/1.1 abc OK\r\n\r\n",
            "/header": b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
            "/chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            "/length": b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
            "/switch": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        }

        async def script(exchange: Exchange) -> None:
            await exchange.send(answers[exchange.path])
            await asyncio.sleep(0.02)
            exchange.close()

        async with serve(script) as server, self.transport() as transport:
            for path in answers:
                error = await caught(fetch(transport, server.url + path))

                assert isinstance(error, MalformedResponseError), (path, error)

    @in_a_loop
    async def test_p15_a_fresh_connection_is_never_retried(self) -> None:
        """P15: a server that hangs up before it answers gets the request once; ``ProviderConnectionError``."""

        async def script(exchange: Exchange) -> None:
            if exchange.path == "/reset":
                exchange.reset()
            else:
                exchange.close()

        async with serve(script) as server, self.transport() as transport:
            closed = await caught(fetch(transport, server.url + "/close"))
            reset = await caught(fetch(transport, server.url + "/reset"))

        assert isinstance(closed, ProviderConnectionError)
        assert isinstance(reset, ProviderConnectionError)
        assert [seen.path for seen in server.requests] == ["/close", "/reset"]

    @in_a_loop
    async def test_p15_a_dead_kept_connection_costs_nothing(self) -> None:
        """P15: a kept-alive connection found dead is replaced, and every request is answered once."""

        async def script(exchange: Exchange) -> None:
            if exchange.number > 0:
                # Closed while the request was on its way: it is not worked on.
                server.requests.pop()
                exchange.reset()
                return
            await exchange.respond(exchange.path.encode())

        async with serve(script) as server, self.transport() as transport:
            bodies = [(await fetch(transport, f"{server.url}/{number}")).body for number in range(4)]

        assert bodies == [b"/0", b"/1", b"/2", b"/3"]
        assert [seen.path for seen in server.requests] == ["/0", "/1", "/2", "/3"]

    @in_a_loop
    async def test_p15_a_slow_death_is_not_retried(self) -> None:
        """P15: a kept-alive connection that dies late may have been worked on: no second request."""

        async def script(exchange: Exchange) -> None:
            if exchange.number == 0:
                await exchange.respond()
                return
            await asyncio.sleep(0.6)
            exchange.reset()

        async with serve(script) as server, self.transport() as transport:
            await fetch(transport, server.url)
            error = await caught(fetch(transport, server.url))

        assert isinstance(error, ProviderConnectionError)
        assert len(server.requests) == 2

    @in_a_loop
    async def test_p30_what_may_go_out_once_is_never_repeated(self) -> None:
        """P30: a request with ``once`` reaches a server at most once, whatever becomes of kept-alive connections."""

        async def script(exchange: Exchange) -> None:
            if exchange.number > 0 or exchange.path == "/cut":
                exchange.reset()
                return
            await exchange.respond()

        async with serve(script) as server, self.transport() as transport:
            await fetch(transport, server.url + "/first")
            fresh = await fetch(transport, server.url + "/once", once=True)
            error = await caught(fetch(transport, server.url + "/cut", once=True))

        assert fresh.status == 200
        assert isinstance(error, ProviderConnectionError)
        assert [seen.path for seen in server.requests] == ["/first", "/once", "/cut"]

    @in_a_loop
    async def test_p16_unreachable_is_a_connection_error(self) -> None:
        """P16: a refused connection, an unknown name and a failed TLS handshake: ``ProviderConnectionError``."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        no_tls = await asyncio.start_server(_speak_no_tls, "127.0.0.1", 0)
        tls_port = no_tls.sockets[0].getsockname()[1]
        no_name = "n" * 70
        urls = (f"http://127.0.0.1:{port}/", f"http://{no_name}.test/", f"https://127.0.0.1:{tls_port}/")
        async with self.transport() as transport:
            errors = [await caught(ask(transport, url)) for url in urls]
        no_tls.close()

        assert [type(error) for error in errors] == [ProviderConnectionError] * 3
        assert [getattr(error, "phase", None) for error in errors] == ["connect"] * 3

    @in_a_loop
    async def test_p17_phases_time_out_by_name(self) -> None:
        """P17: connect, first byte and chunk have their own time; the error names the phase."""

        async def script(exchange: Exchange) -> None:
            if exchange.path == "/chunk":
                await exchange.start()
                await exchange.chunk(b"one")
            await exchange.wait_closed()

        errors = []
        async with serve(script) as server, self.transport() as transport:
            errors.append(await caught(ask(transport, server.url, timeouts=Timeouts(first_byte=0.1))))
            opened = await ask(transport, server.url + "/chunk", timeouts=Timeouts(chunk=0.1))
            errors.append(await caught(drained(opened)))
            still_open = await server.settled(0)
            errors.append(await caught(_to_silence(transport, Timeouts(connect=0.1))))

        assert [type(error) for error in errors] == [ProviderTimeoutError] * 3
        assert [getattr(error, "phase", None) for error in errors] == ["first_byte", "chunk", "connect"]
        assert still_open == 0

    @in_a_loop
    async def test_p17_a_phase_starts_anew_with_every_byte(self) -> None:
        """P17: pieces that come in time, each for itself, never time out."""

        async def script(exchange: Exchange) -> None:
            await exchange.start()
            for _ in range(6):
                await asyncio.sleep(0.08)
                await exchange.chunk(b"x")
            await exchange.finish()

        async with serve(script) as server, self.transport() as transport:
            body = await drained(await ask(transport, server.url, timeouts=Timeouts(first_byte=0.3, chunk=0.3)))

        assert body == b"x" * 6

    @in_a_loop
    async def test_p22_times_of_a_request_end_with_it(self) -> None:
        """P22: what a request gave its phases does not end the connection it gave back."""
        async with serve() as server, self.transport() as transport:
            for _ in range(2):
                await fetch(transport, server.url, timeouts=Timeouts(first_byte=5.0, chunk=0.05))
                await asyncio.sleep(0.15)

        assert server.connections == 1

    @in_a_loop
    async def test_p18_the_deadline_ends_everything(self) -> None:
        """P18: the deadline ends silence, headers that drip, a body that drips and chunk heads that drip."""

        async def script(exchange: Exchange) -> None:
            drips = {
                "/headers": (b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
                "/body": (b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n", b"x"),
                "/chunks": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"0"),
                "/interim": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
            }
            if exchange.path == "/silence":
                await exchange.wait_closed(10)
                return
            first, drip = drips[exchange.path]
            await exchange.send(first)
            for _ in range(500):
                await exchange.send(drip)
                await asyncio.sleep(0.01)

        timeouts = Timeouts(first_byte=2.0, chunk=2.0)
        async with serve(script) as server, self.transport() as transport:
            for path in ("/silence", "/headers", "/body", "/chunks", "/interim"):
                began = time.monotonic()
                error = await caught(fetch(transport, server.url + path, timeouts=timeouts, seconds=0.3))

                assert isinstance(error, DeadlineExceededError), (path, error)
                assert error.phase in ("first_byte", "chunk")
                assert time.monotonic() - began < 1.5, path
            assert await server.settled(0) == 0

    @in_a_loop
    async def test_p18_a_passed_deadline_sends_nothing(self) -> None:
        """P18: a call whose time is up already is not sent; neither is one that cannot connect in time."""
        async with serve() as server, self.transport() as transport:
            past = await caught(ask(transport, server.url, seconds=-1.0))
            connecting = await caught(_to_silence(transport, Timeouts(), seconds=0.1))

        assert isinstance(past, DeadlineExceededError)
        assert isinstance(connecting, DeadlineExceededError)
        assert connecting.phase == "connect"
        assert server.requests == []

    @in_a_loop
    async def test_p19_a_large_body_may_be_slow_to_send(self) -> None:
        """P19: the first byte's time starts when the request is sent, not while a slow server still takes it."""

        async def script(exchange: Exchange) -> None:
            await exchange.respond(b"%d" % len(exchange.body))

        body = bytes(24 * 1024 * 1024)
        async with serve(script) as server, self.transport() as transport:
            answer = await fetch(transport, server.url, body=body, timeouts=Timeouts(first_byte=1.0))

        assert answer.body == b"%d" % len(body)

    @in_a_loop
    async def test_p20_errors_tell_nothing_secret(self) -> None:
        """P20: an error names host and port; it shows no header, no query and no body."""

        async def script(exchange: Exchange) -> None:
            exchange.close()

        async with serve(script) as server, self.transport() as transport:
            error = await caught(
                fetch(
                    transport,
                    f"{server.url}/path?key={CANARY}",
                    body=CANARY.encode(),
                    secret_headers=(("authorization", Secret(CANARY)),),
                )
            )

        assert isinstance(error, GatewayError)
        assert server.requests[0].headers["host"] in str(error)
        shown: BaseException | None = error
        while shown is not None:
            assert CANARY not in f"{shown!r} {shown} {getattr(shown, '__dict__', '')}"
            shown = shown.__cause__ or shown.__context__


async def _speak_no_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    writer.close()


async def _to_silence(transport: Transport, timeouts: Timeouts, seconds: float = 10.0) -> object:
    """Ask for TLS of a server that takes connections and says nothing."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        return await ask(transport, url, timeouts=timeouts, seconds=seconds)
