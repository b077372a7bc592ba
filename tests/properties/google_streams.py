"""Streams of Gemini's API, made and read apart from the gateway's dialect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import evolve
from litellm_gateway.secrets import Secret
from litellm_gateway_provider_google.dialect import GeminiDialect
from litellm_gateway_provider_google.wire_address import WireAddress
from made_streams import BROKEN, FINISHED, REFUSED, Made, Reading
from sse_noise import read_events, write_events

if TYPE_CHECKING:
    from choices_from_bytes import Choices


class GeminiWire:
    """Every event is a whole answer that holds the next piece; the end of the body is the end."""

    error = ("", {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}})

    def dialect(self) -> Any:
        return GeminiDialect(WireAddress.of_gemini("http://127.0.0.1:1", "v1beta", Secret("AIza-key-0123456789")))

    def write(self, events: list[tuple[str, Any]], choices: Choices) -> bytes:
        if choices.seldom():  # as a proxy gives it that drops alt=sse
            return json.dumps([said for _, said in events if said], ensure_ascii=False).encode()
        return write_events(events, choices)

    def make(self, choices: Choices) -> Made:
        told, opened = Reading(end=FINISHED, finish="STOP"), ""
        events: list[tuple[str, Any]] = []
        for _ in range(choices.below(8)):
            part = _part(told, choices)
            if choices.seldom(4) and events and events[-1][1]:
                _parts(events[-1][1]).append(part)
            else:
                events.append(_event([part]))
        if choices.seldom(4):
            opened = choices.text()
            told.open_call("fc_open", "slow_tool", _compact({"a": opened + opened}))
            piece = {"jsonPath": "$.a", "stringValue": opened}
            call = {"id": "fc_open", "name": "slow_tool", "willContinue": True, "partialArgs": [piece]}
            more = {"partialArgs": [piece], "willContinue": bool(choices.below(2))}
            events += [_event([{"functionCall": call}]), _event([{"functionCall": more}])]
        for _ in range(choices.below(3)):
            events.insert(choices.below(len(events) + 1), choices.one_of(NOISE))
        told.finish = choices.one_of(("STOP", "MAX_TOKENS", "SAFETY", "A_NEW_REASON"))
        end = _event([{"text": ""}] if choices.below(2) else [])
        end[1]["candidates"][0]["finishReason"] = told.finish
        events.append(end)
        if not choices.seldom(4):
            told.usage = choices.below(256) * 300, choices.below(256) + choices.below(256)
            end[1]["usageMetadata"] = {
                "promptTokenCount": told.usage[0],
                "candidatesTokenCount": told.usage[1] // 2,
                "thoughtsTokenCount": told.usage[1] - told.usage[1] // 2,
                "totalTokenCount": sum(told.usage),
            }
        return Made(events, told.settled())

    def read(self, body: bytes) -> Reading:
        start = body.lstrip(b" \t\r\n\xef\xbb\xbf")
        result, open_call = Reading(), None
        whole = start[:1] in (b"[", b"{")
        for data in [start] if whole else [data for _, data in read_events(body) if data.strip()]:
            try:
                said = json.loads(data)
            except ValueError:
                return _gone_wrong(result, BROKEN)
            for event in said if isinstance(said, list) else [said]:
                if not isinstance(event, dict) or event.get("error"):
                    # JSON is read when all of it is there: nothing was given before the error in it was found.
                    end = REFUSED if isinstance(event, dict) else BROKEN
                    return _gone_wrong(Reading() if whole else result, end)
                open_call = _read_event(event, result, open_call)
        if result.finish:
            result.end = FINISHED
            if open_call is not None:
                result.add_arguments(-1, _joined(open_call))
        return result.settled()


def _gone_wrong(result: Reading, end: str) -> Reading:
    return evolve(result, end=end, finish=None, usage=None).settled()


def _event(parts: list[dict[str, Any]]) -> tuple[str, Any]:
    candidate = {"content": {"role": "model", "parts": parts}, "index": 0}
    return "", {"candidates": [candidate], "modelVersion": "m", "responseId": "r1"}


def _parts(event: dict[str, Any]) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = event["candidates"][0]["content"]["parts"]
    return parts


NOISE: tuple[tuple[str, Any], ...] = (
    ("", {"modelVersion": "m", "usageMetadata": {"trafficType": "ON_DEMAND"}}),
    ("", {"candidates": [{"index": 1, "content": {"parts": [{"text": "another answer"}]}, "finishReason": "OTHER"}]}),
    ("", {"candidates": [{"index": 0, "content": {}, "safetyRatings": []}]}),
    ("", {"candidates": None, "promptFeedback": {}}),
    ("", {"candidates": [{"content": {"role": "model"}, "index": 0, "groundingMetadata": {"webSearchQueries": []}}]}),
    ("", ""),
)


def _part(told: Reading, choices: Choices) -> dict[str, Any]:
    text = choices.text()
    match choices.below(6):
        case 0 | 1:
            told.text += text
            return {"text": text}
        case 2:
            told.text += text
            return {"text": text, "thoughtSignature": "c2ln"}
        case 3:
            told.reasoning += text
            return {"text": text, "thought": True}
        case 4:
            told.reasoning += text
            return {"text": text, "thought": True, "thoughtSignature": "c2ln"}
        case _:
            index, arguments = len(told.calls), {"a": text}
            told.open_call(f"fc_{index}", f"tool_{index}", _compact(arguments))
            call = {"id": f"fc_{index}", "name": f"tool_{index}", "args": arguments}
            return {"functionCall": call, **({"thoughtSignature": "c2ln"} if choices.below(2) else {})}


def _read_event(event: dict[str, Any], result: Reading, open_call: list[str] | None) -> list[str] | None:
    if event.get("usageMetadata", {}).get("totalTokenCount") is not None:
        counts = event["usageMetadata"]
        answer = counts["candidatesTokenCount"] + counts["thoughtsTokenCount"]
        result.usage = counts["promptTokenCount"], answer
    for candidate in event.get("candidates") or []:
        if candidate["index"]:
            continue
        for part in (candidate.get("content") or {}).get("parts") or []:
            if "functionCall" in part:
                open_call = _read_call(part["functionCall"], result, open_call)
            elif part.get("thought"):
                result.reasoning += part["text"]
            else:
                result.text += part["text"]
        result.finish = candidate.get("finishReason") or result.finish
    return open_call


def _read_call(call: dict[str, Any], result: Reading, open_call: list[str] | None) -> list[str] | None:
    if "name" in call:
        result.open_call(call["id"], call["name"])
        open_call = []
    assert open_call is not None
    open_call += [piece["stringValue"] for piece in call.get("partialArgs", [])]
    if call.get("willContinue"):
        return open_call
    result.add_arguments(-1, _compact(call["args"]) if "args" in call else _joined(open_call))
    return None


def _joined(pieces: list[str]) -> str:
    return _compact({"a": "".join(pieces)})


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
