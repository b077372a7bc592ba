"""Read messages given as plain mappings, in the shape OpenAI made common, into typed ones."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any

from attrs import evolve

from litellm_gateway import json_codec
from litellm_gateway.errors import InvalidRequestError
from litellm_gateway.messages import ROLES, MediaPart, Message, Part, ReasoningPart, TextPart, ToolCall

_TEXT, _TEXT_OR_NONE, _CACHE = (str,), (str, NoneType), (bool, str)
_MAPPING_OR_NONE = (Mapping, NoneType)
_KINDS: Mapping[type, Mapping[str, tuple[type, ...]]] = {
    Message: {"tool_call_id": _TEXT_OR_NONE, "name": _TEXT_OR_NONE, "is_error": (bool,)},
    TextPart: {"text": _TEXT, "cache": _CACHE, "signature": _TEXT_OR_NONE},
    MediaPart: {
        "kind": _TEXT, "url": _TEXT_OR_NONE, "data": (bytes, NoneType), "media_type": _TEXT_OR_NONE,
        "filename": _TEXT_OR_NONE, "detail": _TEXT_OR_NONE, "cache": _CACHE, "options": _MAPPING_OR_NONE,
    },
    ReasoningPart: {
        "text": _TEXT, "signature": _TEXT_OR_NONE, "redacted": (bool,), "extra": _MAPPING_OR_NONE,
    },
    ToolCall: {"id": _TEXT, "name": _TEXT, "arguments": _TEXT, "signature": _TEXT_OR_NONE},
}  # fmt: skip
"""What the fields of a message and its parts may hold."""
_MEDIA = frozenset({"image", "file", "audio"})


def read_message(value: Any, path: str) -> Message:
    """Read one message.

    Args:
        value: A mapping with ``role`` and ``content``, and ``tool_calls``, ``tool_call_id`` or ``name`` where
            they apply. Content is text, or a list of parts of type text, image_url, input_audio or file.
        path: Where it stands, for the message of an error (``messages[2]``).

    Raises:
        InvalidRequestError: It is no message; the text says where.
    """
    if not isinstance(value, Mapping):
        raise _wrong(f"{path} must be a Message or a mapping with role and content, not {type(value).__name__}")
    role = _role(value.get("role"), path)
    content = _content(value.get("content"), f"{path}.content")
    if not content and role not in ("assistant", "tool"):
        raise _wrong(f"{path}.content is empty")
    if role == "tool" and not isinstance(value.get("tool_call_id"), str):
        raise _wrong(f"{path}.tool_call_id is missing; it names the tool call this answers")
    return Message(
        role=role,
        content=content,
        tool_calls=_tool_calls(value.get("tool_calls"), f"{path}.tool_calls"),
        tool_call_id=_string_or_none(value, "tool_call_id", path),
        is_error=bool(value.get("is_error", False)),
        name=_string_or_none(value, "name", path),
    )


def check_message(message: Message, path: str) -> Message:
    """Give a message that was made by hand, as it is if it holds what its fields promise.

    Raises:
        InvalidRequestError: It does not; the text says where.
    """
    _role(message.role, path)
    _check_fields(message, path)
    if not isinstance(message.tool_calls, tuple | list):
        raise _wrong(f"{path}.tool_calls must be a tuple of tool calls, not {type(message.tool_calls).__name__}")
    for index, call in enumerate(message.tool_calls):
        if not isinstance(call, ToolCall):
            raise _wrong(f"{path}.tool_calls[{index}] must be a ToolCall, not {type(call).__name__}")
        _check_fields(call, f"{path}.tool_calls[{index}]")
    content = message.content
    if isinstance(content, str):
        return message
    if not isinstance(content, tuple | list):
        raise _wrong(f"{path}.content must be a string or a tuple of parts, not {type(content).__name__}")
    for index, part in enumerate(content):
        if not isinstance(part, TextPart | MediaPart | ReasoningPart):
            raise _wrong(f"{path}.content[{index}] must be a part, not {type(part).__name__}")
        _check_part(part, f"{path}.content[{index}]")
    return message if isinstance(content, tuple) else evolve(message, content=tuple(content))


def _check_part(part: Part, path: str) -> Part:
    _check_fields(part, path)
    if isinstance(part, MediaPart) and part.kind not in _MEDIA:
        raise _wrong(f"{path}.kind must be one of {', '.join(sorted(_MEDIA))}")
    return part


def _check_fields(value: Message | Part | ToolCall, path: str) -> None:
    for name, kinds in next(_KINDS[kind] for kind in type(value).__mro__ if kind in _KINDS).items():
        given = getattr(value, name)
        if not isinstance(given, kinds):
            wanted = " or ".join(kind.__name__.removesuffix("Type") for kind in kinds)
            raise _wrong(f"{path}.{name} must be {wanted}, not {type(given).__name__}")


def _role(value: Any, path: str) -> Any:
    if not isinstance(value, str) or value not in ROLES:
        raise _wrong(f"{path}.role must be one of {', '.join(sorted(ROLES))}")
    return value


def _tool_calls(value: Any, path: str) -> tuple[ToolCall, ...]:
    if value is None:
        return ()
    if isinstance(value, str | Mapping) or not isinstance(value, Sequence):
        raise _wrong(f"{path} must be a list of tool calls, not {type(value).__name__}")
    return tuple(_tool_call(call, f"{path}[{index}]") for index, call in enumerate(value))


def _content(value: Any, path: str) -> str | tuple[Part, ...]:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) or not isinstance(value, Sequence):
        raise _wrong(f"{path} must be a string or a list of parts, not {type(value).__name__}")
    return tuple(_part(part, f"{path}[{index}]") for index, part in enumerate(value))


def _part(value: Any, path: str) -> Part:
    if isinstance(value, TextPart | MediaPart | ReasoningPart):
        return _check_part(value, path)
    if isinstance(value, str):
        return TextPart(text=value)
    kind = value.get("type") if isinstance(value, Mapping) else None
    if kind in ("text", "input_text", "output_text"):
        return TextPart(text=_string(value, "text", path), cache=bool(value.get("cache_control")))
    if kind in ("image_url", "input_image"):
        return _image(value.get("image_url"), path)
    if kind == "input_audio":
        audio = _inner(value, "input_audio", path)
        data = _decoded(_string(audio, "data", path), path)
        return MediaPart(kind="audio", data=data, media_type=f"audio/{_string(audio, 'format', path)}")
    if kind == "file":
        return _file(_inner(value, "file", path), path)
    raise _wrong(f"{path}.type must be text, image_url, input_audio or file")


def _image(value: Any, path: str) -> MediaPart:
    spec = {"url": value} if isinstance(value, str) else value
    if not isinstance(spec, Mapping):
        raise _wrong(f"{path}.image_url must be a URL or a mapping with url")
    return _media("image", _string(spec, "url", path), path, detail=_string_or_none(spec, "detail", path))


def _file(spec: Mapping[str, Any], path: str) -> MediaPart:
    source = spec.get("file_data") or spec.get("url")
    if not isinstance(source, str):
        raise _wrong(f"{path}.file needs file_data (a data: URL) or url")
    return _media("file", source, path, filename=_string_or_none(spec, "filename", path))


def _media(kind: Any, url: str, path: str, **more: Any) -> MediaPart:
    if not url.startswith("data:"):
        return MediaPart(kind=kind, url=url, **more)
    head, _, payload = url[5:].partition(",")
    media_type, _, encoding = head.partition(";")
    if encoding != "base64" or not media_type:
        raise _wrong(f"{path}: a data: URL must be data:<media type>;base64,<data>")
    return MediaPart(kind=kind, data=_decoded(payload, path), media_type=media_type, **more)


def _tool_call(value: Any, path: str) -> ToolCall:
    if isinstance(value, ToolCall):
        _check_fields(value, path)
        return value
    spec = value.get("function", value) if isinstance(value, Mapping) else None
    if not isinstance(spec, Mapping):
        raise _wrong(f"{path} must be a ToolCall or a mapping")
    return ToolCall(
        id=_string(value, "id", path),
        name=_string(spec, "name", path),
        arguments=_arguments(spec.get("arguments"), f"{path}.arguments"),
        signature=_string_or_none(value, "signature", path),
    )


def _arguments(value: Any, path: str) -> str:
    if value is None or isinstance(value, str):
        return value or "{}"
    try:
        return json_codec.encode(dict(value)).decode() if isinstance(value, Mapping) else _not_json(path)
    except ValueError:
        return _not_json(path)


def _not_json(path: str) -> str:
    raise _wrong(f"{path} must be JSON text, or a mapping of plain data") from None


def _inner(value: Mapping[str, Any], name: str, path: str) -> Mapping[str, Any]:
    inner = value.get(name)
    if not isinstance(inner, Mapping):
        raise _wrong(f"{path}.{name} must be a mapping")
    return inner


def _string(value: Mapping[str, Any], name: str, path: str) -> str:
    text = value.get(name)
    if not isinstance(text, str) or (not text and name != "text"):
        raise _wrong(f"{path}.{name} must be a string")
    return text


def _string_or_none(value: Mapping[str, Any], name: str, path: str) -> str | None:
    text = value.get(name)
    if text is not None and not isinstance(text, str):
        raise _wrong(f"{path}.{name} must be a string, not {type(text).__name__}")
    return text


def _decoded(text: str, path: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _wrong(f"{path}: the data is not base64") from None


def _wrong(message: str) -> InvalidRequestError:
    return InvalidRequestError(message, parameter="messages")
