"""What is made of Converse's whole and streamed answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway.answer_builder import AnswerBuilder
from litellm_gateway.errors import (
    GatewayError,
    ProviderError,
    ProviderOverloadedError,
    RateLimitError,
)
from litellm_gateway.framing import ServerEvent, reader_for
from litellm_gateway.messages import ReasoningPart, ToolCall
from litellm_gateway.responses import GenerateResponse, StreamChunk, TokenUsage
from litellm_gateway.testing.provider_driver import HELLO
from litellm_gateway.wire import Limits, WireResponse
from litellm_gateway_provider_bedrock.dialect import ConverseDialect

if TYPE_CHECKING:
    from collections.abc import Callable

DIALECT = ConverseDialect(base_url="https://bedrock-runtime.us-east-1.amazonaws.com")
USAGE = {
    "inputTokens": 3,
    "outputTokens": 7,
    "totalTokens": 115,
    "cacheReadInputTokens": 100,
    "cacheWriteInputTokens": 5,
}
SPENT = TokenUsage(input_tokens=3, cache_read_tokens=100, cache_write_tokens=5, output_tokens=7)
SERVER_CALL = {"toolUseId": "s1", "name": "nova_grounding", "type": "server_tool_use"}
SERVER_RESULT = {"toolUseId": "s1", "type": "nova_grounding_result", "status": "success"}


def read(*blocks: dict[str, Any], stop: str = "end_turn", **more: Any) -> GenerateResponse:
    body = {"output": {"message": {"role": "assistant", "content": blocks}}, "stopReason": stop, **more}
    response = WireResponse(status=200, headers={"x-amzn-requestid": "r1"}, body=json.dumps(body).encode())
    return DIALECT.decode_generate(HELLO, response)


def stream(*events: tuple[str, dict[str, Any]]) -> list[StreamChunk]:
    decoder = DIALECT.stream_decoder(HELLO)
    pieces: list[StreamChunk] = []
    for name, body in events:
        pieces += decoder.feed(ServerEvent(name, json.dumps(body).encode()))
    return [*pieces, *decoder.close()]


def built(*events: tuple[str, dict[str, Any]]) -> GenerateResponse:
    builder = AnswerBuilder()
    for piece in stream(*events):
        builder.take(piece)
    return builder.build(model="m", metadata={})


def delta(index: int, **what: Any) -> tuple[str, dict[str, Any]]:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": what}


def begin(index: int, **what: Any) -> tuple[str, dict[str, Any]]:
    return "contentBlockStart", {"contentBlockIndex": index, "start": what}


def end(index: int) -> tuple[str, dict[str, Any]]:
    return "contentBlockStop", {"contentBlockIndex": index}


START = ("messageStart", {"role": "assistant"})
STOP = ("messageStop", {"stopReason": "end_turn"})
META = ("metadata", {"usage": USAGE, "metrics": {"latencyMs": 5}})


def test_a_whole_answer() -> None:
    """Text is joined, usage is disjoint, what else the service told stands in the metadata."""
    answer = read({"text": "Hi "}, {"text": "you"}, usage=USAGE, trace={"guardrail": {}}, serviceTier={"type": "flex"})

    assert (answer.text, answer.model, answer.usage) == ("Hi you", HELLO.model, SPENT)
    assert (answer.finish_reason, answer.raw_finish_reason) == ("stop", "end_turn")
    assert answer.metadata == {
        "provider_request_id": "r1",
        "trace": {"guardrail": {}},
        "serviceTier": {"type": "flex"},
    }


def test_reasoning() -> None:
    """Shown reasoning keeps its signature, redacted reasoning its content."""
    answer = read(
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "sig"}}},
        {"reasoningContent": {"redactedContent": "cmVk"}},
        {"text": "So."},
    )

    assert answer.reasoning == (
        ReasoningPart(text="Hm.", signature="sig"),
        ReasoningPart(signature="cmVk", redacted=True),
    )


def test_tool_calls() -> None:
    """Arguments become a JSON text; a call under an ordinary stop counts as tool_calls."""
    answer = read({"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Oslo"}}})

    assert answer.tool_calls == (ToolCall(id="t1", name="weather", arguments='{"city":"Oslo"}'),)
    assert answer.finish_reason == "tool_calls"


def test_what_the_service_s_tools_did_is_no_call() -> None:
    """A tool that the service ran is kept to go back, and the answer is not waiting for anything."""
    answer = read({"toolUse": {**SERVER_CALL, "input": {"q": 1}}}, {"toolResult": {**SERVER_RESULT, "content": []}})

    assert answer.tool_calls == ()
    assert answer.finish_reason == "stop"
    assert [part.extra for part in answer.reasoning] == [
        {"bedrock": {"toolUse": {**SERVER_CALL, "input": {"q": 1}}}},
        {"bedrock": {"toolResult": {**SERVER_RESULT, "content": []}}},
    ]


def test_citations() -> None:
    """Cited text is part of the text, its citations are annotations."""
    answer = read(
        {"text": "It is "}, {"citationsContent": {"content": [{"text": "red"}], "citations": [{"title": "f"}]}}
    )

    assert (answer.text, answer.annotations) == ("It is red", ({"title": "f"},))


@pytest.mark.parametrize(
    ("word", "unified"),
    [("stop_sequence", "stop"), ("max_tokens", "length"), ("model_context_window_exceeded", "length"),
     ("guardrail_intervened", "content_filter"), ("content_filtered", "content_filter"),
     ("malformed_tool_use", "error"), ("something_new", "other")],
)  # fmt: skip
def test_stop_reasons(word: str, unified: str) -> None:
    """Known words are unified, new ones are kept and never crash."""
    answer = read({"text": "x"}, stop=word)

    assert (answer.finish_reason, answer.raw_finish_reason) == (unified, word)


def test_new_blocks_are_handed_on() -> None:
    """A kind of block nobody knows yet is an annotation."""
    answer = read({"text": "x"}, {"hologram": {"size": 3}})

    assert (answer.text, answer.annotations) == ("x", ({"hologram": {"size": 3}},))


@pytest.mark.parametrize("body", [b'{"message": "try later"}', b'{"__type": "a.b#ThrottlingException"}'])
def test_an_error_in_place_of_an_answer(body: bytes) -> None:
    """A good status with an error of AWS's in it is that error."""
    with pytest.raises(GatewayError) as caught:
        DIALECT.decode_generate(HELLO, WireResponse(status=200, headers={}, body=body))

    assert isinstance(caught.value, RateLimitError if b"Throttling" in body else ProviderError)


