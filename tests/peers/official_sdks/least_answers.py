"""The least that is a valid answer, for every endpoint of the four providers the recorder stands in for."""

from __future__ import annotations

import base64
import json
import struct
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_gateway.testing.loopback import Exchange

from sent_requests import body_of

TEXT = '{"city": "Paris"}'


async def answer(exchange: Exchange) -> None:
    """Answer any endpoint of any of the providers."""
    path, body = urlsplit(exchange.path).path, body_of(exchange) or {}
    for end, reply in REPLIES.items():
        if path.endswith(end):
            said = reply(body)
            break
    else:
        said = {} if path.startswith("/__begin__/") else None
    if isinstance(said, bytes):
        await exchange.respond(said, headers={"content-type": "text/event-stream"})
    else:
        await exchange.respond(json.dumps(said).encode(), status=404 if said is None else 200)


def _events(*events: Any, named: bool = True) -> bytes:
    lines = [(f"event: {event['type']}\n" if named else "") + f"data: {json.dumps(event)}\n\n" for event in events]
    return "".join(lines).encode()


def _chat(body: dict[str, Any]) -> Any:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    top = {"id": "chatcmpl-1", "created": 1, "model": body["model"]}
    if not body.get("stream"):
        message = {"role": "assistant", "content": TEXT}
        choices = [{"index": index, "message": message, "finish_reason": "stop"} for index in range(body.get("n", 1))]
        return {**top, "object": "chat.completion", "choices": choices, "usage": usage}
    chunk = {**top, "object": "chat.completion.chunk"}
    return _events(
        {**chunk, "choices": [{"index": 0, "delta": {"role": "assistant", "content": TEXT}, "finish_reason": None}]},
        {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {**chunk, "choices": [], "usage": usage},
        named=False,
    ) + b"data: [DONE]\n\n"  # fmt: skip


def _responses(body: dict[str, Any]) -> Any:
    part = {"type": "output_text", "text": TEXT, "annotations": []}
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}
    usage = {
        "input_tokens": 3, "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 5,
    }  # fmt: skip
    whole = {
        "id": "resp_1", "object": "response", "created_at": 1, "model": body["model"], "status": "completed",
        "output": [item], "usage": usage, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
    }  # fmt: skip
    if not body.get("stream"):
        return whole
    begun, place = (
        {**whole, "status": "in_progress", "output": [], "usage": None},
        {"output_index": 0, "item_id": "msg_1"},
    )
    events = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
        {"type": "response.content_part.added", **place, "content_index": 0, "part": {**part, "text": ""}},
        {"type": "response.output_text.delta", **place, "content_index": 0, "delta": TEXT, "logprobs": []},
        {"type": "response.output_text.done", **place, "content_index": 0, "text": TEXT, "logprobs": []},
        {"type": "response.content_part.done", **place, "content_index": 0, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": whole},
    ]
    return _events(*({**event, "sequence_number": number} for number, event in enumerate(events)))


def _openai_embeddings(body: dict[str, Any]) -> Any:
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    packed = base64.b64encode(struct.pack("<2f", 0.5, -0.5)).decode()
    vector = packed if body.get("encoding_format") == "base64" else [0.5, -0.5]
    data = [{"object": "embedding", "index": index, "embedding": vector} for index in range(len(texts))]
    return {"object": "list", "data": data, "model": body["model"], "usage": {"prompt_tokens": 2, "total_tokens": 2}}


def _moderations(body: dict[str, Any]) -> Any:
    result = {"flagged": False, "categories": {"hate": False}, "category_scores": {"hate": 0.1}}
    return {"id": "modr-1", "model": body["model"], "results": [result for _ in body["input"]]}


def _models(_body: dict[str, Any]) -> Any:
    """One list in everybody's form: OpenAI's and Anthropic's data, Google's and Cohere's models."""
    data = [{
        "id": "m", "object": "model", "type": "model", "created": 1, "owned_by": "x", "display_name": "M",
        "created_at": "2026-01-01T00:00:00Z",
    }]  # fmt: skip
    return {"object": "list", "data": data, "has_more": False, "models": [{"name": "models/m", "endpoints": ["chat"]}]}


