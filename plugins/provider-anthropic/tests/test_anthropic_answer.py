"""Whole answers are read whatever they leave out, and refused when they are none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from litellm_gateway.errors import ProviderOverloadedError
from litellm_gateway.messages import Message, ReasoningPart, TextPart, ToolCall
from litellm_gateway.requests import GenerateRequest
from litellm_gateway.responses import GenerateResponse, TokenUsage
from litellm_gateway.wire import WireResponse
from litellm_gateway_provider_anthropic.dialect import AnthropicDialect

ASKED = GenerateRequest(model="asked-model", messages=(Message(role="user", content="Hello"),))
SEARCH = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "x"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "sig"}
CITED: dict[str, Any] = {"type": "text", "text": "So.", "citations": [{"type": "char_location", "cited_text": "So"}]}


def _read_body(body: Any, headers: dict[str, str] | None = None) -> GenerateResponse:
    raw = json.dumps(body).encode()
    return AnthropicDialect().decode_generate(ASKED, WireResponse(status=200, headers=headers or {}, body=raw))


def _read(*content: dict[str, Any], finish: str | None = "end_turn", **more: Any) -> GenerateResponse:
    return _read_body({"type": "message", "role": "assistant", "content": content, "stop_reason": finish, **more})


def _sent_back(answer: GenerateResponse) -> list[dict[str, Any]]:
    turn = Message(
        role="assistant", content=(*answer.reasoning, TextPart(text=answer.text)), tool_calls=answer.tool_calls
    )
    body = AnthropicDialect().encode_generate(
        GenerateRequest(model="m", messages=(*ASKED.messages, turn)), stream=False
    )
    blocks: list[dict[str, Any]] = json.loads(body.body)["messages"][1]["content"]
    return blocks


def test_text_and_thinking() -> None:
    """Texts are joined, thinking stands apart with its signature, redacted thinking keeps its data."""
    redacted = {"type": "redacted_thinking", "data": "blob"}

    answer = _read(THOUGHT, redacted, {"type": "text", "text": "a"}, {"type": "text", "text": "b"})

    assert answer.text == "ab"
    assert answer.reasoning == (
        ReasoningPart(text="hm", signature="sig"),
        ReasoningPart(signature="blob", redacted=True),
    )


@pytest.mark.parametrize("content", [None, []])
def test_empty_answers(content: Any) -> None:
    """An answer without content is an empty text, not an error."""
    answer = _read_body({"content": content, "stop_reason": "end_turn"})

    assert (answer.text, answer.finish_reason, answer.model) == ("", "stop", "asked-model")


def test_tool_calls() -> None:
    """Input becomes the JSON text that arguments are; absent input is an empty object."""
    first = {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": "é"}}

    answer = _read(first, {"type": "tool_use", "id": "t2", "name": "f"}, finish="tool_use")

    assert answer.tool_calls == (ToolCall(id="t1", name="f", arguments='{"a":"é"}'), ToolCall(id="t2", name="f"))
    assert answer.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("word", "unified"),
    [
        ("end_turn", "stop"), ("stop_sequence", "stop"), ("max_tokens", "length"), ("refusal", "content_filter"),
        ("model_context_window_exceeded", "length"), ("tool_use", "tool_calls"), ("pause_turn", "other"),
        ("brand_new", "other"), (None, "other"),
    ],
)  # fmt: skip
def test_finish_reasons(word: str | None, unified: str) -> None:
    """Known words are unified, new ones are ``other``; Anthropic's own word is kept."""
    answer = _read({"type": "text", "text": "x"}, finish=word)

    assert (answer.finish_reason, answer.raw_finish_reason) == (unified, word)


def test_a_call_that_ends_the_turn() -> None:
    """A tool call is a tool call whatever the word."""
    assert _read({"type": "tool_use", "id": "t", "name": "f"}, finish="end_turn").finish_reason == "tool_calls"


def test_usage_in_buckets() -> None:
    """Cached tokens come beside the input, thinking is taken out of the output."""
    usage = {
        "input_tokens": 10, "cache_read_input_tokens": 60, "cache_creation_input_tokens": 30, "output_tokens": 50,
        "output_tokens_details": {"thinking_tokens": 40},
    }  # fmt: skip

    counted = _read(usage=usage).usage

    assert counted == TokenUsage(
        input_tokens=10, cache_read_tokens=60, cache_write_tokens=30, output_tokens=10, reasoning_tokens=40
    )
    assert (counted.prompt_tokens, counted.completion_tokens) == (100, 50)


