"""Read recorded request bodies of chat completions and embeddings into the gateway's own requests.

A parser of its own, apart from the dialect that writes them; and the one form in which two bodies are compared.
"""

from __future__ import annotations

import base64
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
from litellm_gateway.requests import EmbedRequest, GenerateRequest

_SAME_NAME = (
    "temperature", "top_p", "top_k", "presence_penalty", "frequency_penalty", "n", "logprobs", "top_logprobs",
    "parallel_tool_calls",
)  # fmt: skip
_READ = frozenset({"messages", "model", "stream", "stream_options", "max_tokens", "max_completion_tokens"})


class OutOfReachError(Exception):
    """The body says something that the gateway's request has no word for."""


def read_chat(body: dict[str, Any]) -> GenerateRequest:
    """Give the request that would be sent as this body."""
    fields: dict[str, Any] = {name: body[name] for name in _SAME_NAME if body.get(name) is not None}
    rest = {name: value for name, value in body.items() if name not in _SAME_NAME and name not in _READ}
    for name in ("max_completion_tokens", "max_tokens"):
        if body.get(name) is not None:
            fields["max_tokens"] = body[name]
    for name in ("seed", "random_seed"):
        if name in rest:
            fields["seed"] = rest.pop(name)
    if rest.get("stop") is not None:
        stop = rest.pop("stop")
        fields["stop"] = (stop,) if isinstance(stop, str) else tuple(stop)
    if "user" in rest:
        fields["user"] = rest.pop("user")
    _read_tools(rest, fields)
    _read_reasoning(rest, fields)
    if "response_format" in rest:
        fields["response_format"] = _format(rest.pop("response_format"))
    # null means what leaving out means; all that is left is the server's own
    extra = {name: value for name, value in rest.items() if value is not None}
    messages = tuple(_message(message) for message in _with_ids(body["messages"]))
    return GenerateRequest(model=body.get("model", ""), messages=messages, extra_body=extra, **fields)


def read_embed(body: dict[str, Any]) -> EmbedRequest:
    """Give the request for embeddings that would be sent as this body."""
    texts = body["input"]
    known = {"model", "input", "dimensions", "output_dimension", "user", "encoding_format"}
    return EmbedRequest(
        model=body.get("model", ""),
        texts=(texts,) if isinstance(texts, str) else tuple(texts),
        dimensions=body.get("dimensions", body.get("output_dimension")),
        user=body.get("user"),
        extra_body={name: value for name, value in body.items() if name not in known},
    )


def _read_tools(rest: dict[str, Any], fields: dict[str, Any]) -> None:
    tools, extra = [], []
    for tool in rest.pop("tools", None) or []:
        known = {"name", "description", "parameters", "strict"}
        if "function" in tool and set(tool) <= {"type", "function"} and set(tool["function"]) <= known:
            spec = tool["function"]
            tools.append(
                Tool(
                    name=spec["name"],
                    description=spec.get("description") or "",
                    parameters=spec.get("parameters") or {},
                    strict=spec.get("strict"),
                )
            )
        else:
            extra.append(tool)
    fields["tools"] = tuple(tools)
    if extra:
        rest["tools"] = extra
    choice = rest.pop("tool_choice", None)
    if isinstance(choice, str):
        fields["tool_choice"] = ToolChoice(mode="required" if choice == "any" else choice)  # type: ignore[arg-type]
    elif choice is not None and "function" in choice:
        fields["tool_choice"] = ToolChoice(mode="required", names=(choice["function"]["name"],))
    elif choice is not None:
        rest["tool_choice"] = choice


