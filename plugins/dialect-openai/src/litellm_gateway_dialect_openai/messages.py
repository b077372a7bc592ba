"""Write messages the way chat completions want them: roles, tool calls and tool results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway.errors import InvalidRequestError, UnsupportedParameterError
from litellm_gateway.messages import MediaPart, ReasoningPart, TextPart

from litellm_gateway_dialect_openai.parts import write_part
from litellm_gateway_dialect_openai.tool_calls import fitting_id

if TYPE_CHECKING:
    from litellm_gateway.messages import Message, ToolCall

    from litellm_gateway_dialect_openai.quirks import ChatQuirks


def write_message(message: Message, quirks: ChatQuirks, *, model: str) -> dict[str, Any]:
    """Give one message as the wire wants it.

    Raises:
        UnsupportedParameterError: A part the wire has no place for.
    """
    role = message.role
    if role == "tool":
        return _tool_result(message, quirks, model)
    if role == "assistant":
        return _assistant_turn(message, quirks, model)
    if role == "developer" and not quirks.developer_role:
        role = "system"
    wire: dict[str, Any] = {"role": role, "content": _content(message, quirks, model)}
    if message.name:
        wire["name"] = message.name
    return wire


def _assistant_turn(message: Message, quirks: ChatQuirks, model: str) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": "assistant"}
    content = _content(message, quirks, model)
    reasoning = [part for part in message.parts if isinstance(part, ReasoningPart)]
    if reasoning:
        content = _add_reasoning(wire, reasoning, content, message, quirks)
    # Some servers refuse an empty text beside tool calls, and OpenAI wants none at all.
    if content or not message.tool_calls:
        wire["content"] = content or ""
    if message.name:
        wire["name"] = message.name
    if message.tool_calls:
        wire["tool_calls"] = [_tool_call(call, quirks) for call in message.tool_calls]
    return wire


def _add_reasoning(
    wire: dict[str, Any],
    reasoning: list[ReasoningPart],
    content: str | list[dict[str, Any]],
    message: Message,
    quirks: ChatQuirks,
) -> str | list[dict[str, Any]]:
    """Give the reasoning back in the form the server wants it in; most want none."""
    text = "".join(part.text for part in reasoning)
    if quirks.reasoning_field and text and (message.tool_calls or not quirks.reasoning_with_tools):
        wire[quirks.reasoning_field] = text
    if quirks.reasoning_details:
        details = [item for part in reasoning for item in (part.extra or {}).get("reasoning_details", ())]
        if details:
            wire["reasoning_details"] = details
    if not quirks.thinking_parts or not text:
        return content
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": text}]}
    said = [{"type": "text", "text": content}] if isinstance(content, str) and content else list(content or ())
    return [thinking, *said]


def _tool_result(message: Message, quirks: ChatQuirks, model: str) -> dict[str, Any]:
    if not message.tool_call_id:
        raise InvalidRequestError(
            "a message of role 'tool' needs the tool_call_id of the call it answers", parameter="messages"
        )
    if any(isinstance(part, MediaPart) for part in message.parts):
        raise UnsupportedParameterError(
            "a tool result can hold only text here; send the media in a user message", parameter="messages"
        )
    wire: dict[str, Any] = {
        "role": "tool",
        "tool_call_id": fitting_id(message.tool_call_id, quirks.tool_id_length),
        "content": _content(message, quirks, model) or "",
    }
    if message.name and quirks.tool_message_name:
        wire["name"] = message.name
    return wire


def _tool_call(call: ToolCall, quirks: ChatQuirks) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    return {"id": fitting_id(call.id, quirks.tool_id_length), "type": "function", "function": function}


def _content(message: Message, quirks: ChatQuirks, model: str) -> str | list[dict[str, Any]]:
    if isinstance(message.content, str):
        return message.content
    return [
        write_part(part, quirks, model=model)
        for part in message.content
        if not isinstance(part, ReasoningPart) and not (isinstance(part, TextPart) and not part.text)
    ]
