"""Scenarios: HTTP itself bent and broken: heads, lengths, chunks, encodings, interim responses."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

from litellm_gateway.errors import (
    GatewayError,
    MalformedResponseError,
    ProviderConnectionError,
    ProviderError,
    StreamInterruptedError,
)
from litellm_gateway.testing.faults.scenario import RIGHT, Expected, Scenario, always, by_mode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from litellm_gateway.testing.faults.scenario import Expected as _Expected
    from litellm_gateway.testing.faults.turn import Turn

_MALFORMED = Expected(errors=(MalformedResponseError,))
_REFUSED = Expected(errors=(MalformedResponseError, ProviderConnectionError))
_TYPED = Expected(errors=(GatewayError,))
_EITHER = Expected(errors=(ProviderError,), right=True)


def _raw(name: str, write: Callable[[Turn], bytes], expected: _Expected) -> Scenario:
    """Bytes as they stand, then the end of the connection."""

    async def does(turn: Turn) -> None:
        await turn.exchange.send(write(turn))
        turn.exchange.close()

    return Scenario(name=name, group="HTTP", does=does, expects=always(expected))


def _head(turn: Turn, *lines: str, status: str = "HTTP/1.1 200 OK") -> bytes:
    return "\r\n".join([status, f"content-type: {turn.content_type}", *lines, "", ""]).encode("latin-1")


def _whole(turn: Turn, *lines: str, status: str = "HTTP/1.1 200 OK") -> bytes:
    return _head(turn, f"content-length: {len(turn.body)}", *lines, status=status) + turn.body


def _chunked(turn: Turn, *chunks: bytes, lines: tuple[str, ...] = ()) -> bytes:
    return _head(turn, "transfer-encoding: chunked", *lines) + b"".join(chunks)


def _chunk(data: bytes, extension: bytes = b"") -> bytes:
    return b"%x%b\r\n%b\r\n" % (len(data), extension, data)


_END = b"0\r\n\r\n"
_RAW: dict[str, tuple[Callable[[Turn], bytes], _Expected]] = {
    "not HTTP": (lambda _: b"SSH-2.0-OpenSSH_9.2\r\n", _REFUSED),
    "TLS where none was asked for": (lambda _: b"\x15\x03\x03\x00\x02\x02\x28", _REFUSED),
    "a body without a head": (lambda turn: turn.body, _REFUSED),
    "HTTP/0.9 page": (lambda _: b"<html></html>", _REFUSED),
    "a status of words": (lambda _: b"HTTP/1.1 fine OK\r\n\r\n", _REFUSED),
    "status 99": (lambda _: b"HTTP/1.1 99 Low\r\ncontent-length: 0\r\n\r\n", _TYPED),
    "status 999": (lambda _: b"HTTP/1.1 999 High\r\ncontent-length: 0\r\n\r\n", _TYPED),
    "status 600": (lambda _: b"HTTP/1.1 600 High\r\ncontent-length: 0\r\n\r\n", _TYPED),
    "status 101": (lambda _: b"HTTP/1.1 101 Switching\r\nupgrade: websocket\r\n\r\n", _MALFORMED),
    "status 304": (lambda _: b"HTTP/1.1 304 Not Modified\r\n\r\n", _TYPED),
    "HTTP/2 preface": (lambda _: b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + bytes(18), _REFUSED),
    "a header without a colon": (lambda turn: _whole(turn, "no colon here"), _REFUSED),
    "NUL in a header": (lambda turn: _whole(turn, "x-nul: a\0b"), _REFUSED),
    "bytes beyond ASCII in a header": (lambda turn: _whole(turn, "x-name: caf\xe9"), RIGHT),
    "a folded header": (lambda turn: _whole(turn, "x-fold: a\r\n b"), _EITHER),
    "header names in capitals": (
        lambda turn: _whole(turn).replace(b"content-", b"CONTENT-", 2), RIGHT,
    ),
    "no reason phrase": (lambda turn: _whole(turn, status="HTTP/1.1 200"), RIGHT),
    "line feeds only": (lambda turn: _head(turn).replace(b"\r\n", b"\n") + turn.body, _EITHER),
    "HTTP/1.0 until the end": (lambda turn: _head(turn, status="HTTP/1.0 200 OK") + turn.body, RIGHT),
    "no length, until the end": (lambda turn: _head(turn, "connection: close") + turn.body, RIGHT),
    "Early Hints first": (lambda turn: b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + _whole(turn), RIGHT),
    "100 Continue first": (lambda turn: b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + _whole(turn), RIGHT),
    "cookies": (lambda turn: _whole(turn, "set-cookie: a=b", "set-cookie: c=d"), RIGHT),
    "the same length twice": (lambda turn: _whole(turn, f"content-length: {len(turn.body)}"), _EITHER),
    "two lengths": (lambda turn: _whole(turn, "content-length: 7"), _REFUSED),
    "a length of words": (lambda turn: _head(turn, "content-length: many") + turn.body, _REFUSED),
    "a length below zero": (lambda turn: _head(turn, "content-length: -1") + turn.body, _REFUSED),
    "a length with a plus": (lambda turn: _head(turn, f"content-length: +{len(turn.body)}") + turn.body, _REFUSED),
    "a length of 20 digits": (lambda turn: _head(turn, "content-length: " + "9" * 20) + turn.body, _TYPED),
    "chunks in one write": (lambda turn: _chunked(turn, *map(_chunk, turn.pieces), _END), RIGHT),
    "chunks with extensions": (lambda turn: _chunked(turn, _chunk(turn.body, b";name=value"), _END), RIGHT),
    "trailers": (lambda turn: _chunked(turn, _chunk(turn.body), b"0\r\nx-checksum: 17\r\n\r\n"), RIGHT),
    "a chunk length in words": (lambda turn: _chunked(turn, b"zz\r\n" + turn.body), _REFUSED),
    "a chunk length below zero": (lambda turn: _chunked(turn, b"-5\r\n" + turn.body), _REFUSED),
    "a chunk longer than said": (lambda turn: _chunked(turn, b"1\r\n" + turn.body + b"\r\n", _END), _REFUSED),
    "a chunk length of 40 digits": (lambda turn: _chunked(turn, b"f" * 40 + b"\r\n" + turn.body), _REFUSED),
    "an unknown transfer encoding": (
        lambda turn: _head(turn, "transfer-encoding: morse") + turn.body, Expected(errors=(GatewayError,), right=True),
    ),
    "length and chunks": (
        lambda turn: _chunked(turn, _chunk(turn.body), _END, lines=("content-length: 3",)), _EITHER,
    ),
}  # fmt: skip


def _encoded(name: str, encoding: str, encode: Callable[[bytes], bytes], expected: _Expected) -> Scenario:
    async def does(turn: Turn) -> None:
        await turn.give(encode(turn.body), headers={"content-encoding": encoding})

    return Scenario(name=name, group="HTTP", does=does, expects=always(expected))


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


async def _gzip_cut(turn: Turn) -> None:
    await turn.give(gzip.compress(turn.body)[:-12], headers={"content-encoding": "gzip"})


async def _gzip_in_pieces(turn: Turn) -> None:
    """Compressed piece by piece, each flushed, as a proxy does it to a stream."""
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    await turn.exchange.start(headers={"content-type": turn.content_type, "content-encoding": "gzip"})
    for piece in turn.pieces:
        await turn.exchange.chunk(packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH))
    await turn.exchange.chunk(packer.flush())
    await turn.exchange.finish()


def _does(name: str, does: Callable[[Turn], Awaitable[None]], whole: _Expected, stream: _Expected) -> Scenario:
    return Scenario(name=name, group="HTTP", does=does, expects=by_mode(whole=whole, stream=stream))


async def _shorter_than_said(turn: Turn) -> None:
    """The length is right and more comes after it: not part of the answer."""
    await turn.give()
    await turn.exchange.send(b"surplus")


async def _longer_than_said(turn: Turn) -> None:
    """The body is longer than its length says: what counts is cut."""
    await turn.begin(length=len(turn.half))
    await turn.exchange.send(turn.body)


def http_forms() -> list[Scenario]:
    """Give the scenarios of this room."""
    cut = Expected(errors=(MalformedResponseError, StreamInterruptedError), right=False)
    return [
        *(_raw(name, write, expected) for name, (write, expected) in _RAW.items()),
        _encoded("gzip", "gzip", gzip.compress, RIGHT),
        _encoded("GZIP in capitals", "GZIP", gzip.compress, RIGHT),
        _encoded("gzip in two members", "gzip",
                 lambda data: gzip.compress(data[:99]) + gzip.compress(data[99:]), RIGHT),
        _encoded("deflate", "deflate", zlib.compress, RIGHT),
        _encoded("deflate without its head", "deflate", _raw_deflate, RIGHT),
        _encoded("identity", "identity", lambda data: data, RIGHT),
        _encoded("gzip that is none", "gzip", lambda data: data, _REFUSED),
        _encoded("an encoding nobody asked for", "br", lambda data: b"\x1b" + data, _REFUSED),
        _encoded("two encodings", "gzip, gzip", lambda data: gzip.compress(gzip.compress(data)), _EITHER),
        _does("gzip in pieces", _gzip_in_pieces, RIGHT, RIGHT),
        _does("gzip cut", _gzip_cut, _MALFORMED, Expected(errors=cut.errors)),
        _does("more than its length", _shorter_than_said, _EITHER, _EITHER),
        _does("less than its length", _longer_than_said, _MALFORMED, Expected(errors=(ProviderError,))),
    ]  # fmt: skip
