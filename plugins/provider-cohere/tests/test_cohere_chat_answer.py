"""What is made of Cohere's whole and streamed answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from litellm_gateway.answer_builder import AnswerBuilder
from litellm_gateway.errors import ProviderError, ProviderTimeoutError
from litellm_gateway.framing import ServerEvent
from litellm_gateway.messages import ReasoningPart, ToolCall
from litellm_gateway.requests import GenerateRequest
from litellm_gateway.responses import GenerateResponse, StreamChunk, TokenUsage
from litellm_gateway.secrets import Secret
from litellm_gateway.testing.provider_driver import HELLO
from litellm_gateway.wire import WireResponse
from litellm_gateway_provider_cohere.dialect import CohereDialect

DIALECT = CohereDialect(base_url="https://api.cohere.com", api_key=Secret("co-0123456789abcdef"))
USAGE = {
    "billed_units": {"input_tokens": 5.0, "output_tokens": 3.0},
    "tokens": {"input_tokens": 100.0, "output_tokens": 20.0, "reasoning_tokens": 8.0},
    "cached_tokens": 90.0,
}
SPENT = TokenUsage(input_tokens=10, cache_read_tokens=90, output_tokens=12, reasoning_tokens=8)


def read(message: dict[str, Any], finish: str = "COMPLETE", **more: Any) -> GenerateResponse:
    body = {"id": "r1", "message": {"role": "assistant", **message}, "finish_reason": finish, **more}
    response = WireResponse(status=200, headers={"x-debug-trace-id": "t1"}, body=json.dumps(body).encode())
    return DIALECT.decode_generate(GenerateRequest(model="command-a-03-2025", messages=HELLO.messages), response)


def stream(*events: dict[str, Any]) -> list[StreamChunk]:
    decoder = DIALECT.stream_decoder(HELLO)
    pieces: list[StreamChunk] = []
    for event in events:
        pieces += decoder.feed(ServerEvent(event.get("type", ""), json.dumps(event).encode()))
    pieces += decoder.feed(ServerEvent("", b"[DONE]"))
    return [*pieces, *decoder.close()]


def built(*events: dict[str, Any]) -> GenerateResponse:
    builder = AnswerBuilder()
    for piece in stream(*events):
        builder.take(piece)
    return builder.build(model="m", metadata={})


def event(kind: str, message: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"type": kind, "delta": {"message": message or {}}, **more}


START = {"type": "message-start", "id": "r1", "delta": {"message": {"role": "assistant"}}}
END = {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": USAGE}}


def text(piece: str) -> dict[str, Any]:
    return event("content-delta", {"content": {"text": piece}}, index=0)


def test_a_whole_answer() -> None:
    """Text is joined, thinking is apart, usage is disjoint, ids stand in the metadata."""
    blocks = [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Hi "}, {"type": "text", "text": "you"}]

    answer = read({"content": blocks}, usage=USAGE, logprobs=[{"token_ids": [1]}])

    assert (answer.text, answer.model, answer.usage) == ("Hi you", "command-a-03-2025", SPENT)
    assert [part.text for part in answer.reasoning] == ["Hm."]
    assert (answer.finish_reason, answer.raw_finish_reason) == ("stop", "COMPLETE")
    assert answer.metadata["response_id"] == "r1"
    assert answer.metadata["provider_request_id"] == "t1"
    assert answer.metadata["logprobs"] == [{"token_ids": [1]}]
    assert answer.metadata["billed_units"] == USAGE["billed_units"]


def test_a_tool_plan_is_reasoning_that_goes_back_in_its_place() -> None:
    """Plan and calls of an answer can be sent back unchanged."""
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Os'}}

    answer = read({"tool_plan": "I will ask.", "tool_calls": [call]}, finish="TOOL_CALL")

    assert answer.reasoning == (ReasoningPart(text="I will ask.", extra={"cohere": "tool_plan"}),)
    assert answer.tool_calls == (ToolCall(id="c1", name="weather", arguments='{"city": "Os'),)
    assert answer.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("word", "unified"),
    [("STOP_SEQUENCE", "stop"), ("MAX_TOKENS", "length"), ("ERROR", "error"), ("ERROR_TOXIC", "content_filter"),
     ("SOMETHING_NEW", "other")],
)  # fmt: skip
def test_finish_words(word: str, unified: str) -> None:
    """Known words are unified, new ones are kept and never crash."""
    answer = read({"content": "x"}, finish=word)

    assert (answer.text, answer.finish_reason, answer.raw_finish_reason) == ("x", unified, word)


def test_usage_of_billed_units_alone() -> None:
    """Where the tokens are not told, what is billed stands in; no usage at all counts nothing."""
    billed = read({"content": "x"}, usage={"billed_units": {"input_tokens": 4, "output_tokens": 2}})

    assert billed.usage == TokenUsage(input_tokens=4, output_tokens=2)
    assert read({"content": "x"}, usage={}).usage == TokenUsage()


def test_an_error_in_place_of_an_answer() -> None:
    """A good status with a message of Cohere's own is an error, not an answer."""
    response = WireResponse(status=200, headers={}, body=b'{"id": "e1", "message": "internal trouble"}')

    with pytest.raises(ProviderError, match="internal trouble") as caught:
        DIALECT.decode_generate(HELLO, response)

    assert caught.value.request_id == "e1"


