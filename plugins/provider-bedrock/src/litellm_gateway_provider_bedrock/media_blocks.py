"""Write images, documents and audio as Converse's blocks: bytes, or a place in S3."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any, Final

from litellm_gateway.errors import InvalidRequestError, UnsupportedParameterError

if TYPE_CHECKING:
    from litellm_gateway.messages import MediaPart

_DOCUMENT_FORMATS: Final = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}
_FORMAT_NAMES: Final = {"jpg": "jpeg", "htm": "html", "markdown": "md", "x-wav": "wav", "mpeg": "mp3", "text": "txt"}
_NOT_IN_NAMES: Final = re.compile(r"[^\w\s()\[\]-]", re.ASCII)
_SPACES: Final = re.compile(r"\s{2,}")
_LONGEST_NAME: Final = 200


def write_media(part: MediaPart, number: int) -> dict[str, Any]:
    """Give the block of a part; its options are further fields of the inner block.

    Args:
        part: Image, file or audio.
        number: Number of the file in its request, for the name a document must have.

    Raises:
        UnsupportedParameterError: It is to be fetched from a URL other than S3's.
    """
    if part.kind == "file":
        return {"document": _document(part, number)}
    block = {"format": _format(part), "source": _source(part), **(part.options or {})}
    return {part.kind: block}


def _document(part: MediaPart, number: int) -> dict[str, Any]:
    options = part.options or {}
    name = (part.filename or "").rpartition("/")[2]
    stem = name.rpartition(".")[0] or name
    # Bedrock takes few characters in a name, and a name may not come twice.
    clean = _SPACES.sub(" ", _NOT_IN_NAMES.sub(" ", stem)).strip()[:_LONGEST_NAME]
    source = _source(part)
    if "citations" in options and "bytes" in source and _format(part) == "txt":
        source = {"text": _text(part)}  # citations point to characters, so the text itself is wanted
    return {"format": _format(part), "name": clean or f"Document {number}", "source": source, **options}


def _source(part: MediaPart) -> dict[str, Any]:
    url = part.url or ""
    if part.data is not None:
        return {"bytes": part.base64()}
    if url.startswith("s3://"):
        return {"s3Location": {"uri": url}}
    head, _, data = url.partition(",")
    if head.startswith("data:") and head.endswith(";base64"):
        return {"bytes": data}
    raise UnsupportedParameterError(
        f"Bedrock fetches no URL but 's3://...': read the {part.kind} and give data and media_type",
        parameter="messages",
    )


def _format(part: MediaPart) -> str:
    media_type = (part.media_type or "").partition(";")[0].strip().lower()
    url = part.url or ""
    if not media_type and url.startswith("data:"):
        media_type = url[5:].partition(",")[0].partition(";")[0].lower()
    if media_type in _DOCUMENT_FORMATS:
        return _DOCUMENT_FORMATS[media_type]
    name = media_type.rpartition("/")[2] or (part.filename or url).rpartition(".")[2].lower()
    return _FORMAT_NAMES.get(name, name)


def _text(part: MediaPart) -> str:
    try:
        data = part.data if part.data is not None else base64.b64decode((part.url or "").partition(",")[2])
        return data.decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise InvalidRequestError("a text document is not UTF-8 text", parameter="messages") from error
