"""Streamed answers, event by event."""

from __future__ import annotations

import json
from typing import Any

import pytest
from litellm_gateway.answer_builder import AnswerBuilder
from litellm_gateway.errors import ProviderOverloadedError, RateLimitError
from litellm_gateway.framing import ServerEvent
from litellm_gateway.messages import Message, ReasoningPart, ToolCall
from litellm_gateway.requests import GenerateRequest
from litellm_gateway.responses import GenerateResponse, StreamChunk, TokenUsage
from litellm_gateway_provider_anthropic.dialect import AnthropicDialect

ASKED = GenerateRequest(model="asked-model", messages=(Message(role="user", content="Hello"),))
START = {
    "type": "message_start",
    "message": {"id": "msg_1", "model": "claude-x", "usage": {"input_tokens": 9, "output_tokens": 1}},
}
STOP = {"type": "message_stop"}


def _delta(index: int = 0, **delta: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def _block(index: int, *deltas: dict[str, Any], **block: Any) -> list[dict[str, Any]]:
    pieces = [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
    opened = {"type": "content_block_start", "index": index, "content_block": block}
    return [opened, *pieces, {"type": "content_block_stop", "index": index}]


def _text(index: int, *texts: str) -> list[dict[str, Any]]:
    return _block(index, *({"type": "text_delta", "text": text} for text in texts), type="text", text="")


def _end(word: str | None = "end_turn", usage: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "type": "message_delta",
        "delta": {"stop_reason": word, "stop_sequence": None, **more},
        "usage": usage or {"output_tokens": 5},
    }


def _pieces(*events: dict[str, Any]) -> list[StreamChunk]:
    decoder = AnthropicDialect().stream_decoder(ASKED)
    pieces: list[StreamChunk] = []
    for event in events:
        pieces += decoder.feed(ServerEvent(event["type"], json.dumps(event).encode() + b"   "))
    return [*pieces, *decoder.close()]


def _answer(*events: dict[str, Any]) -> GenerateResponse:
    builder = AnswerBuilder()
    for piece in _pieces(*events):
        builder.take(piece)
    return builder.build(model="asked-model", metadata={})


def test_a_plain_answer() -> None:
    """Start, text, usage, finish, in this order; pings and new events are passed over."""
    pieces = _pieces(START, {"type": "ping"}, *_text(0, "Hel", "", "lo"), {"type": "brand_new"}, _end(), STOP)

    assert [piece.kind for piece in pieces] == ["start", "text", "text", "usage", "finish"]
    assert (pieces[0].model, pieces[0].response_id) == ("claude-x", "msg_1")
    assert "".join(pieces) == "Hello"
    assert pieces[3].usage == TokenUsage(input_tokens=9, output_tokens=5)
    assert (pieces[4].finish_reason, pieces[4].raw_finish_reason) == ("stop", "end_turn")


def test_usage_is_cumulative() -> None:
    """The last counts replace the first; those that are not repeated, or null, stay."""
    first, last = {"output_tokens": 3, "cache_read_input_tokens": None}, {"output_tokens": 8, "input_tokens": 20}
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 9, "cache_read_input_tokens": 7}}}

    pieces = _pieces(start, _end(None, first), _end("end_turn", last), STOP)

    assert pieces[1].usage == TokenUsage(input_tokens=20, cache_read_tokens=7, output_tokens=8)


def test_tool_calls() -> None:
    """Calls are counted from zero whatever their block; arguments come in pieces, whole at the start, or not at all."""
    whole = {"type": "tool_use", "id": "t2", "name": "g", "input": {"b": 1}}
    answer = _answer(
        START,
        *_text(0, "Let me look."),
        *_block(1, *({"type": "input_json_delta", "partial_json": text} for text in ("", '{"a"', ":1}")),
                type="tool_use", id="t1", name="f", input={}),
        *_block(2, **whole),
        *_block(3, {"type": "input_json_delta", "partial_json": ""}, type="tool_use", id="t3", name="h", input={}),
        _end("tool_use"),
        STOP,
    )  # fmt: skip

    assert answer.tool_calls == (
        ToolCall(id="t1", name="f", arguments='{"a":1}'),
        ToolCall(id="t2", name="g", arguments='{"b":1}'),
        ToolCall(id="t3", name="h", arguments="{}"),
    )
    assert answer.finish_reason == "tool_calls"


def test_cut_arguments() -> None:
    """Arguments cut by max_tokens come as they are, with the finish that says so."""
    answer = _answer(
        START,
        *_block(0, {"type": "input_json_delta", "partial_json": '{"a": "b'}, type="tool_use", id="t", name="f"),
        _end("max_tokens"),
        STOP,
    )

    assert (answer.tool_calls[0].arguments, answer.finish_reason) == ('{"a": "b', "length")


def test_thinking() -> None:
    """Thinking comes in pieces and ends with its signature; redacted and unshown thinking come whole."""
    shown = ({"type": "thinking_delta", "thinking": "h"}, {"type": "thinking_delta", "thinking": "m"})
    answer = _answer(
        START,
        *_block(0, *shown, {"type": "signature_delta", "signature": "s1"}, type="thinking", thinking="", signature=""),
        *_block(1, type="redacted_thinking", data="blob"),
        *_block(2, {"type": "signature_delta", "signature": "s2"}, type="thinking", thinking="", signature=""),
        *_text(3, "4"),
        _end(),
        STOP,
    )

    assert answer.reasoning == (
        ReasoningPart(text="hm", signature="s1"),
        ReasoningPart(signature="blob", redacted=True),
        ReasoningPart(signature="s2"),
    )


