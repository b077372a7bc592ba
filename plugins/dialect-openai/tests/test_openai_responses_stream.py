"""Streams and answers of the Responses API, event by event."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway import json_codec
from litellm_gateway.answer_builder import AnswerBuilder
from litellm_gateway.errors import InvalidRequestError, ProviderOverloadedError, RateLimitError
from litellm_gateway.framing import ServerEvent
from litellm_gateway.messages import Message
from litellm_gateway.requests import GenerateRequest
from litellm_gateway.wire import WireResponse
from litellm_gateway_dialect_openai import OpenAIDialect
from litellm_gateway_dialect_openai.responses_stream import ResponsesStreamDecoder

if TYPE_CHECKING:
    from litellm_gateway.responses import GenerateResponse

REQUEST = GenerateRequest(model="o3", messages=(Message(role="user", content="Hello"),))
DIALECT = OpenAIDialect(base_url="https://api.example/v1", wants_responses=lambda _: True)
USAGE = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 8,
    "output_tokens_details": {"reasoning_tokens": 5},
    "total_tokens": 18,
}


def _feed(*events: dict[str, Any]) -> list[Any]:
    decoder = DIALECT.stream_decoder(REQUEST)
    pieces: list[Any] = []
    for event in events:
        pieces += decoder.feed(ServerEvent(event["type"], json.dumps(event).encode()))
    return [*pieces, *decoder.close()]


def _built(*events: dict[str, Any]) -> GenerateResponse:
    builder = AnswerBuilder()
    for piece in _feed(*events):
        builder.take(piece)
    return builder.build(model="o3", metadata={})


def _event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind if kind == "error" else f"response.{kind}", **fields}


def _end(kind: str = "completed", **fields: Any) -> dict[str, Any]:
    response = {"id": "resp_1", "model": "o3-2025", "status": kind, "usage": USAGE, "output": [], **fields}
    return _event(kind, response=response)


START = _event("created", response={"id": "resp_1", "model": "o3-2025", "status": "in_progress"})
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "clock", "arguments": ""}


def _whole(**fields: Any) -> Any:
    body = {"id": "resp_1", "model": "o3", "status": "completed", "output": [], **fields}
    return DIALECT.decode_generate(REQUEST, WireResponse(status=200, headers={}, body=json.dumps(body).encode()))


def test_text() -> None:
    """Deltas are text; what repeats the whole adds nothing; usage comes before the one finish."""
    pieces = _feed(
        START,
        _event("in_progress", response={"id": "resp_1"}),
        _event("output_item.added", output_index=0, item={"type": "message"}),
        _event("content_part.added", output_index=0, part={}),
        _event("output_text.delta", output_index=0, delta="Hel"),
        _event("output_text.delta", output_index=0, delta="lo", obfuscation="xx"),
        _event("output_text.done", output_index=0, text="Hello"),
        _event("output_item.done", output_index=0, item={"type": "message", "content": [{"text": "Hello"}]}),
        _end(),
    )

    assert [piece.kind for piece in pieces] == ["start", "text", "text", "usage", "finish"]
    assert "".join(pieces) == "Hello"
    assert (pieces[0].model, pieces[0].response_id) == ("o3-2025", "resp_1")
    assert pieces[-1].finish_reason == "stop"
    usage = pieces[-2].usage
    assert (usage.input_tokens, usage.cache_read_tokens, usage.output_tokens, usage.reasoning_tokens) == (6, 4, 3, 5)


def test_a_message_that_was_not_streamed() -> None:
    """Text that comes only with the finished item is not lost."""
    done = {"type": "message", "content": [{"type": "output_text", "text": "Hi"}, {"type": "refusal", "refusal": "No"}]}

    pieces = _feed(START, _event("output_item.done", output_index=0, item=done), _end())

    assert "".join(pieces) == "Hi"
    assert [piece.data for piece in pieces if piece.kind == "refusal"] == [{"text": "No"}]


def test_an_answer_that_comes_only_at_the_end() -> None:
    """What no event spoke of is read from the whole answer in the last one, each kind of item by itself."""
    message = {"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [{"text": "Hm."}], "encrypted_content": "gAAA"}
    call = {**CALL, "arguments": '{"a":1}'}
    spoken = _event("output_text.delta", output_index=0, delta="Hi")

    alone = _built(START, _end(output=[reasoning, message, call]))
    with_text = _built(START, spoken, _end(output=[message, call]))

    assert (alone.text, alone.reasoning[0].text, alone.finish_reason) == ("Hi", "Hm.", "tool_calls")
    assert (alone.reasoning[0].extra or {})["responses_item"] == reasoning
    assert with_text.text == "Hi"
    for answer in (alone, with_text):
        assert [(one.id, one.arguments) for one in answer.tool_calls] == [("call_1", '{"a":1}')]


@pytest.mark.parametrize(
    ("opened", "deltas", "closed"),
    [
        ('{"a":1}', ['{"a"', ":1}"], '{"a":1}'),
        ('{"a":1}', [], '{"a":1}'),
        ('{"a":1}', [], ""),
        ('{"a":1}', [""], None),
        ('{"a"', [":1}"], '{"a":1}'),
        ("", [""], '{"a":1}'),
    ],
)
def test_arguments_a_call_opens_with(opened: str, deltas: list[str], closed: str | None) -> None:
    """They count once, whether they come again in pieces, with the finished item, both or never."""
    events = [_event("output_item.added", output_index=0, item={**CALL, "arguments": opened})]
    events += [_event("function_call_arguments.delta", output_index=0, delta=delta) for delta in deltas]
    if closed is not None:
        events.append(_event("output_item.done", output_index=0, item={**CALL, "arguments": closed}))

    answer = _built(START, *events, _end())

    assert [call.arguments for call in answer.tool_calls] == ['{"a":1}']


def test_calls() -> None:
    """Id and name come once, pieces of arguments add up, and a call makes the finish tool_calls."""
    answer = _built(
        START,
        _event("output_item.added", output_index=1, item=CALL),
        _event("function_call_arguments.delta", output_index=1, delta='{"a"'),
        _event("function_call_arguments.delta", output_index=1, delta=":1}"),
        _event("function_call_arguments.done", output_index=1, arguments='{"a":1}'),
        _event("output_item.done", output_index=1, item={**CALL, "arguments": '{"a":1}'}),
        _event("output_item.added", output_index=2, item={**CALL, "call_id": "call_2"}),
        _event("output_item.done", output_index=2, item={**CALL, "call_id": "call_2", "arguments": '{"b":2}'}),
        _event("output_item.done", output_index=3, item={**CALL, "call_id": "call_3", "arguments": "{}"}),
        _end(),
    )

    assert [(call.id, call.arguments) for call in answer.tool_calls] == [
        ("call_1", '{"a":1}'),
        ("call_2", '{"b":2}'),
        ("call_3", "{}"),
    ]
    assert answer.finish_reason == "tool_calls"


def test_custom_tools() -> None:
    """The free text a custom tool is called with is its arguments, and the call is marked as such."""
    item = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_1", "name": "patch", "input": ""}

    pieces = _feed(
        START,
        _event("output_item.added", output_index=0, item=item),
        _event("custom_tool_call_input.delta", output_index=0, delta="*** Begin"),
        _end(),
    )

    calls = [piece.tool_call for piece in pieces if piece.kind == "tool_call"]
    assert (calls[0].id, calls[0].signature, calls[1].arguments) == ("call_1", "ctc_1", "*** Begin")


def test_reasoning_ends_with_what_must_go_back() -> None:
    """Summaries stream as reasoning; the finished item is kept with the call it came before."""
    item = {"type": "reasoning", "id": "rs_1", "summary": [{"text": "hmm"}], "encrypted_content": "AAA"}

    pieces = _feed(
        START,
        _event("reasoning_summary_text.delta", output_index=0, delta="h"),
        _event("reasoning_text.delta", output_index=0, delta="mm"),
        _event("output_item.done", output_index=0, item=item),
        _event("output_item.added", output_index=1, item=CALL),
        _end(),
    )

    reasoning = [piece.reasoning for piece in pieces if piece.kind == "reasoning"]
    assert [part.text for part in reasoning] == ["h", "mm", ""]
    assert reasoning[-1].extra == {"responses_item": item, "before": "call_1"}


def test_reasoning_that_was_not_streamed() -> None:
    """An item without pieces before it gives its text at once, also as the last of the answer."""
    item = {"type": "reasoning", "id": "rs_1", "summary": [{"text": "a"}, {"text": "b"}]}

    pieces = _feed(START, _event("output_item.done", output_index=0, item=item), _end())

    [part] = [piece.reasoning for piece in pieces if piece.kind == "reasoning"]
    assert (part.text, part.extra) == ("ab", {"responses_item": item})


def test_annotations_refusals_and_what_is_unknown() -> None:
    """Citations and refusals come as such; events of the server's own tools and of tomorrow are passed over."""
    pieces = _feed(
        START,
        _event("output_text.annotation.added", annotation={"type": "url_citation", "url": "https://x.example"}),
        _event("refusal.delta", output_index=0, delta="No"),
        _event("web_search_call.searching", output_index=0),
        _event("something.new", value=[1]),
        _end(),
    )

    assert [piece.kind for piece in pieces] == ["start", "annotation", "refusal", "usage", "finish"]