def test_a_streamed_answer() -> None:
    """Text comes piece by piece, then usage, then the finish; nothing comes after it."""
    pieces = stream(START, event("content-start", {"content": {"type": "text", "text": ""}}), text("Hi"), text(" you"),
                    event("content-end"), END, text("late"))  # fmt: skip

    assert [piece.kind for piece in pieces] == ["start", "text", "text", "usage", "finish"]
    assert "".join(pieces) == "Hi you"
    assert pieces[0].response_id == "r1"
    assert pieces[-2].usage == SPENT
    assert (pieces[-1].finish_reason, pieces[-1].raw_finish_reason) == ("stop", "COMPLETE")


def test_streamed_plan_thinking_and_calls_are_those_of_a_whole_answer() -> None:
    """Put together, the pieces of plan, thinking and calls are the parts a whole answer has."""
    answer = built(
        START,
        event("tool-plan-delta", {"tool_plan": "I will"}),
        event("tool-plan-delta", {"tool_plan": " ask."}),
        event("content-start", {"content": {"type": "thinking", "thinking": ""}}),
        event("content-delta", {"content": {"thinking": "Hm."}}),
        event("content-end"),
        event("tool-call-start", {"tool_calls": {"id": "c1", "function": {"name": "a", "arguments": ""}}}, index=0),
        event("tool-call-delta", {"tool_calls": {"function": {"arguments": '{"x":'}}}, index=0),
        event("tool-call-delta", {"tool_calls": {"function": {"arguments": "1}"}}}, index=0),
        event("tool-call-end", index=0),
        event("tool-call-start", {"tool_calls": {"id": "c2", "function": {"name": "a", "arguments": ""}}}, index=1),
        event("tool-call-end", index=1),
        {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL"}},
    )

    assert answer.reasoning == (
        ReasoningPart(text="I will ask.", extra={"cohere": "tool_plan"}),
        ReasoningPart(text="Hm.", extra={"cohere": "thinking"}),
    )
    assert answer.tool_calls == (
        ToolCall(id="c1", name="a", arguments='{"x":1}'),
        ToolCall(id="c2", name="a", arguments="{}"),
    )
    assert answer.finish_reason == "tool_calls"


def test_text_right_after_thinking_closes_it() -> None:
    """A missing end of a thinking block loses nothing."""
    answer = built(START, event("content-delta", {"content": {"thinking": "Hm."}}), text("Hi"), END)

    assert answer.reasoning == (ReasoningPart(text="Hm.", extra={"cohere": "thinking"}),)
    assert answer.text == "Hi"


def test_streamed_citations() -> None:
    """A citation is passed on as Cohere gives it."""
    note = {"start": 0, "end": 2, "text": "Hi", "sources": []}

    answer = built(START, text("Hi"), event("citation-start", {"citations": note}), event("citation-end"), END)

    assert answer.annotations == (note,)


def test_an_error_at_the_end_of_a_stream() -> None:
    """An error in message-end is raised with Cohere's code; the model's own mistake is not held against Cohere."""
    end = {
        "type": "message-end",
        "delta": {
            "finish_reason": "ERROR",
            "error": "invalid tool generation",
            "error_type": "INVALID_TOOL_GENERATION",
        },
    }

    with pytest.raises(ProviderError, match="invalid tool generation") as caught:
        stream(START, end)

    assert caught.value.code == "INVALID_TOOL_GENERATION"
    assert not caught.value.provider_fault


def test_a_timeout_at_the_end_of_a_stream() -> None:
    """Cohere's own timeout is a timeout."""
    with pytest.raises(ProviderTimeoutError):
        stream(START, {"type": "message-end", "delta": {"finish_reason": "TIMEOUT", "error": "took too long"}})


@pytest.mark.parametrize("broken", [{"message": "overloaded"}, {"type": "error", "message": "overloaded"}])
def test_an_error_in_the_middle_of_a_stream(broken: dict[str, Any]) -> None:
    """Whatever form the error has, it is raised."""
    with pytest.raises(ProviderError, match="overloaded"):
        stream(START, text("Hi"), broken)


def test_new_events_are_passed_over() -> None:
    """Events, blocks and fields of tomorrow never break a stream."""
    answer = built(START, event("tea-break"), event("content-start", {"content": {"type": "song"}}), text("Hi"), END)

    assert (answer.text, answer.finish_reason) == ("Hi", "stop")


@pytest.mark.parametrize(
    "broken",
    [
        event("tool-call-delta", {"tool_calls": {"function": {"arguments": "{"}}}, index=3),
        event("content-delta", {"content": {"text": 5}}),
        event("tool-call-start", {"tool_calls": {"id": "c", "function": {"name": "a"}}}, index="x"),
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": {"tokens": {"input_tokens": -1}}}},
    ],
)
def test_broken_events_are_refused(broken: dict[str, Any]) -> None:
    """What cannot be read is a ValueError, which the provider around it makes a typed error."""
    with pytest.raises(ValueError, match=r"is |was |no "):
        stream(START, broken)