def _read_reasoning(rest: dict[str, Any], fields: dict[str, Any]) -> None:
    reasoning = rest.get("reasoning")
    if isinstance(reasoning, dict) and set(reasoning) <= {"effort", "max_tokens"}:
        del rest["reasoning"]
        fields["reasoning_effort"] = reasoning.get("effort")
        fields["reasoning_budget"] = reasoning.get("max_tokens")
    elif rest.get("reasoning_effort") is not None and "thinking" not in rest:
        fields["reasoning_effort"] = rest.pop("reasoning_effort")
    thinking = rest.get("thinking")
    if thinking == {"type": "disabled"}:
        del rest["thinking"]
        fields["reasoning_effort"] = "none"
    elif thinking == {"type": "enabled"} and "reasoning_effort" in rest:
        del rest["thinking"]
        fields["reasoning_effort"] = rest.pop("reasoning_effort")


def _format(wanted: Any) -> ResponseFormat | None:
    if wanted is None or wanted["type"] == "text":
        return None
    if wanted["type"] == "json_object":
        return ResponseFormat()
    spec = wanted["json_schema"]
    return ResponseFormat(
        schema=spec["schema"],
        name=spec.get("name", "answer"),
        strict=bool(spec.get("strict")),
        description=spec.get("description"),
    )


