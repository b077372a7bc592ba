"""Scenarios: a right stream, cut and written in every way the standard of server-sent events allows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from litellm_gateway.testing.faults.scenario import RIGHT, Scenario, by_mode, text_stream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from litellm_gateway.testing.faults.turn import Turn

_BOM = b"\xef\xbb\xbf"


def _lines(turn: Turn) -> bytes:
    """Give the stream with plain line feeds."""
    return turn.body.replace(b"\r\n", b"\n")


async def _a_byte_at_a_time(turn: Turn) -> None:
    """Every byte alone: characters, lines and line ends are all cut."""
    await turn.begin()
    body = turn.body
    await turn.exchange.send(b"".join(b"1\r\n%b\r\n" % body[place : place + 1] for place in range(len(body))))
    await turn.exchange.finish()


async def _three_bytes_at_a_time(turn: Turn) -> None:
    body = turn.body
    await turn.say(*(body[place : place + 3] for place in range(0, len(body), 3)))


async def _in_one_write(turn: Turn) -> None:
    await turn.give()


async def _in_one_chunk(turn: Turn) -> None:
    await turn.say(turn.body)


async def _event_by_event(turn: Turn) -> None:
    await turn.say(*turn.pieces)


def _rewritten(name: str, write: Callable[[bytes], bytes]) -> Scenario:
    """The stream written otherwise, in chunks of 50 bytes."""

    async def does(turn: Turn) -> None:
        body = write(_lines(turn))
        await turn.say(*(body[place : place + 50] for place in range(0, len(body), 50)))

    return Scenario(name=name, group="framing", does=does, expects=text_stream(RIGHT))


def _per_event(write: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Write each event otherwise; it is given without the blank line that ends it."""

    def rewrite(body: bytes) -> bytes:
        return b"".join(write(block) + b"\n\n" for block in body.split(b"\n\n") if block)

    return rewrite


def _data_before_name(block: bytes) -> bytes:
    return b"\n".join(sorted(block.split(b"\n")))


def _over_many_lines(block: bytes) -> bytes:
    """Spread the JSON of an event over many data lines."""
    lines = []
    for line in block.split(b"\n"):
        value = line.removeprefix(b"data: ")
        if line.startswith(b"data: {"):
            pretty = json.dumps(json.loads(value), indent=1, ensure_ascii=False).encode()
            lines += [b"data: " + part for part in pretty.split(b"\n")]
        else:
            lines.append(line)
    return b"\n".join(lines)


def _without_space(block: bytes) -> bytes:
    return b"\n".join(line.replace(b": ", b":", 1) for line in block.split(b"\n"))


def _in_escapes(block: bytes) -> bytes:
    return b"\n".join(
        b"data: " + json.dumps(json.loads(line[6:])).encode() if line.startswith(b"data: {") else line
        for line in block.split(b"\n")
    )


def _of_streams(name: str, does: Callable[[Turn], Awaitable[None]]) -> Scenario:
    return Scenario(name=name, group="framing", does=does, expects=by_mode(stream=RIGHT))


def framings() -> list[Scenario]:
    """Give the scenarios of this room."""
    return [
        _of_streams("a byte at a time", _a_byte_at_a_time),
        _of_streams("three bytes at a time", _three_bytes_at_a_time),
        _of_streams("event by event", _event_by_event),
        _of_streams("all in one chunk", _in_one_chunk),
        _of_streams("all in one write, with a length", _in_one_write),
        _rewritten("lines end in CRLF", lambda body: body.replace(b"\n", b"\r\n")),
        _rewritten("lines end in CR", lambda body: body.replace(b"\n", b"\r")),
        _rewritten("line ends of all kinds", _per_event(lambda block: b": a\r\n: b\r: c\n" + block)),
        _rewritten("a byte order mark", lambda body: _BOM + body),
        _rewritten("blank lines first", lambda body: b"\n\n\r\n\n" + body),
        _rewritten("blank lines between", lambda body: body.replace(b"\n\n", b"\n\n\n\n\n")),
        _rewritten("comments", _per_event(lambda block: b": PROCESSING\n\n:\n\n" + block + b"\n:still here")),
        _rewritten("ids and retry", _per_event(lambda block: b"id: 17\nretry: 3000\n" + block + b"\nid")),
        _rewritten("unknown fields", _per_event(lambda block: b"mood: good\n" + block + b"\nwhatever")),
        _rewritten("no space after the colon", _per_event(_without_space)),
        _rewritten("data over many lines", _per_event(_over_many_lines)),
        _rewritten("blanks after the data", _per_event(lambda block: block + b"      ")),
        _rewritten("data before the name", _per_event(_data_before_name)),
        _rewritten("events without data", _per_event(lambda block: b"event: ping\n\n" + block)),
        _rewritten("events with empty data", _per_event(lambda block: b"data:\n\ndata\n\n" + block)),
        _rewritten("text in escapes", _per_event(_in_escapes)),
        _rewritten("no blank line at the end", lambda body: body.removesuffix(b"\n\n")),
        _rewritten("one line end at the end", lambda body: body.removesuffix(b"\n")),
        _rewritten("every event named message", lambda body: body if b"event: " in body else
                   body.replace(b"data: ", b"event: message\ndata: ")),
    ]  # fmt: skip
