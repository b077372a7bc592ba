"""One open response, whatever engine read its head: the body bounded and decompressed, and closed in every case.

The engine's side of it is a :class:`BodySource`; how bytes get here is none of this room's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from litellm_gateway.decompression import BodyDecoder
from litellm_gateway.errors import MalformedResponseError, ProviderConnectionError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from litellm_gateway.wire import Limits


class BodySource(Protocol):
    """Where the bytes of one body come from. Exactly one of ``release`` and ``discard`` is called, once."""

    loop: asyncio.AbstractEventLoop
    label: str

    async def read(self) -> bytes:
        """Give the next bytes as they came over the wire, ``b""`` at the end; raise typed errors only."""
        ...

    async def release(self) -> None:
        """The body was read to its end: the connection may serve another request."""
        ...

    def discard(self) -> None:
        """Close the connection at once."""
        ...

    async def settle(self) -> None:
        """Let what is left behind after ``discard`` come to its end."""
        ...


class StreamedResponse:
    """An open response; see ``OpenResponse``. It holds its connection until the body has ended.

    Args:
        status: HTTP status.
        headers: Names and values as sent.
        source: Where the body comes from.
        limits: Most bytes to take.

    Raises:
        MalformedResponseError: The headers are over their limit, or announce an encoding nobody asked for.
    """

    def __init__(self, status: int, headers: Sequence[tuple[bytes, bytes]], source: BodySource, limits: Limits) -> None:
        self.status = status
        self.headers, size = _read_head(headers)
        if size > limits.headers:
            raise MalformedResponseError(
                f"the response headers of {source.label} are larger than {limits.headers} bytes"
            )
        self._decoder = BodyDecoder(self.headers.get("content-encoding", ""), limits.body)
        self._pieces: Iterator[bytes] | None = None
        self._is_whole = False
        self._source: BodySource | None = source

    async def read(self) -> bytes:
        """Give the whole body, decompressed; what was read of it before is not given again."""
        if self._is_whole:
            return b""
        pieces: list[bytes] = []
        source = self._opened()
        try:
            while piece := await self._next(source):
                pieces.append(piece)
            await self._end(source)
        except BaseException:
            self._discard()
            raise
        return b"".join(pieces)

    def chunks(self) -> AsyncIterator[bytes]:
        """Give the body piece by piece as it arrives, decompressed."""
        return self

    # No generator: an abandoned one would need a task of its own to be closed.
    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._is_whole:
            raise StopAsyncIteration
        source = self._opened()
        try:
            if self._decoder.is_plain:
                piece = await source.read()
                self._decoder.count(len(piece))
            else:
                piece = await self._next(source)
            if piece:
                return piece
            await self._end(source)
        except BaseException:
            self._discard()
            raise
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Break off: close the connection at once unless the body was read to its end."""
        source = self._source
        if source is not None:
            self._discard()
            await source.settle()

    def __del__(self) -> None:
        """Free the connection of a response that was neither read nor closed."""
        source = getattr(self, "_source", None)
        if source is not None and not source.loop.is_closed():
            source.loop.call_soon_threadsafe(source.discard)

    async def _next(self, source: BodySource) -> bytes:
        """Give the next decoded piece, ``b""`` at the end."""
        while True:
            if self._pieces is not None:
                for piece in self._pieces:
                    return piece
                self._pieces = None
            data = await source.read()
            if self._decoder.is_plain:
                self._decoder.count(len(data))
                return data
            if not data:
                return b""
            self._pieces = self._decoder.pieces(data)

    def _discard(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            source.discard()

    def _opened(self) -> BodySource:
        if self._source is None:
            raise ProviderConnectionError("the response was closed before its end")
        return self._source

    async def _end(self, source: BodySource) -> None:
        """The last byte was read: the connection is free for another request."""
        self._decoder.finish()
        await source.release()
        self._source = None
        self._is_whole = True


def _read_head(headers: Sequence[tuple[bytes, bytes]]) -> tuple[Mapping[str, str], int]:
    """Give headers by lower-case name, and their size; one sent several times is joined by commas."""
    mapping: dict[str, str] = {}
    size = 0
    for name, value in headers:
        size += len(name) + len(value) + 4
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        mapping[key] = f"{mapping[key]}, {text}" if key in mapping else text
    return mapping, size
