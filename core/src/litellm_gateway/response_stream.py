"""What a caller holds while an answer streams in, awaited or blocking. It only hands pieces on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_gateway.errors import GatewayError
from litellm_gateway.streaming import close

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from litellm_gateway.responses import GenerateResponse, StreamChunk
    from litellm_gateway.telemetry import CallRecord


class ResponseStream:
    """The pieces of one answer: ``async for piece in stream``.

    The request is sent when the first piece is asked for. Leaving the loop early and dropping the stream closes the
    connection; ``async with`` or :meth:`aclose` does so at a known moment.

    Args:
        pieces: The pieces; they must not hold this object, or dropping it would not close them at once.
        begun: Holds the call's record once it has begun.
        finish: What is done to the whole answer before it is given.
    """

    def __init__(
        self,
        pieces: AsyncIterator[StreamChunk],
        begun: Sequence[CallRecord],
        finish: Callable[[GenerateResponse], GenerateResponse] | None = None,
    ) -> None:
        self._pieces = pieces
        self._begun = begun
        self._finish = finish

    def __aiter__(self) -> AsyncIterator[StreamChunk]:
        return self._pieces

    async def __anext__(self) -> StreamChunk:
        return await anext(self._pieces)

    async def response(self) -> GenerateResponse:
        """Read what is left and give the whole answer.

        Raises:
            GatewayError: The stream failed, or was broken off before its end.
        """
        async for _ in self._pieces:
            pass
        return self.whole()

    def whole(self) -> GenerateResponse:
        """Give the whole answer of a stream that was read to its end; raises as :meth:`response` does."""
        answer: GenerateResponse | None = self._begun[0].answer if self._begun else None
        if answer is None:
            raise GatewayError("the stream was broken off before its end; there is no whole answer")
        return answer if self._finish is None else self._finish(answer)

    async def aclose(self) -> None:
        """Break off; the connection is closed at once unless the answer is complete.

        Raises:
            GatewayError: Another task waits for the next piece just now.
        """
        try:
            await close(self._pieces)
        except RuntimeError as error:
            if "already running" not in str(error):
                raise
            raise GatewayError("another task is reading this stream; cancel that task to break it off") from error

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
        for _ in self._pieces:
            pass
        return self._stream.whole()

    def close(self) -> None:
        """Break off; the connection is closed at once unless the answer is complete."""
        self._pieces.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
