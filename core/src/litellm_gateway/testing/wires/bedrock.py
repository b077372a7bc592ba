"""Bedrock's Converse; its streams are binary frames with checksums."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any
from zlib import crc32

from litellm_gateway.testing.wires.wire import Answer, Frame, Report, Wire, as_json, insert

if TYPE_CHECKING:
    from litellm_gateway.testing.wires.wire import Kind


def _error(status: int, message: str, kind: str) -> Report:
    headers = {"x-amzn-errortype": f"{kind}:http://internal.amazon.com/", "x-amzn-requestid": "req-fault"}
    return Report(status=status, body={"message": message}, headers=headers)


_REPORTS = {
    "bad_request": _error(400, "1 validation error detected: Value at 'messages' is wrong", "ValidationException"),
    "context_too_long": _error(400, "Input is too long for requested model.", "ValidationException"),
    "bad_key": _error(403, "The security token included in the request is invalid.", "UnrecognizedClientException"),
    "no_permission": _error(403, "You don't have access to the model.", "AccessDeniedException"),
    "quota": _error(400, "The request exceeds the service quota.", "ServiceQuotaExceededException"),
    "not_found": _error(404, "The model is not found.", "ResourceNotFoundException"),
    "too_large": _error(413, "Request entity too large", "RequestEntityTooLargeException"),
    "rate_limited": _error(429, "Too many requests, please wait before trying again.", "ThrottlingException"),
    "overloaded": _error(503, "Bedrock is unable to process your request.", "ServiceUnavailableException"),
    "busy": _error(429, "The model is not ready for inference.", "ModelNotReadyException"),
    "server_error": _error(500, "The system encountered an unexpected error.", "InternalServerException"),
    "bad_gateway": _error(502, "Bad gateway", "BadGateway"),
    "timeout": _error(408, "Model has timed out in processing the request.", "ModelTimeoutException"),
    "conflict": _error(409, "Conflict", "ConflictException"),
}


def _header(name: str, value: str) -> bytes:
    told, said = name.encode(), value.encode()
    return bytes([len(told)]) + told + b"\x07" + struct.pack(">H", len(said)) + said


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """Write one message of AWS's event stream."""
    head = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    body = prelude + struct.pack(">I", crc32(prelude)) + head + payload
    return body + struct.pack(">I", crc32(body))


def _event(kind: Kind, name: str, value: Any) -> Frame:
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return Frame(kind, frame(headers, as_json(value).encode()))


def _reported(report: Report) -> Frame:
    kind = report.headers["x-amzn-errortype"].partition(":")[0]
    headers = {":exception-type": kind[0].lower() + kind[1:], ":content-type": "application/json"}
    return Frame("content", frame({**headers, ":message-type": "exception"}, as_json(report.body).encode()))


def _finish(answer: Answer) -> str:
    return answer.finish or ("tool_use" if answer.tool else "end_turn")


def _usage(answer: Answer) -> dict[str, Any]:
    told, said = answer.input_tokens, answer.output_tokens
    usage = {"inputTokens": told, "outputTokens": said, "totalTokens": told + said}
    return {"usage": usage, "metrics": {"latencyMs": 1}}


def _whole(answer: Answer) -> dict[str, Any]:
    block: dict[str, Any] = {"text": answer.text}
    if answer.tool:
        block = {"toolUse": {"toolUseId": "t_1", "name": answer.tool, "input": json.loads(answer.text)}}
    message = {"message": {"role": "assistant", "content": [block]}}
    return {"output": message, "stopReason": _finish(answer), **_usage(answer)}


def _delta(delta: Any, index: int = 0) -> Frame:
    return _event("content", "contentBlockDelta", {"contentBlockIndex": index, "delta": delta})


def _streamed(answer: Answer) -> list[Frame]:
    opened: list[Frame] = []
    said: list[dict[str, Any]] = [{"text": piece} for piece in answer.pieces()]
    if answer.tool:
        start = {"toolUse": {"toolUseId": "t_1", "name": answer.tool}}
        opened = [_event("content", "contentBlockStart", {"contentBlockIndex": 0, "start": start})]
        said = [{"toolUse": {"input": piece}} for piece in answer.pieces()]
    return [
        _event("start", "messageStart", {"role": "assistant"}),
        *opened,
        *(_delta(delta) for delta in said),
        _event("content", "contentBlockStop", {"contentBlockIndex": 0}),
        _event("finish", "messageStop", {"stopReason": _finish(answer)}),
        _event("usage", "metadata", _usage(answer)),
    ]


def _blank(kind: Kind) -> Frame:
    return Frame(kind, frame({":event-type": "initial-response", ":message-type": "event"}, b"{}"))


_ODDITIES = {
    "initial response": lambda answer: [_blank("start"), *_streamed(answer)],
    "unknown event": lambda answer: insert(_streamed(answer), "content", _event("content", "hologram", {"depth": 3})),
    "unknown delta": lambda answer: insert(_streamed(answer), "finish", _delta({"hologram": {"depth": 3}}, 7)),
    "empty delta": lambda answer: insert(_streamed(answer), "finish", _delta({}, 7)),
    "null delta": lambda answer: insert(_streamed(answer), "finish", _delta(None, 7)),
    "padding": lambda answer: insert(
        _streamed(answer), "finish", _event("content", "contentBlockStop", {"contentBlockIndex": 7, "p": "abcdefgh"})
    ),
    "no usage": lambda answer: [one for one in _streamed(answer) if one.kind != "usage"],
    "no start": lambda answer: _streamed(answer)[1:],
}

BEDROCK = Wire(
    name="bedrock",
    answers=lambda path: path.endswith(("/converse", "/converse-stream")),
    wants_stream=lambda path, _: path.endswith("/converse-stream"),
    whole=_whole,
    streamed=_streamed,
    reports=_REPORTS,
    reported=_reported,
    oddities=_ODDITIES,
    content_type="application/vnd.amazon.eventstream",
    is_text=False,
)
