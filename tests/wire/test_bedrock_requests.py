"""Requests that clients really sent to Converse, read into the gateway's form and written again: the same meaning."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from litellm_gateway.messages import (
    MediaPart,
    Message,
    ReasoningPart,
    ResponseFormat,
    TextPart,
    Tool,
    ToolCall,
    ToolChoice,
)
from litellm_gateway.requests import GenerateRequest
from litellm_gateway_provider_bedrock.dialect import ConverseDialect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from litellm_gateway.messages import Part
    from litellm_gateway.testing.wire_player import Recording

    Corpus = Callable[[str, Sequence[str]], list[Recording]]
    Json = Mapping[str, Any]

CORPUS = Path(os.environ.get("LITELLM_GATEWAY_WIRE", Path(__file__).parents[3] / "shared" / "wire"))
EXCEPTIONS: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "bedrock_request_exceptions.json").read_text()
)
MEDIA_TYPES = {"pdf": "application/pdf", "txt": "text/plain", "jpeg": "image/jpeg", "png": "image/png"}
INFERENCE = {"maxTokens": "max_tokens", "temperature": "temperature", "topP": "top_p"}
AS_THEY_ARE = ("guardrailConfig", "performanceConfig", "serviceTier")


def _part(block: Json) -> Part:
    """Read a block; what the gateway has no part for goes in as a block of Converse's own."""
    if "text" in block:
        return TextPart(text=block["text"])
    if "reasoningContent" in block:
        shown = block["reasoningContent"]["reasoningText"]
        return ReasoningPart(text=shown["text"], signature=shown.get("signature"))
    if "image" in block:
        return MediaPart(kind="image", **_source(block["image"]))
    if "document" in block and "content" not in block["document"]["source"]:
        return _document(block["document"])
    if "json" in block:
        return MediaPart(kind="file", data=json.dumps(block["json"]).encode(), media_type="application/json")
    return ReasoningPart(extra={"bedrock": dict(block)})


def _document(document: Json) -> MediaPart:
    more = {name: value for name, value in document.items() if name in ("context", "citations")}
    return MediaPart(kind="file", filename=document["name"], options=more, **_source(document))


def _source(block: Json) -> dict[str, Any]:
    source, media_type = block["source"], MEDIA_TYPES[block["format"]]
    if "s3Location" in source:
        return {"url": source["s3Location"]["uri"], "media_type": media_type}
    data = source["text"].encode() if "text" in source else base64.b64decode(source["bytes"])
    return {"data": data, "media_type": media_type}


def _parts(blocks: Sequence[Json]) -> tuple[Part, ...]:
    """Read blocks; a cache point belongs to the part before it."""
    parts: list[Part] = []
    for block in blocks:
        last = parts[-1] if parts else None
        if "cachePoint" in block and isinstance(last, TextPart):
            parts[-1] = TextPart(text=last.text, cache=block["cachePoint"].get("ttl", True))
        else:
            parts.append(_part(block))
    return tuple(parts)


def _is_call(block: Json) -> bool:
    return "toolUse" in block and block["toolUse"].get("type") != "server_tool_use"


def _messages(message: Json) -> Iterator[Message]:
    """Read a turn: results of tools are messages of their own, before what the user says."""
    blocks = message["content"]
    if message["role"] == "assistant":
        calls = [block["toolUse"] for block in blocks if _is_call(block)]
        yield Message(
            role="assistant",
            content=_parts([block for block in blocks if not _is_call(block)]),
            tool_calls=tuple(
                ToolCall(id=call["toolUseId"], name=call["name"], arguments=json.dumps(call["input"])) for call in calls
            ),
        )
        return
    for result in (block["toolResult"] for block in blocks if "toolResult" in block):
        yield Message(
            role="tool",
            content=_parts(result["content"]),
            tool_call_id=result["toolUseId"],
            is_error=result.get("status") == "error",
        )
    said = _parts([block for block in blocks if "toolResult" not in block])
    if said:
        yield Message(role="user", content=said)


def _choice(choice: Json | None) -> ToolChoice | None:
    if not choice:
        return None
    if "tool" in choice:
        return ToolChoice(mode="required", names=(choice["tool"]["name"],))
    return ToolChoice(mode="required" if "any" in choice else "auto")


def _tools(config: Json) -> tuple[Tool, ...]:
    specs = [tool["toolSpec"] for tool in config.get("tools", ()) if "toolSpec" in tool]
    return tuple(
        Tool(
            name=spec["name"],
            description=spec.get("description") or "",
            parameters=spec["inputSchema"]["json"],
            strict=spec.get("strict"),
        )
        for spec in specs
    )


