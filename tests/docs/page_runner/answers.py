"""What a stand-in says next, and how each provider's wire writes it; nothing here listens or sends."""

from __future__ import annotations

import base64
import json
from array import array
from typing import Any

from attrs import frozen

TEXT = "Artificial intelligence is the study of machines that do what takes people thought."
PROMPT_TOKENS, ANSWER_TOKENS = 10, 15
MODELS = ("small-1", "large-1")


@frozen(kw_only=True)
class Answer:
    """One answer of a stand-in.

    Attributes:
        text: The visible text.
        calls: Names and arguments of tools it calls.
        reasoning: What it thought; it goes out signed where the provider signs.
        cut: It ended because of ``max_tokens``.
    """

    text: str = TEXT
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    reasoning: str = ""
    cut: bool = False

    def finish(self, stop: str, calls: str, cut: str) -> str:
        """Choose among a provider's words."""
        return cut if self.cut else calls if self.calls else stop

    def words(self) -> list[str]:
        """Give the text in pieces."""
        return [f" {word}" if place else word for place, word in enumerate(self.text.split(" "))] if self.text else []

    def signature(self) -> str:
        """Give the signature of the reasoning."""
        return base64.b64encode(self.reasoning.encode()).decode()


def sse(*events: dict[str, Any], named: bool = False) -> list[bytes]:
    """Write events; with their type as name where ``named``."""
    heads = [f"event: {event['type']}\n" if named else "" for event in events]
    return [f"{head}data: {json.dumps(event)}\n\n".encode() for head, event in zip(heads, events, strict=True)]


def _openai_calls(answer: Answer) -> list[dict[str, Any]]:
    return [
        {"id": f"call_{place}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for place, (name, arguments) in enumerate(answer.calls)
    ]


def openai_whole(answer: Answer, body: dict[str, Any]) -> dict[str, Any]:
    """Write a chat completion."""
    calls = _openai_calls(answer)
    message = {"role": "assistant", "content": answer.text or None, "refusal": None}
    if calls:
        message["tool_calls"] = calls
    finish = answer.finish("stop", "tool_calls", "length")
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
        "usage": _openai_usage(),
    }


