"""Streams become pieces: usage once, the finish once and last, errors typed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from litellm_gateway.errors import GatewayError, InvalidRequestError, ProviderError, ProviderOverloadedError
from litellm_gateway.framing import ServerEvent
from litellm_gateway.messages import Message
from litellm_gateway.requests import GenerateRequest
from litellm_gateway.responses import StreamChunk, ToolCallDelta
from litellm_gateway_dialect_openai import OpenAIChatDialect

ASKED = GenerateRequest(model="m", messages=(Message(role="user", content="Hello"),))
DONE = "[DONE]"


def _stream(*events: Any, closed: bool = True) -> list[StreamChunk]:
    decoder = OpenAIChatDialect(base_url="https://api.example/v1").stream_decoder(ASKED)
    pieces: list[StreamChunk] = []
    for event in events:
        data = event.encode() if isinstance(event, str) else json.dumps(event).encode()
        pieces += decoder.feed(ServerEvent("", data))
    return [*pieces, *decoder.close()] if closed else pieces


def _delta(finish: str | None = None, index: int = 0, **delta: Any) -> dict[str, Any]:
    return {"id": "r1", "model": "gpt", "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


def _calls(*calls: dict[str, Any]) -> dict[str, Any]:
    return _delta(tool_calls=list(calls))


def _read_calls(*events: dict[str, Any]) -> list[ToolCallDelta]:
    return [piece.tool_call for piece in _stream(*events) if piece.tool_call is not None]


def _shown(pieces: list[StreamChunk]) -> list[tuple[str, str]]:
    return [(piece.kind, piece.finish_reason or str(piece)) for piece in pieces]


def test_an_ordinary_stream() -> None:
    """Start, text, usage, finish: usage comes after the reason on the wire and before it here."""
    usage = {"id": "r1", "model": "gpt", "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}}

    pieces = _stream(_delta(role="assistant", content=""), _delta(content="He"), _delta(content="llo"),
                     _delta("stop"), usage, DONE)  # fmt: skip

    assert _shown(pieces) == [("start", ""), ("text", "He"), ("text", "llo"), ("usage", ""), ("finish", "stop")]
    assert (pieces[0].model, pieces[0].response_id) == ("gpt", "r1")
    assert pieces[3].usage is not None
    assert pieces[3].usage.total_tokens == 7
    assert pieces[4].raw_finish_reason == "stop"


def test_no_finish_without_a_reason() -> None:
    """A stream cut before its reason ends without a finish piece, with usage or without."""
    pieces = _stream(_delta(content="He"))

    assert _shown(pieces) == [("start", ""), ("text", "He")]


def test_finish_without_done() -> None:
    """Servers that send no [DONE] finish with the end of the body."""
    assert _shown(_stream(_delta("length", content="x")))[-1] == ("finish", "length")


def test_nothing_after_done() -> None:
    """What comes after the end is passed over, and the end is given once."""
    assert _shown(_stream(_delta("stop", content="x"), DONE, _delta(content="y"), DONE)) == [
        ("start", ""), ("text", "x"), ("finish", "stop"),
    ]  # fmt: skip


def test_usage_in_every_event_counts_once() -> None:
    """Servers that send usage along with every event are read by the last one."""
    first = {**_delta(content="a"), "usage": {"prompt_tokens": 5, "completion_tokens": 1}}
    last = {**_delta("stop", content="b"), "usage": {"prompt_tokens": 5, "completion_tokens": 2}}

    usages = [piece.usage for piece in _stream(first, last, DONE) if piece.usage is not None]

    assert [usage.completion_tokens for usage in usages] == [2]


def test_groq_usage() -> None:
    """Groq's streams keep usage in a place of their own."""
    event = {**_delta("stop"), "x_groq": {"usage": {"prompt_tokens": 5, "completion_tokens": 1}}}

    assert [piece.usage.total_tokens for piece in _stream(event) if piece.usage] == [6]


@pytest.mark.parametrize(
    "event",
    [
        {"id": "", "model": "", "choices": [], "prompt_filter_results": []},
        {"choices": None, "model": ""},
        "",
        "  ",
        {"object": "something.new"},
    ],
)
def test_events_without_content(event: Any) -> None:
    """Azure's first event, null choices, keep-alives and unknown events give nothing."""
    assert _shown(_stream(event, _delta(content="x"))) == [("start", ""), ("text", "x")]


def test_null_deltas() -> None:
    """A choice with a null delta gives nothing."""
    event = {"model": "gpt", "choices": [{"index": 0, "delta": None, "finish_reason": None}]}

    assert _shown(_stream(event)) == [("start", "")]


def test_only_the_first_answer_is_streamed() -> None:
    """Pieces of further answers do not mix with the first."""
    assert "".join(_stream(_delta(content="a"), _delta(index=1, content="b"), _delta(content="c"))) == "ac"


def test_reasoning_refusal_and_annotations() -> None:
    """Reasoning, refusals and annotations come as pieces of their own, in order."""
    note = {"type": "url_citation"}
    parts = [{"type": "thinking", "thinking": "t"}, {"type": "text", "text": "y"}]
    said = [_delta(reasoning_content="hm"), _delta(reasoning="mm"), _delta(refusal="no")]
    pieces = _stream(*said, _delta(content="x", annotations=[note]), _delta(content=parts))

    kinds = [piece.kind for piece in pieces]

    assert kinds == ["start", "reasoning", "reasoning", "refusal", "text", "annotation", "reasoning", "text"]
    assert [piece.reasoning.text for piece in pieces if piece.reasoning] == ["hm", "mm", "t"]
    assert [piece.data for piece in pieces if piece.data] == [{"text": "no"}, note]


