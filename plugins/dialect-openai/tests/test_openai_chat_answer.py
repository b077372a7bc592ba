"""Whole answers are read whatever a server leaves out, and refused when they are none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from litellm_gateway.errors import ContentFilteredError, ProviderError, RateLimitError
from litellm_gateway.messages import Message, ReasoningPart, ToolCall
from litellm_gateway.requests import GenerateRequest
from litellm_gateway.responses import GenerateResponse, TokenUsage
from litellm_gateway.wire import WireResponse
from litellm_gateway_dialect_openai import OpenAIChatDialect

ASKED = GenerateRequest(model="asked-model", messages=(Message(role="user", content="Hello"),))


def _read_body(body: Any, headers: dict[str, str] | None = None) -> GenerateResponse:
    dialect = OpenAIChatDialect(base_url="https://api.example/v1")
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return dialect.decode_generate(ASKED, WireResponse(status=200, headers=headers or {}, body=raw))


def _read(message: dict[str, Any], finish: str | None = "stop", **more: Any) -> GenerateResponse:
    return _read_body({"id": "r1", "model": "m", "choices": [{"message": message, "finish_reason": finish}], **more})


def _usage(**counts: Any) -> TokenUsage:
    return _read({"content": "x"}, usage=counts).usage


@pytest.mark.parametrize("message", [{}, {"content": None}, {"content": ""}, {"content": []}])
def test_empty_content_is_an_empty_text(message: dict[str, Any]) -> None:
    """Null, empty, listed and absent content all mean no text."""
    assert _read({"role": "assistant", **message}).text == ""


def test_content_as_a_list() -> None:
    """Parts of text are joined, thinking is reasoning, other parts are handed on as they are."""
    reference = {"type": "reference", "reference_ids": [1]}
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}

    answer = _read({"content": [thinking, {"type": "text", "text": "a"}, reference, {"type": "text", "text": "b"}]})

    assert answer.text == "ab"
    assert answer.reasoning == (ReasoningPart(text="hm"),)
    assert answer.annotations == (reference,)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_fields(field: str) -> None:
    """Reasoning is read from either name servers give it."""
    assert _read({"content": "4", field: "hm"}).reasoning == (ReasoningPart(text="hm"),)


def test_refusal() -> None:
    """A refusal is told apart from the text."""
    answer = _read({"content": None, "refusal": "I can't"})

    assert (answer.text, answer.refusal, answer.finish_reason) == ("", "I can't", "stop")


def test_tool_calls_keep_their_raw_arguments() -> None:
    """Cut arguments, empty ones and two calls of one name are handed back as they came."""
    calls = [
        {"id": "c1", "function": {"name": "f", "arguments": '{"a": '}},
        {"id": "c2", "function": {"name": "f", "arguments": ""}},
        {"id": "c3", "function": {"name": "g", "arguments": None}},
        {"id": "c4", "function": {"name": "h", "arguments": {"x": 1}}},
    ]

    answer = _read({"content": None, "tool_calls": calls}, "length")

    assert [(call.id, call.name, call.arguments) for call in answer.tool_calls] == [
        ("c1", "f", '{"a": '), ("c2", "f", "{}"), ("c3", "g", "{}"), ("c4", "h", '{"x":1}'),
    ]  # fmt: skip
    assert answer.finish_reason == "length"


def test_missing_ids_are_made() -> None:
    """A call without an id gets one, different for each call and each answer."""
    calls = [{"function": {"name": "f", "arguments": "{}"}}, {"id": "", "function": {"name": "f"}}]

    answer = _read({"tool_calls": calls})

    assert [call.id for call in answer.tool_calls] == ["call_0_r1", "call_1_r1"]


def test_legacy_function_call() -> None:
    """The form of before 2024 is one tool call."""
    answer = _read({"content": None, "function_call": {"name": "f", "arguments": "{}"}}, "function_call")

    assert answer.tool_calls == (ToolCall(id="call_0_r1", name="f", arguments="{}"),)
    assert answer.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("word", "unified"),
    [
        ("stop", "stop"), ("length", "length"), ("content_filter", "content_filter"), ("eos", "stop"),
        ("model_length", "length"), ("error", "error"), ("brand_new", "other"), (None, "other"),
    ],
)  # fmt: skip
def test_finish_reasons(word: str | None, unified: str) -> None:
    """Known words are unified, new ones are ``other``; the server's own word is kept."""
    answer = _read({"content": "x"}, word)

    assert (answer.finish_reason, answer.raw_finish_reason) == (unified, word)


