"""Streams of Bedrock's ConverseStream in AWS's binary frames, made and read apart from the gateway's dialect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from zlib import crc32

from litellm_gateway_provider_bedrock.dialect import ConverseDialect
from made_streams import BROKEN, FINISHED, REFUSED, Made, Reading

if TYPE_CHECKING:
    from choices_from_bytes import Choices

ARGUMENTS = ("", '{"a":', "1", "}", '"\u00e9"', "\n")
NOISE: tuple[tuple[str, Any], ...] = (
    ("aNewEvent", {"delta": {"text": "not a word"}}),
    ("messageStart", {"role": "assistant", "p": "abcdefgh"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {}}),
    ("ping", {}),
)
MORE_HEADERS = (
    b"", b"\x04true\x00", b"\x01b\x02\x07", b"\x01s\x03\x00\x01", b"\x01i\x04\x00\x00\x00\x01",
    b"\x01l\x05" + bytes(8), b"\x05bytes\x06\x00\x02hi", b"\x01t\x08" + bytes(8), b"\x01u\x09" + bytes(16),
)  # fmt: skip
"""Headers of every type the format knows but text."""


class ConverseWire:
    """Blocks by index, the reason in ``messageStop``, the usage after it in ``metadata``."""

    error = ("throttlingException", {"message": "Too many requests"})

    def dialect(self) -> Any:
        return ConverseDialect(base_url="http://127.0.0.1:1")

    def write(self, events: list[tuple[str, Any]], choices: Choices) -> bytes:
        body = bytearray()
        for name, said in events:
            kind = "exception" if name.endswith("Exception") else "event"
            named = {":message-type": kind, f":{kind}-type": name, ":content-type": "application/json"}
            headers = b"".join(_text_header(*pair) for pair in named.items()) + choices.one_of(MORE_HEADERS)
            payload = said.encode() if isinstance(said, str) else json.dumps(said, ensure_ascii=False).encode()
            start = (len(headers) + len(payload) + 16).to_bytes(4, "big") + len(headers).to_bytes(4, "big")
            frame = start + crc32(start).to_bytes(4, "big") + headers + payload
            body += frame + crc32(frame).to_bytes(4, "big")
        return bytes(body)

    def make(self, choices: Choices) -> Made:
        told = Reading(end=FINISHED)
        events: list[tuple[str, Any]] = [("messageStart", {"role": "assistant"})]
        for index in range(choices.below(6)):
            events += _block(index, told, choices)
        for _ in range(choices.below(3)):
            events.insert(1 + choices.below(len(events)), choices.one_of(NOISE))
        told.finish = choices.one_of(("end_turn", "tool_use", "max_tokens", "guardrail_intervened", "a_new_reason"))
        events.append(("messageStop", {"stopReason": told.finish}))
        if not choices.seldom(4):
            prompt, cached, output = choices.below(256), choices.below(256), choices.below(256)
            told.usage = prompt + cached, output
            usage = {"inputTokens": prompt, "cacheReadInputTokens": cached, "outputTokens": output}
            events.append(("metadata", {"usage": usage, "metrics": {"latencyMs": 1}}))
        return Made(events, told.settled())

    def read(self, body: bytes) -> Reading:
        result, places = Reading(), {}
        while len(body) >= 12:
            size, headers = int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big")
            if crc32(body[:8]) != int.from_bytes(body[8:12], "big"):
                return _gone_wrong(result, BROKEN)
            if len(body) < size:
                break
            frame, body = body[:size], body[size:]
            if crc32(frame[:-4]) != int.from_bytes(frame[-4:], "big"):
                return _gone_wrong(result, BROKEN)
            try:
                said = json.loads(frame[12 + headers : -4])
            except ValueError:
                return _gone_wrong(result, BROKEN)
            head = frame[12 : 12 + headers]
            if b":exception-type" in head:
                return _gone_wrong(result, REFUSED)
            _read_event(head.partition(b":event-type\x07")[2], said, result, places)
            if result.usage is not None and result.finish:
                break
        result.end = FINISHED if result.finish else result.end
        return result.settled()


def _gone_wrong(result: Reading, end: str) -> Reading:
    result.end, result.finish, result.usage = end, None, None
    return result.settled()


def _text_header(name: str, value: str) -> bytes:
    return bytes([len(name)]) + name.encode() + b"\x07" + len(value).to_bytes(2, "big") + value.encode()


def _block(index: int, told: Reading, choices: Choices) -> list[tuple[str, Any]]:
    deltas: list[dict[str, Any]]
    kind = choices.below(3)
    if kind == 0:
        texts = choices.texts()
        told.text += "".join(texts)
        deltas = [{"text": text} for text in texts]
    elif kind == 1:
        texts = choices.texts()
        told.reasoning += "".join(texts)
        deltas = [{"reasoningContent": {"text": text}} for text in texts]
        deltas += [{"reasoningContent": {"signature": "c2ln"}}] if choices.below(2) else []
    else:
        pieces = [choices.one_of(ARGUMENTS) for _ in range(choices.below(4))]
        told.open_call(f"tooluse_{index}", f"tool_{index}", "".join(pieces))
        deltas = [{"toolUse": {"input": piece}} for piece in pieces]
    events = [("contentBlockDelta", {"contentBlockIndex": index, "delta": delta}) for delta in deltas]
    if kind == 2:
        start = {"toolUse": {"toolUseId": f"tooluse_{index}", "name": f"tool_{index}"}}
        events.insert(0, ("contentBlockStart", {"contentBlockIndex": index, "start": start}))
    return [*events, ("contentBlockStop", {"contentBlockIndex": index})]


def _read_event(named: bytes, said: dict[str, Any], result: Reading, places: dict[int, int]) -> None:
    name = named[2 : 2 + int.from_bytes(named[:2], "big")]
    place, delta = said.get("contentBlockIndex", -1), said.get("delta") or {}
    if name == b"contentBlockStart":
        tool = said["start"]["toolUse"]
        places[place] = len(result.calls)
        result.open_call(tool["toolUseId"], tool["name"])
    elif name == b"contentBlockDelta":
        result.text += delta.get("text", "")
        result.reasoning += delta.get("reasoningContent", {}).get("text", "")
        if "toolUse" in delta:
            result.add_arguments(places[place], delta["toolUse"]["input"])
    elif name == b"messageStop":
        result.finish = said["stopReason"]
    elif name == b"metadata":
        usage = said["usage"]
        result.usage = usage["inputTokens"] + usage["cacheReadInputTokens"], usage["outputTokens"]