def _with_ids(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give results that name no call the id of the one call there is."""
    calls = [call["id"] for message in messages for call in message.get("tool_calls") or ()]
    if len(calls) != 1:
        return messages
    return [{"tool_call_id": calls[0], **message} if message["role"] == "tool" else message for message in messages]


def _message(message: dict[str, Any]) -> Message:
    parts: list[Part] = []
    reasoning = message.get("reasoning_content") or message.get("reasoning")
    if reasoning:
        parts.append(ReasoningPart(text=reasoning))
    if message.get("reasoning_details"):
        parts.append(ReasoningPart(extra={"reasoning_details": message["reasoning_details"]}))
    content = message.get("content")
    if isinstance(content, list):
        parts += [_part(part) for part in content]
    elif content and parts:
        parts.append(TextPart(text=content))
    return Message(
        role=message["role"],
        content=tuple(parts) or ("" if isinstance(content, list) else content or ""),
        tool_calls=tuple(_call(call) for call in message.get("tool_calls") or ()),
        tool_call_id=message.get("tool_call_id"),
        name=message.get("name"),
    )


def _call(call: dict[str, Any]) -> ToolCall:
    return ToolCall(id=call["id"], name=call["function"]["name"], arguments=call["function"]["arguments"])


def _part(part: dict[str, Any]) -> Part:
    kind = part.get("type")
    if kind == "text":
        marker = part.get("cache_control", part.get("prompt_cache_breakpoint"))
        cache = False if marker is None else marker.get("ttl", True)
        return TextPart(text=part["text"], cache=cache)
    if kind == "thinking":
        return ReasoningPart(text="".join(piece["text"] for piece in part["thinking"]))
    if kind == "image_url":
        image = part["image_url"]
        image = {"url": image} if isinstance(image, str) else image
        return _media("image", image["url"], detail=image.get("detail"))
    if kind == "file":
        return _media("file", part["file"]["file_data"], filename=part["file"].get("filename"))
    if kind == "document_url":
        return _media("file", part["document_url"], filename=part.get("document_name"))
    if kind == "input_audio" and isinstance(part["input_audio"], dict):
        audio = part["input_audio"]
        data = base64.b64decode(audio["data"])
        return MediaPart(kind="audio", data=data, media_type=f"audio/{audio['format']}")
    raise OutOfReachError(f"a part of type {kind}")


def _media(kind: Any, url: str, **more: Any) -> MediaPart:
    head, _, data = url.partition(";base64,")
    try:
        decoded = base64.b64decode(data) if url.startswith("data:") else b""
    except ValueError:  # cut short when it was recorded
        decoded = b""
    if not decoded:
        return MediaPart(kind=kind, url=url, **more)
    return MediaPart(kind=kind, data=decoded, media_type=head.removeprefix("data:"), **more)


def meaning(body: dict[str, Any]) -> dict[str, Any]:
    """Give a body in the one form in which bodies of the same meaning are equal.

    What differs without meaning anything: null and absent; text and a list of one text; no content, null and ""
    beside tool calls; an absent ``type`` of a call or tool; ``max_tokens`` under its newer name; ``any`` and
    ``required``; an image's URL with and without an object around it; a stop text and a list of it; whether
    usage is asked for; an empty description; a tool's ``strict: false``; ``json_schema``'s name where none is
    given; fields of calls that only streams need (``index``); how tools are to be used where there are none; a
    tool's name beside the id of its call; ``reasoning_effort`` and ``reasoning.effort``; reasoning under either of
    its two names, or under both; ``thinking: enabled`` beside an effort; ``prefix: false``; what the id of a call
    is, as long as its result names the same, or names none and there is but one call.
    """
    plain = {name: value for name, value in body.items() if value is not None}
    if "max_completion_tokens" in plain:
        plain["max_tokens"] = plain.pop("max_completion_tokens")
    plain.pop("stream_options", None)
    plain["stream"] = bool(plain.get("stream"))
    if isinstance(plain.get("stop"), str):
        plain["stop"] = [plain["stop"]]
    if plain.get("tool_choice") == "any":
        plain["tool_choice"] = "required"
    if plain.get("tools") == []:
        del plain["tools"]
    if "tools" in plain:
        plain["tools"] = [_tool_meaning(tool) for tool in plain["tools"]]
    else:
        for name in ("tool_choice", "parallel_tool_calls"):
            plain.pop(name, None)
    if isinstance(plain.get("reasoning"), dict) and set(plain["reasoning"]) == {"effort"}:
        plain["reasoning_effort"] = plain.pop("reasoning")["effort"]
    if plain.get("response_format") == {"type": "text"}:
        del plain["response_format"]
    if "json_schema" in plain.get("response_format", {}):
        plain["response_format"] = _format_meaning(plain["response_format"])
    if plain.get("thinking") == {"type": "enabled"} and "reasoning_effort" in plain:
        del plain["thinking"]
    ids: dict[str, str] = {}
    plain["messages"] = [_message_meaning(message, ids) for message in plain["messages"]]
    return plain


def _tool_meaning(tool: dict[str, Any]) -> dict[str, Any]:
    if "function" not in tool:
        return tool
    function = {name: value for name, value in tool["function"].items() if value not in (None, "", False, {})}
    return {"type": "function", **tool, "function": function}


def _format_meaning(wanted: dict[str, Any]) -> dict[str, Any]:
    spec = {"name": "answer", "strict": False, **wanted["json_schema"]}
    return {**wanted, "json_schema": {name: value for name, value in spec.items() if value not in (None, "")}}


def _message_meaning(message: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    kept = {name: value for name, value in message.items() if value not in (None, [], "")}
    content = kept.get("content", "")
    if isinstance(content, list):
        content = [_part_meaning(part) for part in content]
        if len(content) == 1 and set(content[0]) == {"type", "text"}:
            content = content[0]["text"]
    kept["content"] = content
    if kept["role"] == "tool":
        kept.pop("name", None)
        call_id = kept.get("tool_call_id", next(iter(ids), ""))
        kept["tool_call_id"] = ids.get(call_id, call_id)
    if kept.get("prefix") is False:
        del kept["prefix"]
    if "reasoning_content" in kept:
        kept["reasoning"] = kept.pop("reasoning_content")
    if "tool_calls" in kept:
        ids.update({call["id"]: f"call {len(ids) + place}" for place, call in enumerate(kept["tool_calls"])})
        kept["tool_calls"] = [
            {"id": ids[call["id"]], "type": "function", "function": call["function"]} for call in kept["tool_calls"]
        ]
    return kept


def _part_meaning(part: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in part.items() if value is not None}
    if kept.get("type") == "image_url" and isinstance(kept["image_url"], str):
        kept["image_url"] = {"url": kept["image_url"]}
    return kept