def test_tool_calls_that_end_with_stop() -> None:
    """A named tool choice ends with stop although a tool is called."""
    answer = _read({"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]}, "stop")

    assert (answer.finish_reason, answer.raw_finish_reason) == ("tool_calls", "stop")


def test_usage_in_buckets() -> None:
    """Cached and reasoning tokens are taken out of the counts that hold them."""
    usage = _usage(
        prompt_tokens=100,
        completion_tokens=50,
        total_tokens=150,
        prompt_tokens_details={"cached_tokens": 60, "cache_write_tokens": 10},
        completion_tokens_details={"reasoning_tokens": 40},
    )

    assert usage == TokenUsage(
        input_tokens=30, cache_read_tokens=60, cache_write_tokens=10, output_tokens=10, reasoning_tokens=40
    )
    assert usage.total_tokens == 150


def test_usage_with_reasoning_on_top() -> None:
    """XAI counts reasoning beside the completion, as its total shows."""
    usage = _usage(
        prompt_tokens=10, completion_tokens=300, total_tokens=330, completion_tokens_details={"reasoning_tokens": 20}
    )

    assert (usage.output_tokens, usage.reasoning_tokens, usage.total_tokens) == (300, 20, 330)


@pytest.mark.parametrize(
    "counts",
    [
        {"prompt_tokens_details": {"cached_tokens": 64}},
        {"prompt_token_details": {"cached_tokens": 64}},
        {"prompt_tokens_details": None, "prompt_token_details": {"cached_tokens": 64}},
        {"num_cached_tokens": 64},
        {"cached_tokens": None, "num_cached_tokens": 64},
        {"prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 36},
        {"cached_tokens": 64},
    ],
)
def test_names_of_cached_tokens(counts: dict[str, Any]) -> None:
    """Mistral, DeepSeek and Together have names of their own for what was read from the cache."""
    usage = _usage(prompt_tokens=100, completion_tokens=5, total_tokens=105, **counts)

    assert (usage.input_tokens, usage.cache_read_tokens, usage.total_tokens) == (36, 64, 105)


@pytest.mark.parametrize(
    ("counts", "output", "reasoning"),
    [
        ({"total_tokens": 43, "reasoning_tokens": 900}, 33, 900),  # Perplexity: its total leaves them out
        ({"total_tokens": 43, "reasoning_tokens": 30}, 3, 30),  # SGLang: among the completion's
        ({"total_tokens": 43, "completion_tokens_details": {"reasoning_tokens": 900}}, 0, 33),
        ({"total_tokens": 139}, 33, 96),  # Gemini's OpenAI face
        ({"total_tokens": 139, "completion_tokens_details": {"reasoning_tokens": 0}}, 33, 0),
        ({"total_tokens": 139, "prompt_audio_seconds": 8}, 33, 0),  # Mistral: tokens of the audio
        ({"total_tokens": 7}, 33, 0),
        ({"total_tokens": None}, 33, 0),
    ],
)
def test_tokens_outside_the_completion(counts: dict[str, Any], output: int, reasoning: int) -> None:
    """Reasoning that stands beside the completion's count is not lost, and nothing else is taken for it."""
    usage = _usage(prompt_tokens=10, completion_tokens=33, **counts)

    assert (usage.input_tokens, usage.output_tokens, usage.reasoning_tokens) == (10, output, reasoning)


@pytest.mark.parametrize(
    "counts",
    [{"prompt_tokens": 5, "total_tokens": 9}, {"completion_tokens": 5, "total_tokens": 9}, {"total_tokens": 9}],
)
def test_a_total_alone_is_no_reasoning(counts: dict[str, int]) -> None:
    """Where a count is missing, the total does not tell what it holds."""
    assert _usage(**counts).reasoning_tokens == 0


@pytest.mark.parametrize(
    ("counts", "total"),
    [
        ({"prompt_tokens": 12.0, "completion_tokens": 3.0}, 15),
        ({"prompt_tokens": 12}, 12),
        ({"prompt_tokens": None, "completion_tokens": 3, "prompt_tokens_details": None}, 3),
        ({"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 9}}, 5),
        ({"prompt_tokens": 20, "prompt_cache_hit_tokens": 8, "prompt_cache_miss_tokens": 12}, 20),
    ],
)
def test_usage_of_odd_servers(counts: dict[str, Any], total: int) -> None:
    """Floats, nulls, absent counts and DeepSeek's names are read; the sum is the server's."""
    assert _usage(**counts).total_tokens == total


def test_metadata() -> None:
    """Ids, fingerprint, log probabilities and further answers are handed on."""
    choices = [
        {"message": {"content": "a"}, "finish_reason": "stop", "logprobs": {"content": []}},
        {"message": {"content": "b"}, "finish_reason": "stop"},
    ]
    body = {"id": "r1", "choices": choices, "system_fingerprint": "fp"}

    answer = _read_body(body, {"x-request-id": "req_9"})

    assert answer.model == "asked-model"
    assert answer.metadata == {
        "provider_request_id": "req_9", "response_id": "r1", "system_fingerprint": "fp",
        "logprobs": {"content": []}, "alternatives": ("b",),
    }  # fmt: skip


def test_answer_taken_away_by_a_filter() -> None:
    """Azure leaves the message out when its filter took it."""
    answer = _read_body({"choices": [{"finish_reason": "content_filter", "index": 0}]})

    assert (answer.text, answer.finish_reason) == ("", "content_filter")


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        ({"message": "Provider returned error", "code": 502}, ProviderError, 502),
        ({"message": "filtered", "code": "content_filter", "status": 400}, ContentFilteredError, 400),
        ({"message": "slow down", "code": 429}, RateLimitError, 429),
        ({"message": "something broke"}, ProviderError, 200),
    ],
)
def test_error_inside_a_good_status(error: dict[str, Any], kind: type[Exception], status: int) -> None:
    """An error object in a 200 raises its typed error, with the status it names."""
    with pytest.raises(kind) as caught:
        _read_body({"error": error})

    assert type(caught.value) is kind
    assert caught.value.status_code == status  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>", b'{"choices": [', [], "x", None, 1, {}, {"choices": []}, {"choices": None}, {"choices": {}},
        {"choices": [None]}, {"choices": ["x"]}, {"choices": [{}]}, {"choices": [{"message": "x"}]},
        {"choices": [{"message": {"content": 1}}]}, {"choices": [{"message": {"content": ["x"]}}]},
        {"choices": [{"message": {"tool_calls": {}}}]}, {"choices": [{"message": {"tool_calls": [{}]}}]},
        {"choices": [{"message": {"content": "x"}, "finish_reason": 7}]},
        {"choices": [{"message": {"content": "x"}}], "model": 7},
        {"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": "7"}},
        {"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": -7}},
        {"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": True}},
        {"choices": [{"message": {"content": "x"}}], "usage": []},
    ],
)  # fmt: skip
def test_wrong_shapes_are_refused(body: Any) -> None:
    """A body that is no chat answer is a ValueError, never a wrong answer."""
    with pytest.raises(ValueError, match=r"."):
        _read_body(body)