@pytest.mark.parametrize(
    ("status", "reason", "finish"),
    [
        ("incomplete", "max_output_tokens", "length"),
        ("incomplete", "content_filter", "content_filter"),
        ("incomplete", "steered", "other"),
        ("cancelled", None, "error"),
        ("queued", None, "other"),
    ],
)
def test_finish(status: str, reason: str | None, finish: str) -> None:
    """The server's own status stays beside the unified word."""
    answer = _whole(status=status, incomplete_details={"reason": reason} if reason else None)

    assert answer.finish_reason == finish
    assert answer.raw_finish_reason == (f"{status}:{reason}" if reason else status)


def test_a_length_cut_in_a_stream() -> None:
    """An incomplete answer ends its stream well, with its reason."""
    pieces = _feed(START, _end("incomplete", incomplete_details={"reason": "max_output_tokens"}))

    assert (pieces[-1].kind, pieces[-1].finish_reason) == ("finish", "length")


@pytest.mark.parametrize(
    "event",
    [
        _event("error", code="server_is_overloaded", message="Busy", param=None),
        _event("error", error={"code": "server_is_overloaded", "message": "Busy"}),
        _end("failed", error={"code": "server_is_overloaded", "message": "Busy"}),
    ],
)
def test_errors_in_streams(event: dict[str, Any]) -> None:
    """Flat, nested or in a failed answer: the same typed error."""
    with pytest.raises(ProviderOverloadedError, match="Busy") as caught:
        _feed(START, event)

    assert caught.value.code == "server_is_overloaded"


