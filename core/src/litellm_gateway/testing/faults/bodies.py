"""Scenarios: bodies under status 200 that are no answer, are cut, or are right and look unusual."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from litellm_gateway.errors import GatewayError, MalformedResponseError, ProviderConnectionError, ProviderError
from litellm_gateway.testing.faults.scenario import RIGHT, Expected, Scenario, always, by_mode

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_gateway.testing.faults.turn import Turn

_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>\xc3\xa9</body></html>"
_NO_ANSWERS: dict[str, bytes] = {
    "null": b"null",
    "a list": b"[]",
    "an empty object": b"{}",
    "a number": b"17",
    "a text": b'"Hello"',
    "another object": b'{"status": "ok", "uptime": 17}',
    "two objects": b"{}{}",
    "bytes": b"\xff\xfe\x00\x80" * 8,
    "nothing": b"",
    "blanks": b" \r\n\t ",
    "not quite JSON": b"{'choices': [NaN]}",
    "an open string": b'{"id": "abc',
}


def _no_answer(name: str, body: bytes) -> Scenario:
    async def does(turn: Turn) -> None:
        await turn.give(body, content_type="application/json")

    told = Expected(errors=(MalformedResponseError,), status=200, in_message=("application/json", str(len(body))))
    return Scenario(name=f"200, {name}", group="bodies", does=does, expects=always(told))


def _no_stream(name: str, body: bytes) -> Scenario:
    async def does(turn: Turn) -> None:
        await turn.give(body)

    expected = Expected(errors=(MalformedResponseError,), status=200)
    if body[:1] in (b"[", b"{"):  # where JSON may be a stream too, it is one that ends before its content
        expected = Expected(errors=(MalformedResponseError, ProviderConnectionError))
    return Scenario(name=f"200 as a stream, {name}", group="bodies", does=does, expects=by_mode(stream=expected))


async def _web_page(turn: Turn) -> None:
    await turn.give(_PAGE, content_type="text/html; charset=utf-8")


async def _web_page_under_right_type(turn: Turn) -> None:
    await turn.give(_PAGE)


async def _status_204(turn: Turn) -> None:
    await turn.exchange.send(b"HTTP/1.1 204 No Content\r\n\r\n")


async def _whole_to_a_stream(turn: Turn) -> None:
    """A server that cannot stream gives the whole answer."""
    body = json.dumps(turn.wire.whole(turn.answer)).encode()
    await turn.give(body, content_type="application/json; charset=utf-8")


async def _stream_to_a_whole(turn: Turn) -> None:
    """A server that cannot but stream."""
    frames = b"".join(frame.data for frame in turn.wire.streamed(turn.answer))
    await turn.give(frames, content_type=turn.wire.content_type)


async def _cut(turn: Turn) -> None:
    """A cut body that claims to be whole."""
    await turn.give(turn.half)


async def _cut_by_one(turn: Turn) -> None:
    await turn.give(turn.body[:-1])


async def _plus_garbage(turn: Turn) -> None:
    await turn.give(turn.body + b"}garbage")


def _written(name: str, write: Callable[[Any], bytes]) -> Scenario:
    """The right answer as JSON that is written otherwise."""

    async def does(turn: Turn) -> None:
        await turn.give(write(turn.wire.whole(turn.answer)))

    return Scenario(name=f"JSON {name}", group="bodies", does=does, expects=by_mode(whole=RIGHT))


def _typed(content_type: str) -> Scenario:
    """The right answer under another content type."""

    async def does(turn: Turn) -> None:
        await turn.give(content_type=content_type)

    either = Expected(errors=(MalformedResponseError,), right=True)
    return Scenario(name=f"content type {content_type or 'empty'}", group="bodies", does=does, expects=always(either))


async def _untyped(turn: Turn) -> None:
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(turn.body)}\r\n\r\n"
    await turn.exchange.send(head.encode() + turn.body)


def _mangled(name: str, mangle: Callable[[Any], Any]) -> Scenario:
    """Every value of the answer changed: whatever is made of it, it is no foreign error."""

    async def does(turn: Turn) -> None:
        await turn.give(json.dumps(mangle(turn.wire.whole(turn.answer))).encode())

    expected = Expected(errors=(MalformedResponseError, ProviderError))
    return Scenario(name=f"all values {name}", group="bodies", does=does, expects=by_mode(whole=expected))


def _leaves(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {name: _leaves(inner, change) for name, inner in value.items()}
    if isinstance(value, list):
        return [_leaves(inner, change) for inner in value]
    return change(value)


async def _half_surrogate(turn: Turn) -> None:
    r"""A character cut in two by an escape: ``"\ud83d"``, which no text can hold."""
    await turn.give(turn.body.replace(b"Answer", b"\\ud83dnswer", 1))


def bodies() -> list[Scenario]:
    """Give the scenarios of this room."""
    malformed = Expected(errors=(MalformedResponseError,))
    web_page = Expected(errors=(MalformedResponseError,), status=200, in_message=("text/html", str(len(_PAGE))))
    unread = Expected(errors=(MalformedResponseError,), status=200)
    no_body = Expected(errors=(MalformedResponseError,), status=204)
    cut = Expected(errors=(GatewayError,))
    return [
        *(_no_answer(name, body) for name, body in _NO_ANSWERS.items()),
        *(_no_stream(name, body) for name, body in _NO_ANSWERS.items()),
        Scenario(name="a web page", group="bodies", does=_web_page, expects=always(web_page)),
        Scenario(name="a web page under the right type", group="bodies", does=_web_page_under_right_type,
                 expects=always(unread)),
        Scenario(name="204 without a body", group="bodies", does=_status_204, expects=always(no_body)),
        Scenario(name="whole where a stream was asked for", group="bodies", does=_whole_to_a_stream,
                 expects=by_mode(stream=RIGHT)),
        Scenario(name="a stream where a whole was asked for", group="bodies", does=_stream_to_a_whole,
                 expects=by_mode(whole=malformed)),
        Scenario(name="cut, with the cut length", group="bodies", does=_cut, expects=by_mode(
            whole=malformed, stream=cut)),
        Scenario(name="cut by a byte", group="bodies", does=_cut_by_one, expects=by_mode(whole=malformed)),
        Scenario(name="garbage after the answer", group="bodies", does=_plus_garbage,
                 expects=by_mode(whole=malformed)),
        _written("after blank lines", lambda value: b"\n\r\n \n" + json.dumps(value).encode() + b"\n\n"),
        _written("in escapes", lambda value: json.dumps(value, ensure_ascii=True).encode()),
        _written("indented", lambda value: json.dumps(value, indent=4, ensure_ascii=False).encode()),
        _written("with unknown fields", lambda value: json.dumps({"hologram": {"a": [1, None]}, **value}).encode()),
        _typed("text/plain"),
        _typed("application/octet-stream"),
        _typed("text/event-stream; charset=utf-8"),
        _typed("application/json"),
        _typed(""),
        Scenario(name="no content type", group="bodies", does=_untyped, expects=always(RIGHT)),
        _mangled("null", lambda value: _leaves(value, lambda _: None)),
        _mangled("a list", lambda value: {name: [] for name in value}),
        _mangled("a text", lambda value: dict.fromkeys(value, "x")),
        _mangled("numbers", lambda value: dict.fromkeys(value, 17)),
        _mangled("nested", lambda value: {name: {"a": {"b": []}} for name in value}),
        Scenario(name="half a character", group="bodies", does=_half_surrogate, expects=always(
            Expected(errors=(GatewayError,), right=True, text="*"))),
    ]  # fmt: skip
