"""Write messages as the items of the Responses API: turns, calls, their outputs, and reasoning played back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from litellm_gateway.errors import InvalidRequestError, UnsupportedParameterError
from litellm_gateway.messages import MediaPart, ReasoningPart, TextPart

from litellm_gateway_dialect_openai.cache_hints import cache_marker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_gateway.messages import Message, Part, ToolCall

    from litellm_gateway_dialect_openai.quirks import ChatQuirks

ITEM: Final = "responses_item"
"""Key of ``ReasoningPart.extra`` that holds an item as it came: reasoning, or a call of a server's own tool."""
BEFORE: Final = "before"
"""Key beside it: the call the item came right before; the server wants it back in that place."""
CUSTOM: Final = "ctc_"
"""Start of the id of a call whose input is free text; kept as the call's signature to tell it apart."""

NAMESPACE: Final = "namespace:"
"""Start of the signature of a call whose tool is in a namespace."""


def write_items(messages: Sequence[Message], quirks: ChatQuirks, *, model: str) -> list[dict[str, Any]]:
    """Give the items of a conversation, in order.

    Raises:
        UnsupportedParameterError: A part this API has no place for.
    """
    custom = {call.id for message in messages for call in message.tool_calls if _is_custom(call)}
    items: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "tool":
            items.append(_output(message, custom))
        elif message.role == "assistant":
            items += _assistant_items(message)
        else:
            role = "system" if message.role == "developer" and not quirks.developer_role else message.role
            items.append({"role": role, "content": _content(message, quirks, model)})
    return items


def is_responses_reasoning(part: Part) -> bool:
    """Whether a part came from the Responses API and can go back to it."""
    return isinstance(part, ReasoningPart) and part.extra is not None and ITEM in part.extra


def _assistant_items(message: Message) -> list[dict[str, Any]]:
    waiting: dict[str, list[dict[str, Any]]] = {call.id: [] for call in message.tool_calls}
    items: list[dict[str, Any]] = []
    texts: list[str] = []
    for part in message.parts:
        if isinstance(part, TextPart):
            texts.append(part.text)
        elif isinstance(part, MediaPart):
            raise UnsupportedParameterError("a turn of the assistant holds only text here", parameter="messages")
        elif is_responses_reasoning(part) and part.extra is not None:
            place = waiting.get(part.extra.get(BEFORE) or "")
            if place is None:
                _add_text(items, texts)
                items.append(_kept(part.extra[ITEM]))
            else:
                place.append(_kept(part.extra[ITEM]))
    _add_text(items, texts)
    for call in message.tool_calls:
        items += waiting[call.id]
        items.append(_call(call))
    return items


def _add_text(items: list[dict[str, Any]], texts: list[str]) -> None:
    if any(texts):
        content = [{"type": "output_text", "text": text} for text in texts if text]
        # Some servers tell a model's own turn by its type alone.
        items.append({"type": "message", "role": "assistant", "content": content})
        texts.clear()


def _kept(item: dict[str, Any]) -> dict[str, Any]:
    """Reasoning is taken back without what the server added to say how it went."""
    if item.get("type") != "reasoning":
        return item
    kept = {name: value for name, value in item.items() if value is not None and name != "status"}
    return {"summary": [], **kept}


def _call(call: ToolCall) -> dict[str, Any]:
    if _is_custom(call):
        return {"type": "custom_tool_call", "call_id": call.id, "name": call.name, "input": call.arguments}
    wire = {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments or "{}"}
    if call.signature is not None and call.signature.startswith(NAMESPACE):
        wire["namespace"] = call.signature.removeprefix(NAMESPACE)
    return wire


def _is_custom(call: ToolCall) -> bool:
    return call.signature is not None and call.signature.startswith(CUSTOM)


def _output(message: Message, custom: set[str]) -> dict[str, Any]:
    if not message.tool_call_id:
        raise InvalidRequestError(
            "a message of role 'tool' needs the tool_call_id of the call it answers", parameter="messages"
        )
    kind = "custom_tool_call_output" if message.tool_call_id in custom else "function_call_output"
    has_media = any(isinstance(part, MediaPart) for part in message.parts)
    output = [_part(part) for part in message.parts if not _is_empty(part)] if has_media else message.text
    return {"type": kind, "call_id": message.tool_call_id, "output": output}


def _content(message: Message, quirks: ChatQuirks, model: str) -> str | list[dict[str, Any]]:
    if isinstance(message.content, str):
        return message.content
    parts = []
    for part in message.content:
        if _is_empty(part):
            continue
        wire = _part(part)
        if not isinstance(part, ReasoningPart) and part.cache:
            wire.update(cache_marker(part.cache, quirks, model))
        parts.append(wire)
    return parts


def _is_empty(part: Part) -> bool:
    return isinstance(part, ReasoningPart) or (isinstance(part, TextPart) and not part.text)


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "input_text", "text": part.text}
    if not isinstance(part, MediaPart) or part.kind == "audio":
        raise UnsupportedParameterError(
            "the Responses API takes no audio; ask with api='chat', or send a transcript", parameter="messages"
        )
    wire = _image(part) if part.kind == "image" else _file(part)
    return {**wire, **(part.options or {})}


def _image(part: MediaPart) -> dict[str, Any]:
    url = part.data_url()
    image: dict[str, Any] = {"type": "input_image"}
    image["file_id" if url.startswith("file-") else "image_url"] = url
    if part.detail:
        image["detail"] = part.detail
    return image


def _file(part: MediaPart) -> dict[str, Any]:
    url = part.url or ""
    if url.startswith("file-"):
        return {"type": "input_file", "file_id": url}
    if url and not url.startswith("data:"):
        return {"type": "input_file", "file_url": url}
    subtype = (part.media_type or "application/pdf").partition(";")[0].rpartition("/")[2]
    return {"type": "input_file", "filename": part.filename or f"file.{subtype}", "file_data": part.data_url()}
