"""One open response on a pooled connection: its body, bounded and decompressed, and the way back of the connection."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from litellm_gateway.decompression import BodyDecoder
from litellm_gateway.errors import MalformedResponseError, ProviderConnectionError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping

    from litellm_gateway.addressing import HeaderPairs
    from litellm_gateway.connections import ConnectionPool
    from litellm_gateway.http_engine import Connection
    from litellm_gateway.wire import Limits


class PooledResponse:
    """An open response; see ``OpenResponse``. It holds its connection until the body has ended."""

    def __init__(
        self,
        pool: ConnectionPool[Connection],
        connection: Connection,
        status: int,
        raw_headers: HeaderPairs,
        source: AsyncGenerator[bytes, None],
        limits: Limits,
    ) -> None:
        self.status = status
        self.headers: Mapping[str, str] = header_mapping(raw_headers)
        if sum(len(name) + len(value) + 4 for name, value in raw_headers) > limits.headers:
            raise MalformedResponseError(
                f"the response headers of {connection.label} are larger than {limits.headers} bytes"
            )
        self._decoder = BodyDecoder(self.headers.get("content-encoding", ""), limits.body)
        self._pieces: Iterator[bytes] | None = None
        self._source = source
        self._ended = False
        self._pool = pool
        self._connection: Connection | None = connection

    async def read(self) -> bytes:
        """Give the whole body, decompressed."""
        return b"".join([piece async for piece in self])

    def chunks(self) -> AsyncIterator[bytes]:
        """Give the body piece by piece as it arrives, decompressed."""
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        connection = self._connection
        if connection is None:
            raise self._after_the_end()
        try:
            while True:
                if self._pieces is not None:
                    for piece in self._pieces:
                        return piece
                    self._pieces = None
                data = await self._source.__anext__()
                if self._decoder.is_plain:
                    self._decoder.count(len(data))
                    return data
                self._pieces = self._decoder.pieces(data)
        except StopAsyncIteration:
            await self._finish(connection)
            raise
        except BaseException as error:
            self._give_up(connection)
            if isinstance(error, Exception):
                raise connection.translated(error) from error
            raise

    async def aclose(self) -> None:
        """Break off: close the connection at once unless the body was read to its end."""
        if self._connection is None:
            return
        self._give_up(self._connection)
        # Another task may be reading; the closed connection ends that, and the source with it.
        with contextlib.suppress(RuntimeError):
            await self._source.aclose()

    def __del__(self) -> None:
        """Free the place of a response that was neither read nor closed."""
        connection = getattr(self, "_connection", None)
        if connection is not None and not self._pool.loop.is_closed():
            self._pool.loop.call_soon_threadsafe(self._pool.discard, connection)

    async def _finish(self, connection: Connection) -> None:
        try:
            self._decoder.finish()
            await connection.finish()
        except BaseException:
            self._give_up(connection)
            raise
        self._ended = True
        self._connection = None
        self._pool.give_back(connection)

    def _give_up(self, connection: Connection) -> None:
        if self._connection is not None:
            self._connection = None
            self._pool.discard(connection)

    def _after_the_end(self) -> Exception:
        if self._ended:
            return StopAsyncIteration()
        return ProviderConnectionError("the response was closed before its end")


def header_mapping(raw: HeaderPairs) -> dict[str, str]:
    """Give lower-case names; a header sent several times is joined by commas."""
    headers: dict[str, str] = {}
    for name, value in raw:
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers
