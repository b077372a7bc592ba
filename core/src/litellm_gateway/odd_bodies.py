"""Bodies that are not what was asked for: an error's, or a whole answer in place of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_gateway.errors import MalformedResponseError, ProviderConnectionError

if TYPE_CHECKING:
    from litellm_gateway.framing import Framing
    from litellm_gateway.wire import OpenResponse

_LONGEST_ERROR = 1024 * 1024
_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")


async def beginning_of_error(opened: OpenResponse) -> bytes:
    """Read an error's body as far as it can be read, and of one without end enough: its status counts in any case."""
    pieces: list[bytes] = []
    size = 0
    try:
        async for piece in opened.chunks():
            pieces.append(piece)
            size += len(piece)
            if size > _LONGEST_ERROR:
                break
    except (MalformedResponseError, ProviderConnectionError):
        pass  # cut, or packed in a way nobody asked for
    return b"".join(pieces)


def is_stream(opened: OpenResponse, begun: bytes, framing: Framing) -> bool:
    """Tell by the content type, and by how the body begins, as that is wrong at times."""
    content_type = opened.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_whole = content_type in ("application/json", "text/html")
    if framing != "sse":
        return not is_whole
    begun = begun.lstrip()
    return begun.startswith(_FIELDS) if is_whole else not begun.startswith((b"{", b"["))
