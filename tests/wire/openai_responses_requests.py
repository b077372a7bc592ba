"""Read recorded request bodies of the Responses API into the gateway's own requests.

A parser of its own, apart from the dialect that writes them; and the one form in which two bodies are compared.
"""

from __future__ import annotations

import base64
import json
from itertools import pairwise
from typing import Any

from litellm_gateway.messages import (
    MediaPart,
    Message,
    Part,
    ReasoningPart,
    ResponseFormat,
    TextPart,
    Tool,
    ToolCall,
    ToolChoice,
)
from litellm_gateway.requests import GenerateRequest

_SAME_NAME = ("temperature", "top_p", "parallel_tool_calls")
_READ = frozenset({"model", "input", "instructions", "stream", "max_output_tokens", "store", *_SAME_NAME})
_ENCRYPTED = "reasoning.encrypted_content"


class OutOfReachError(Exception):
    """The body says something that the gateway's request has no word for."""


def read_responses(body: dict[str, Any]) -> GenerateRequest:
    """Give the request that would be sent as this body."""
    fields: dict[str, Any] = {name: body[name] for name in _SAME_NAME if body.get(name) is not None}
    rest = {name: value for name, value in body.items() if name not in _READ and value is not None}
    if body.get("max_output_tokens") is not None:
        fields["max_tokens"] = body["max_output_tokens"]
    if body.get("store", True):
        rest["store"] = True
    _read_tools(rest, fields)
    reasoning = dict(rest.pop("reasoning", {}))
    fields["reasoning_effort"] = reasoning.pop("effort", None)
    if reasoning:
        rest["reasoning"] = reasoning
    text = dict(rest.pop("text", {}))
    fields["response_format"] = _format(text.pop("format", None))
    if text:
        rest["text"] = text
    if "user" in rest:
        fields["user"] = rest.pop("user")
    items = body.get("input", [])
    messages = _messages([{"role": "user", "content": items}] if isinstance(items, str) else items)
    if body.get("instructions"):
        messages = [Message(role="system", content=body["instructions"]), *messages]
    return GenerateRequest(model=body.get("model", ""), messages=tuple(messages), extra_body=rest, **fields)


def _read_tools(rest: dict[str, Any], fields: dict[str, Any]) -> None:
    tools, extra = [], []
    for tool in rest.pop("tools", []):
        if tool["type"] == "function" and set(tool) <= {"type", "name", "description", "parameters", "strict"}:
            tools.append(
                Tool(
                    name=tool["name"],
                    description=tool.get("description") or "",
                    parameters=tool.get("parameters") or {},
                    strict=tool.get("strict"),
                )
            )
        else:
            extra.append(tool)
    fields["tools"] = tuple(tools)
    if extra:
        rest["tools"] = extra
    choice = rest.pop("tool_choice", None)
    if isinstance(choice, str):
        fields["tool_choice"] = ToolChoice(mode=choice)  # type: ignore[arg-type]
    elif choice is not None and choice["type"] == "function":
        fields["tool_choice"] = ToolChoice(mode="required", names=(choice["name"],))
    elif choice is not None and choice["type"] == "allowed_tools":
        names = tuple(tool["name"] for tool in choice["tools"])
        fields["tool_choice"] = ToolChoice(mode=choice["mode"], names=names)
    elif choice is not None:
        rest["tool_choice"] = choice


def _format(wanted: dict[str, Any] | None) -> ResponseFormat | None:
    if wanted is None or wanted["type"] == "text":
        return None
    if wanted["type"] == "json_object":
        return ResponseFormat()
    return ResponseFormat(
        schema=wanted["schema"],
        name=wanted["name"],
        strict=bool(wanted.get("strict")),
        description=wanted.get("description"),
    )


def _messages(items: list[dict[str, Any]]) -> list[Message]:
    """Put what the assistant did in one go into one turn, as an answer of the gateway would have it."""
    messages: list[Message] = []
    parts: list[Part] = []
    calls: list[ToolCall] = []

    def end_turn() -> None:
        if parts or calls:
            messages.append(Message(role="assistant", content=tuple(parts), tool_calls=tuple(calls)))
        parts.clear()
        calls.clear()

    for item, following in pairwise([*items, {}]):
        kind, role = item.get("type", "message"), item.get("role")
        if kind == "function_call":
            namespace = f"namespace:{item['namespace']}" if "namespace" in item else None
            calls.append(_call(item, namespace))
        elif kind == "function_call_output":
            end_turn()
            output = item["output"]
            content = output if isinstance(output, str) else tuple(_part(part) for part in output)
            messages.append(Message(role="tool", content=content, tool_call_id=item["call_id"]))
        elif kind == "message" and role != "assistant":
            end_turn()
            messages.append(Message(role=_role(role), content=_content(item["content"])))
        else:
            leads_to_call = kind != "message" and following.get("type") == "function_call"
            if calls and not leads_to_call:
                end_turn()
            if kind == "message":
                content = _content(item["content"])
                parts += [TextPart(text=content)] if isinstance(content, str) else content
            else:
                extra = {"responses_item": item, **({"before": following["call_id"]} if leads_to_call else {})}
                parts.append(ReasoningPart(extra=extra))
    end_turn()
    return messages


