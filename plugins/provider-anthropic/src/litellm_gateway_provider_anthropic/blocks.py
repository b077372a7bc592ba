"""Write the parts of a message as content blocks: text, images, documents, thinking, calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway.errors import InvalidRequestError, UnsupportedParameterError
from litellm_gateway.messages import MediaPart, TextPart

from litellm_gateway_provider_anthropic.layout import raw_block

if TYPE_CHECKING:
    from litellm_gateway.messages import Part, ReasoningPart, ToolCall

_TEXT_LIKE = ("application/json", "application/xml", "application/yaml")


def write_part(part: Part) -> dict[str, Any] | None:
    """Give the block of one part, None for what is not sent: an empty text, unsigned reasoning.

    Raises:
        UnsupportedParameterError: A part the wire has no place for.
    """
    if isinstance(part, TextPart):
        return write_text(part.text, part.cache) if part.text else None
    if isinstance(part, MediaPart):
        return _media(part)
    return write_reasoning(part)


def write_text(text: str, cache: bool | str = False) -> dict[str, Any]:
    """Give a text block."""
    block: dict[str, Any] = {"type": "text", "text": text}
    if cache:
        block["cache_control"] = cache_control(cache)
    return block


def cache_control(cache: bool | str) -> dict[str, str]:
    """Give the mark that caches the prompt up to here; a text names how long (``"5m"``, ``"1h"``)."""
    return {"type": "ephemeral"} if cache is True else {"type": "ephemeral", "ttl": str(cache)}


def write_reasoning(part: ReasoningPart) -> dict[str, Any] | None:
    """Give thinking as it came, None for what is not Anthropic's: it refuses thinking without its signature."""
    block = raw_block(part)
    if block is not None:
        return block
    if part.redacted:
        return {"type": "redacted_thinking", "data": part.signature or ""}
    if part.signature is None:
        return None
    return {"type": "thinking", "thinking": part.text, "signature": part.signature}


def write_call(call: ToolCall) -> dict[str, Any]:
    """Give a tool call as it goes back in the history.

    Raises:
        InvalidRequestError: Its arguments are no JSON object, which is all this wire can carry.
    """
    try:
        arguments = call.parse()
    except ValueError as error:
        raise InvalidRequestError(
            f"the arguments of tool call '{call.id}' are no JSON object (cut by max_tokens?), and Anthropic takes no "
            "others in the history; mend them or leave the turn out",
            parameter="messages",
        ) from error
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": arguments}


def _media(part: MediaPart) -> dict[str, Any]:
    if part.kind == "audio":
        raise UnsupportedParameterError("Anthropic takes no audio; send its transcript as text", parameter="messages")
    block: dict[str, Any]
    if part.kind == "image":
        block = {"type": "image", "source": _source(part)}
    else:
        block = {"type": "document", "source": _document_source(part)}
        if part.filename:
            block["title"] = part.filename
    if part.options:
        block.update(part.options)
    if part.cache:
        block["cache_control"] = cache_control(part.cache)
    return block


def _source(part: MediaPart) -> dict[str, Any]:
    if part.data is not None:
        return {"type": "base64", "media_type": part.media_type, "data": part.base64()}
    url = part.url or ""
    if url.startswith("file_"):  # an id of the Files API
        return {"type": "file", "file_id": url}
    if url.startswith("data:"):
        head, _, payload = url[5:].partition(",")
        return {"type": "base64", "media_type": head.partition(";")[0], "data": payload}
    return {"type": "url", "url": url}


def _document_source(part: MediaPart) -> dict[str, Any]:
    media_type = (part.media_type or "").partition(";")[0].strip().lower()
    if part.data is None or not (media_type.startswith("text/") or media_type in _TEXT_LIKE):
        return _source(part)
    try:
        text = part.data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidRequestError(
            f"a document of type '{part.media_type}' is not UTF-8 text; give it as text or as a PDF",
            parameter="messages",
        ) from None
    return {"type": "text", "media_type": "text/plain", "data": text}
