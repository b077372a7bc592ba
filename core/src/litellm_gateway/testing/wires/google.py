"""Google's generateContent, its streams with ``alt=sse``; lines end in CRLF there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from litellm_gateway.testing.wires.wire import Answer, Frame, Report, Wire, event, insert

if TYPE_CHECKING:
    from litellm_gateway.testing.wires.wire import Kind


def _error(status: int, message: str, word: str, *details: dict[str, Any]) -> Report:
    body = {"error": {"code": status, "message": message, "status": word, "details": list(details)}}
    return Report(status=status, body=body)


_BAD_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
_PER_DAY = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier", "quotaValue": "50"}],
}
_REPORTS = {
    "bad_request": _error(400, "Request contains an invalid argument.", "INVALID_ARGUMENT"),
    "context_too_long": _error(
        400, "The input token count (9) exceeds the maximum number of tokens allowed (8).", "INVALID_ARGUMENT"
    ),
    "bad_key": _error(400, "API key not valid. Please pass a valid API key.", "INVALID_ARGUMENT", _BAD_KEY),
    "no_permission": _error(403, "The caller does not have permission", "PERMISSION_DENIED"),
    "billing": _error(402, "Billing is not set up.", "FAILED_PRECONDITION"),
    "quota": _error(429, "You exceeded your current quota.", "RESOURCE_EXHAUSTED", _PER_DAY),
    "not_found": _error(404, "models/m is not found for API version v1beta", "NOT_FOUND"),
    "too_large": _error(413, "Request payload size exceeds the limit.", "INVALID_ARGUMENT"),
    "rate_limited": _error(429, "Resource has been exhausted (e.g. check quota).", "RESOURCE_EXHAUSTED"),
    "overloaded": _error(503, "The model is overloaded. Please try again later.", "UNAVAILABLE"),
    "server_error": _error(500, "An internal error has occurred.", "INTERNAL"),
    "bad_gateway": _error(502, "Bad gateway.", "UNAVAILABLE"),
    "timeout": _error(504, "Deadline expired before operation could complete.", "DEADLINE_EXCEEDED"),
    "conflict": _error(409, "The operation was aborted.", "ABORTED"),
}


def _part(answer: Answer) -> dict[str, Any]:
    if answer.tool:
        return {"functionCall": {"name": answer.tool, "args": json.loads(answer.text)}}
    return {"text": answer.text}


def _body(answer: Answer, parts: Any, finish: str | None = None) -> dict[str, Any]:
    told, said = answer.input_tokens, answer.output_tokens
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    counts = {"promptTokenCount": told, "candidatesTokenCount": said, "totalTokenCount": told + said}
    return {"candidates": [candidate], "usageMetadata": counts, "modelVersion": "m-2026", "responseId": "r-1"}


def _whole(answer: Answer) -> dict[str, Any]:
    return _body(answer, [_part(answer)], answer.finish or "STOP")


def _event(kind: Kind, value: Any) -> Frame:
    return Frame(kind, event(value).replace(b"\n", b"\r\n"))


def _streamed(answer: Answer) -> list[Frame]:
    parts = [_part(answer)] if answer.tool else [{"text": piece} for piece in answer.pieces()]
    said = [_event("content", _body(answer, [part])) for part in parts]
    return [*said, _event("finish", _body(answer, [{"text": ""}], answer.finish or "STOP"))]


def _without_candidates(answer: Answer, **candidates: Any) -> dict[str, Any]:
    body = _body(answer, [])
    del body["candidates"]
    return {**body, **candidates}


_ODDITIES = {
    "no candidates": lambda answer: insert(
        _streamed(answer), "content", _event("content", _without_candidates(answer))
    ),
    "empty candidates": lambda answer: insert(
        _streamed(answer), "content", _event("content", _without_candidates(answer, candidates=[]))
    ),
    "null candidates": lambda answer: insert(
        _streamed(answer), "content", _event("content", _without_candidates(answer, candidates=None))
    ),
    "no parts": lambda answer: insert(_streamed(answer), "finish", _event("content", _body(answer, []))),
    "null parts": lambda answer: insert(_streamed(answer), "finish", _event("content", _body(answer, None))),
    "unknown part": lambda answer: insert(
        _streamed(answer), "finish", _event("content", _body(answer, [{"hologram": {"depth": 3}}]))
    ),
    "usage after the finish": lambda answer: [
        *_streamed(answer), _event("usage", _without_candidates(answer, candidates=[])),
    ],
    "finish twice": lambda answer: [*_streamed(answer), _streamed(answer)[-1]],
    "no usage": lambda answer: [
        Frame(frame.kind, frame.data.replace(b"usageMetadata", b"wasteMetadata")) for frame in _streamed(answer)
    ],
    "done after the end": lambda answer: [*_streamed(answer), Frame("end", event("[DONE]"))],
}  # fmt: skip


def _embedded(texts: list[str]) -> dict[str, Any]:
    return {"embeddings": [{"values": [float(place), 1.0]} for place in range(len(texts))]}


GOOGLE = Wire(
    name="google",
    answers=lambda path: "enerateContent" in path or "mbedContent" in path,
    wants_stream=lambda path, _: "streamGenerateContent" in path,
    whole=_whole,
    streamed=_streamed,
    reports=_REPORTS,
    reported=lambda report: _event("content", report.body),
    oddities=_ODDITIES,
    embedded=_embedded,
    hides_end=True,
)
