"""Streamed tool calls come out apart and whole, whatever a server says of ids, indexes and names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway.answer_builder import AnswerBuilder
from litellm_gateway.framing import ServerEvent
from litellm_gateway_dialect_openai import tool_calls
from litellm_gateway_dialect_openai.chat_stream import ChatStreamDecoder

if TYPE_CHECKING:
    from litellm_gateway.responses import StreamChunk

END = {"id": "r1", "model": "gpt", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}


def _stream(*events: dict[str, Any]) -> list[StreamChunk]:
    decoder = ChatStreamDecoder()
    pieces = [piece for event in events for piece in decoder.feed(ServerEvent("", json.dumps(event).encode()))]
    return [*pieces, *decoder.close()]


def _calls(*calls: dict[str, Any]) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"tool_calls": list(calls)}, "finish_reason": None}
    return {"id": "r1", "model": "gpt", "choices": [choice]}


def _call(arguments: str, name: str | None = None, **place: Any) -> dict[str, Any]:
    return {**place, "type": "function", "function": {"name": name, "arguments": arguments}}


def _built_calls(*events: dict[str, Any]) -> list[tuple[str, str, str]]:
    builder = AnswerBuilder()
    for piece in _stream(*events, END):
        builder.take(piece)
    return [(call.id, call.name, call.arguments) for call in builder.build(model="m", metadata={}).tool_calls]


@pytest.mark.parametrize("place", [{"index": 0, "id": ""}, {"index": 0}, {"id": None}, {}])
@pytest.mark.parametrize(
    "pieces",
    [
        [('{"x":1}', "a"), ('{"y":2}', "b")],
        [('{"x":1}', "a"), ('{"y":2}', "a")],
        [("", "a"), ('{"x":', None), ("1}", None), ("\n", None), ("", "b"), ('{"y":2}', None)],
        [("", "a"), ('{"x":1}', None), ("", "a"), ('{"y":2}', None)],
        [('{"x"', "a"), (":1", "a"), ("}", "a"), ("", "a"), ('{"y"', "b"), (":2}", "b")],
    ],
)
def test_calls_without_an_id(place: dict[str, Any], pieces: list[tuple[str, str | None]]) -> None:
    """Gemini's OpenAI face gives every call index 0 and no id: a name after whole arguments begins another call."""
    calls = _built_calls(*(_calls(_call(arguments, name, **place)) for arguments, name in pieces))

    assert [(call_id, arguments.strip()) for call_id, _, arguments in calls] == [
        ("call_0_r1", '{"x":1}'),
        ("call_1_r1", '{"y":2}'),
    ]


@pytest.mark.parametrize(
    "pieces",
    [
        [_call("", "a", id="c1"), _call('{"x":', id="c1"), _call("1}", id="c1")],
        [_call("", "a", index=0, id="c1"), _call('{"x":1}', "a", index=1, id="c1")],
        [_call("", "a", index=0, id="c1"), _call('{"x":', index=1, id="c1"), _call("1}", index=1)],
        [_call("", "a", index=0, id="c1"), _call('{"x":', index=0, id="c2"), _call("1}", index=0, id="c3")],
        [_call("", "a", id="c1"), _call('{"x":', id="c2"), _call("1}", id="c3")],
        [_call("", index=0, id="c1"), _call('{"x":', "a", index=0), _call("1}", "a", index=0)],
        [_call("", "a", index=0, id="c1"), _call('{"x":{}', "a", index=0), _call(',"y":1}', "a", index=0)],
        [_call('{"x":1}', "a", index=0, id="c1"), _call("", "a", index=0, id="c1"), _call(" ", index=0)],
    ],
)
def test_pieces_of_one_call(pieces: list[dict[str, Any]]) -> None:
    """An id with each piece, a new index (LocalAI) or id, a late or repeated name: it stays one call."""
    [(call_id, name, arguments)] = _built_calls(*map(_calls, pieces))

    assert (call_id, name) == ("c1", "a")
    assert json.loads(arguments)["x"] in (1, {})


def test_a_late_id() -> None:
    """A call that got an id of the gateway keeps it when the server's comes later, with the name again or without."""
    first = _calls(_call("{", "a", index=0))

    assert _built_calls(first, _calls(_call("}", index=0, id="c9"))) == [("call_0_r1", "a", "{}")]
    assert _built_calls(first, _calls(_call("}", "a", index=0, id="c9"))) == [("call_0_r1", "a", "{}")]


def test_one_id_for_several_calls() -> None:
    """Calls that share an id are told apart by their names and arguments, and handed out with ids of their own."""
    calls = _built_calls(_calls(_call("{}", "a", id="null"), _call("{}", "b", id="null")))

    assert calls == [("null", "a", "{}"), ("call_1_r1", "b", "{}")]


def test_a_call_without_a_name() -> None:
    """It is refused at the end, as in a whole answer; a stream that was cut is broken anyway."""
    nameless = _calls(_call("{}", index=0, id="c1"))

    assert [piece.kind for piece in _stream(nameless)] == ["start", "tool_call"]
    with pytest.raises(ValueError, match="a tool call has no name"):
        _stream(nameless, END)


def test_long_arguments_with_a_name_in_every_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arguments are parsed no more than a number of times, whatever they look like."""
    looks: list[int] = []
    monkeypatch.setattr(tool_calls, "is_whole", lambda text: looks.append(len(text)))
    pieces = tool_calls.ToolCallPieces()

    read = [pieces.read({"tool_calls": [_call("}", "a", index=0)]}, "r1") for _ in range(1000)]

    assert {delta.index for [delta] in read} == {0}
    assert len(looks) < 100
