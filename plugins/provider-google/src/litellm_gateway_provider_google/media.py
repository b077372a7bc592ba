"""Write images, documents, audio and video as parts: inline bytes, or the address of a file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from litellm_gateway.messages import MediaPart

_DATA_URL = re.compile(r"data:([^;,]*)(?:;[^,]*)?;base64,(.*)", re.DOTALL)
_TYPES = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "heic": "image/heic",
    "heif": "image/heif", "gif": "image/gif", "pdf": "application/pdf", "txt": "text/plain", "md": "text/markdown",
    "html": "text/html", "csv": "text/csv", "json": "application/json", "mp3": "audio/mpeg", "wav": "audio/wav",
    "flac": "audio/flac", "ogg": "audio/ogg", "aac": "audio/aac", "m4a": "audio/mp4", "mp4": "video/mp4",
    "mov": "video/quicktime", "webm": "video/webm", "mpeg": "video/mpeg",
}  # fmt: skip
_RESOLUTIONS = {"low": "LOW", "medium": "MEDIUM", "high": "HIGH", "ultra_high": "ULTRA_HIGH"}


def write_media(part: MediaPart, *, takes_resolution: bool) -> dict[str, Any]:
    """Give one part; ``options`` stand beside its data (``{"videoMetadata": {"fps": 1}}``).

    ``detail`` becomes ``mediaResolution`` where the model takes it per part, and is only a hint elsewhere.
    """
    wire = media_data(part)
    level = _RESOLUTIONS.get(part.detail or "")
    if level and takes_resolution:
        wire["mediaResolution"] = {"level": f"MEDIA_RESOLUTION_{level}"}
    if part.options:
        wire.update(part.options)
    return wire


def media_data(part: MediaPart) -> dict[str, Any]:
    """Give ``inlineData`` or ``fileData``; a file's type is told by its ending where nothing else says it."""
    if part.data is not None:
        return {"inlineData": {"mimeType": part.media_type, "data": part.base64()}}
    url = part.url or ""
    inline = _DATA_URL.fullmatch(url)
    if inline:
        media_type = inline.group(1) or part.media_type or "text/plain"
        return {"inlineData": {"mimeType": media_type, "data": inline.group(2)}}
    media_type = part.media_type or _type_by_ending(url)
    file = {"fileUri": url}
    if media_type:
        file["mimeType"] = media_type
    return {"fileData": file}


def _type_by_ending(url: str) -> str | None:
    path = url.partition("?")[0].partition("#")[0]
    name = path.rpartition("/")[2]
    return _TYPES.get(name.rpartition(".")[2].lower()) if "." in name else None
