"""Write messages the way chat completions want them: roles, parts, tool calls and tool results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway.errors import InvalidRequestError, UnsupportedParameterError
from litellm_gateway.messages import MediaPart, ReasoningPart, TextPart

if TYPE_CHECKING:
    from litellm_gateway.messages import Message, ToolCall

    from litellm_gateway_dialect_openai.quirks import ChatQuirks

_AUDIO_FORMATS = {"mpeg": "mp3", "mp3": "mp3", "wav": "wav", "x-wav": "wav", "wave": "wav", "vnd.wave": "wav"}


def write_message(message: Message, quirks: ChatQuirks) -> dict[str, Any]:
    """Give one message as the wire wants it.

    Raises:
        UnsupportedParameterError: A part the wire has no place for.
    """
    role = message.role
    if role == "tool":
        return _tool_result(message, quirks)
    if role == "assistant":
        return _assistant_turn(message, quirks)
    if role == "developer" and not quirks.developer_role:
        role = "system"
    wire: dict[str, Any] = {"role": role, "content": _content(message, quirks)}
    if message.name:
        wire["name"] = message.name
    return wire


def _assistant_turn(message: Message, quirks: ChatQuirks) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": "assistant"}
    content = _content(message, quirks)
    # Some servers refuse an empty text beside tool calls, and OpenAI wants none at all.
    if content or not message.tool_calls:
        wire["content"] = content or ""
    if message.name:
        wire["name"] = message.name
    if quirks.reasoning_field and not isinstance(message.content, str):
        reasoning = "".join(part.text for part in message.content if isinstance(part, ReasoningPart))
        if reasoning:
            wire[quirks.reasoning_field] = reasoning
    if message.tool_calls:
        wire["tool_calls"] = [_tool_call(call) for call in message.tool_calls]
    return wire


def _tool_result(message: Message, quirks: ChatQuirks) -> dict[str, Any]:
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
        "tool_call_id": message.tool_call_id,
        "content": _content(message, quirks) or "",
    }
    if message.name and quirks.tool_message_name:
        wire["name"] = message.name
    return wire


def _tool_call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    return {"id": call.id, "type": "function", "function": function}


def _content(message: Message, quirks: ChatQuirks) -> str | list[dict[str, Any]]:
    if isinstance(message.content, str):
        return message.content
    return [
        _part(part, quirks)
        for part in message.content
        if not isinstance(part, ReasoningPart) and not (isinstance(part, TextPart) and not part.text)
    ]


def _part(part: TextPart | MediaPart, quirks: ChatQuirks) -> dict[str, Any]:
    if isinstance(part, TextPart):
        wire: dict[str, Any] = {"type": "text", "text": part.text}
    elif part.kind == "image":
        wire = _image(part)
    elif part.kind == "audio":
        wire = _audio(part)
    else:
        wire = _file(part, quirks)
    if part.cache and quirks.cache_marker:
        wire.update(quirks.cache_marker)
    return wire


def _image(part: MediaPart) -> dict[str, Any]:
    image = {"url": part.data_url()}
    if part.detail:
        image["detail"] = part.detail
    return {"type": "image_url", "image_url": image}


def _audio(part: MediaPart) -> dict[str, Any]:
    if part.data is None:
        raise UnsupportedParameterError(
            "audio can only be sent as data here, not by URL; read it and give data and media_type",
            parameter="messages",
        )
    subtype = (part.media_type or "").partition(";")[0].rpartition("/")[2].lower()
    audio = {"data": part.base64(), "format": _AUDIO_FORMATS.get(subtype, subtype)}
    return {"type": "input_audio", "input_audio": audio}


def _file(part: MediaPart, quirks: ChatQuirks) -> dict[str, Any]:
    url = part.url or ""
    if url.startswith("file-"):
        return {"type": "file", "file": {"file_id": url}}
    if url and not quirks.file_urls and not url.startswith("data:"):
        raise UnsupportedParameterError(
            "a file can be sent as data, as a data: URL or by its file id here, not by another URL",
            parameter="messages",
        )
    subtype = (part.media_type or "application/pdf").partition(";")[0].rpartition("/")[2]
    # The server refuses bytes without a name.
    return {
        "type": "file",
        "file": {"filename": part.filename or f"file.{subtype}", "file_data": part.data_url()},
    }
