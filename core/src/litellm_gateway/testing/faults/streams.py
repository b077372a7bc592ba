"""Scenarios: streams that end too soon, report errors, hold garbage, or say unusual things rightly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from litellm_gateway.errors import (
    GatewayError,
    MalformedResponseError,
    ProviderConnectionError,
    ProviderError,
    StreamInterruptedError,
)
from litellm_gateway.testing.faults.scenario import RIGHT, Expected, Scenario, always, by_mode
from litellm_gateway.testing.faults.statuses import IN_200
from litellm_gateway.testing.wires.wire import as_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from litellm_gateway.testing.faults.turn import Turn
    from litellm_gateway.testing.wires.wire import Wire

_INTERRUPTED = Expected(errors=(StreamInterruptedError,), partial=True)
_BEFORE_CONTENT = Expected(errors=(ProviderConnectionError, MalformedResponseError))
_OVERWRITTEN = b"\x00\xff\xfe{{"


def _until(turn: Turn, *kinds: str) -> list[bytes]:
    """Give the events before the first one of these kinds."""
    said: list[bytes] = []
    for frame in turn.frames:
        if frame.kind in kinds:
            break
        said.append(frame.data)
    return said


async def _only_the_head(turn: Turn) -> None:
    await turn.say()


async def _only_the_start(turn: Turn) -> None:
    await turn.say(*_until(turn, "content"))


async def _ends_after_content(turn: Turn) -> None:
    await turn.say(turn.half)


async def _ends_before_the_finish(turn: Turn) -> None:
    await turn.say(*_until(turn, "finish", "end"))


async def _ends_in_an_event(turn: Turn) -> None:
    said = _until(turn, "finish", "end")
    await turn.say(*said[:-1], said[-1][: len(said[-1]) // 2])


async def _only_done(turn: Turn) -> None:
    await turn.say(b"data: [DONE]\n\n")


async def _done_after_content(turn: Turn) -> None:
    """OpenAI's last word where no reason was given: not a finish."""
    await turn.say(*_until(turn, "finish", "end"), b"data: [DONE]\n\n")


async def _content_after_the_end(turn: Turn) -> None:
    content = next(frame.data for frame in turn.frames if frame.kind == "content")
    await turn.say(*turn.pieces, content)


def _reports(trouble: str, *, after_content: bool) -> Scenario:
    async def does(turn: Turn) -> None:
        error = turn.wire.reported(turn.wire.reports[trouble]).data
        await turn.say(*([turn.half] if after_content else _until(turn, "content")), error)

    def expects(wire: Wire, is_stream: bool) -> Expected | None:
        if not is_stream or trouble not in wire.reports:
            return None
        return Expected(errors=IN_200[trouble], partial=after_content)

    place = "after content" if after_content else "before content"
    return Scenario(name=f"{trouble.replace('_', ' ')} {place}", group="streams", does=does, expects=expects)


async def _error_after_the_finish(turn: Turn) -> None:
    """The reason was given, and then the end went wrong."""
    error = turn.wire.reported(turn.wire.reports["server_error"]).data
    await turn.say(*_until(turn, "end", "usage"), error)


def _holding(name: str, data: bytes, expected: Expected) -> Scenario:
    """An event that cannot be read, in the middle."""

    async def does(turn: Turn) -> None:
        middle = len(turn.pieces) // 2
        await turn.say(*turn.pieces[:middle], data, *turn.pieces[middle:])

    return Scenario(
        name=f"holds {name}", group="streams", does=does,
        expects=lambda wire, is_stream: expected if is_stream and wire.is_text else None,
    )  # fmt: skip


async def _overwritten(turn: Turn) -> None:
    """Bytes of an event overwritten: no JSON any more, and in a binary frame a wrong checksum."""
    pieces = turn.pieces
    middle = len(pieces) // 2
    piece = pieces[middle]
    place = piece.index(b"{") + 1
    pieces[middle] = piece[:place] + _OVERWRITTEN + piece[place + len(_OVERWRITTEN) :]
    await turn.say(*pieces)


async def _one_lost(turn: Turn) -> None:
    """The last event before the end is missing, with nothing to tell: only the end is held against the stream."""
    pieces = turn.pieces
    await turn.say(*pieces[:-1])


def _odd(index: int) -> Scenario:
    """One of the format's own oddities; formats have different numbers of them."""

    def name_of(wire: Wire) -> str | None:
        names = list(wire.oddities)
        return names[index] if index < len(names) else None

    async def does(turn: Turn) -> None:
        write = turn.wire.oddities[name_of(turn.wire) or ""]
        await turn.say(*(frame.data for frame in write(turn.answer)))

    def expects(wire: Wire, is_stream: bool) -> Expected | None:
        return RIGHT if is_stream and name_of(wire) else None

    return Scenario(name=f"oddity {index + 1}", group="streams", does=does, expects=expects)