@pytest.mark.parametrize("usage", [{}, {"input_tokens": None, "output_tokens": 3.0, "cache_creation": None}])
def test_usage_that_is_missing(usage: dict[str, Any]) -> None:
    """Absent, null and whole floats are read."""
    assert _read(usage=usage).usage.completion_tokens == usage.get("output_tokens", 0)


def test_refusals() -> None:
    """A declined request says why, in words or by category; one without details says nothing."""
    said = _read(finish="refusal", stop_details={"type": "refusal", "category": "cyber", "explanation": "Blocked."})
    category = _read(finish="refusal", stop_details={"type": "refusal", "category": "bio", "explanation": None})

    assert (said.refusal, said.finish_reason) == ("Blocked.", "content_filter")
    assert category.refusal == "bio"
    assert _read(finish="refusal").refusal is None


def test_metadata() -> None:
    """Ids, the stop sequence met, the container and the server's own counts are handed on."""
    usage = {"service_tier": "standard", "server_tool_use": {"web_search_requests": 2}, "speed": None}

    answer = _read_body(
        {
            "id": "msg_1", "content": [], "stop_reason": "stop_sequence", "stop_sequence": "END",
            "container": {"id": "c1"}, "usage": usage,
        },
        {"request-id": "req_9"},
    )  # fmt: skip

    assert answer.metadata == {
        "provider_request_id": "req_9", "response_id": "msg_1", "stop_sequence": "END", "container": {"id": "c1"},
        "service_tier": "standard", "server_tool_use": {"web_search_requests": 2},
    }  # fmt: skip


def test_server_tools_and_new_blocks() -> None:
    """Blocks of server tools, and new ones, are annotations, and parts that go back as they are."""
    new = {"type": "brand_new", "data": [1]}

    answer = _read(SEARCH, FOUND, new, {"type": "text", "text": "So."})

    assert answer.text == "So."
    assert answer.annotations == (SEARCH, FOUND, new)
    assert _sent_back(answer) == [SEARCH, FOUND, new, {"type": "text", "text": "So."}]


def test_citations() -> None:
    """Citations are annotations, and go back with their text."""
    answer = _read({"type": "text", "text": "First. "}, CITED)

    assert answer.text == "First. So."
    assert answer.annotations == (CITED["citations"][0],)
    assert _sent_back(answer) == [{"type": "text", "text": "First. "}, CITED]


def test_the_order_of_blocks_survives() -> None:
    """Thinking, text, server tools and calls that alternate go back as they came."""
    caller = {"type": "code_execution", "tool_id": "s1"}
    call = {"type": "tool_use", "id": "t", "name": "f", "input": {}, "caller": caller}
    blocks: list[dict[str, Any]] = [
        {"type": "text", "text": "I look."},
        SEARCH,
        FOUND,
        THOUGHT,
        CITED,
        call,
        {**THOUGHT, "signature": "s2"},
    ]

    answer = _read(*blocks, finish="tool_use")

    assert _sent_back(answer) == blocks
    assert "".join(part.text for part in answer.reasoning) == "hmhm"


def test_the_usual_order_needs_no_note() -> None:
    """Thinking, then text, then calls: nothing is added to the reasoning."""
    answer = _read(THOUGHT, {"type": "text", "text": "a"}, {"type": "tool_use", "id": "t", "name": "f", "input": {}})

    assert len(answer.reasoning) == 1


def test_error_inside_a_good_status() -> None:
    """An error body is that error, whatever the status."""
    with pytest.raises(ProviderOverloadedError):
        _read_body({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})


@pytest.mark.parametrize(
    "body",
    [
        None, [], "text", {}, {"content": []}, {"content": "text", "role": "assistant"},
        {"content": [1], "role": "assistant"}, {"content": [{"type": "text", "text": 1}], "role": "assistant"},
        {"content": [{"type": "tool_use", "id": "t"}], "role": "assistant"},
        {"content": [{"type": "tool_use", "name": "f", "input": "x"}], "role": "assistant"},
        {"content": [], "role": "assistant", "usage": {"output_tokens": -1}},
    ],
)  # fmt: skip
def test_what_is_no_answer(body: Any) -> None:
    """A body of another shape is refused, never half read."""
    with pytest.raises(ValueError, match=r"\w"):
        _read_body(body)
