"""TLS is checked, works through a proxy's tunnel, and fails with typed errors."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import ssl
import subprocess
from typing import TYPE_CHECKING

import pytest
from litellm_gateway.errors import ProviderConnectionError
from litellm_gateway.testing.loopback import Exchange, LoopbackServer
from litellm_gateway.testing.transport_fixture import answer_ok, ask, caught, drained, fetch
from litellm_gateway.transport import HttpxTransport
from litellm_gateway_transport_aiohttp.transport import AiohttpTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from litellm_gateway.contracts import Transport


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a self-signed certificate and its key in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.fail("these tests need the openssl command to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-keyout", folder / "key.pem", "-out", folder / "cert.pem",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    both = folder / "both.pem"
    both.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return both


def tls_server(certificate: Path, script=answer_ok) -> LoopbackServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return LoopbackServer(script, tls=context)


@pytest.fixture(params=[HttpxTransport, AiohttpTransport])
def made(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    """Make each of the transports in its turn; ``proxy`` is named the way that transport is told of one."""

    @contextlib.asynccontextmanager
    async def make(
        certificate: Path | None = None, *, proxy: str | None = None, **settings
    ) -> AsyncIterator[Transport]:
        if certificate is not None:
            settings["verify"] = ssl.create_default_context(cafile=str(certificate))
        if proxy is not None and request.param is HttpxTransport:
            settings["proxy"] = proxy
        elif proxy is not None:
            monkeypatch.setenv("ALL_PROXY", proxy)
            settings["trust_env"] = True
        transport = request.param(**settings)
        try:
            yield transport
        finally:
            await transport.aclose()

    return make


class Tunnel:
    """A proxy that opens tunnels, when it is given the right password."""

    def __init__(self, authorization: str | None = None) -> None:
        self.asked: list[str] = []
        self._authorization = authorization

    async def __aenter__(self) -> Tunnel:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head.split(" ")[1])
        if self._authorization and self._authorization not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
            writer.close()
            return
        host, _, port = head.split(" ")[1].rpartition(":")
        there_reader, there_writer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_pump(reader, there_writer), _pump(there_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def test_a_large_body_goes_through_tls_whole(made, certificate: Path) -> None:
    """Slices of a body arrive in their order, and the connection serves on."""
    body = bytes(range(256)) * 4 * 1024 * 8

    async def script(exchange: Exchange) -> None:
        await exchange.respond(b"whole" if exchange.body == body else b"small")

    async with tls_server(certificate, script) as server, made(certificate) as transport:
        answers = [(await fetch(transport, server.url, body=each)).body for each in (body, b"{}", body)]

    assert answers == [b"whole", b"small", b"whole"]
    assert server.connections == 1


async def test_tls_works_and_is_kept(made, certificate: Path) -> None:
    """A trusted server is spoken to over TLS, whole and in pieces, on one kept connection."""

    async def script(exchange: Exchange) -> None:
        await exchange.start()
        for number in range(20):
            await exchange.chunk(b"%d," % number * 1000)
        await exchange.finish()

    async with tls_server(certificate, script) as server, made(certificate) as transport:
        whole = await fetch(transport, server.url)
        pieces = await drained(await ask(transport, server.url))
        connections = server.connections
        large = await fetch(transport, server.url, body=bytes(3_000_000))

    assert whole.body == pieces == large.body
    assert connections == 1
    assert len(server.requests[2].body) == 3_000_000


async def test_an_unknown_certificate_is_refused(made, certificate: Path) -> None:
    """A server whose certificate is not trusted gets no request."""
    async with tls_server(certificate) as server, made() as transport:
        error = await caught(fetch(transport, server.url))

    assert isinstance(error, ProviderConnectionError)
    assert "certificate" in str(error)
    assert server.requests == []


async def test_a_wrong_name_is_refused(made, certificate: Path) -> None:
    """A certificate for another name is not trusted."""
    async with tls_server(certificate) as server, made(certificate) as transport:
        error = await caught(fetch(transport, server.url.replace("127.0.0.1", "127.0.0.2")))

    assert isinstance(error, ProviderConnectionError)
    assert server.requests == []


async def test_checks_can_be_switched_off(made, certificate: Path) -> None:
    """``verify=False`` talks to any server."""
    async with tls_server(certificate) as server, made(verify=False) as transport:
        answer = await fetch(transport, server.url)

    assert answer.status == 200


async def test_tls_connections_are_broken_off_at_once(made, certificate: Path) -> None:
    """Breaking off an answer over TLS closes its connection too."""

    async def script(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b"one")
        await exchange.wait_closed()

    async with tls_server(certificate, script) as server, made(certificate) as transport:
        opened = await ask(transport, server.url)
        await anext(opened.chunks())
        await opened.aclose()
        still_open = await server.settled(0, seconds=2.0)

    assert still_open == 0


async def test_a_tunnel_leads_to_the_server(made, certificate: Path) -> None:
    """Https goes through the proxy's tunnel, with the proxy's own password, once per connection."""
    async with tls_server(certificate) as server, Tunnel("Basic dXNlcjp3b3Jk") as proxy:
        async with made(certificate, proxy=f"http://user:word@127.0.0.1:{proxy.port}") as transport:
            answers = [await fetch(transport, server.url) for _ in range(2)]
        port = server.port

    assert [answer.status for answer in answers] == [200, 200]
    assert proxy.asked == [f"127.0.0.1:{port}"]
    assert "proxy-authorization" not in server.requests[0].headers


async def test_a_refused_tunnel_is_a_connection_error(made, certificate: Path) -> None:
    """A proxy that refuses is named, its password is not."""
    async with (
        tls_server(certificate) as server,
        Tunnel("Basic other") as proxy,
        made(certificate, proxy=f"http://user:word@127.0.0.1:{proxy.port}") as transport,
    ):
        error = await caught(fetch(transport, server.url))

    assert isinstance(error, ProviderConnectionError)
    assert "407" in str(error)
    assert "word" not in str(error)


async def test_a_dead_proxy_is_a_connection_error(made) -> None:
    """A proxy that cannot be reached is named in the error."""
    async with made(proxy="http://127.0.0.1:1") as transport:
        error = await caught(fetch(transport, "http://provider.example/"))

    assert isinstance(error, ProviderConnectionError)
    assert "proxy 127.0.0.1:1" in str(error)