async def _unknown_finish(turn: Turn) -> None:
    told = evolve(turn.answer, finish="hologram")
    await _say(evolve(turn, answer=told))


async def _say(turn: Turn) -> None:
    if turn.is_stream:
        await turn.say(*turn.pieces)
    else:
        await turn.give()


async def _say_nothing(turn: Turn) -> None:
    """A right answer that is empty."""
    await _say(evolve(turn, answer=evolve(turn.answer, text="")))


async def _arguments_cut(turn: Turn) -> None:
    """A tool call whose arguments stop in the middle, and then the stream."""
    await turn.say(turn.half)


_DEEP = as_json({"note": 1})[:-1] + ', "deep": ' + "[" * 5000 + "]" * 5000 + "}"


async def _deep_arguments(turn: Turn) -> None:
    """Nested far deeper than any tool's schema."""
    pieces = b"".join(turn.pieces)
    if turn.is_stream:
        await turn.say(pieces.replace(b'"words"', b'"deep": ' + b"[" * 5000 + b"]" * 5000 + b', "words"', 1))
    else:
        await turn.give(pieces.replace(b'"words"', b'"deep": ' + b"[" * 5000 + b"]" * 5000 + b', "words"', 1))


def _of_streams(name: str, does: Callable[[Turn], Awaitable[None]], expected: Expected) -> Scenario:
    return Scenario(name=name, group="streams", does=does, expects=by_mode(stream=expected))


def streams() -> list[Scenario]:
    """Give the scenarios of this room."""
    whole_or_cut = Expected(errors=(StreamInterruptedError,), right=True)
    broken = Expected(errors=(StreamInterruptedError, MalformedResponseError))
    text_only: Callable[[Expected], Callable[[Wire, bool], Expected | None]] = lambda expected: (  # noqa: E731
        lambda wire, is_stream: expected if is_stream and wire.is_text else None
    )
    return [
        _of_streams("ends with its head", _only_the_head, _BEFORE_CONTENT),
        _of_streams("ends before its content", _only_the_start, _BEFORE_CONTENT),
        _of_streams("ends after some content", _ends_after_content, _INTERRUPTED),
        _of_streams("ends before the finish", _ends_before_the_finish, _INTERRUPTED),
        _of_streams("ends inside an event", _ends_in_an_event, broken),
        _of_streams("loses its last event", _one_lost, whole_or_cut),
        Scenario(name="says [DONE] only", group="streams", does=_only_done, expects=text_only(_BEFORE_CONTENT)),
        Scenario(name="says [DONE] without a finish", group="streams", does=_done_after_content,
                 expects=text_only(_INTERRUPTED)),
        Scenario(name="says more after its end", group="streams", does=_content_after_the_end,
                 expects=lambda wire, is_stream: RIGHT if is_stream and not wire.hides_end else None),
        *(_reports(trouble, after_content=after)
          for after in (False, True)
          for trouble in ("overloaded", "rate_limited", "server_error", "timeout", "quota")),
        Scenario(name="an error after the finish", group="streams", does=_error_after_the_finish,
                 expects=by_mode(stream=Expected(errors=(ProviderError,), right=True))),
        _holding("cut JSON", b'data: {"id": "x", "cho\n\n', broken),
        _holding("a web page", b"data: <html>502</html>\n\n", broken),
        _holding("a number", b"data: 17\n\n", broken),
        _holding("a list of numbers", b"data: [1, 2, 3]\n\n", broken),
        _holding("null", b"data: null\n\n", broken),
        _holding("bytes that are no UTF-8", b'data: {"a": "\xff\xfe"}\n\n', Expected(errors=broken.errors, right=True)),
        _holding("lines that are no field", b"garbage garbage\n\n", RIGHT),
        _of_streams("overwrites an event", _overwritten, broken),
        *(_odd(index) for index in range(14)),
        Scenario(name="a finish nobody knows", group="streams", does=_unknown_finish, expects=lambda wire, is_stream: (
            None if wire.name == "openai-responses" and is_stream else Expected(right=True, errors=(GatewayError,)))),
        Scenario(name="an empty answer", group="streams", does=_say_nothing,
                 expects=always(Expected(right=True, errors=(ProviderConnectionError,), text=""))),
        Scenario(name="a tool call", group="streams", does=_say, expects=always(RIGHT), tool=True),
        Scenario(name="a tool call cut", group="streams", does=_arguments_cut, tool=True,
                 expects=by_mode(stream=Expected(errors=(StreamInterruptedError, ProviderConnectionError)))),
        Scenario(name="arguments nested 5,000 deep", group="streams", does=_deep_arguments, tool=True,
                 expects=lambda wire, is_stream: None if wire.name == "bedrock" and is_stream
                 else Expected(errors=(GatewayError,), right=True, text="*")),
        Scenario(name="a right answer", group="streams", does=_say, expects=always(RIGHT)),
    ]  # fmt: skip
