"""Streams of Anthropic's Messages API, made and read apart from the gateway's dialect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from litellm_gateway_provider_anthropic.dialect import AnthropicDialect
from made_streams import BROKEN, FINISHED, REFUSED, Made, Reading
from sse_noise import read_events, write_events

if TYPE_CHECKING:
    from choices_from_bytes import Choices

JSON_PIECES = ("", '{"city":', ' "Z\u00fcrich"', "}", "\u2028", "{")
NOISE: tuple[tuple[str, Any], ...] = (
    ("ping", {"type": "ping"}),
    ("something_new", {"type": "something_new", "delta": {"text": "not a word"}}),
    ("", ""),
    ("ping", {}),
)


class MessagesWire:
    """Blocks one after the other, ``message_stop`` at the end; counts come at the start and at the end."""

    error = ("error", {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})

    def dialect(self) -> Any:
        return AnthropicDialect()

    def write(self, events: list[tuple[str, Any]], choices: Choices) -> bytes:
        return write_events(events, choices)

    def make(self, choices: Choices) -> Made:
        told = Reading(end=FINISHED)
        prompt, cached, output = choices.below(256), choices.below(256), choices.below(256)
        counts = {"input_tokens": prompt, "cache_read_input_tokens": cached, "output_tokens": 1}
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": counts}
        events = [_event("message_start", message=message)]
        for index in range(choices.below(6)):
            events += _block(index, told, choices)
        told.finish = choices.one_of(("end_turn", "tool_use", "max_tokens", "stop_sequence", "a_new_reason"))
        end = {"stop_reason": told.finish, "stop_sequence": None}
        events.append(_event("message_delta", delta=end, usage={"output_tokens": output}))
        told.usage = prompt + cached, output
        for _ in range(choices.below(3)):
            events.insert(1 + choices.below(len(events)), choices.one_of(NOISE))
        events.append(_event("message_stop"))
        if choices.seldom():
            events.append(_event("content_block_delta", index=0, delta={"type": "text_delta", "text": "too late"}))
        if choices.seldom():
            events = [("", said) for _, said in events]
        return Made(events, told.settled())

    def read(self, body: bytes) -> Reading:
        result, counts, word = Reading(), {}, None
        blocks: dict[int, list[Any]] = {}
        for name, data in read_events(body):
            if not data.strip():
                continue
            try:
                event = json.loads(data)
            except ValueError:
                result.end, result.usage = BROKEN, None
                return result.settled()
            kind = event.get("type") or name
            if kind == "error":
                result.end, result.usage = REFUSED, None
                return result.settled()
            counts |= event.get("message", {}).get("usage", {}) | event.get("usage", {})
            if kind == "message_delta":
                word = event["delta"]["stop_reason"]
            _read_block(kind, event, result, blocks)
            if kind == "message_stop":
                result.end, result.finish = FINISHED, word
                for index in list(blocks):
                    _close(blocks.pop(index), result)
                break
        if counts:
            result.usage = counts["input_tokens"] + counts["cache_read_input_tokens"], counts["output_tokens"]
        return result.settled()


def _event(kind: str, **fields: Any) -> tuple[str, Any]:
    return kind, {"type": kind, **fields}


def _block(index: int, told: Reading, choices: Choices) -> list[tuple[str, Any]]:
    kind = choices.one_of(("text", "thinking", "tool_use", "text"))
    block: dict[str, Any] = {"type": kind}
    deltas: list[dict[str, Any]] = []
    if kind == "text":
        block["text"], texts = choices.text() if choices.seldom(4) else "", choices.texts()
        told.text += block["text"] + "".join(texts)
        deltas = [{"type": "text_delta", "text": text} for text in texts]
    elif kind == "thinking":
        texts = choices.texts()
        told.reasoning += "".join(texts)
        block |= {"thinking": "", "signature": ""}
        deltas = [{"type": "thinking_delta", "thinking": text} for text in texts]
        deltas.append({"type": "signature_delta", "signature": "Eo8C"})
    else:
        pieces = [choices.one_of(JSON_PIECES) for _ in range(choices.below(4))]
        block |= {"id": f"toolu_{index}", "name": f"tool_{index}", "input": {}}
        if choices.seldom(4):
            block["input"] = {"a": 1}
        told.open_call(block["id"], block["name"], "".join(pieces) or ('{"a":1}' if block["input"] else ""))
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    events = [_event("content_block_start", index=index, content_block=block)]
    events += [_event("content_block_delta", index=index, delta=delta) for delta in deltas]
    return events if choices.seldom() else [*events, _event("content_block_stop", index=index)]


def _read_block(kind: str, event: dict[str, Any], result: Reading, blocks: dict[int, list[Any]]) -> None:
    if kind == "content_block_start":
        block = event["content_block"]
        result.text += block.get("text", "")
        if block["type"] == "tool_use":
            blocks[event["index"]] = [len(result.calls), "", block["input"]]
            result.open_call(block["id"], block["name"])
    elif kind == "content_block_delta":
        delta = event["delta"]
        result.text += delta.get("text", "")
        result.reasoning += delta.get("thinking", "")
        if "partial_json" in delta:
            blocks[event["index"]][1] += delta["partial_json"]
            result.add_arguments(blocks[event["index"]][0], delta["partial_json"])
    elif kind == "content_block_stop" and event["index"] in blocks:
        _close(blocks.pop(event["index"]), result)


def _close(block: list[Any], result: Reading) -> None:
    """Arguments that came with the start count when nothing followed."""
    index, streamed, given = block
    if given and not streamed:
        result.add_arguments(index, json.dumps(given, separators=(",", ":")))
