"""Write messages in Cohere's form; documents are handed out apart, as they stand beside the messages there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from litellm_gateway import json_codec
from litellm_gateway.errors import InvalidRequestError, UnsupportedParameterError
from litellm_gateway.messages import MediaPart, ReasoningPart, TextPart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_gateway.messages import Message, Part, ToolCall

KIND: Final = "cohere"
"""Key under which :attr:`ReasoningPart.extra` tells a tool plan (``TOOL_PLAN``) from thinking (``THINKING``)."""
TOOL_PLAN: Final = "tool_plan"
THINKING: Final = "thinking"


def write_messages(messages: Sequence[Message]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Give the messages, and the documents found in them.

    Raises:
        UnsupportedParameterError: A part of a kind that Cohere does not take.
    """
    written: list[dict[str, Any]] = []
    documents: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "assistant":
            written.append(_assistant(message))
        elif message.role == "tool":
            written.append(_tool_result(message))
        else:
            content = _content(message, documents)
            if content:  # a message of documents only is empty once they stand apart
                role = "system" if message.role == "developer" else message.role
                written.append({"role": role, "content": content})
    return written, documents


def _content(message: Message, documents: list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    if isinstance(message.content, str):
        return message.content
    parts: list[dict[str, Any]] = []
    for part in message.content:
        if isinstance(part, TextPart):
            if part.text:
                parts.append({"type": "text", "text": part.text})
        elif isinstance(part, MediaPart) and part.kind == "file":
            documents.append(write_document(part))
        elif isinstance(part, MediaPart):
            parts.append(_image(part))
    return parts


def _image(part: MediaPart) -> dict[str, Any]:
    if part.kind != "image":
        raise UnsupportedParameterError("Cohere takes no audio; send a transcript as text", parameter="messages")
    image = {"url": part.data_url()}
    if part.detail:
        image["detail"] = part.detail
    return {"type": "image_url", "image_url": image, **(part.options or {})}


def write_document(part: MediaPart) -> dict[str, Any]:
    """Write a file as a document: a JSON object as its fields, any text under ``text`` with the name as title.

    Raises:
        UnsupportedParameterError: It is neither text nor a JSON object.
        InvalidRequestError: It is not what its media type says.
    """
    return {"data": _document_data(part), **(part.options or {})}


def _document_data(part: MediaPart) -> dict[str, Any]:
    media_type = (part.media_type or "").partition(";")[0].strip().lower()
    if part.data is None or not (media_type.startswith("text/") or media_type == "application/json"):
        raise UnsupportedParameterError(
            "Cohere takes documents as text or as a JSON object only: give data with a media_type such as "
            "'text/plain' or 'application/json' (turn other files into text first)",
            parameter="messages",
        )
    try:
        text = part.data.decode()
        fields = json_codec.decode(text) if media_type == "application/json" else None
    except ValueError as error:
        raise InvalidRequestError(f"a document is not the {media_type} it is said to be", parameter="messages") from (
            error
        )
    if isinstance(fields, dict):
        return fields
    return {"title": part.filename, "text": text} if part.filename else {"text": text}


def _assistant(message: Message) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": "assistant"}
    content = message.content if isinstance(message.content, str) else _said(message.content)
    if content or not message.tool_calls:
        wire["content"] = content
    if message.tool_calls:
        wire["tool_calls"] = [_tool_call(call) for call in message.tool_calls]
    plan = "".join(part.text for part in message.parts if isinstance(part, ReasoningPart) and is_plan(part))
    if plan:
        wire["tool_plan"] = plan
    return wire


def is_plan(part: ReasoningPart) -> bool:
    """Tell whether the reasoning came as a tool plan."""
    return part.extra is not None and part.extra.get(KIND) == TOOL_PLAN


def _said(parts: Sequence[Part]) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, TextPart):
            if part.text:
                said.append({"type": "text", "text": part.text})
        elif isinstance(part, ReasoningPart):
            if part.text and not is_plan(part):
                said.append({"type": "thinking", "thinking": part.text})
        else:
            raise UnsupportedParameterError("an assistant's turn holds text only at Cohere", parameter="messages")
    return said


def _tool_call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _tool_result(message: Message) -> dict[str, Any]:
    said = message.content
    content = said if isinstance(said, str) else [_result_part(part) for part in said]
    return {"role": "tool", "tool_call_id": message.tool_call_id or "", "content": content}


def _result_part(part: Part) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    if isinstance(part, MediaPart) and part.kind == "file":
        return {"type": "document", "document": write_document(part)}
    raise UnsupportedParameterError("a tool's result holds text and documents only at Cohere", parameter="messages")
