"""Undo a body's content encoding in small steps, and count what comes out against the limit."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from litellm_gateway.errors import MalformedResponseError

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCEPTED = b"gzip, deflate"
"""Value for ``accept-encoding``: what :class:`BodyDecoder` can undo."""

_STEP = 64 * 1024
_HEAD_SIZE = 2
_GZIP = 16 + zlib.MAX_WBITS
_WINDOWS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": zlib.MAX_WBITS}


class BodyDecoder:
    """Decodes one body.

    Args:
        encoding: Value of ``content-encoding``; empty for none.
        limit: Most bytes the decoded body may have.

    Raises:
        MalformedResponseError: The encoding is not one that was asked for.
    """

    def __init__(self, encoding: str, limit: int) -> None:
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity") and encoding not in _WINDOWS:
            raise MalformedResponseError(
                f"the body is encoded as '{encoding[:40]}', which was not asked for (accepted: {ACCEPTED.decode()})"
            )
        self._limit = limit
        self._given = 0
        self._encoding = encoding
        self._inflater = zlib.decompressobj(_WINDOWS[encoding]) if encoding in _WINDOWS else None
        self._head = b""
        self._is_head_known = encoding != "deflate"
        self._fed = False

    def count(self, size: int) -> None:
        """Take note of decoded bytes; refuse a body over the limit."""
        self._given += size
        if self._given > self._limit:
            raise MalformedResponseError(
                f"the body is larger than {self._limit} bytes; raise Limits.body if that is expected"
            )

    @property
    def is_plain(self) -> bool:
        """Is there nothing to undo?"""
        return self._inflater is None

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Decode bytes into pieces of at most 64 KiB, so that a bomb is noticed before it fills the memory."""
        if self._inflater is None:
            self.count(len(data))
            yield data
            return
        if not self._is_head_known:
            data = self._head_and(data)
        piece = b""
        # A full step may leave output behind inside zlib though all input is taken.
        while data or len(piece) == _STEP:
            piece = self._inflate(data)
            self.count(len(piece))
            if piece:
                yield piece
            data = self._rest()

    def finish(self) -> None:
        """The body has ended; refuse one whose compression has not."""
        if self._head or (self._inflater is not None and self._fed and not self._inflater.eof):
            raise MalformedResponseError("the compressed body was cut off")

    def _head_and(self, data: bytes) -> bytes:
        """Wait for two bytes: some servers send "deflate" without the head that zlib puts before it."""
        data = self._head + data
        if len(data) < _HEAD_SIZE:
            self._head = data
            return b""
        self._head = b""
        if data[0] & 0x0F != zlib.DEFLATED or int.from_bytes(data[:_HEAD_SIZE]) % 31:
            self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._is_head_known = True
        return data

    def _inflate(self, data: bytes) -> bytes:
        assert self._inflater is not None
        self._fed = True
        try:
            return self._inflater.decompress(data, _STEP)
        except zlib.error as error:
            raise MalformedResponseError(f"the body is not valid {self._encoding}") from error

    def _rest(self) -> bytes:
        assert self._inflater is not None
        if not self._inflater.eof:
            return self._inflater.unconsumed_tail
        rest = self._inflater.unused_data.lstrip(b"\0")
        if rest and self._encoding != "deflate":
            self._inflater = zlib.decompressobj(_GZIP)
            return rest
        return b""