def test_interleaved_tool_calls() -> None:
    """Pieces of two calls may alternate; id and name come once each."""
    calls = _read_calls(
        _calls({"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}),
        _calls({"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": "{"}}),
        _calls({"index": 0, "function": {"arguments": '{"x"'}}, {"index": 1, "function": {"arguments": "}"}}),
        _calls({"index": 0, "id": "a", "function": {"name": "f", "arguments": ": 1}"}}),
    )

    assert calls == [
        ToolCallDelta(index=0, id="a", name="f"),
        ToolCallDelta(index=1, id="b", name="g", arguments="{"),
        ToolCallDelta(index=0, arguments='{"x"'),
        ToolCallDelta(index=1, arguments="}"),
        ToolCallDelta(index=0, arguments=": 1}"),
    ]


def test_calls_without_index_or_id() -> None:
    """Whole calls without an index are told apart by their ids; without an id one is made."""
    whole = {"function": {"name": "f", "arguments": "{}"}}

    unnumbered = _read_calls(_calls({"id": "a", **whole}), _calls({"id": "b", **whole}))
    unnamed = _read_calls(_calls({"index": 0, **whole}))

    assert [call.index for call in unnumbered] == [0, 1]
    assert [call.id for call in unnamed] == ["call_0_r1"]


def test_calls_that_all_have_index_zero() -> None:
    """A new id with a new name under a known index is a new call."""
    calls = _read_calls(
        _calls({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}),
        _calls({"index": 0, "id": "b", "function": {"name": "g", "arguments": "{}"}}),
    )

    assert [(call.index, call.id) for call in calls] == [(0, "a"), (1, "b")]


def test_tool_calls_that_end_with_stop() -> None:
    """A named tool choice ends with stop although a tool is called."""
    call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}

    assert _stream(_calls(call), _delta("stop"), DONE)[-1].finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ({"error": {"message": "overloaded", "code": "server_is_overloaded"}}, ProviderOverloadedError),
        ({"error": {"message": "bad call", "type": "invalid_request_error", "status_code": 400}}, InvalidRequestError),
        ({"error": "it broke", "code": "internal"}, ProviderError),
        ({"object": "error", "message": "it broke", "code": 500}, ProviderError),
        ({**_delta("error"), "error": {"code": 502, "message": "upstream"}}, ProviderError),
        ({"model": "m", "choices": [{"delta": {}, "error": {"code": 502, "message": "upstream"}}]}, ProviderError),
    ],
)
def test_errors_in_a_stream(event: dict[str, Any], kind: type[GatewayError]) -> None:
    """An error event in a 200 stream raises its typed error."""
    with pytest.raises(GatewayError) as caught:
        _stream(_delta(content="He"), event, closed=False)

    assert type(caught.value) is kind


@pytest.mark.parametrize("finish", ["stop", None])
def test_a_stream_that_groq_stopped(finish: str | None) -> None:
    """Groq says beside the last piece why it stopped early; that is an error, with a finish or without."""
    event = {**_delta(finish), "x_groq": {"id": "req_1", "error": "over capacity, stopped early"}}

    with pytest.raises(ProviderError, match="over capacity, stopped early"):
        _stream(_delta(content="He"), event, closed=False)


@pytest.mark.parametrize(
    ("word", "unified"),
    [
        ("abort", "error"),
        ("function_call_filter: MALFORMED_FUNCTION_CALL", "error"),
        ("content_filter: RECITATION", "content_filter"),
        ("content_filter", "content_filter"),
        ("something: new", "other"),
        (": stop", "other"),
    ],
)
def test_words_an_answer_ends_with(word: str, unified: str) -> None:
    """An abnormal end is no success; what stands behind a colon tells only more about it."""
    finish = _stream(_delta(content="x"), _delta(word), DONE)[-1]

    assert (finish.finish_reason, finish.raw_finish_reason) == (unified, word)


def test_a_named_error_event() -> None:
    """An event called ``error`` is one, whatever its data looks like."""
    decoder = OpenAIChatDialect(base_url="https://api.example/v1").stream_decoder(ASKED)

    with pytest.raises(ProviderError, match="it broke"):
        decoder.feed(ServerEvent("error", b'{"message": "it broke"}'))


@pytest.mark.parametrize(
    "event",
    [
        "{not json", [], 7, "null", {"choices": 7}, {"choices": [7]}, {"choices": [{"delta": 7}]},
        _delta(content=7), _delta(content=[7]), _delta(tool_calls={}), _delta(tool_calls=[7]),
        _delta(tool_calls=[{"index": "0"}]), _delta(tool_calls=[{"index": 0, "id": 7}]),
        _delta(refusal=7), _delta(reasoning=7), {"model": 7, "choices": []}, {"choices": [], "usage": 7},
        {"choices": [{"delta": {}, "finish_reason": 7}]},
    ],
)  # fmt: skip
def test_wrong_shapes_are_refused(event: Any) -> None:
    """An event that is none is a ValueError, never a wrong piece."""
    with pytest.raises(ValueError, match=r"."):
        _stream(event)


def test_wrong_counts_are_refused() -> None:
    """Usage that is no count fails the stream rather than being billed."""
    with pytest.raises(ValueError, match="prompt_tokens"):
        _stream({"choices": [], "usage": {"prompt_tokens": "7"}})
