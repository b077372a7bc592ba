"""Requests that clients really sent to Anthropic, read into the gateway's form and written again: the same meaning."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litellm_gateway.messages import (
    MediaPart,
    Message,
    ReasoningPart,
    ResponseFormat,
    TextPart,
    Tool,
    ToolChoice,
)
from litellm_gateway.requests import GenerateRequest, TokenCountRequest
from litellm_gateway.wire import WireResponse
from litellm_gateway_provider_anthropic.dialect import AnthropicDialect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import pytest
    from litellm_gateway.messages import Part
    from litellm_gateway.testing.wire_player import Recording
    from litellm_gateway.wire import WireRequest

    Corpus = Callable[[str, Sequence[str]], list[Recording]]

Json = dict[str, Any]
EXCEPTIONS: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parent / "anthropic_request_exceptions.json").read_text()
)
DIALECT = AnthropicDialect(base_url="http://127.0.0.1:1", version="2023-06-01")
SAME = ("temperature", "top_p", "top_k", "max_tokens")
PLAIN_TOOL = {"name", "description", "input_schema", "strict"}


def _cache(block: Json) -> bool | str:
    mark = block.get("cache_control")
    return False if mark is None else mark.get("ttl", True)


def _raw(block: Json) -> Part:
    return ReasoningPart(extra={"anthropic": block})


def _part(block: Json) -> Part:
    match block["type"]:
        case "text" if not block.get("citations"):
            return TextPart(text=block["text"], cache=_cache(block))
        case "image" | "document" if block["source"]["type"] in ("base64", "url", "file", "text"):
            return _media(block)
        case _:
            return _raw(block)


def _media(block: Json) -> Part:
    source = block["source"]
    kind: Any = "image" if block["type"] == "image" else "file"
    known = {"type", "source", "title", "cache_control"}
    options = {name: value for name, value in block.items() if name not in known} or None
    more: Json = {"filename": block.get("title"), "cache": _cache(block), "options": options}
    if source["type"] in ("url", "file"):
        return MediaPart(kind=kind, url=source.get("url") or source["file_id"], **more)
    data = source["data"].encode() if source["type"] == "text" else base64.b64decode(source["data"])
    return MediaPart(kind=kind, data=data, media_type=source["media_type"], **more)


def _content(value: Any) -> tuple[Part, ...]:
    blocks = [{"type": "text", "text": value}] if isinstance(value, str) else value or []
    return tuple(_part(block) for block in blocks)


def _messages(turn: Json) -> Iterable[Message]:
    """Read one turn; one of the user may hold tool results, which are messages of their own."""
    if turn["role"] == "assistant":
        return [_assistant(turn)]
    if isinstance(turn["content"], str):
        return [Message(role=turn["role"], content=turn["content"])]
    results = [block for block in turn["content"] if block["type"] == "tool_result"]
    others = [block for block in turn["content"] if block["type"] != "tool_result"]
    messages = [_tool_result(block) for block in results]
    return [*messages, Message(role=turn["role"], content=_content(others))] if others else messages


def _tool_result(block: Json) -> Message:
    parts = _content(block.get("content"))
    if cache := _cache(block):
        last = parts[-1]
        assert isinstance(last, TextPart)
        parts = (*parts[:-1], TextPart(text=last.text, cache=cache))
    return Message(role="tool", tool_call_id=block["tool_use_id"], content=parts, is_error=bool(block.get("is_error")))


def _assistant(turn: Json) -> Message:
    """Send an earlier answer back the way a user of the gateway does."""
    blocks = turn["content"]
    if isinstance(blocks, str):
        return Message(role="assistant", content=blocks)
    body = json.dumps({"role": "assistant", "content": blocks}).encode()
    request = GenerateRequest(model="m", messages=())
    answer = DIALECT.decode_generate(request, WireResponse(status=200, headers={}, body=body))
    cache = next((_cache(block) for block in blocks if block["type"] == "text" and _cache(block)), False)
    text = (TextPart(text=answer.text, cache=cache),) if answer.text else ()
    return Message(role="assistant", content=(*answer.reasoning, *text), tool_calls=answer.tool_calls)


def _request(body: Json) -> GenerateRequest:
    """Read a recorded request into the gateway's form; what that form has no word for goes by ``extra_body``."""
    extra = {name: value for name, value in body.items() if name not in ("model", "messages", "system", "stream")}
    fields: Json = {name: extra.pop(name) for name in SAME if name in extra}
    system = [Message(role="system", content=_content(body["system"]))] if body.get("system") else []
    if stop := extra.pop("stop_sequences", ()):
        fields["stop"] = tuple(stop)
    if all(tool.keys() <= PLAIN_TOOL for tool in extra.get("tools", ())):
        fields["tools"] = tuple(_tool(tool) for tool in extra.pop("tools", ()))
    if "tool_choice" in extra:
        fields |= _tool_choice(extra.pop("tool_choice"))
    fields |= _thinking(extra)
    messages = [message for turn in body["messages"] for message in _messages(turn)]
    return GenerateRequest(model=body["model"], messages=(*system, *messages), extra_body=extra, **fields)


