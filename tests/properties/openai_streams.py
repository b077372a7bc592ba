"""Streams of OpenAI's two ways to answer, made and read apart from the gateway's dialect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from litellm_gateway_dialect_openai.dialect import OpenAIChatDialect, OpenAIDialect
from made_streams import BROKEN, FINISHED, REFUSED, Made, Reading
from sse_noise import read_events, write_events

if TYPE_CHECKING:
    from choices_from_bytes import Choices

ARGUMENTS = ('{"a":', "1", "}", '"caf\u00e9"', "\u2028", " ")


class ChatWire:
    """Chat completions: every event a chunk with choices, ``[DONE]`` at the end at most servers."""

    error = ("", {"error": {"message": "The server had an error", "type": "server_error", "code": None}})

    def dialect(self) -> Any:
        return OpenAIChatDialect(base_url="http://127.0.0.1:1/v1")

    def write(self, events: list[tuple[str, Any]], choices: Choices) -> bytes:
        return write_events(events, choices)

    def make(self, choices: Choices) -> Made:
        told, events = Reading(end=FINISHED, finish="stop"), []
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": choices.one_of(("", None))}]
        for _ in range(choices.below(10)):
            deltas.append(_chat_delta(told, choices))
        events = [chunk({"index": 0, "delta": delta, "finish_reason": None}) for delta in deltas]
        for _ in range(choices.below(3)):
            events.insert(1 + choices.below(len(events)), choices.one_of(CHAT_NOISE))
        told.finish = choices.one_of(("stop", "length", "tool_calls", "content_filter", "a new reason"))
        last = {"index": 0, "delta": {}, "finish_reason": told.finish}
        usage, told.usage = _chat_usage(choices)
        if usage is not None and choices.below(2):
            events.append(chunk(last, usage=usage))
        else:
            events.append(chunk(last))
            events += [("", {"id": "c", "model": "m", "choices": [], "usage": usage})] if usage is not None else []
        if choices.below(4) < 3:
            events.append(("", "[DONE]"))
        return Made(events, told.settled())

    def read(self, body: bytes) -> Reading:
        result, places = Reading(), []
        for name, data in read_events(body):
            if data.startswith(b"[DONE]"):
                break
            if not data.strip():
                continue
            try:
                event = json.loads(data)
            except ValueError:
                result.end, result.finish, result.usage = BROKEN, None, None
                return result.settled()
            if event.get("error") or name == "error":
                result.end, result.finish, result.usage = REFUSED, None, None
                return result.settled()
            _read_chat_usage(event, result)
            for choice in event.get("choices") or []:
                if choice.get("index") == 0:
                    _read_chat_delta(choice.get("delta") or {}, result, places)
                    result.finish = choice.get("finish_reason") or result.finish
        if result.finish:
            result.end = FINISHED
        return result.settled()


def chunk(choice: dict[str, Any], **more: Any) -> tuple[str, Any]:
    """Give one event of a chat stream."""
    return "", {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}


CHAT_NOISE = (
    ("", {"id": "c", "model": "m", "choices": []}),
    chunk({"index": 1, "delta": {"content": "another answer"}, "finish_reason": "length"}),
    chunk({"index": 0, "delta": {}, "finish_reason": None}),
    chunk({"index": 0, "delta": None}),
    chunk({"index": 0, "delta": {"content": None, "tool_calls": None, "refusal": None}, "logprobs": None}),
    ("", {"object": "a.new.kind", "choices": None, "usage": None}),
    ("", " "),
)


def _chat_delta(told: Reading, choices: Choices) -> dict[str, Any]:
    text = choices.text()
    match choices.below(8):
        case 0 | 1 | 2:
            told.text += text
            return {"content": text}
        case 3:
            told.reasoning += text
            return {choices.one_of(("reasoning_content", "reasoning")): text}
        case 4:
            told.refusal += text
            return {"refusal": text}
        case 5:
            told.text += text
            return {"role": "assistant", "content": [{"type": "text", "text": text}]}
        case 6 if told.calls:
            index = choices.below(len(told.calls))
            piece = choices.one_of(ARGUMENTS)
            told.add_arguments(index, piece)
            return {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
        case _:
            index, piece = len(told.calls), choices.one_of(("", *ARGUMENTS))
            told.open_call(f"call_{index}x", f"tool_{index}", piece)
            function = {"name": f"tool_{index}", "arguments": piece}
            return {"tool_calls": [{"index": index, "id": f"call_{index}x", "type": "function", "function": function}]}


def _read_chat_delta(delta: dict[str, Any], result: Reading, places: list[int]) -> None:
    content = delta.get("content") or ""
    result.text += content if isinstance(content, str) else "".join(part["text"] for part in content)
    result.reasoning += delta.get("reasoning_content") or delta.get("reasoning") or ""
    result.refusal += delta.get("refusal") or ""
    for call in delta.get("tool_calls") or []:
        if call["index"] not in places:
            places.append(call["index"])
            result.open_call(call["id"], call["function"]["name"])
        result.add_arguments(places.index(call["index"]), call["function"].get("arguments") or "")


def _chat_usage(choices: Choices) -> tuple[dict[str, Any] | None, tuple[int, int] | None]:
    if choices.seldom(4):
        return None, None
    prompt, completion = choices.below(256) * 300, choices.below(256)
    usage: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    if choices.below(2):
        usage["prompt_tokens_details"] = {"cached_tokens": prompt // 2, "audio_tokens": 0}
        usage["completion_tokens_details"] = {"reasoning_tokens": completion // 3}
    return usage, (prompt, completion)


def _read_chat_usage(event: dict[str, Any], result: Reading) -> None:
    usage = event.get("usage")
    if usage:
        result.usage = usage["prompt_tokens"], usage["completion_tokens"]


class ResponsesWire:
    """The Responses API: named events, items that begin, grow and end, and one event for the end of all."""

    error = ("error", {"type": "error", "code": "server_error", "message": "The server had an error"})

    def dialect(self) -> Any:
        return OpenAIDialect(base_url="http://127.0.0.1:1/v1", wants_responses=lambda _: True)

    def write(self, events: list[tuple[str, Any]], choices: Choices) -> bytes:
        return write_events(events, choices)

    def make(self, choices: Choices) -> Made:
        told = Reading(end=FINISHED, finish="completed")
        start = {"id": "resp_1", "model": "m", "status": "in_progress"}
        events = [_named("response.created", response=start), _named("response.in_progress", response=start)]
        for place in range(choices.below(6)):
            events += _item(place, told, choices)
        for _ in range(choices.below(3)):
            events.insert(1 + choices.below(len(events)), choices.one_of(RESPONSES_NOISE))
        events.append(_responses_end(told, choices))
        if choices.below(2):
            events.append(("", "[DONE]"))
        if choices.seldom():
            events = [("" if said != "[DONE]" else name, said) for name, said in events]
        return Made(events, told.settled())

    def read(self, body: bytes) -> Reading:
        result: Reading = Reading()
        places: dict[int, int] = {}
        grown: set[int] = set()
        for name, data in read_events(body):
            if not data.strip() or data.startswith(b"[DONE]"):
                continue
            try:
                event = json.loads(data)
            except ValueError:
                result.end = BROKEN
                break
            kind = event.get("type") or name
            if kind == "error" or kind == "response.failed":
                result.end = REFUSED
                break
            _read_responses_event(kind, event, result, places, grown)
            if result.end == FINISHED:
                break
        return result.settled()


def _named(kind: str, **fields: Any) -> tuple[str, Any]:
    return kind, {"type": kind, "sequence_number": 1, **fields}


RESPONSES_NOISE = (
    _named("response.content_part.added", output_index=0, part={"type": "output_text", "text": ""}),
    _named("response.output_text.done", output_index=0, text="again"),
    _named("response.something.new", delta="not a word"),
    _named("keepalive"),
    ("response.unknown", {"delta": "not a word"}),
    ("", ""),
)


def _item(place: int, told: Reading, choices: Choices) -> list[tuple[str, Any]]:
    kind = choices.one_of(("message", "reasoning", "function_call", "web_search_call"))
    at = {"output_index": place, "item_id": f"item_{place}"}
    if kind == "message":
        return _message_item(at, told, choices)
    item: dict[str, Any] = {"type": kind, "id": f"item_{place}"}
    if kind == "function_call":
        return _call_item(at, item, told, choices)
    events = [_named("response.output_item.added", **at, item=item)]
    if kind == "reasoning":
        texts = choices.texts()
        told.reasoning += "".join(texts)
        events += [_named("response.reasoning_summary_text.delta", **at, delta=text) for text in texts]
        item = {**item, "summary": [], "encrypted_content": "gAAA"}
        if texts:
            item["summary"] = [{"type": "summary_text", "text": "".join(texts)}]
    return [*events, _named("response.output_item.done", **at, item=item)]


def _message_item(at: dict[str, Any], told: Reading, choices: Choices) -> list[tuple[str, Any]]:
    refuses, streamed = choices.seldom(), not choices.seldom()
    texts = choices.texts()
    whole = "".join(texts)
    if refuses:
        told.refusal += whole
        part = {"type": "refusal", "refusal": whole}
    else:
        told.text += whole
        part = {"type": "output_text", "text": whole, "annotations": []}
    begun = {"type": "message", "id": at["item_id"], "role": "assistant", "content": []}
    events = [_named("response.output_item.added", **at, item=begun)]
    if streamed:
        kind = "response.refusal.delta" if refuses else "response.output_text.delta"
        events += [_named(kind, **at, content_index=0, delta=text) for text in texts]
    return [*events, _named("response.output_item.done", **at, item={**begun, "content": [part]})]


def _call_item(at: dict[str, Any], item: dict[str, Any], told: Reading, choices: Choices) -> list[tuple[str, Any]]:
    pieces = [choices.one_of(ARGUMENTS) for _ in range(choices.below(4))]
    call_id, name = f"call_{at['output_index']}", f"tool_{at['output_index']}"
    told.open_call(call_id, name, "".join(pieces))
    begun = {**item, "call_id": call_id, "name": name, "arguments": ""}
    events = [_named("response.output_item.added", **at, item=begun)]
    if choices.below(2) == 0:
        events += [_named("response.function_call_arguments.delta", **at, delta=piece) for piece in pieces]
    done = _named("response.output_item.done", **at, item={**begun, "arguments": "".join(pieces)})
    if choices.seldom():
        return [done] if len(events) == 1 else [*events, done]
    return [*events, done]


def _responses_end(told: Reading, choices: Choices) -> tuple[str, Any]:
    response: dict[str, Any] = {"id": "resp_1", "model": "m", "status": "completed", "output": []}
    if choices.seldom(4):
        reason = choices.one_of(("max_output_tokens", "content_filter", "something_new"))
        response |= {"status": "incomplete", "incomplete_details": {"reason": reason}}
        told.finish = f"incomplete:{reason}"
    if not choices.seldom(4):
        told.usage = choices.below(256) * 300, choices.below(256)
        response["usage"] = {"input_tokens": told.usage[0], "output_tokens": told.usage[1]}
        response["usage"]["total_tokens"] = sum(told.usage)
    return _named(f"response.{response['status']}", response=response)


def _read_responses_event(
    kind: str, event: dict[str, Any], result: Reading, places: dict[int, int], grown: set[int]
) -> None:
    place, item = event.get("output_index", -1), event.get("item") or {}
    if kind in ("response.output_text.delta", "response.refusal.delta"):
        grown.add(place)
        if kind == "response.refusal.delta":
            result.refusal += event["delta"]
        else:
            result.text += event["delta"]
    elif kind == "response.reasoning_summary_text.delta":
        result.reasoning += event["delta"]
    elif kind == "response.function_call_arguments.delta":
        grown.add(place)
        result.add_arguments(places[place], event["delta"])
    elif item.get("type") == "function_call":
        if place not in places:
            places[place] = len(result.calls)
            result.open_call(item["call_id"], item["name"])
        if kind == "response.output_item.done" and place not in grown:
            result.add_arguments(places[place], item["arguments"])
    elif kind == "response.output_item.done" and item["type"] == "message" and place not in grown:
        for part in item["content"]:
            result.refusal += part.get("refusal", "")
            result.text += part.get("text", "")
    elif kind in ("response.completed", "response.incomplete"):
        response = event["response"]
        reason = (response.get("incomplete_details") or {}).get("reason")
        result.end, result.finish = FINISHED, ":".join(filter(None, (response["status"], reason)))
        if usage := response.get("usage"):
            result.usage = usage["input_tokens"], usage["output_tokens"]
