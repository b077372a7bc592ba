"""Write the parts of a message the way chat completions want them: text, images, audio, files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway.errors import UnsupportedParameterError
from litellm_gateway.messages import MediaPart, TextPart

from litellm_gateway_dialect_openai.cache_hints import cache_marker

if TYPE_CHECKING:
    from litellm_gateway_dialect_openai.quirks import ChatQuirks

_AUDIO_FORMATS = {"mpeg": "mp3", "mp3": "mp3", "wav": "wav", "x-wav": "wav", "wave": "wav", "vnd.wave": "wav"}


def write_part(part: TextPart | MediaPart, quirks: ChatQuirks, *, model: str) -> dict[str, Any]:
    """Give one part as the wire wants it.

    Raises:
        UnsupportedParameterError: The wire has no place for it.
    """
    if isinstance(part, TextPart):
        wire: dict[str, Any] = {"type": "text", "text": part.text}
    elif part.kind == "image":
        wire = _image(part)
    elif part.kind == "audio":
        wire = _audio(part, quirks)
    elif quirks.document_parts:
        wire = _document(part)
    else:
        wire = _file(part, quirks)
    if isinstance(part, MediaPart) and part.options:
        wire.update(part.options)
    if part.cache:
        wire.update(cache_marker(part.cache, quirks, model))
    return wire


def _image(part: MediaPart) -> dict[str, Any]:
    image = {"url": part.data_url()}
    if part.detail:
        image["detail"] = part.detail
    return {"type": "image_url", "image_url": image}


def _audio(part: MediaPart, quirks: ChatQuirks) -> dict[str, Any]:
    if quirks.plain_audio:
        return {"type": "input_audio", "input_audio": part.url or part.base64()}
    if part.data is None:
        raise UnsupportedParameterError(
            "audio can only be sent as data here, not by URL; read it and give data and media_type",
            parameter="messages",
        )
    subtype = (part.media_type or "").partition(";")[0].rpartition("/")[2].lower()
    audio = {"data": part.base64(), "format": _AUDIO_FORMATS.get(subtype, subtype)}
    return {"type": "input_audio", "input_audio": audio}


def _document(part: MediaPart) -> dict[str, Any]:
    document = {"type": "document_url", "document_url": part.data_url()}
    if part.filename:
        document["document_name"] = part.filename
    return document


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
