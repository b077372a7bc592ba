"""OpenAI's chat completions, and the error bodies both of OpenAI's formats share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway.testing.wires.wire import Answer, Frame, Report, Wire, asks_in_body, event, insert

if TYPE_CHECKING:
    from litellm_gateway.testing.wires.wire import Kind

_TOP = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m-2026"}


def _error(status: int, message: str, kind: str, code: str | None = None, param: str | None = None) -> Report:
    body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    return Report(status=status, body=body, headers={"x-request-id": "req-fault"})


OPENAI_REPORTS = {
    "bad_request": _error(400, "Invalid value for 'messages[0]'.", "invalid_request_error", param="messages"),
    "unprocessable": _error(422, "Unprocessable entity.", "invalid_request_error"),
    "context_too_long": _error(
        400, "This model's maximum context length is 8192 tokens.", "invalid_request_error", "context_length_exceeded"
    ),
    "content_policy": _error(
        400, "Your request was rejected by our safety system.", "invalid_request_error", "content_policy_violation"
    ),
    "bad_key": _error(401, "Incorrect API key provided.", "invalid_request_error", "invalid_api_key"),
    "no_permission": _error(403, "You may not do this.", "permission_error"),
    "billing": _error(402, "Payment required.", "billing_error"),
    "quota": _error(429, "You exceeded your current quota.", "insufficient_quota", "insufficient_quota"),
    "not_found": _error(404, "The model `m` does not exist.", "invalid_request_error", "model_not_found"),
    "too_large": _error(413, "Request entity too large.", "invalid_request_error"),
    "rate_limited": _error(429, "Rate limit reached for m.", "requests", "rate_limit_exceeded"),
    "overloaded": _error(503, "The engine is currently overloaded.", "service_unavailable_error"),
    "server_error": _error(500, "The server had an error.", "server_error"),
    "bad_gateway": _error(502, "Bad gateway.", "server_error"),
    "timeout": _error(504, "The upstream timed out.", "server_error"),
    "conflict": _error(409, "Conflict.", "conflict_error"),
}


def _finish(answer: Answer) -> str:
    return answer.finish or ("tool_calls" if answer.tool else "stop")


def _usage(answer: Answer) -> dict[str, int]:
    told, said = answer.input_tokens, answer.output_tokens
    return {"prompt_tokens": told, "completion_tokens": said, "total_tokens": told + said}


def _call(name: str, arguments: str) -> dict[str, Any]:
    return {"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}


def _whole(answer: Answer) -> dict[str, Any]:
    said: dict[str, Any] = {"content": answer.text}
    if answer.tool:
        said = {"content": None, "tool_calls": [_call(answer.tool, answer.text)]}
    choice = {"index": 0, "message": {"role": "assistant", **said}, "finish_reason": _finish(answer)}
    return {**_TOP, "object": "chat.completion", "choices": [choice], "usage": _usage(answer)}


def chunk(kind: Kind, choices: Any, **more: Any) -> Frame:
    """Write one chunk with these choices."""
    return Frame(kind, event({**_TOP, "choices": choices, **more}))


def _delta(kind: Kind, delta: Any, finish: str | None = None) -> Frame:
    return chunk(kind, [{"index": 0, "delta": delta, "finish_reason": finish}])


def _content(answer: Answer) -> list[Frame]:
    if answer.tool is None:
        return [_delta("content", {"content": piece}) for piece in answer.pieces()]
    more = ({"index": 0, "function": {"arguments": piece}} for piece in answer.pieces())
    return [_delta("content", {"tool_calls": [call]}) for call in (_call(answer.tool, ""), *more)]


def _streamed(answer: Answer) -> list[Frame]:
    return [
        _delta("start", {"role": "assistant", "content": ""}),
        *_content(answer),
        _delta("finish", {}, _finish(answer)),
        chunk("usage", [], usage=_usage(answer)),
        Frame("end", event("[DONE]")),
    ]


def _usage_in_finish(answer: Answer) -> list[Frame]:
    said = [frame for frame in _streamed(answer) if frame.kind not in ("finish", "usage")]
    end = [{"index": 0, "delta": {}, "finish_reason": _finish(answer)}]
    return insert(said, "end", chunk("finish", end, usage=_usage(answer)))


_ODDITIES = {
    "no choices first": lambda answer: [chunk("start", [], prompt_filter_results=[]), *_streamed(answer)],
    "null choices": lambda answer: insert(_streamed(answer), "content", chunk("content", None)),
    "null delta": lambda answer: insert(_streamed(answer), "finish", _delta("content", None)),
    "null content": lambda answer: insert(_streamed(answer), "finish", _delta("content", {"content": None})),
    "empty content": lambda answer: insert(_streamed(answer), "content", _delta("content", {"content": ""})),
    "unknown field": lambda answer: insert(
        _streamed(answer), "content", _delta("content", {"content": "", "hologram": {"depth": [1, None]}})
    ),
    "unknown object": lambda answer: insert(
        _streamed(answer), "content", Frame("content", event({"object": "chat.weather", "forecast": "rain"}))
    ),
    "usage with finish": _usage_in_finish,
    "usage null all along": lambda answer: [
        Frame(frame.kind, frame.data.replace(b'"choices": [{', b'"usage": null, "choices": [{'))
        for frame in _streamed(answer)
    ],
    "no usage": lambda answer: [frame for frame in _streamed(answer) if frame.kind != "usage"],
    "usage twice": lambda answer: insert(_streamed(answer), "usage", chunk("usage", [], usage=_usage(answer))),
    "finish twice": lambda answer: insert(_streamed(answer), "usage", _delta("finish", {}, _finish(answer))),
    "no start": lambda answer: _streamed(answer)[1:],
    "more after the end": lambda answer: [*_streamed(answer), Frame("end", event("[DONE]"))],
}


def embedded(texts: list[str]) -> dict[str, Any]:
    """Write one vector for each text."""
    data = [{"object": "embedding", "index": place, "embedding": [float(place), 1.0]} for place in range(len(texts))]
    count = len(texts)
    return {
        "object": "list", "data": data, "model": "m-2026", "usage": {"prompt_tokens": count, "total_tokens": count},
    }  # fmt: skip


OPENAI_CHAT = Wire(
    name="openai-chat",
    answers=lambda path: path.endswith(("/chat/completions", "/embeddings")),
    wants_stream=asks_in_body,
    whole=_whole,
    streamed=_streamed,
    reports=OPENAI_REPORTS,
    reported=lambda report: Frame("content", event(report.body)),
    oddities=_ODDITIES,
    embedded=embedded,
)