def _tool(tool: Json) -> Tool:
    return Tool(
        name=tool["name"],
        description=tool.get("description") or "",
        parameters=tool["input_schema"],
        strict=tool.get("strict"),
    )


def _tool_choice(choice: Json) -> Json:
    modes: dict[str, Any] = {"auto": "auto", "none": "none", "any": "required", "tool": "required"}
    names = (choice["name"],) if choice["type"] == "tool" else ()
    fields: Json = {"tool_choice": ToolChoice(mode=modes[choice["type"]], names=names)}
    if choice.get("disable_parallel_tool_use"):
        fields["parallel_tool_calls"] = False
    return fields


def _thinking(extra: Json) -> Json:
    fields: Json = {}
    thinking, config = extra.get("thinking"), dict(extra.get("output_config") or {})
    if thinking is not None and thinking.keys() == {"type", "budget_tokens"}:
        fields["reasoning_budget"] = extra.pop("thinking")["budget_tokens"]
    elif thinking == {"type": "adaptive"} and "effort" in config:
        fields["reasoning_effort"] = config.pop("effort")
        del extra["thinking"]
    if "format" in config:
        fields["response_format"] = ResponseFormat(schema=config.pop("format")["schema"])
    extra.pop("output_config", None)
    if config:
        extra["output_config"] = config
    return fields


def _meaning(body: Json) -> Json:
    """Take away what makes no difference: short forms, defaults spelt out, texts and turns parted differently."""
    said = {name: value for name, value in body.items() if value not in ([], False)}
    if "system" in said:
        said["system"] = _blocks(said["system"])
    if isinstance(said.get("tool_choice"), dict):
        said["tool_choice"] = {name: value for name, value in said["tool_choice"].items() if value is not False}
    turns: list[Json] = []
    for turn in said["messages"]:
        blocks = _blocks(turn["content"])
        if turns and turns[-1]["role"] == turn["role"]:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": turn["role"], "content": blocks})
    said["messages"] = turns
    if "tools" in said:
        said["tools"] = [{name: value for name, value in tool.items() if value != ""} for tool in said["tools"]]
    return said


def _blocks(content: Any) -> list[Json]:
    blocks: list[Json] = []
    for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
        plain = {name: value for name, value in block.items() if value is not None and value != []}
        if plain["type"] == "tool_result":
            plain["content"] = _blocks(plain.get("content", []))
            plain = {name: value for name, value in plain.items() if value is not False}
        if blocks and plain.keys() == blocks[-1].keys() == {"type", "text"}:
            blocks[-1] = {"type": "text", "text": blocks[-1]["text"] + plain["text"]}
        elif plain != {"type": "text", "text": ""}:
            blocks.append(plain)
    return blocks


def _written(recording: Recording) -> WireRequest:
    assert recording.request is not None
    body = dict(recording.request)
    request = _request(body)
    if recording.api == "count_tokens":
        return DIALECT.encode_count(TokenCountRequest(model=request.model, request=request))
    return DIALECT.encode_generate(request, stream=bool(body.get("stream")))


def test_requests_keep_their_meaning(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    """Every recorded request, read and written again, asks the same; exceptions are listed with their reason."""
    recordings = [one for one in corpus("anthropic", ("messages", "count_tokens")) if one.request is not None]
    checked, differences = 0, []

    for one in recordings:
        if one.id in EXCEPTIONS:
            continue
        checked += 1
        written, asked = _meaning(json.loads(_written(one).body)), _meaning(dict(one.request or {}))
        if written != asked:
            names = [name for name in {*written, *asked} if written.get(name) != asked.get(name)]
            differences.append(f"{one.id}: {names}")

    with capsys.disabled():
        print(f"\nanthropic requests: {len(recordings)}, written again {checked}, excepted {len(EXCEPTIONS)}")
    assert not differences, "\n".join(differences)
    assert {one.id for one in recordings} >= EXCEPTIONS.keys()
    assert len(EXCEPTIONS) < len(recordings) * 0.02
    assert all(row["reason"] for row in EXCEPTIONS.values())
