"""Cohere's v2 chat and embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway.testing.wires.wire import Answer, Frame, Report, Wire, asks_in_body, event, insert

if TYPE_CHECKING:
    from litellm_gateway.testing.wires.wire import Kind


def _error(status: int, message: str) -> Report:
    return Report(status=status, body={"id": "fault", "message": message}, headers={"x-debug-trace-id": "req-fault"})


_REPORTS = {
    "bad_request": _error(400, "invalid request: messages must be set"),
    "unprocessable": _error(422, "invalid type: parameter messages is of type string"),
    "context_too_long": _error(400, "too many tokens: total number of tokens in the prompt exceeds the limit"),
    "bad_key": _error(401, "invalid api token"),
    "no_permission": _error(403, "you may not use this model"),
    "billing": _error(402, "please add a payment method"),
    "quota": _error(429, "You are using a Trial key, which is limited to 1000 API calls / month."),
    "not_found": _error(404, "model 'm' not found, make sure the correct model ID was used"),
    "too_large": _error(413, "request body is too large"),
    "rate_limited": _error(429, "trial token rate limit exceeded, limit is 10 calls per minute"),
    "overloaded": _error(503, "the service is overloaded"),
    "server_error": _error(500, "internal server error"),
    "bad_gateway": _error(502, "bad gateway"),
    "timeout": _error(504, "request timed out"),
    "conflict": _error(409, "conflict"),
}


def _finish(answer: Answer) -> str:
    return answer.finish or ("TOOL_CALL" if answer.tool else "COMPLETE")


def _usage(answer: Answer) -> dict[str, Any]:
    return {"tokens": {"input_tokens": float(answer.input_tokens), "output_tokens": float(answer.output_tokens)}}


def _call(name: str, arguments: str) -> dict[str, Any]:
    return {"id": "note_1", "type": "function", "function": {"name": name, "arguments": arguments}}


def _whole(answer: Answer) -> dict[str, Any]:
    said: dict[str, Any] = {"content": [{"type": "text", "text": answer.text}]}
    if answer.tool:
        said = {"tool_calls": [_call(answer.tool, answer.text)]}
    message = {"role": "assistant", **said}
    return {"id": "1", "message": message, "finish_reason": _finish(answer), "usage": _usage(answer)}


def _event(kind: Kind, name: str, **more: Any) -> Frame:
    return Frame(kind, event({"type": name, **more}, name=name))


def _message(name: str, message: Any) -> Frame:
    return _event("content", name, index=0, delta={"message": message})


def _content(answer: Answer) -> list[Frame]:
    if answer.tool is None:
        deltas = [_message("content-delta", {"content": {"text": piece}}) for piece in answer.pieces()]
        opened = _message("content-start", {"content": {"type": "text", "text": ""}})
        return [opened, *deltas, _event("content", "content-end", index=0)]
    deltas = [
        _message("tool-call-delta", {"tool_calls": {"function": {"arguments": piece}}}) for piece in answer.pieces()
    ]
    opened = _message("tool-call-start", {"tool_calls": _call(answer.tool, "")})
    return [opened, *deltas, _event("content", "tool-call-end", index=0)]


def _streamed(answer: Answer) -> list[Frame]:
    start = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    return [
        _event("start", "message-start", id="1", delta={"message": start}),
        *_content(answer),
        _event("end", "message-end", delta={"finish_reason": _finish(answer), "usage": _usage(answer)}),
    ]


def _reported(report: Report) -> Frame:
    delta = {"finish_reason": "ERROR", "error": report.body["message"], "usage": None}
    return _event("content", "message-end", id="1", delta=delta)


_ODDITIES = {
    "unknown event": lambda answer: insert(_streamed(answer), "content", _message("hologram", {"depth": 3})),
    "unknown content": lambda answer: insert(
        _streamed(answer), "end", _message("content-start", {"content": {"type": "hologram", "depth": 3}})
    ),
    "null delta": lambda answer: insert(_streamed(answer), "end", _event("content", "content-delta", delta=None)),
    "null message": lambda answer: insert(_streamed(answer), "end", _message("content-delta", None)),
    "empty content": lambda answer: insert(_streamed(answer), "end", _message("content-delta", {"content": {}})),
    "names in data only": lambda answer: [
        Frame(frame.kind, frame.data.partition(b"\n")[2]) for frame in _streamed(answer)
    ],
    "no usage": lambda answer: [
        Frame(frame.kind, frame.data.replace(b'"usage"', b'"waste"')) for frame in _streamed(answer)
    ],
    "no start": lambda answer: _streamed(answer)[1:],
    "done after the end": lambda answer: [*_streamed(answer), Frame("end", event("[DONE]"))],
}


def _embedded(texts: list[str]) -> dict[str, Any]:
    vectors = [[float(place), 1.0] for place in range(len(texts))]
    return {"id": "1", "embeddings": {"float": vectors}, "meta": {"billed_units": {"input_tokens": len(texts)}}}


COHERE = Wire(
    name="cohere",
    answers=lambda path: path.endswith(("/v2/chat", "/v2/embed")),
    wants_stream=asks_in_body,
    whole=_whole,
    streamed=_streamed,
    reports=_REPORTS,
    reported=_reported,
    oddities=_ODDITIES,
    embedded=_embedded,
)
