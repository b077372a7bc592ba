"""Scenarios: connections that break, stall or drip, at every place where they can."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from litellm_gateway.errors import (
    DeadlineExceededError,
    MalformedResponseError,
    ProviderConnectionError,
    ProviderTimeoutError,
    StreamInterruptedError,
)
from litellm_gateway.testing.faults.scenario import RIGHT, Expected, Scenario, always, by_mode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from litellm_gateway.testing.faults.turn import Turn

_PAUSE = 0.02
_GONE = Expected(errors=(ProviderConnectionError,))
_SLOW = Expected(errors=(ProviderTimeoutError,))
_LATE = Expected(errors=(DeadlineExceededError, ProviderTimeoutError))
_INTERRUPTED = Expected(errors=(StreamInterruptedError,), partial=True)
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: app"


async def _reset_at_once(turn: Turn) -> None:
    turn.exchange.reset()


async def _close_at_once(turn: Turn) -> None:
    turn.exchange.close()


async def _reset_in_headers(turn: Turn) -> None:
    await turn.exchange.send(_HEAD)
    await asyncio.sleep(_PAUSE)
    turn.exchange.reset()


async def _close_in_headers(turn: Turn) -> None:
    await turn.exchange.send(_HEAD)
    await asyncio.sleep(_PAUSE)
    turn.exchange.close()


async def _reset_after_headers(turn: Turn) -> None:
    await turn.begin()
    await asyncio.sleep(_PAUSE)
    turn.exchange.reset()


async def _close_after_headers(turn: Turn) -> None:
    await turn.begin()
    await asyncio.sleep(_PAUSE)
    turn.exchange.close()


async def _reset_in_body(turn: Turn) -> None:
    await turn.say_half()
    await asyncio.sleep(_PAUSE)
    turn.exchange.reset()


async def _close_in_body(turn: Turn) -> None:
    await turn.say_half()
    await asyncio.sleep(_PAUSE)
    turn.exchange.close()


async def _close_in_chunk(turn: Turn) -> None:
    """A chunk that promises more than it holds."""
    await turn.begin()
    await turn.exchange.send(b"%x\r\n" % (len(turn.body) + 100) + turn.half)
    await asyncio.sleep(_PAUSE)
    turn.exchange.close()


async def _close_before_last_chunk(turn: Turn) -> None:
    """All is said but that it is all: the chunk of length 0 never comes."""
    await turn.begin()
    await turn.exchange.chunk(turn.body)
    await asyncio.sleep(_PAUSE)
    turn.exchange.close()


async def _close_one_byte_early(turn: Turn) -> None:
    await turn.begin(length=len(turn.body))
    await turn.exchange.send(turn.body[:-1])
    await asyncio.sleep(_PAUSE)
    turn.exchange.close()


async def _stall_at_once(turn: Turn) -> None:
    await turn.stall()


async def _stall_in_status_line(turn: Turn) -> None:
    await turn.exchange.send(b"HTTP/1.1 200")
    await turn.stall()


async def _stall_in_headers(turn: Turn) -> None:
    await turn.exchange.send(_HEAD)
    await turn.stall()


async def _stall_after_headers(turn: Turn) -> None:
    await turn.begin()
    await turn.stall()


async def _stall_in_body(turn: Turn) -> None:
    await turn.say_half()
    await turn.stall()


async def _stall_at_the_end(turn: Turn) -> None:
    """Everything has come but the end of the body."""
    await turn.begin(length=len(turn.body) + 1)
    await turn.exchange.send(turn.body)
    await turn.stall()


async def _drip_headers(turn: Turn) -> None:
    await turn.exchange.send(b"HTTP/1.1 200 OK\r\n")
    await turn.drip(b"x-drip: drop\r\n")


async def _drip_header_bytes(turn: Turn) -> None:
    await turn.exchange.send(b"HTTP/1.1 200 OK\r\nx-drip: ")
    await turn.drip(b"d")


async def _drip_body(turn: Turn) -> None:
    """Blank bytes that never end, as some servers send to keep a connection open."""
    await turn.begin(length=1 << 20)
    await turn.drip(b" ")


async def _drip_comments(turn: Turn) -> None:
    await turn.begin()
    await turn.drip(b"4\r\n:\n\n\n\r\n")


async def _drip_after_content(turn: Turn) -> None:
    await turn.say_half()
    await turn.drip(b"4\r\n: \n\n\r\n")


async def _slow_headers(turn: Turn) -> None:
    """Slow, and in time for each wait."""
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {turn.content_type}\r\ncontent-length: {len(turn.body)}\r\n\r\n".encode()
    for start in range(0, len(head), 12):
        await turn.exchange.send(head[start : start + 12])
        await asyncio.sleep(_PAUSE)
    await turn.exchange.send(turn.body)


async def _slow_body(turn: Turn) -> None:
    await turn.begin()
    size = max(1, len(turn.body) // 20)
    for start in range(0, len(turn.body), size):
        await turn.go_on(turn.body[start : start + size])
        await asyncio.sleep(_PAUSE)
    if turn.is_stream:
        await turn.exchange.finish()


async def _closes_kept(turn: Turn) -> None:
    """Answers well, lets the client keep the connection, and closes it."""
    await turn.give()
    await asyncio.sleep(_PAUSE)
    turn.exchange.close()


async def _resets_reused(turn: Turn) -> None:
    """Takes one request per connection: a second one meets a reset, and was not worked on."""
    if turn.exchange.number:
        turn.exchange.reset()
        return
    await turn.give()


async def _says_too_much(turn: Turn) -> None:
    """Sends another response, unasked, on the connection that is kept; in one write, so it is there in time."""
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {turn.content_type}\r\ncontent-length: {len(turn.body)}\r\n\r\n"
    unasked = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    await turn.exchange.send(head.encode() + turn.body + unasked)


async def _asks_to_close(turn: Turn) -> None:
    await turn.give(headers={"connection": "close"})
    turn.exchange.close()


def _broken(name: str, does: Callable[[Turn], Awaitable[None]]) -> Scenario:
    return Scenario(name=name, group="connections", does=does, expects=always(_GONE))


def _silent(name: str, does: Callable[[Turn], Awaitable[None]], stream: Expected = _SLOW) -> Scenario:
    return Scenario(
        name=name, group="connections", does=does, expects=by_mode(whole=_SLOW, stream=stream), hangs_up=True
    )


def _kept(name: str, does: Callable[[Turn], Awaitable[None]], *, most_requests: int | None = None) -> Scenario:
    return Scenario(
        name=name, group="connections", does=does, expects=always(RIGHT), calls=3, most_requests=most_requests
    )


def _late(name: str, does: Callable[[Turn], Awaitable[None]]) -> Scenario:
    """Bytes come, each in time, and nothing else: the deadline ends it, or the header limit."""
    expected = Expected(errors=(*_LATE.errors, MalformedResponseError))
    return Scenario(name=name, group="connections", does=does, expects=always(expected), hangs_up=True)


def connections() -> list[Scenario]:
    """Give the scenarios of this room."""
    broken_content = by_mode(whole=_GONE, stream=_INTERRUPTED)
    return [
        _broken("resets at once", _reset_at_once),
        _broken("closes at once", _close_at_once),
        _broken("resets in the headers", _reset_in_headers),
        _broken("closes in the headers", _close_in_headers),
        _broken("resets after the headers", _reset_after_headers),
        _broken("closes after the headers", _close_after_headers),
        Scenario(name="resets in the body", group="connections", does=_reset_in_body, expects=broken_content),
        Scenario(name="closes in the body", group="connections", does=_close_in_body, expects=broken_content),
        Scenario(name="closes in a chunk", group="connections", does=_close_in_chunk,
                 expects=by_mode(stream=_INTERRUPTED)),
        Scenario(name="closes before the last chunk", group="connections", does=_close_before_last_chunk,
                 expects=by_mode(stream=Expected(errors=(StreamInterruptedError,), right=True))),
        Scenario(name="closes one byte early", group="connections", does=_close_one_byte_early,
                 expects=by_mode(whole=_GONE, stream=Expected(errors=(StreamInterruptedError,), right=True))),
        _silent("stalls at once", _stall_at_once),
        _silent("stalls in the status line", _stall_in_status_line),
        _silent("stalls in the headers", _stall_in_headers),
        _silent("stalls after the headers", _stall_after_headers),
        _silent("stalls in the body", _stall_in_body, _INTERRUPTED),
        _silent("stalls at the end", _stall_at_the_end, Expected(errors=(StreamInterruptedError,), right=True)),
        _late("headers drip", _drip_headers),
        _late("a header drips", _drip_header_bytes),
        Scenario(name="a body drips", group="connections", does=_drip_body, hangs_up=True,
                 expects=lambda wire, is_stream: None if is_stream and not wire.is_text else _LATE),
        Scenario(name="comments drip", group="connections", does=_drip_comments, hangs_up=True,
                 expects=lambda wire, is_stream: _LATE if is_stream and wire.is_text else None),
        Scenario(name="comments drip after content", group="connections", does=_drip_after_content, hangs_up=True,
                 expects=lambda wire, is_stream: Expected(errors=(*_LATE.errors, StreamInterruptedError))
                 if is_stream and wire.is_text else None),
        Scenario(name="slow headers", group="connections", does=_slow_headers, expects=always(RIGHT)),
        Scenario(name="a slow body", group="connections", does=_slow_body, expects=always(RIGHT)),
        _kept("closes a kept connection", _closes_kept),
        _kept("resets a reused connection", _resets_reused, most_requests=5),
        _kept("says too much on a kept connection", _says_too_much),
        _kept("asks to close", _asks_to_close),
    ]  # fmt: skip
