"""What a caller holds while an answer streams in, awaited or blocking. It only hands pieces on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from types import TracebackType
    from typing import Self

    from litellm_gateway.contracts import Call
    from litellm_gateway.responses import GenerateResponse, StreamChunk
    from litellm_gateway.telemetry import CallRecord


class ResponseStream:
    """The pieces of one answer: ``async for piece in stream``.

    The request is sent when the first piece is asked for. Leaving the loop early and dropping the stream closes the
    connection; ``async with`` or :meth:`aclose` does so at a known moment.

    Args:
        begin: Opens the call: gives its pieces and its record.
        calls: Where calls in flight are noted.
    """

    def __init__(self, begin: Callable[[], tuple[AsyncIterator[StreamChunk], CallRecord]], calls: set[Call]) -> None:
        self._begin = begin
        self._calls = calls
        self._pieces: Any = None
        self._record: CallRecord | None = None

    def __aiter__(self) -> AsyncIterator[StreamChunk]:
        if self._pieces is None:
            self._pieces = self._follow()
        pieces: AsyncIterator[StreamChunk] = self._pieces
        return pieces

    async def __anext__(self) -> StreamChunk:
        return await anext(self.__aiter__())

    async def _follow(self) -> AsyncIterator[StreamChunk]:
        source, self._record = self._begin()
        call = self._record.call
        self._calls.add(call)
        try:
            async for piece in source:
                yield piece
        finally:
            self._calls.discard(call)
            await source.aclose()  # type: ignore[attr-defined]

    async def response(self) -> GenerateResponse:
        """Read what is left and give the whole answer.

        Raises:
            GatewayError: The stream failed, or was broken off before its end.
        """
        async for _ in self:
            pass
        return _whole(self._record)

    async def aclose(self) -> None:
        """Break off; the connection is closed at once unless the answer is complete."""
        if self._pieces is not None:
            await self._pieces.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class BlockingResponseStream:
    """The pieces of one answer: ``for piece in stream``; the blocking twin of :class:`ResponseStream`."""

    def __init__(self, stream: ResponseStream) -> None:
        from litellm_gateway.blocking import BlockingIterator

        self._stream = stream
        self._pieces: BlockingIterator[StreamChunk] = BlockingIterator(stream)

    def __iter__(self) -> Iterator[StreamChunk]:
        return self

    def __next__(self) -> StreamChunk:
        return next(self._pieces)

    def response(self) -> GenerateResponse:
        """Read what is left and give the whole answer; raises as ``ResponseStream.response`` does."""
        for _ in self:
            pass
        return _whole(self._stream._record)

    def close(self) -> None:
        """Break off; the connection is closed at once unless the answer is complete."""
        self._pieces.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _whole(record: CallRecord | None) -> GenerateResponse:
    if record is None or record.answer is None:
        raise GatewayError("the stream was broken off before its end; there is no whole answer")
    answer: GenerateResponse = record.answer
    return answer
