"""Streams of Cohere's v2 chat, made and read apart from the gateway's dialect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from litellm_gateway.secrets import Secret
from litellm_gateway_provider_cohere.dialect import CohereDialect
from made_streams import BROKEN, FINISHED, REFUSED, Made, Reading
from sse_noise import read_events, write_events

if TYPE_CHECKING:
    from choices_from_bytes import Choices

ARGUMENTS = ("", '{"a":', "1", "}", '"\u00e9"', "\n")


class CohereWire:
    """Events by type, ``message-end`` with the reason and the usage at the end, at times a ``[DONE]`` after it."""

    error = ("error", {"type": "error", "error": {"message": "internal server error"}})

    def dialect(self) -> Any:
        return CohereDialect(base_url="http://127.0.0.1:1", api_key=Secret("co-key-0123456789"))

    def write(self, events: list[tuple[str, Any]], choices: Choices) -> bytes:
        return write_events(events, choices)

    def make(self, choices: Choices) -> Made:
        told = Reading(end=FINISHED)
        events = [_event("message-start", id="msg", message={"role": "assistant", "content": []})]
        for index in range(choices.below(6)):
            events += _block(index, told, choices)
        for _ in range(choices.below(3)):
            events.insert(1 + choices.below(len(events)), choices.one_of(NOISE))
        told.finish = choices.one_of(("COMPLETE", "MAX_TOKENS", "TOOL_CALL", "STOP_SEQUENCE", "A_NEW_REASON"))
        delta: dict[str, Any] = {"finish_reason": told.finish}
        if not choices.seldom(4):
            told.usage = choices.below(256) * 300, choices.below(256)
            tokens = dict(zip(("input_tokens", "output_tokens"), told.usage, strict=True))
            delta["usage"] = {"billed_units": {"input_tokens": 1, "output_tokens": 1}, "tokens": tokens}
        events.append(("message-end", {"type": "message-end", "delta": delta}))
        if choices.below(2):
            events.append(("", "[DONE]"))
        if choices.below(2):
            events = [("", said) for _, said in events]
        return Made(events, told.settled())

    def read(self, body: bytes) -> Reading:
        result = Reading()
        places: dict[int, int] = {}
        for name, data in read_events(body):
            if not data.strip() or data.startswith(b"[DONE]"):
                continue
            try:
                event = json.loads(data)
            except ValueError:
                result.end = BROKEN
                break
            if name == "error" or event.get("error"):
                result.end = REFUSED
                break
            _read_event(event, result, places)
            if result.end == FINISHED:
                break
        return result.settled()


def _event(kind: str, *, index: int | None = None, **fields: Any) -> tuple[str, Any]:
    body: dict[str, Any] = {"type": kind, "delta": fields}
    if "id" in fields:
        body["id"] = fields.pop("id")
    if index is not None:
        body["index"] = index
    return kind, body


NOISE: tuple[tuple[str, Any], ...] = (
    _event("citation-start", index=0, message={"citations": {"start": 0, "end": 1, "text": "x", "sources": []}}),
    _event("citation-end", index=0),
    _event("debug", message={"content": {"text": "not a word"}}),
    ("", {"type": "a-new-type"}),
    ("", "  "),
)


def _block(index: int, told: Reading, choices: Choices) -> list[tuple[str, Any]]:
    match choices.below(4):
        case 0:
            texts = choices.texts()
            told.text += "".join(texts)
            pieces = [("text", text) for text in texts]
        case 1:
            texts = choices.texts()
            told.reasoning += "".join(texts)
            pieces = [("thinking", text) for text in texts]
        case 2:
            texts = choices.texts()
            told.reasoning += "".join(texts)
            return [_event("tool-plan-delta", message={"tool_plan": text}) for text in texts]
        case _:
            return _call(index, told, choices)
    events = [_event("content-delta", index=index, message={"content": {kind: text}}) for kind, text in pieces]
    start = _event("content-start", index=index, message={"content": {"type": "text", "text": ""}})
    return [start, *events, _event("content-end", index=index)]


def _call(index: int, told: Reading, choices: Choices) -> list[tuple[str, Any]]:
    pieces = [choices.one_of(ARGUMENTS) for _ in range(choices.below(4))]
    told.open_call(f"id_{index}", f"tool_{index}", "".join(pieces))
    first = pieces.pop(0) if pieces and choices.below(2) else ""
    function = {"name": f"tool_{index}", "arguments": first}
    call: Any = {"id": f"id_{index}", "type": "function", "function": function}
    start = {"tool_calls": [call] if choices.seldom() else call}
    events = [_event("tool-call-start", index=index, message=start)]
    for piece in pieces:
        more = {"tool_calls": {"function": {"arguments": piece}}}
        events.append(_event("tool-call-delta", index=index, message=more))
    return [*events, _event("tool-call-end", index=index)]


def _read_event(event: dict[str, Any], result: Reading, places: dict[int, int]) -> None:
    delta = event.get("delta") or {}
    message = delta.get("message") or {}
    kind = event.get("type")
    if kind in ("content-start", "content-delta"):
        result.text += message["content"].get("text", "")
        result.reasoning += message["content"].get("thinking", "")
    elif kind == "tool-plan-delta":
        result.reasoning += message["tool_plan"]
    elif kind in ("tool-call-start", "tool-call-delta"):
        call = message["tool_calls"]
        call = call[0] if isinstance(call, list) else call
        if kind == "tool-call-start":
            places[event["index"]] = len(result.calls)
            result.open_call(call["id"], call["function"]["name"])
        result.add_arguments(places[event["index"]], call["function"]["arguments"])
    elif kind == "message-end":
        result.end, result.finish = FINISHED, delta["finish_reason"]
        if "usage" in delta:
            tokens = delta["usage"]["tokens"]
            result.usage = tokens["input_tokens"], tokens["output_tokens"]