def _call(item: dict[str, Any], namespace: str | None) -> ToolCall:
    return ToolCall(id=item["call_id"], name=item["name"], arguments=item["arguments"], signature=namespace)


def _role(role: Any) -> Any:
    if role not in ("system", "developer", "user"):
        raise OutOfReachError(f"an item of role {role}")
    return role


def _content(content: Any) -> str | tuple[Part, ...]:
    return content if isinstance(content, str) else tuple(map(_part, content))


def _part(part: dict[str, Any]) -> Part:
    kind = part["type"]
    if kind in ("input_text", "output_text", "text"):
        marker = part.get("prompt_cache_breakpoint")
        return TextPart(text=part["text"], cache=marker is not None)
    if kind == "input_image":
        return _media("image", part.get("image_url") or part["file_id"], detail=part.get("detail"))
    if kind == "input_file":
        source = part.get("file_data") or part.get("file_url") or part["file_id"]
        return _media("file", source, filename=part.get("filename"))
    raise OutOfReachError(f"a part of type {kind}")


def _media(kind: Any, url: str, **more: Any) -> MediaPart:
    head, _, data = url.partition(";base64,")
    if not url.startswith("data:") or not data:
        return MediaPart(kind=kind, url=url, **more)
    return MediaPart(kind=kind, data=base64.b64decode(data), media_type=head.removeprefix("data:"), **more)


def meaning(body: dict[str, Any]) -> dict[str, Any]:
    """Give a body in the one form in which bodies of the same meaning are equal.

    What differs without meaning anything: null and absent; ``instructions`` and a first system item; a text and
    one text part; the ``type`` of a message; ids, states and notes of items that go back (pairs are found by
    ``call_id``); ``store`` true and absent; the order of tools; a function's ``strict`` absent, which the gateway
    writes as false as chat completions mean it; no description and an empty one; whether encrypted reasoning is
    asked for, which the gateway does whenever nothing is stored.
    """
    plain = {name: value for name, value in body.items() if value is not None}
    items = plain.pop("input", [])
    items = [{"role": "user", "content": items}] if isinstance(items, str) else items
    if instructions := plain.pop("instructions", None):
        items = [{"role": "system", "content": instructions}, *items]
    plain["input"] = [_item_meaning(item) for item in items]
    plain["store"] = plain.get("store", True)
    plain["stream"] = bool(plain.get("stream"))
    plain["include"] = sorted(set(plain.get("include", ())) - {_ENCRYPTED})
    tools = [_tool_meaning(tool) for tool in plain.get("tools", ())]
    plain["tools"] = sorted(tools, key=lambda tool: json.dumps(tool, sort_keys=True))
    if plain.get("text", {}).get("format") == {"type": "text"}:
        plain["text"] = {name: value for name, value in plain["text"].items() if name != "format"}
    if "text" in plain:
        plain["text"] = _without_nothing(plain["text"])
    if not plain.get("text"):
        plain.pop("text", None)
    if "reasoning" in plain:
        plain["reasoning"] = _without_nothing(plain["reasoning"])
    return plain


def _without_nothing(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    kept = {name: _without_nothing(inner) for name, inner in value.items()}
    return {name: inner for name, inner in kept.items() if inner not in (None, "")}


def _tool_meaning(tool: dict[str, Any]) -> dict[str, Any]:
    if tool["type"] != "function":
        return tool
    kept = {name: value for name, value in tool.items() if value not in (None, "")}
    kept["parameters"] = kept.get("parameters") or {"type": "object", "properties": {}}
    return {"strict": False, **kept}


def _item_meaning(item: dict[str, Any]) -> dict[str, Any]:
    kind = item.get("type", "message")
    if kind == "reasoning":
        kept = {name: value for name, value in item.items() if value is not None and name != "status"}
        return {"summary": [], **kept}
    if kind not in ("message", "function_call", "function_call_output"):
        return item
    kept = {name: value for name, value in item.items() if name not in ("id", "status", "type") and value is not None}
    content = kept.get("content")
    if isinstance(content, list):
        content = [_part_meaning(part) for part in content]
        plain = len(content) == 1 and set(content[0]) == {"type", "text"}
        kept["content"] = content[0]["text"] if plain else content
    return {"type": kind, **kept}


def _part_meaning(part: dict[str, Any]) -> dict[str, Any]:
    notes = ("annotations", "logprobs")
    kept = {name: value for name, value in part.items() if name not in notes and value is not None}
    return {**kept, "type": "text"} if "text" in kept else kept