def test_a_streamed_answer() -> None:
    """Text begins with its first delta; the finish waits for the usage, which comes after the stop."""
    pieces = stream(START, delta(0, text="Hi"), delta(0, text=" you"), end(0), STOP, META)

    assert [piece.kind for piece in pieces] == ["start", "text", "text", "usage", "finish"]
    assert "".join(pieces) == "Hi you"
    assert pieces[-2].usage == SPENT
    assert (pieces[-1].finish_reason, pieces[-1].raw_finish_reason) == ("stop", "end_turn")


def test_a_stream_without_usage() -> None:
    """An answer that had stopped is finished at the end of the body, without usage."""
    pieces = stream(START, delta(0, text="Hi"), end(0), STOP)

    assert [piece.kind for piece in pieces] == ["start", "text", "finish"]


def test_a_stream_that_never_stopped_is_not_finished() -> None:
    """Usage alone ends nothing."""
    pieces = stream(START, delta(0, text="Hi"), META)

    assert [piece.kind for piece in pieces] == ["start", "text", "usage"]


def test_streamed_tool_calls() -> None:
    """A call is opened with id and name; pieces of arguments go to their block; none at all is an empty object."""
    answer = built(
        START,
        delta(0, text="One moment."),
        end(0),
        begin(1, toolUse={"toolUseId": "t1", "name": "a"}),
        delta(1, toolUse={"input": '{"x":'}),
        delta(1, toolUse={"input": "1}"}),
        end(1),
        begin(2, toolUse={"toolUseId": "t2", "name": "a"}),
        end(2),
        ("messageStop", {"stopReason": "tool_use"}),
        META,
    )

    assert answer.text == "One moment."
    assert answer.tool_calls == (
        ToolCall(id="t1", name="a", arguments='{"x":1}'),
        ToolCall(id="t2", name="a", arguments="{}"),
    )
    assert answer.finish_reason == "tool_calls"


