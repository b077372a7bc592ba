"""The promises of a transport about what it sends and what it hands out."""

from __future__ import annotations

import asyncio
import gzip
import os
import tracemalloc
import zlib
from typing import TYPE_CHECKING
from unittest import mock

from litellm_gateway.errors import InvalidRequestError, MalformedResponseError
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
from litellm_gateway.wire import Limits

if TYPE_CHECKING:
    from litellm_gateway.testing.loopback import Exchange

_BAD_HEADERS = (
    ("x-a", "one\r\nx-b: two"),
    ("x-a", "one\ntwo"),
    ("x-a", "nul\0"),
    ("x-a", "漢字"),
    ("x-a", " padded"),
    ("x-a\r\nx-b", "one"),
    ("x a", "one"),
    ("", "one"),
    ("content-length", "5"),
    ("transfer-encoding", "chunked"),
)


class AnswerPromises(TransportFixture):
    """P1 to P12; mixed into ``TransportSuite``."""

    @in_a_loop
    async def test_p1_request_arrives_as_given(self) -> None:
        """P1: method, path, query, headers and body arrive as given, secret headers with their value."""
        async with serve() as server, self.transport() as transport:
            host = f"127.0.0.1:{server.port}"
            await fetch(
                transport,
                server.url + "/v1/chat?api-version=2&x=a%20b",
                body=b'{"a":1}',
                headers=(("content-type", "application/json"),),
                secret_headers=(("authorization", Secret(f"Bearer {CANARY}")),),
            )

        seen = server.requests[0]
        assert (seen.method, seen.path, seen.body) == ("POST", "/v1/chat?api-version=2&x=a%20b", b'{"a":1}')
        assert seen.headers["content-type"] == "application/json"
        assert seen.headers["authorization"] == f"Bearer {CANARY}"
        assert seen.headers["host"] == host
        assert seen.headers["user-agent"].startswith("litellm-gateway/")

    @in_a_loop
    async def test_p2_answer_is_whole(self) -> None:
        """P2: status, headers in lower case and the body come as sent, whole or chunked, empty or not."""

        async def script(exchange: Exchange) -> None:
            if exchange.path == "/chunked":
                await exchange.start(status=201, headers={"X-Name": "Value"})
                for part in (b"one ", b"two ", b"three"):
                    await exchange.chunk(part)
                await exchange.finish()
            elif exchange.path == "/interim":
                await exchange.send(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")
                await exchange.respond(b"after")
            elif exchange.path == "/none":
                await exchange.send(b"HTTP/1.1 204 No Content\r\n\r\n")
            else:
                await exchange.respond(b"body", status=404, headers={"X-Name": "Value"})

        async with serve(script) as server, self.transport() as transport:
            whole = await fetch(transport, server.url + "/whole")
            chunked = await fetch(transport, server.url + "/chunked")
            interim = await fetch(transport, server.url + "/interim")
            none = await fetch(transport, server.url + "/none", method="GET")

        assert (whole.status, whole.headers["x-name"], whole.body) == (404, "Value", b"body")
        assert (chunked.status, chunked.headers["x-name"], chunked.body) == (201, "Value", b"one two three")
        assert (interim.status, interim.body) == (200, b"after")
        assert (none.status, none.body) == (204, b"")

    @in_a_loop
    async def test_p3_pieces_come_as_they_arrive(self) -> None:
        """P3: a piece is handed out before the next one is sent, and headers before the first piece."""
        go_on = asyncio.Event()

        async def script(exchange: Exchange) -> None:
            await exchange.start()
            for part in (b"one", b"two"):
                await go_on.wait()
                go_on.clear()
                await exchange.chunk(part)
            await exchange.finish()

        seen = []
        async with serve(script) as server, self.transport() as transport:
            opened = await ask(transport, server.url)
            go_on.set()
            async for piece in opened.chunks():
                seen.append(piece)
                go_on.set()

        assert seen == [b"one", b"two"]

    @in_a_loop
    async def test_p4_redirects_are_handed_out(self) -> None:
        """P4: a redirect is an answer like any other; nothing is sent to where it points."""

        async def script(exchange: Exchange) -> None:
            await exchange.respond(b"", status=302, headers={"location": "/elsewhere"})

        async with serve(script) as server, self.transport() as transport:
            answer = await fetch(transport, server.url)

        assert answer.status == 302
        assert answer.headers["location"] == "/elsewhere"
        assert len(server.requests) == 1

    @in_a_loop
    async def test_p5_cookies_are_not_kept(self) -> None:
        """P5: a cookie is never sent back."""

        async def script(exchange: Exchange) -> None:
            await exchange.respond(headers={"set-cookie": "session=tenant-a; Path=/"})

        async with serve(script) as server, self.transport() as transport:
            await fetch(transport, server.url)
            await fetch(transport, server.url)

        assert "cookie" not in server.requests[1].headers

    @in_a_loop
    async def test_p6_environment_proxies_are_not_used(self) -> None:
        """P6: proxies of the environment are used only when the settings say so."""
        environment = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
        environment |= {"NO_PROXY": "", "no_proxy": ""}
        with mock.patch.dict(os.environ, environment):
            async with serve() as server, self.transport() as transport:
                answer = await fetch(transport, server.url)

        assert answer.status == 200

    @in_a_loop
    async def test_p6_environment_proxies_are_used_when_asked(self) -> None:
        """P6: with ``trust_env`` a plain request goes to the proxy, which gets the whole URL."""
        async with serve() as proxy:
            environment = dict.fromkeys(("HTTP_PROXY", "http_proxy"), f"http://user:word@127.0.0.1:{proxy.port}")
            with mock.patch.dict(os.environ, environment | {"NO_PROXY": "", "no_proxy": ""}):
                async with self.transport(trust_env=True) as transport:
                    answer = await fetch(transport, "http://provider.invalid/v1")

        assert answer.body == b'{"ok":true}'
        assert proxy.requests[0].path == "http://provider.invalid/v1"
        assert proxy.requests[0].headers["proxy-authorization"] == "Basic dXNlcjp3b3Jk"

    @in_a_loop
    async def test_p7_bad_headers_are_refused_unsent(self) -> None:
        """P7: a header that cannot be sent safely is refused before anything is sent, and its value is not shown."""
        async with serve() as server, self.transport() as transport:
            for name, value in _BAD_HEADERS:
                plain = await caught(ask(transport, server.url, headers=((name, value + CANARY),)))
                secret = await caught(ask(transport, server.url, secret_headers=((name, Secret(value + CANARY)),)))

                for error in (plain, secret):
                    assert isinstance(error, InvalidRequestError), (name, value)
                    assert CANARY not in f"{error!r} {error} {error.__cause__!r} {error.__context__!r}"

        assert server.requests == []

    @in_a_loop
    async def test_p7_bad_urls_are_refused(self) -> None:
        """P7: a URL that is not plain absolute http or https is refused, and not quoted in full."""
        async with self.transport() as transport:
            for url in (
                "ftp://host/x", "/relative", "http://", "http://user:pass@host/", "http://a b/", "http://h\\@evil/",
                "http://host/\r\nx", "http://host:99999/", "http://[::1/",
            ):  # fmt: skip
                error = await caught(ask(transport, url))

                assert isinstance(error, InvalidRequestError), url
                assert "pass" not in str(error).replace("password", "")

    @in_a_loop
    async def test_p8_compressed_bodies_are_undone(self) -> None:
        """P8: gzip and deflate are asked for and undone, whole and in pieces, wherever the network cuts."""
        text = b"compressed text " * 5000
        raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        bodies = {
            "/gzip": ("gzip", gzip.compress(text)),
            "/members": ("gzip", gzip.compress(text[:100]) + gzip.compress(text[100:])),
            "/deflate": ("deflate", zlib.compress(text)),
            "/raw": ("deflate", raw.compress(text) + raw.flush()),
            "/identity": ("identity", text),
        }

        async def script(exchange: Exchange) -> None:
            encoding, body = bodies[exchange.path]
            await exchange.start(headers={"content-encoding": encoding})
            for at in range(0, len(body), 37):
                await exchange.chunk(body[at : at + 37])
            await exchange.finish()

        async with serve(script) as server, self.transport() as transport:
            for path in bodies:
                whole = await fetch(transport, server.url + path)
                pieces = await drained(await ask(transport, server.url + path))

                assert whole.body == text, path
                assert pieces == text, path

        assert server.requests[0].headers["accept-encoding"] == "gzip, deflate"

    @in_a_loop
    async def test_p9_broken_compression_is_malformed(self) -> None:
        """P9: an encoding that was not asked for, broken or cut compression: ``MalformedResponseError``."""
        good = gzip.compress(b"text" * 100)
        bodies = {"/br": ("br", b"x"), "/broken": ("gzip", b"not gzip"), "/cut": ("gzip", good[:-9])}

        async def script(exchange: Exchange) -> None:
            encoding, body = bodies[exchange.path]
            await exchange.respond(body, headers={"content-encoding": encoding})

        async with serve(script) as server, self.transport() as transport:
            for path in bodies:
                error = await caught(fetch(transport, server.url + path))

                assert isinstance(error, MalformedResponseError), path

    @in_a_loop
    async def test_p10_bodies_are_bounded_after_decompression(self) -> None:
        """P10: a body over ``Limits.body`` after decompression ends early, before it fills the memory."""
        packer = zlib.compressobj(9, wbits=31)
        bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()

        async def script(exchange: Exchange) -> None:
            if exchange.path == "/bomb":
                await exchange.respond(bomb, headers={"content-encoding": "gzip"})
            else:
                await exchange.respond(bytes(1_000_001))

        limits = Limits(body=1_000_000)
        async with serve(script) as server, self.transport(limits=limits) as transport:
            plain = await caught(fetch(transport, server.url))
            tracemalloc.start()
            packed = await caught(fetch(transport, server.url + "/bomb"))
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()

        assert isinstance(plain, MalformedResponseError)
        assert isinstance(packed, MalformedResponseError)
        assert peak < 8_000_000

    @in_a_loop
    async def test_p11_headers_are_bounded(self) -> None:
        """P11: headers over ``Limits.headers`` end early, be they one endless line or very many."""

        async def script(exchange: Exchange) -> None:
            await exchange.send(b"HTTP/1.1 200 OK\r\n")
            line = b"x" * 500 if exchange.path == "/line" else b"x-name: " + b"v" * 490 + b"\r\n"
            for _ in range(40_000 if exchange.path != "/some" else 10):
                await exchange.send(line)
            await exchange.send(b"content-length: 0\r\n\r\n")

        async with serve(script) as server, self.transport(limits=Limits(headers=4096)) as transport:
            for path in ("/line", "/many", "/some"):
                error = await caught(fetch(transport, server.url + path))

                assert isinstance(error, MalformedResponseError), path

    @in_a_loop
    async def test_p11_a_raised_limit_is_the_limit(self) -> None:
        """P11: headers below a limit that was raised are taken."""

        async def script(exchange: Exchange) -> None:
            await exchange.respond(headers={"x-long": "v" * 200_000})

        async with serve(script) as server, self.transport(limits=Limits(headers=300_000)) as transport:
            answer = await fetch(transport, server.url)

        assert len(answer.headers["x-long"]) == 200_000

    @in_a_loop
    async def test_p12_more_than_asked_for_is_never_an_answer(self) -> None:
        """P12: bytes after a response are never taken for the response to the next request."""

        async def script(exchange: Exchange) -> None:
            await exchange.respond(exchange.path.encode())
            if exchange.path in ("/first", "/second"):
                await asyncio.sleep(0.02 if exchange.path == "/second" else 0.0)
                await exchange.respond(b"forged")

        bodies = []
        async with serve(script) as server, self.transport() as transport:
            for path in ("/first", "/second", "/third"):
                bodies.append((await fetch(transport, server.url + path)).body)
                await asyncio.sleep(0.05)

        assert bodies == [b"/first", b"/second", b"/third"]