def openai_pieces(answer: Answer, body: dict[str, Any]) -> list[bytes]:
    """Write a streamed chat completion."""

    def piece(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
        record = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": body["model"]}
        return {**record, "choices": choices, **more}

    calls = [{"index": place, **call} for place, call in enumerate(_openai_calls(answer))]
    pieces = [
        piece({"role": "assistant", "content": ""}),
        *(piece({"content": word}) for word in answer.words()),
        *(piece({"tool_calls": [call]}) for call in calls),
        piece({}, answer.finish("stop", "tool_calls", "length")),
        piece({}, choices=[], usage=_openai_usage()),
    ]
    return [*sse(*pieces), b"data: [DONE]\n\n"]


def _openai_usage() -> dict[str, int]:
    total = PROMPT_TOKENS + ANSWER_TOKENS
    return {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": ANSWER_TOKENS, "total_tokens": total}


def openai_embeddings(body: dict[str, Any]) -> dict[str, Any]:
    """Write a vector per text."""
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    packs = body.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": place, "embedding": _packed(text) if packs else vector_of(text)}
        for place, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
    return {"object": "list", "model": body["model"], "data": data, "usage": usage}


def vector_of(text: str) -> list[float]:
    """Give a vector that differs from text to text."""
    return [len(text) / 100, text.count("e") / 10, 1.0]


def _packed(text: str) -> str:
    return base64.b64encode(array("f", vector_of(text)).tobytes()).decode()


def moderation(body: dict[str, Any]) -> dict[str, Any]:
    """Flag every text that speaks of a bomb."""
    flags = ["bomb" in text for text in body["input"]]
    results = [
        {"flagged": flag, "categories": {"violence": flag}, "category_scores": {"violence": 0.9 if flag else 0.0}}
        for flag in flags
    ]
    return {"id": "modr-1", "model": body.get("model", "moderation-1"), "results": results}


def anthropic_whole(answer: Answer, body: dict[str, Any]) -> dict[str, Any]:
    """Write a message."""
    finish = answer.finish("end_turn", "tool_use", "max_tokens")
    usage = {"input_tokens": PROMPT_TOKENS, "output_tokens": ANSWER_TOKENS}
    record = {"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"], "usage": usage}
    return {**record, "content": _anthropic_blocks(answer), "stop_reason": finish, "stop_sequence": None}


def _anthropic_blocks(answer: Answer) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if answer.reasoning:
        blocks.append({"type": "thinking", "thinking": answer.reasoning, "signature": answer.signature()})
    if answer.text:
        blocks.append({"type": "text", "text": answer.text})
    for place, (name, arguments) in enumerate(answer.calls):
        blocks.append({"type": "tool_use", "id": f"toolu_{place}", "name": name, "input": arguments})
    return blocks


def anthropic_pieces(answer: Answer, body: dict[str, Any]) -> list[bytes]:
    """Write a streamed message."""
    whole = anthropic_whole(answer, body)
    events: list[dict[str, Any]] = [{"type": "message_start", "message": {**whole, "content": [], "stop_reason": None}}]
    for place, block in enumerate(whole["content"]):
        empty, deltas = _anthropic_deltas(block, answer)
        events.append({"type": "content_block_start", "index": place, "content_block": empty})
        events += [{"type": "content_block_delta", "index": place, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": place})
    ending = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    events.append({"type": "message_delta", "delta": ending, "usage": whole["usage"]})
    return sse(*events, {"type": "message_stop"}, named=True)


def _anthropic_deltas(block: dict[str, Any], answer: Answer) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    if block["type"] == "thinking":
        thought = {"type": "thinking_delta", "thinking": block["thinking"]}
        return {**block, "thinking": "", "signature": ""}, [
            thought,
            {"type": "signature_delta", "signature": block["signature"]},
        ]
    if block["type"] == "text":
        return {**block, "text": ""}, [{"type": "text_delta", "text": word} for word in answer.words()]
    return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]


def google_whole(answer: Answer) -> dict[str, Any]:
    """Write an answer of generateContent; streamed, it is the one event."""
    parts: list[dict[str, Any]] = []
    if answer.reasoning:
        parts.append({"text": answer.reasoning, "thought": True})
    if answer.text:
        parts.append({"text": answer.text})
    for name, arguments in answer.calls:
        parts.append({"functionCall": {"name": name, "args": arguments}})
    if answer.reasoning and parts[1:]:
        parts[1]["thoughtSignature"] = answer.signature()
    usage = {"promptTokenCount": PROMPT_TOKENS, "candidatesTokenCount": ANSWER_TOKENS}
    candidate = {
        "content": {"role": "model", "parts": parts},
        "finishReason": answer.finish("STOP", "STOP", "MAX_TOKENS"),
    }
    total = {**usage, "totalTokenCount": PROMPT_TOKENS + ANSWER_TOKENS}
    return {"candidates": [candidate], "usageMetadata": total, "responseId": "r1", "modelVersion": "gemini"}


def cohere_whole(answer: Answer) -> dict[str, Any]:
    """Write an answer of chat v2."""
    content: list[dict[str, Any]] = []
    if answer.reasoning:
        content.append({"type": "thinking", "thinking": answer.reasoning})
    if answer.text:
        content.append({"type": "text", "text": answer.text})
    message = {"role": "assistant", "content": content}
    if answer.calls:
        message["tool_calls"] = _openai_calls(answer)
    return {
        "id": "c1",
        "message": message,
        "finish_reason": answer.finish("COMPLETE", "TOOL_CALL", "MAX_TOKENS"),
        "usage": {"tokens": {"input_tokens": PROMPT_TOKENS, "output_tokens": ANSWER_TOKENS}},
    }


def cohere_pieces(answer: Answer) -> list[bytes]:
    """Write a streamed answer of chat v2."""
    whole = cohere_whole(answer)
    events: list[dict[str, Any]] = [{"type": "message-start", "id": "c1", "delta": {"message": {"role": "assistant"}}}]
    said = [{"thinking": answer.reasoning}] if answer.reasoning else []
    for content in (*said, *({"text": word} for word in answer.words())):
        events.append({"type": "content-delta", "index": 0, "delta": {"message": {"content": content}}})
    for place, call in enumerate(whole["message"].get("tool_calls", ())):
        events.append({"type": "tool-call-start", "index": place, "delta": {"message": {"tool_calls": call}}})
        events.append({"type": "tool-call-end", "index": place})
    ending = {"finish_reason": whole["finish_reason"], "usage": whole["usage"]}
    return sse(*events, {"type": "message-end", "delta": ending}, named=True)


def cohere_embeddings(body: dict[str, Any]) -> dict[str, Any]:
    """Write vectors of each kind asked for."""
    vectors = [vector_of(text) for text in body["texts"]]
    found = {
        kind: vectors if kind == "float" else [[int(number * 100) for number in vector] for vector in vectors]
        for kind in body["embedding_types"]
    }
    return {"id": "e1", "embeddings": found, "meta": {"billed_units": {"input_tokens": len(vectors)}}}


def models(*, prefix: str) -> dict[str, Any]:
    """Write a list of models in every provider's form at once."""
    data = [{"id": name, "type": "model", "object": "model"} for name in MODELS]
    listed = [{"name": f"{prefix}{name}"} for name in MODELS]
    return {"object": "list", "data": data, "has_more": False, "models": listed}


def rerank(body: dict[str, Any]) -> dict[str, Any]:
    """Order documents by how many words of the query they hold."""
    words = set(body["query"].lower().split())
    scores = [len(words & set(text.lower().split())) / len(words) for text in body["documents"]]
    order = sorted(range(len(scores)), key=lambda place: -scores[place])[: body.get("top_n")]
    results = [{"index": place, "relevance_score": scores[place]} for place in order]
    return {"id": "r1", "results": results, "meta": {"billed_units": {"search_units": 1}}}
