"""Right answers in four wire formats, as a list of pieces to be sent: text or a tool call, whole or streamed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

STEP = 24
"""Characters in one piece of a streamed text."""


@frozen(kw_only=True)
class Answer:
    """What is to be said: a text, or the arguments of a call of the tool ``note``."""

    content: str
    is_call: bool

    def pieces(self) -> list[str]:
        """Give the content in pieces."""
        return [self.content[start : start + STEP] for start in range(0, len(self.content), STEP)]


@frozen(kw_only=True)
class Wire:
    """One provider's format.

    Attributes:
        model: ``provider/model`` to ask for.
        whole, streamed: Write an answer, as one body or as events.
        error: An error as the provider reports it inside a stream of status 200.
    """

    model: str
    whole: Callable[[Answer], dict[str, Any]]
    streamed: Callable[[Answer], list[bytes]]
    error: bytes


def _event(value: dict[str, Any], *, named: bool) -> bytes:
    name = f"event: {value['type']}\n" if named else ""
    return f"{name}data: {json.dumps(value, ensure_ascii=False)}\n\n".encode()


def _openai_call(arguments: str) -> dict[str, Any]:
    return {"index": 0, "id": "call_1", "type": "function", "function": {"name": "note", "arguments": arguments}}


def _openai_whole(answer: Answer) -> dict[str, Any]:
    said = {"tool_calls": [_openai_call(answer.content)]} if answer.is_call else {"content": answer.content}
    return {
        "id": "1", "model": "m", "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
        "choices": [{
            "index": 0, "message": {"role": "assistant", **said},
            "finish_reason": "tool_calls" if answer.is_call else "stop",
        }],
    }  # fmt: skip


def _openai_streamed(answer: Answer) -> list[bytes]:
    deltas: list[dict[str, Any]] = [{"content": piece} for piece in answer.pieces()]
    if answer.is_call:
        more = [{"index": 0, "function": {"arguments": piece}} for piece in answer.pieces()]
        deltas = [{"tool_calls": [call]} for call in (_openai_call(""), *more)]
    top = {"id": "1", "model": "m"}
    choices = [[{"index": 0, "delta": delta, "finish_reason": None}] for delta in deltas]
    end = [{"index": 0, "delta": {}, "finish_reason": "tool_calls" if answer.is_call else "stop"}]
    usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    events = [_event({**top, "choices": choice}, named=False) for choice in (*choices, end)]
    return [*events, _event({**top, "choices": [], "usage": usage}, named=False), b"data: [DONE]\n\n"]


def _anthropic_whole(answer: Answer) -> dict[str, Any]:
    text = {"type": "text", "text": answer.content}
    call = {"type": "tool_use", "id": "toolu_1", "name": "note"}
    return {
        "id": "1", "type": "message", "role": "assistant", "model": "m",
        "content": [{**call, "input": json.loads(answer.content)} if answer.is_call else text],
        "stop_reason": "tool_use" if answer.is_call else "end_turn", "usage": {"input_tokens": 5, "output_tokens": 7},
    }  # fmt: skip


def _anthropic_streamed(answer: Answer) -> list[bytes]:
    start = {"id": "1", "type": "message", "role": "assistant", "model": "m", "content": []}
    call = {"type": "tool_use", "id": "toolu_1", "name": "note", "input": {}}
    kind, field = ("input_json_delta", "partial_json") if answer.is_call else ("text_delta", "text")
    end = "tool_use" if answer.is_call else "end_turn"
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**start, "usage": {"input_tokens": 5, "output_tokens": 1}}},
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": call if answer.is_call else {"type": "text", "text": ""},
        },
        {"type": "ping"},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": kind, field: piece}}
            for piece in answer.pieces()
        ),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": end}, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    ]
    return [_event(event, named=True) for event in events]


def _gemini(part: dict[str, Any], **end: str) -> dict[str, Any]:
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 7, "totalTokenCount": 12}
    candidate = {"content": {"role": "model", "parts": [part]}, "index": 0, **end}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m"}


def _gemini_call(answer: Answer) -> dict[str, Any]:
    return {"functionCall": {"name": "note", "args": json.loads(answer.content)}}


def _gemini_whole(answer: Answer) -> dict[str, Any]:
    return _gemini(_gemini_call(answer) if answer.is_call else {"text": answer.content}, finishReason="STOP")


def _gemini_streamed(answer: Answer) -> list[bytes]:
    parts = [_gemini_call(answer)] if answer.is_call else [{"text": piece} for piece in answer.pieces()]
    events = [_gemini(part) for part in parts] + [_gemini({"text": ""}, finishReason="STOP")]
    return [_event(event, named=False).replace(b"\n", b"\r\n") for event in events]


_COHERE_USAGE = {"tokens": {"input_tokens": 5, "output_tokens": 7}}


def _cohere_call(arguments: str) -> dict[str, Any]:
    return {"id": "note_1", "type": "function", "function": {"name": "note", "arguments": arguments}}


def _cohere_whole(answer: Answer) -> dict[str, Any]:
    text = {"content": [{"type": "text", "text": answer.content}]}
    said = {"tool_calls": [_cohere_call(answer.content)]} if answer.is_call else text
    end = "TOOL_CALL" if answer.is_call else "COMPLETE"
    return {"id": "1", "message": {"role": "assistant", **said}, "finish_reason": end, "usage": _COHERE_USAGE}


def _cohere_streamed(answer: Answer) -> list[bytes]:
    def event(kind: str, message: dict[str, Any]) -> dict[str, Any]:
        return {"type": kind, "index": 0, "delta": {"message": message}}

    if answer.is_call:
        middle = [
            event("tool-call-start", {"tool_calls": _cohere_call("")}),
            *(
                event("tool-call-delta", {"tool_calls": {"function": {"arguments": piece}}})
                for piece in answer.pieces()
            ),
            {"type": "tool-call-end", "index": 0},
        ]
    else:
        middle = [
            event("content-start", {"content": {"type": "text", "text": ""}}),
            *(event("content-delta", {"content": {"text": piece}}) for piece in answer.pieces()),
            {"type": "content-end", "index": 0},
        ]
    end = {"finish_reason": "TOOL_CALL" if answer.is_call else "COMPLETE", "usage": _COHERE_USAGE}
    events = [event("message-start", {"role": "assistant"}), *middle, {"type": "message-end", "delta": end}]
    return [_event(value, named=True) for value in events]


WIRES = {
    "/v1/chat/completions": Wire(
        model="openai/gpt-4o", whole=_openai_whole, streamed=_openai_streamed,
        error=_event({"error": {"message": "The server had an error", "type": "server_error"}}, named=False),
    ),
    "/v1/messages": Wire(
        model="anthropic/claude-sonnet-4-5", whole=_anthropic_whole, streamed=_anthropic_streamed,
        error=_event({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, named=True),
    ),
    "/v1beta/models/gemini-2.5-flash": Wire(
        model="google/gemini-2.5-flash", whole=_gemini_whole, streamed=_gemini_streamed,
        error=_event({"error": {"code": 503, "message": "Overloaded", "status": "UNAVAILABLE"}}, named=False),
    ),
    "/v2/chat": Wire(
        model="cohere/command-a-03-2025", whole=_cohere_whole, streamed=_cohere_streamed,
        error=_event({"type": "message-end", "delta": {"error": "internal", "finish_reason": "ERROR"}}, named=True),
    ),
}  # fmt: skip