def _anthropic(body: dict[str, Any]) -> Any:
    usage = {"input_tokens": 3, "output_tokens": 2}
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": body["model"], "stop_sequence": None,
        "content": [{"type": "text", "text": TEXT}], "stop_reason": "end_turn", "usage": usage,
    }  # fmt: skip
    if not body.get("stream"):
        return message
    return _events(
        {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": TEXT}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": usage},
        {"type": "message_stop"},
    )


def _gemini(_body: dict[str, Any]) -> Any:
    return {
        "candidates": [{"content": {"role": "model", "parts": [{"text": TEXT}]}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
        "modelVersion": "m",
        "responseId": "r",
    }


def _cohere(body: dict[str, Any]) -> Any:
    usage = {"billed_units": {"input_tokens": 3, "output_tokens": 2}, "tokens": {"input_tokens": 3, "output_tokens": 2}}
    if not body.get("stream"):
        message = {"role": "assistant", "content": [{"type": "text", "text": TEXT}]}
        return {"id": "c-1", "message": message, "finish_reason": "COMPLETE", "usage": usage}
    return _events(
        {"type": "message-start", "id": "c-1", "delta": {"message": {"role": "assistant"}}},
        {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": TEXT}}}},
        {"type": "content-end", "index": 0},
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": usage}},
    )


def _cohere_embed(body: dict[str, Any]) -> Any:
    kind, texts = body["embedding_types"][0], body["texts"]
    return {
        "id": "e-1", "texts": texts, "embeddings": {kind: [[1, -1] for _ in texts]},
        "response_type": "embeddings_by_type", "meta": {"billed_units": {"input_tokens": 2}},
    }  # fmt: skip


def _batch(_body: dict[str, Any]) -> Any:
    """One batch in everybody's form, alone and as the only one of a list."""
    counts = {"processing": 0, "succeeded": 2, "errored": 0, "canceled": 0, "expired": 0}
    batch = {
        "id": "batch_1", "object": "batch", "endpoint": "/v1/chat/completions", "status": "completed",
        "input_file_id": "file-1", "completion_window": "24h", "created_at": 1, "output_file_id": "file-2",
        "type": "message_batch", "processing_status": "ended", "request_counts": counts,
        "results_url": "/v1/messages/batches/batch_1/results", "name": "batches/batch_1",
        "metadata": {"state": "BATCH_STATE_SUCCEEDED", "model": "models/m"}, "done": True,
    }  # fmt: skip
    return {**batch, "data": [batch], "has_more": False, "operations": [batch]}


REPLIES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "/chat/completions": _chat,
    "/responses": _responses,
    "/embeddings": _openai_embeddings,
    "/moderations": _moderations,
    "/messages": _anthropic,
    "/messages/count_tokens": lambda _: {"input_tokens": 3},
    ":generateContent": _gemini,
    ":streamGenerateContent": lambda body: _events(_gemini(body), named=False),
    ":embedContent": lambda _: {"embedding": {"values": [0.5, -0.5]}},
    ":batchEmbedContents": lambda body: {"embeddings": [{"values": [0.5, -0.5]} for _ in body["requests"]]},
    ":countTokens": lambda _: {"totalTokens": 3},
    "/v2/chat": _cohere,
    "/v2/embed": _cohere_embed,
    "/v2/rerank": lambda _: {"id": "r-1", "results": [{"index": 1, "relevance_score": 0.9}], "meta": {}},
    "/models": _models,
    "/files": lambda _: {"id": "file-1", "object": "file", "bytes": 1, "created_at": 1, "filename": "f"},
    "/batches": _batch,
    "/batch_1": _batch,
    "/batch_1/cancel": _batch,
    "/batch_1:cancel": lambda _: {},
    ":batchGenerateContent": _batch,
    ":asyncBatchEmbedContent": _batch,
    "/file-2/content": lambda _: b"",
    "/batch_1/results": lambda _: b"",
}