def _format(config: Json) -> ResponseFormat | None:
    if not config:
        return None
    shape = config["textFormat"]["structure"]["jsonSchema"]
    return ResponseFormat(schema=json.loads(shape["schema"]), name=shape["name"])


def _thinking(body: Json) -> dict[str, Any]:
    """Read what says how hard to think; forms that are none of the gateway's stay extra fields."""
    fields = body.get("additionalModelRequestFields") or {}
    if fields.get("thinking", {}).get("type") == "enabled":
        return {"reasoning_budget": fields["thinking"]["budget_tokens"]}
    return {"reasoning_effort": fields["reasoning_config"]} if isinstance(fields.get("reasoning_config"), str) else {}


def _unified(recording: Recording, model: str) -> GenerateRequest:
    body = recording.request or {}
    config, thinking = body.get("toolConfig") or {}, _thinking(body)
    extra = {name: body[name] for name in AS_THEY_ARE if name in body}
    if body.get("additionalModelRequestFields") and not thinking:
        extra["additionalModelRequestFields"] = body["additionalModelRequestFields"]
    own = [tool for tool in config.get("tools", ()) if "toolSpec" not in tool]
    if own:
        extra["toolConfig"] = {"tools": own}
    inference = body.get("inferenceConfig") or {}
    messages = [message for turn in body["messages"] for message in _messages(turn)]
    if body.get("system"):
        messages.insert(0, Message(role="system", content=_parts(body["system"])))
    return GenerateRequest(
        model=model,
        messages=tuple(messages),
        stop=tuple(inference.get("stopSequences") or ()),
        tools=_tools(config),
        tool_choice=_choice(config.get("toolChoice")),
        response_format=_format(body.get("outputConfig") or {}),
        extra_body=extra,
        **{INFERENCE[name]: value for name, value in inference.items() if name in INFERENCE},
        **thinking,
    )


def _meaning(value: Any) -> Any:
    """Bring different ways to say the same into one: empty and left out; success, which is what no status means."""
    if isinstance(value, list):
        return [_meaning(item) for item in value]
    if not isinstance(value, dict):
        return value
    said = {name: _meaning(item) for name, item in value.items()}
    if "toolUseId" in said and said.get("status") == "success":
        del said["status"]
    if "jsonSchema" in said:
        said["jsonSchema"] = {**said["jsonSchema"], "schema": json.loads(said["jsonSchema"]["schema"])}
    return {
        name: item for name, item in said.items() if name in ("input", "json", "auto", "any") or item not in ([], {})
    }


def test_requests_are_written_as_clients_write_them(corpus: Corpus) -> None:
    """Each recorded request, read into the gateway's form and written again, has the same meaning and address."""
    recordings = [one for one in corpus("bedrock", ("converse",)) if one.request]
    wrong = []

    for recording in recordings:
        model, operation = _address(recording)
        dialect = ConverseDialect(base_url="https://bedrock-runtime.us-east-1.amazonaws.com")
        wire = dialect.encode_generate(_unified(recording, model), stream=operation == "converse-stream")
        mine, theirs = _meaning(json.loads(wire.body)), _meaning(recording.request)
        for name in EXCEPTIONS.get(recording.id, {}).get("fields", ()):
            mine.pop(name, None)
            theirs.pop(name, None)
        wrong += [
            f"{recording.id}: {name}: {json.dumps(mine.get(name))[:400]} is not {json.dumps(theirs.get(name))[:400]}"
            for name in {*mine, *theirs}
            if mine.get(name) != theirs.get(name)
        ]
        assert unquote(wire.url).endswith(f"/model/{model}/{operation}"), recording.id

    assert len(recordings) >= 45
    assert not wrong, "\n".join(wrong)


def _address(recording: Recording) -> tuple[str, str]:
    """Give model and operation, which stand in the recorded address only."""
    record = json.loads((CORPUS / "bedrock" / f"{recording.id}.json").read_text())
    _, _, path = record["request"]["url"].partition("/model/")
    model, _, operation = path.rpartition("/")
    return unquote(model), operation


def test_exceptions_are_few_and_reasoned(corpus: Corpus) -> None:
    """Whatever field is left out of the comparison is named, with the reason."""
    known = {one.id for one in corpus("bedrock", ("converse",))}

    assert set(EXCEPTIONS) <= known
    assert all(row["reason"] and row["fields"] for row in EXCEPTIONS.values())
