"""Anthropic's Messages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from litellm_gateway.testing.wires.wire import Answer, Frame, Report, Wire, asks_in_body, event, insert

if TYPE_CHECKING:
    from litellm_gateway.testing.wires.wire import Kind


def _error(status: int, message: str, kind: str) -> Report:
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req-fault"}
    return Report(status=status, body=body, headers={"request-id": "req-fault"})


_REPORTS = {
    "bad_request": _error(400, "messages: at least one message is required", "invalid_request_error"),
    "unprocessable": _error(422, "messages: wrong", "invalid_request_error"),
    "context_too_long": _error(400, "prompt is too long: 9 tokens > 8 maximum", "invalid_request_error"),
    "content_policy": _error(400, "Output blocked by content filtering policy", "invalid_request_error"),
    "bad_key": _error(401, "invalid x-api-key", "authentication_error"),
    "no_permission": _error(403, "Your key may not do this.", "permission_error"),
    "billing": _error(402, "Your account is not paid up.", "billing_error"),
    "quota": _error(400, "Your credit balance is too low to access the API.", "invalid_request_error"),
    "not_found": _error(404, "model: m", "not_found_error"),
    "too_large": _error(413, "Request exceeds the maximum size", "request_too_large"),
    "rate_limited": _error(429, "This request would exceed your rate limit.", "rate_limit_error"),
    "overloaded": _error(529, "Overloaded", "overloaded_error"),
    "busy": _error(503, "Service unavailable", "api_error"),
    "server_error": _error(500, "Internal server error", "api_error"),
    "bad_gateway": _error(502, "Bad gateway", "api_error"),
    "timeout": _error(504, "Request timed out", "timeout_error"),
    "conflict": _error(409, "Conflict", "conflict_error"),
}


def _finish(answer: Answer) -> str:
    return answer.finish or ("tool_use" if answer.tool else "end_turn")


def _message(answer: Answer) -> dict[str, Any]:
    usage = {"input_tokens": answer.input_tokens, "output_tokens": 1}
    top = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m-2026", "content": []}
    return {**top, "stop_reason": None, "stop_sequence": None, "usage": usage}


def _whole(answer: Answer) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "text", "text": answer.text}
    if answer.tool:
        block = {"type": "tool_use", "id": "toolu_1", "name": answer.tool, "input": json.loads(answer.text)}
    usage = {"input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens}
    return {**_message(answer), "content": [block], "stop_reason": _finish(answer), "usage": usage}


def _event(kind: Kind, value: dict[str, Any]) -> Frame:
    return Frame(kind, event(value, name=value["type"]))


def _delta(value: Any, index: int = 0) -> Frame:
    return _event("content", {"type": "content_block_delta", "index": index, "delta": value})


def _block(index: int, block: dict[str, Any], *deltas: Frame) -> list[Frame]:
    opened = _event("content", {"type": "content_block_start", "index": index, "content_block": block})
    return [opened, *deltas, _event("content", {"type": "content_block_stop", "index": index})]


def _streamed(answer: Answer) -> list[Frame]:
    block: dict[str, Any] = {"type": "text", "text": ""}
    kind, field = "text_delta", "text"
    if answer.tool:
        block = {"type": "tool_use", "id": "toolu_1", "name": answer.tool, "input": {}}
        kind, field = "input_json_delta", "partial_json"
    deltas = [_delta({"type": kind, field: piece}) for piece in answer.pieces()]
    ended = {"stop_reason": _finish(answer), "stop_sequence": None}
    return [
        _event("start", {"type": "message_start", "message": _message(answer)}),
        *_block(0, block, *deltas),
        _event("finish", {"type": "message_delta", "delta": ended, "usage": {"output_tokens": answer.output_tokens}}),
        _event("end", {"type": "message_stop"}),
    ]


_ODDITIES = {
    "ping": lambda answer: insert(_streamed(answer), "finish", _event("content", {"type": "ping"})),
    "ping first": lambda answer: [_event("start", {"type": "ping"}), *_streamed(answer)],
    "unknown event": lambda answer: insert(
        _streamed(answer), "content", _event("content", {"type": "hologram", "delta": {"type": "depth", "text": "x"}})
    ),
    "unknown block": lambda answer: insert(
        _streamed(answer), "content", *_block(7, {"type": "hologram"}, _delta({"type": "depth_delta", "depth": 3}, 7))
    ),
    "unknown delta": lambda answer: insert(_streamed(answer), "finish", _delta({"type": "hologram_delta", "depth": 3})),
    "empty delta": lambda answer: insert(_streamed(answer), "finish", _delta({"type": "text_delta", "text": ""})),
    "null delta": lambda answer: insert(_streamed(answer), "finish", _delta(None)),
    "no usage": lambda answer: [
        Frame(frame.kind, frame.data.replace(b'"usage"', b'"waste"')) for frame in _streamed(answer)
    ],
    "names in data only": lambda answer: [
        Frame(frame.kind, frame.data.partition(b"\n")[2]) for frame in _streamed(answer)
    ],
    "finish twice": lambda answer: insert(
        _streamed(answer),
        "end",
        _event("usage", {"type": "message_delta", "delta": {}, "usage": {"output_tokens": answer.output_tokens}}),
    ),
    "more after the end": lambda answer: [*_streamed(answer), _event("end", {"type": "ping"})],
}

ANTHROPIC = Wire(
    name="anthropic",
    answers=lambda path: path.endswith("/messages"),
    wants_stream=asks_in_body,
    whole=_whole,
    streamed=_streamed,
    reports=_REPORTS,
    reported=lambda report: Frame("content", event(report.body, name="error")),
    oddities=_ODDITIES,
)