def test_citations() -> None:
    """A citation is an annotation where it stands, whether in a delta or at the start of its block."""
    note = {"type": "char_location", "cited_text": "So"}

    pieces = _pieces(
        START,
        *_block(0, {"type": "text_delta", "text": "So."}, {"type": "citations_delta", "citation": note},
                type="text", text="", citations=[]),
        *_block(1, type="text", text="Yes.", citations=[note]),
        _end(),
        STOP,
    )  # fmt: skip

    kinds = [piece.kind for piece in pieces]
    assert kinds == ["start", "text", "annotation", "text", "annotation", "reasoning", "usage", "finish"]
    assert pieces[2].data == note


def test_server_tools() -> None:
    """A server tool's block is given whole when it closes: its input read, its texts joined, new deltas kept."""
    pieces = _pieces(
        START,
        *_block(0, {"type": "input_json_delta", "partial_json": '{"query":'},
                {"type": "input_json_delta", "partial_json": '"x"}'},
                type="server_tool_use", id="s1", name="web_search", input={}),
        *_block(1, {"type": "compaction_delta", "content": "so far"}, {"type": "compaction_delta", "content": "."},
                type="compaction", content=None),
        *_block(2, {"type": "input_json_delta", "partial_json": '{"cut'}, type="server_tool_use", id="s2", input={}),
        _end("pause_turn"),
        STOP,
    )  # fmt: skip

    notes = [piece.data for piece in pieces if piece.kind == "annotation"]
    parts = [piece.reasoning for piece in pieces if piece.reasoning is not None]
    assert notes == [
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "x"}},
        {"type": "compaction", "content": "so far."},
        {"type": "server_tool_use", "id": "s2", "input": {}},
    ]
    assert [part.extra for part in parts] == [{"anthropic": note} for note in notes]
    assert (pieces[-1].finish_reason, pieces[-1].raw_finish_reason) == ("other", "pause_turn")


def test_refusal_and_stop_sequence() -> None:
    """The explanation of a refusal is a piece of its own; what else the end says stands in the finish."""
    details = {"type": "refusal", "category": "cyber", "explanation": "Blocked."}

    refused = _pieces(START, _end("refusal", stop_details=details), STOP)
    stopped = _pieces(START, *_text(0, "1, 2"), _end("stop_sequence", stop_sequence="3"), STOP)

    assert [piece.kind for piece in refused] == ["start", "refusal", "usage", "finish"]
    assert refused[1].data == {"text": "Blocked."}
    assert refused[3].finish_reason == "content_filter"
    assert stopped[-1].data == {"stop_sequence": "3"}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "overloaded_error", "message": "Overloaded"}, ProviderOverloadedError),
        ({"type": "api_error", "message": "Overloaded"}, ProviderOverloadedError),
        ({"type": "rate_limit_error", "message": "slow"}, RateLimitError),
    ],
)
def test_error_events(error: dict[str, Any], kind: type[Exception]) -> None:
    """An error inside a stream is its typed error, with the id of the exchange."""
    with pytest.raises(kind) as caught:
        _pieces(START, *_text(0, "Hel"), {"type": "error", "error": error, "request_id": "req_1"})

    assert vars(caught.value).items() >= {"code": error["type"], "request_id": "req_1", "status_code": 200}.items()


def test_a_stream_that_is_cut() -> None:
    """Without its terminal event a stream has no finish; the usage so far is still given."""
    pieces = _pieces(START, *_text(0, "Hel"), _end())

    assert [piece.kind for piece in pieces] == ["start", "text", "usage"]


def test_nothing_after_the_end() -> None:
    """What comes after the terminal event is passed over."""
    pieces = _pieces(START, _end(), STOP, *_text(0, "late"), STOP)

    assert [piece.kind for piece in pieces] == ["start", "usage", "finish"]


@pytest.mark.parametrize(
    "event",
    [
        {"type": "message_start", "message": 1}, {"type": "message_start", "message": {"usage": []}},
        {"type": "content_block_start", "content_block": 1},
        {"type": "content_block_start", "content_block": {"type": "tool_use"}},
        _delta(type="text_delta", text=1), _delta(type="thinking_delta", thinking=[]),
        _delta(type="citations_delta", citation=1),
        {"type": "message_delta", "delta": 1},
    ],
)  # fmt: skip
def test_what_is_no_event(event: dict[str, Any]) -> None:
    """An event of another shape is refused, never half read."""
    with pytest.raises(ValueError, match=r"\w"):
        _pieces(event)


def test_deltas_of_unknown_blocks() -> None:
    """A delta for a block that never began, and an empty event, change nothing."""
    decoder = AnthropicDialect().stream_decoder(ASKED)

    assert not decoder.feed(ServerEvent("content_block_delta", json.dumps(_delta(7, type="new", x=1)).encode()))
    assert not decoder.feed(ServerEvent("content_block_stop", b'{"type":"content_block_stop","index":7}'))
    assert not decoder.feed(ServerEvent("ping", b""))