def test_streamed_reasoning_is_that_of_a_whole_answer() -> None:
    """Text and signature of a block are one part; redacted content that came in pieces is one again."""
    answer = built(
        START,
        delta(0, reasoningContent={"text": "H"}),
        delta(0, reasoningContent={"text": "m."}),
        delta(0, reasoningContent={"signature": "si"}),
        delta(0, reasoningContent={"signature": "g"}),
        end(0),
        delta(1, reasoningContent={"redactedContent": "YQ=="}),
        delta(1, reasoningContent={"redactedContent": "Yg=="}),
        end(1),
        delta(2, text="So."),
        end(2),
        STOP,
        META,
    )

    assert answer.reasoning == (
        ReasoningPart(text="Hm.", signature="sig"),
        ReasoningPart(signature="YWI=", redacted=True),
    )


def test_streamed_server_tools_are_those_of_a_whole_answer() -> None:
    """Call and result are put together and kept to go back; neither is a call for the caller."""
    answer = built(
        START,
        begin(0, toolUse=SERVER_CALL),
        delta(0, toolUse={"input": '{"q": 1}'}),
        end(0),
        begin(1, toolResult=SERVER_RESULT),
        delta(1, toolResult=[{"text": "found"}]),
        end(1),
        delta(2, text="So."),
        end(2),
        STOP,
        META,
    )

    assert answer.tool_calls == ()
    assert [part.extra for part in answer.reasoning] == [
        {"bedrock": {"toolUse": {**SERVER_CALL, "input": {"q": 1}}}},
        {"bedrock": {"toolResult": {**SERVER_RESULT, "content": [{"text": "found"}]}}},
    ]


def test_streamed_citations_and_new_deltas_are_annotations() -> None:
    """A citation is passed on as it is, and so is what nobody knows yet."""
    answer = built(START, delta(0, citation={"title": "f"}), delta(0, hologram={"size": 3}), end(0), STOP, META)

    assert answer.annotations == ({"title": "f"}, {"hologram": {"size": 3}})


def test_new_events_are_passed_over() -> None:
    """Events of tomorrow never break a stream, and nothing comes after the end."""
    pieces = stream(START, ("teaBreak", {"minutes": 5}), delta(0, text="Hi"), STOP, META, delta(0, text="late"))

    assert [piece.kind for piece in pieces] == ["start", "text", "usage", "finish"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("throttlingException", RateLimitError),
        ("serviceUnavailableException", ProviderOverloadedError),
        ("modelStreamErrorException", ProviderError),
        ("somethingNewException", ProviderError),
    ],
)
def test_exceptions_in_a_stream(frame: Callable[..., bytes], name: str, kind: type[GatewayError]) -> None:
    """An exception frame in a good stream raises its own class, with AWS's name as the code."""
    body = frame(b'{"role":"assistant"}', message_type="event", event_type="messageStart") + frame(
        b'{"message":"no more"}', message_type="exception", exception_type=name
    )
    decoder = DIALECT.stream_decoder(HELLO)
    first, second = reader_for(DIALECT.framing, Limits()).feed(body)

    assert [piece.kind for piece in decoder.feed(first)] == ["start"]
    with pytest.raises(kind, match="no more") as caught:
        decoder.feed(second)

    assert type(caught.value) is kind
    assert caught.value.code == name[0].upper() + name[1:]


def test_an_error_frame_in_a_stream(frame: Callable[..., bytes]) -> None:
    """An error that is none of the service's own exceptions is typed too."""
    body = frame(b"", message_type="error", error_code="InternalFailure", error_message="broken")
    (event,) = reader_for(DIALECT.framing, Limits()).feed(body)

    with pytest.raises(ProviderError, match="broken"):
        DIALECT.stream_decoder(HELLO).feed(event)


@pytest.mark.parametrize(
    "broken",
    [
        delta(3, toolUse={"input": "{"}),
        delta(0, text=5),
        ("contentBlockDelta", {"contentBlockIndex": "x", "delta": {"reasoningContent": {"text": "a"}}}),
        ("metadata", {"usage": {"inputTokens": -1}}),
    ],
)
def test_broken_events_are_refused(broken: tuple[str, dict[str, Any]]) -> None:
    """What cannot be read is a ValueError, which the provider around it makes a typed error."""
    with pytest.raises(ValueError, match=r"is |was "):
        stream(START, broken)
