"""Scenarios: more than any answer has. A client must refuse it in time, and without taking it all into memory."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING

from litellm_gateway.errors import GatewayError
from litellm_gateway.testing.faults.scenario import Expected, Scenario, always, by_mode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from litellm_gateway.testing.faults.turn import Turn

_BLOCK = 64 * 1024
_REFUSED = Expected(errors=(GatewayError,))


async def _header_line(turn: Turn) -> None:
    await turn.exchange.send(b"HTTP/1.1 200 OK\r\nx-flood: ")
    await turn.flood(b"f" * _BLOCK)


async def _headers(turn: Turn) -> None:
    await turn.exchange.send(b"HTTP/1.1 200 OK\r\n")
    await turn.flood(b"x-flood: drop\r\n" * 4096)


async def _status_line(turn: Turn) -> None:
    await turn.flood(b"HTTP/1.1 200 " + b"O" * _BLOCK)


async def _interim(turn: Turn) -> None:
    await turn.flood(b"HTTP/1.1 102 Processing\r\n\r\n" * 2048)


async def _body(turn: Turn) -> None:
    await turn.exchange.start(headers={"content-type": "application/json"})
    await turn.exchange.chunk(b'{"id": "')
    await turn.flood(b"10000\r\n" + b"x" * _BLOCK + b"\r\n")


async def _body_with_length(turn: Turn) -> None:
    await turn.exchange.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1099511627776\r\n\r\n")
    await turn.flood(b" " * _BLOCK)


async def _error_body(turn: Turn) -> None:
    await turn.exchange.start(status=500, headers={"content-type": "text/html"})
    await turn.flood(b"10000\r\n" + b"x" * _BLOCK + b"\r\n")


async def _line(turn: Turn) -> None:
    await turn.begin()
    await turn.exchange.chunk(b'data: {"id": "')
    await turn.flood(b"10000\r\n" + b"x" * _BLOCK + b"\r\n")


async def _event(turn: Turn) -> None:
    """Lines of one event without end."""
    await turn.begin()
    block = b"data: x\n" * 8192
    await turn.flood(b"%x\r\n%b\r\n" % (len(block), block))


async def _comments(turn: Turn) -> None:
    await turn.begin()
    block = b": still here\n" * 5000
    await turn.flood(b"%x\r\n%b\r\n" % (len(block), block))


async def _blank_lines(turn: Turn) -> None:
    await turn.begin()
    await turn.flood(b"10000\r\n" + b"\n" * _BLOCK + b"\r\n")


async def _empty_events(turn: Turn) -> None:
    await turn.begin()
    block = b"event: ping\ndata: {}\n\n" * 3000
    await turn.flood(b"%x\r\n%b\r\n" % (len(block), block))


async def _content(turn: Turn) -> None:
    """Content without end, each piece small."""
    await turn.begin()
    content = [frame.data for frame in turn.frames if frame.kind == "content"]
    piece = content[len(content) // 2]
    await turn.exchange.chunk(b"".join(frame.data for frame in turn.frames[: len(turn.frames) // 2]))
    block = piece * (_BLOCK // len(piece) + 1)
    await turn.flood(b"%x\r\n%b\r\n" % (len(block), block))


async def _starts(turn: Turn) -> None:
    """The first event again and again."""
    await turn.begin()
    piece = turn.frames[0].data
    block = piece * (_BLOCK // len(piece) + 1)
    await turn.flood(b"%x\r\n%b\r\n" % (len(block), block))


async def _chunk_extension(turn: Turn) -> None:
    await turn.begin()
    await turn.exchange.send(b"5;")
    await turn.flood(b"x" * _BLOCK)


async def _chunk_length(turn: Turn) -> None:
    await turn.begin()
    await turn.flood(b"0" * _BLOCK)


async def _trailers(turn: Turn) -> None:
    await turn.begin()
    await turn.exchange.send(b"0\r\n")
    await turn.flood(b"x-flood: drop\r\n" * 4096)


def _bomb(head: bytes, size: int, window: int) -> bytes:
    packer = zlib.compressobj(9, wbits=window)
    packed = [packer.compress(head)]
    packed += [packer.compress(b" " * (1 << 20)) for _ in range(size >> 20)]
    return b"".join([*packed, packer.flush()])


async def _gzip_bomb(turn: Turn) -> None:
    """A mebibyte that becomes a gibibyte."""
    bomb = _bomb(b"data: " if turn.is_stream else b'{"id": "', 1 << 30, 16 + zlib.MAX_WBITS)
    await turn.give(bomb, headers={"content-encoding": "gzip"})


async def _deflate_bomb(turn: Turn) -> None:
    await turn.give(_bomb(b'{"id": "', 1 << 29, zlib.MAX_WBITS), headers={"content-encoding": "deflate"})


async def _gzip_bomb_in_error(turn: Turn) -> None:
    bomb = _bomb(b'{"error": "', 1 << 29, 16 + zlib.MAX_WBITS)
    await turn.give(bomb, status=503, content_type="application/json", headers={"content-encoding": "gzip"})


async def _gzip_members(turn: Turn) -> None:
    """Empty members of gzip without end: many bytes in, nothing out."""
    await turn.exchange.start(headers={"content-type": turn.content_type, "content-encoding": "gzip"})
    block = gzip.compress(b"") * 3000
    await turn.flood(b"%x\r\n%b\r\n" % (len(block), block))


async def _deep(turn: Turn) -> None:
    data = b'{"id": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    await turn.give(b"data: " + data + b"\n\n" if turn.is_stream else data)


async def _deep_objects(turn: Turn) -> None:
    data = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    await turn.give(b"data: " + data + b"\n\n" if turn.is_stream else data)


async def _deep_error(turn: Turn) -> None:
    await turn.give(b'{"error":' * 100_000 + b"1" + b"}" * 100_000, status=400, content_type="application/json")


async def _number(turn: Turn) -> None:
    """A number of a million digits, which takes minutes to read."""
    data = b'{"id": "x", "created": ' + b"9" * 1_000_000 + b"}"
    await turn.give(b"data: " + data + b"\n\n" if turn.is_stream else data)


async def _zeros(turn: Turn) -> None:
    """A list whose items take many times their bytes in memory."""
    data = b'{"choices": [' + b"{}," * 1_500_000 + b"{}]}"
    await turn.give(b"data: " + data + b"\n\n" if turn.is_stream else data)


async def _error_message(turn: Turn) -> None:
    """An error message of four mebibytes."""
    body = json.dumps({"error": {"message": "x" * (1 << 22), "type": "server_error"}, "message": "y" * (1 << 22)})
    await turn.give(body.encode(), status=500, content_type="application/json")


def _flood(name: str, does: Callable[[Turn], Awaitable[None]]) -> Scenario:
    return Scenario(name=f"flood of {name}", group="floods", does=does, expects=always(_REFUSED), hangs_up=True)


def _of_streams(name: str, does: Callable[[Turn], Awaitable[None]], *, text: bool = True) -> Scenario:
    return Scenario(
        name=f"flood of {name}", group="floods", does=does, hangs_up=True,
        expects=lambda wire, is_stream: _REFUSED if is_stream and (wire.is_text or not text) else None,
    )  # fmt: skip


def floods() -> list[Scenario]:
    """Give the scenarios of this room."""
    return [
        _flood("one header", _header_line),
        _flood("headers", _headers),
        _flood("a status line", _status_line),
        _flood("interim responses", _interim),
        _flood("a body", _body),
        _flood("a body with its length", _body_with_length),
        _flood("an error's body", _error_body),
        _of_streams("one line", _line),
        _of_streams("one event", _event),
        _of_streams("comments", _comments),
        _of_streams("blank lines", _blank_lines),
        _of_streams("empty events", _empty_events),
        _of_streams("content", _content, text=False),
        _of_streams("starts", _starts, text=False),
        _of_streams("a chunk's extension", _chunk_extension, text=False),
        _of_streams("a chunk's length", _chunk_length, text=False),
        Scenario(name="flood of trailers", group="floods", does=_trailers, hangs_up=True,
                 expects=by_mode(stream=_REFUSED)),
        Scenario(name="gzip bomb", group="floods", does=_gzip_bomb, expects=always(_REFUSED)),
        Scenario(name="deflate bomb", group="floods", does=_deflate_bomb, expects=always(_REFUSED)),
        Scenario(name="gzip bomb in an error", group="floods", does=_gzip_bomb_in_error, expects=always(_REFUSED)),
        _flood("gzip members", _gzip_members),
        Scenario(name="lists 100,000 deep", group="floods", does=_deep, expects=always(_REFUSED)),
        Scenario(name="objects 100,000 deep", group="floods", does=_deep_objects, expects=always(_REFUSED)),
        Scenario(name="an error 100,000 deep", group="floods", does=_deep_error, expects=always(_REFUSED)),
        Scenario(name="a number of a million digits", group="floods", does=_number, expects=always(_REFUSED)),
        Scenario(name="a list of 1.5 million", group="floods", does=_zeros, expects=always(_REFUSED)),
        Scenario(name="an error of 4 MiB", group="floods", does=_error_message, expects=always(_REFUSED)),
    ]  # fmt: skip
