"""Write what a tool gave: always an object, with images and documents beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway.messages import MediaPart
from litellm_gateway.wire_shapes import read_or_none

from litellm_gateway_provider_google.media import media_data
from litellm_gateway_provider_google.tool_call_ids import sent_id

if TYPE_CHECKING:
    from litellm_gateway.messages import Message


def write_tool_result(message: Message, name: str) -> dict[str, Any]:
    """Give the part for one result of the tool ``name``.

    A JSON object is sent as it is, any other text under ``output``; of a failed tool it stands under ``error``.
    """
    result: dict[str, Any] = {"name": name, "response": _response(message), **sent_id(message.tool_call_id)}
    media = [media_data(part) for part in message.parts if isinstance(part, MediaPart)]
    if media:
        result["parts"] = media
    return {"functionResponse": result}


def _response(message: Message) -> dict[str, Any]:
    text = message.text
    found = _object(text)
    if message.is_error:
        return found if found is not None and "error" in found else {"error": text if found is None else found}
    if found is not None:
        return found
    return {"output": text} if text or not message.parts else {}


def _object(text: str) -> dict[str, Any] | None:
    if not text.lstrip().startswith("{"):
        return None
    value = read_or_none(text)
    return value if isinstance(value, dict) else None