def test_a_failed_whole_answer() -> None:
    """An answer that failed raises what it failed with."""
    with pytest.raises(RateLimitError):
        _whole(status="failed", error={"code": "rate_limit_exceeded", "message": "Slow down"})
    with pytest.raises(InvalidRequestError):
        _whole(status="failed", error={"code": "invalid_prompt", "message": "No"})


def test_no_end_without_its_event() -> None:
    """A stream that stops, even at ``[DONE]``, has no finish."""
    decoder = DIALECT.stream_decoder(REQUEST)

    pieces = [*decoder.feed(ServerEvent("", json.dumps(START).encode())), *decoder.feed(ServerEvent("", b"[DONE]"))]

    assert [piece.kind for piece in [*pieces, *decoder.close()]] == ["start"]


def test_nothing_after_the_end() -> None:
    """What comes after the last event is not read."""
    pieces = _feed(START, _end(), _event("output_text.delta", output_index=0, delta="late"), _end())

    assert [piece.kind for piece in pieces] == ["start", "usage", "finish"]


def test_a_whole_answer() -> None:
    """Text, notes, calls and what the server's own tools did are all there."""
    message = {"type": "output_text", "text": "Hi", "annotations": [{"type": "url_citation"}], "logprobs": [{"t": 1}]}
    search = {"type": "web_search_call", "id": "ws_1"}

    answer = _whole(
        output=[search, {"type": "message", "content": [message]}, {**CALL, "arguments": "{}"}],
        usage=USAGE,
        service_tier="default",
    )

    assert (answer.text, answer.finish_reason, len(answer.annotations)) == ("Hi", "tool_calls", 1)
    assert answer.metadata["output_items"] == (search,)
    assert answer.metadata["logprobs"] == [{"t": 1}]
    assert answer.metadata["service_tier"] == "default"


@pytest.mark.parametrize("body", [{}, [], {"status": "completed"}, {"output": []}, {"status": "x", "output": {}}])
def test_what_is_no_answer(body: Any) -> None:
    """A body of another shape is refused, never read as an empty answer."""
    response = WireResponse(status=200, headers={}, body=json.dumps(body).encode())

    with pytest.raises(ValueError):  # noqa: PT011 - the provider makes a typed error of it
        DIALECT.decode_generate(REQUEST, response)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("error", {"code": "rate_limit_exceeded", "message": "slow down"}),
        ("error", {"type": "requests", "code": "rate_limit_exceeded", "message": "slow down"}),
        ("", {"error": {"code": "rate_limit_exceeded", "message": "slow down"}}),
    ],
)
def test_errors_in_forms_that_are_not_the_api_s_own(name: str, body: dict[str, Any]) -> None:
    """What a server in front of the API reports in its own form is an error all the same."""
    decoder = ResponsesStreamDecoder()

    with pytest.raises(RateLimitError):
        decoder.feed(ServerEvent(name, json_codec.encode(body)))
