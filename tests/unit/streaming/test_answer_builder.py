"""Pieces put together again."""

from __future__ import annotations

import pickle

from litellm_gateway.answer_builder import AnswerBuilder
from litellm_gateway.dialects import as_chunks
from litellm_gateway.messages import ReasoningPart, ToolCall
from litellm_gateway.responses import GenerateResponse, StreamChunk, TokenUsage, ToolCallDelta


def build(*pieces: StreamChunk) -> GenerateResponse:
    builder = AnswerBuilder()
    for piece in pieces:
        builder.take(piece)
    return builder.build(model="m", metadata={})


def test_a_whole_answer_survives_being_cut_into_pieces() -> None:
    """``as_chunks`` and the builder undo each other."""
    answer = GenerateResponse(
        text="hello",
        model="m",
        usage=TokenUsage(input_tokens=1, reasoning_tokens=2, output_tokens=3),
        finish_reason="tool_calls",
        raw_finish_reason="tool_use",
        tool_calls=(ToolCall(id="a", name="f", arguments='{"x":1}'), ToolCall(id="b", name="f", signature="s")),
        reasoning=(ReasoningPart(text="hm", signature="sig"), ReasoningPart(redacted=True, signature="r")),
        refusal="no",
        annotations=({"url": "https://x.example"},),
    )

    assert build(*as_chunks(answer)) == answer


def test_interleaved_tool_calls_are_kept_apart() -> None:
    """Pieces belong to their index; id and name come once."""
    deltas = [
        ToolCallDelta(index=0, id="a", name="f"),
        ToolCallDelta(index=1, id="b", name="f", arguments='{"y'),
        ToolCallDelta(index=0, arguments='{"x":1}'),
        ToolCallDelta(index=1, arguments='":2}'),
    ]

    answer = build(*(StreamChunk(kind="tool_call", tool_call=delta) for delta in deltas))

    assert [(call.id, call.arguments) for call in answer.tool_calls] == [("a", '{"x":1}'), ("b", '{"y":2}')]


def test_reasoning_grows_until_it_is_signed() -> None:
    """Text pieces join; a signature closes the block and the next piece opens another."""
    parts = [
        ReasoningPart(text="a"),
        ReasoningPart(text="b"),
        ReasoningPart(signature="s1"),
        ReasoningPart(text="c"),
        ReasoningPart(redacted=True, signature="x"),
    ]

    answer = build(*(StreamChunk(kind="reasoning", reasoning=part) for part in parts))

    assert answer.reasoning == (
        ReasoningPart(text="ab", signature="s1"),
        ReasoningPart(text="c"),
        ReasoningPart(redacted=True, signature="x"),
    )


def test_the_last_usage_and_the_first_finish_count() -> None:
    """Usage is cumulative; an end is an end."""
    answer = build(
        StreamChunk(kind="usage", usage=TokenUsage(input_tokens=1)),
        StreamChunk(kind="finish", finish_reason="length"),
        StreamChunk(kind="usage", usage=TokenUsage(input_tokens=5)),
        StreamChunk(kind="finish", finish_reason="stop"),
    )

    assert answer.usage.input_tokens == 5
    assert answer.finish_reason == "length"


def test_what_the_provider_says_at_the_ends_becomes_metadata() -> None:
    """The response id of the start and the data of the finish are in the answer's metadata."""
    answer = build(
        StreamChunk(kind="start", response_id="r"),
        StreamChunk("hi"),
        StreamChunk(kind="finish", finish_reason="stop", data={"stop_sequence": "END"}),
    )

    assert answer.metadata == {"response_id": "r", "stop_sequence": "END"}


def test_a_chunk_is_its_text() -> None:
    """It prints, joins, compares and pickles as a string, with its fields beside."""
    chunk = StreamChunk("hi", kind="text", response_id="r")

    again = pickle.loads(pickle.dumps(chunk))

    assert f"{chunk}" == chunk == "hi" == chunk.text
    assert type(chunk.text) is str
    assert (again, again.response_id) == ("hi", "r")
    assert StreamChunk("plain").usage is None


def test_a_text_of_very_many_pieces_is_whole() -> None:
    """However many pieces there are, they are joined in order."""
    words = [f"{number} " for number in range(5000)]

    assert build(*map(StreamChunk, words)).text == "".join(words)
