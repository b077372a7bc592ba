"""Scenarios: more than any answer has. A client must refuse it in time, and without taking it all into memory."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING

from litellm_gateway.errors import (
    DeadlineExceededError,
    InvalidRequestError,
    MalformedResponseError,
    ProviderError,
    ProviderTimeoutError,
    StreamInterruptedError,
)
from litellm_gateway.testing.faults.scenario import Expected, Scenario, always

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from litellm_gateway.testing.faults.turn import Turn

_BLOCK = 64 * 1024
_MALFORMED = Expected(errors=(MalformedResponseError,))
_ENDLESS = Expected(
    errors=(MalformedResponseError, DeadlineExceededError, ProviderTimeoutError, StreamInterruptedError), text="*"
)
"""Nothing in it is too large by itself: it ends with the deadline, or with the limit of all together."""


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
    await turn.exchange.send(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1099511627776\r\n\r\n"
    )
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
    """Pack a head and ``size`` blanks; a block that forgets what was before it can be sent again and again."""
    packer = zlib.compressobj(9, wbits=window)
    begun = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(b" " * (1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return begun + block * (size >> 20)


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


def _flood(name: str, does: Callable[[Turn], Awaitable[None]], expected: Expected = _MALFORMED) -> Scenario:
    return Scenario(name=f"flood of {name}", group="floods", does=does, expects=always(expected), hangs_up=True)


def _of_streams(
    name: str, does: Callable[[Turn], Awaitable[None]], expected: Expected = _MALFORMED, *, text: bool = True
) -> Scenario:
    return Scenario(
        name=f"flood of {name}", group="floods", does=does, hangs_up=True,
        expects=lambda wire, is_stream: expected if is_stream and (wire.is_text or not text) else None,
    )  # fmt: skip


def _huge(name: str, does: Callable[[Turn], Awaitable[None]], expected: Expected) -> Scenario:
    return Scenario(name=name, group="floods", does=does, expects=always(expected))


def floods() -> list[Scenario]:
    """Give the scenarios of this room."""
    return [
        _flood("one header", _header_line),
        _flood("headers", _headers),
        _flood("a status line", _status_line),
        _flood("interim responses", _interim, _ENDLESS),
        _flood("a body", _body),
        _flood("a body with its length", _body_with_length),
        _flood("an error's body", _error_body, Expected(errors=(ProviderError,), status=500)),
        _of_streams("one line", _line),
        _of_streams("one event", _event),
        _of_streams("comments", _comments, _ENDLESS),
        _of_streams("blank lines", _blank_lines, _ENDLESS),
        _of_streams("empty events", _empty_events, _ENDLESS),
        _of_streams("content", _content, _ENDLESS, text=False),
        _of_streams("starts", _starts, _ENDLESS, text=False),
        _of_streams("a chunk's extension", _chunk_extension, _ENDLESS, text=False),
        _of_streams("a chunk's length", _chunk_length, _ENDLESS, text=False),
        _of_streams("trailers", _trailers, _ENDLESS, text=False),
        _huge("gzip bomb", _gzip_bomb, _MALFORMED),
        _huge("deflate bomb", _deflate_bomb, _MALFORMED),
        _huge("gzip bomb in an error", _gzip_bomb_in_error, Expected(errors=(ProviderError,), status=503)),
        _flood("gzip members", _gzip_members, _ENDLESS),
        _huge("lists 100,000 deep", _deep, _MALFORMED),
        _huge("objects 100,000 deep", _deep_objects, _MALFORMED),
        _huge("an error 100,000 deep", _deep_error, Expected(errors=(InvalidRequestError,), status=400)),
        _huge("a number of a million digits", _number, _MALFORMED),
        _huge("a list of 1.5 million", _zeros, _MALFORMED),
        _huge("an error of 4 MiB", _error_message, Expected(errors=(ProviderError,), status=500)),
    ]
