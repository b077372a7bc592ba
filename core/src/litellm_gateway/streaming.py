"""Open a stream up to its first content, then follow it to its end and hold it to its promises.

Whatever a provider sends, a reader gets: one ``start`` piece, content, one ``usage``, one ``finish``; or an error.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

from litellm_gateway.abilities import fitted
from litellm_gateway.answer_builder import AnswerBuilder
from litellm_gateway.answer_pieces import as_chunks
from litellm_gateway.attempts import foreign, within_deadline
from litellm_gateway.errors import (
    GatewayError,
    MalformedResponseError,
    ProviderConnectionError,
    ProviderTimeoutError,
    StreamInterruptedError,
)
from litellm_gateway.requests import GenerateRequest
from litellm_gateway.responses import EmbedResponse, GenerateResponse, StreamChunk, TokenUsage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from litellm_gateway.attempts import Attempt
    from litellm_gateway.contracts import Call
    from litellm_gateway.requests import AnyRequest

_PREAMBLE = ("start", "usage")
_LONGEST_PREAMBLE = 64


async def open_stream(attempt: Attempt, request: GenerateRequest, builder: AnswerBuilder) -> OpenStream:
    """Ask the attempt's provider for a stream and read it up to its first content.

    Until then a failure is like any other and may be retried. ``builder`` takes the pieces once they are given on.

    Raises:
        ProviderTimeoutError: ``first_token_timeout`` passed without content; ``phase`` is ``first_token``.
        GatewayError: Every other failure of the provider.
    """
    source = attempt.target.provider.stream(fitted(attempt, request), attempt.call)
    opened = OpenStream(attempt, request, builder, _timed(source, attempt), source)
    patience = attempt.target.first_token_timeout
    try:
        if patience is None:
            await opened.read_preamble()
        else:
            await _within(patience, opened.read_preamble(), attempt)
        attempt.answering()
    except BaseException:
        await _close_source(source)
        raise
    return opened


async def _within(patience: float, preamble: Awaitable[None], attempt: Attempt) -> None:
    import asyncio

    timer = asyncio.timeout(patience)
    try:
        async with timer:
            await preamble
    except TimeoutError as error:
        if not timer.expired() or isinstance(error, GatewayError):
            raise
        raise ProviderTimeoutError(
            f"the stream of '{attempt.route.provider}' had no content after {patience:g} s; raise first_token_timeout "
            "if it needs more",
            phase="first_token",
            provider=attempt.route.provider,
            model=attempt.route.model,
        ) from error


@define(eq=False)
class OpenStream:
    """A stream whose first content is there; from now on it can only end or break."""

    attempt: Attempt
    request: GenerateRequest
    builder: AnswerBuilder
    _pieces: AsyncIterator[StreamChunk]
    _source: AsyncIterator[StreamChunk]
    _held: list[StreamChunk] = field(factory=list)

    async def read_preamble(self) -> None:
        """Read up to and with the first piece of content."""
        async for piece in self._pieces:
            self._held.append(piece)
            if piece.kind not in _PREAMBLE or len(self._held) >= _LONGEST_PREAMBLE:
                return
        raise ProviderConnectionError(
            f"the stream of '{self.attempt.route.provider}' ended before its first content",
            provider=self.attempt.route.provider,
            model=self.request.model,
        )

    async def pieces(self) -> AsyncIterator[StreamChunk]:
        """Give the pieces; raises ``StreamInterruptedError`` when the stream breaks or ends unfinished."""
        take = self.builder.take
        try:
            for piece in self._held:
                take(piece)
            yield self._start()
            for piece in self._held:
                if piece.kind not in _WITHHELD:
                    yield piece
            async for piece in self._pieces:
                if self.builder.finish is not None and piece.kind != "usage":
                    continue  # it was over
                take(piece)
                if piece.kind not in _WITHHELD:
                    yield piece
            end = self._end()
            self.attempt.ended()  # before the end is given: a reader may stop right there
            for piece in end:
                take(piece)
                yield piece
        except GatewayError as error:
            self.attempt.ended(error)
            raise self._broken(error) from error
        except Exception as error:
            self.attempt.ended(foreign(self.attempt.route.provider, error))
            raise foreign(self.attempt.route.provider, error) from error
        except BaseException as error:
            self.attempt.ended(error)
            raise
        finally:
            await _close_source(self._source)

    async def discard(self) -> None:
        """Free a stream nobody is going to read: another answer was taken."""
        self.attempt.ended(GeneratorExit())
        await _close_source(self._source)

    def partial(self) -> GenerateResponse:
        """Give the answer as far as it has come."""
        return self.builder.build(
            model=self.request.model, metadata={"provider": self.attempt.route.provider, "partial": True}
        )

    def _start(self) -> StreamChunk:
        route = self.attempt.route
        return StreamChunk(
            kind="start",
            model=self.builder.model or route.model,
            response_id=self.builder.response_id,
            data={"provider": route.provider, "model": route.model},
        )

    def _end(self) -> tuple[StreamChunk, StreamChunk]:
        finish = self.builder.finish
        if finish is None:
            raise StreamInterruptedError(
                f"the stream of '{self.attempt.route.provider}' ended without saying that it was finished; "
                "partial holds what came",
                partial=self.partial(),
                provider=self.attempt.route.provider,
                model=self.request.model,
            )
        usage = self.builder.told_usage or estimated_usage(self.request, self.builder.said)
        return StreamChunk(kind="usage", usage=usage), finish

    def _broken(self, error: GatewayError) -> GatewayError:
        """After content, a failing connection means a broken stream; an error the provider names stays itself."""
        if isinstance(error, StreamInterruptedError):
            return error
        if not isinstance(error, ProviderConnectionError | ProviderTimeoutError | MalformedResponseError):
            error.retry_here = error.try_next_route = False
            error.partial = self.partial()
            return error
        return StreamInterruptedError(
            f"the stream of '{self.attempt.route.provider}' broke: {error.message}; partial holds what came",
            partial=self.partial(),
            provider=error.provider or self.attempt.route.provider,
            status_code=error.status_code,
            request_id=error.request_id,
            model=self.request.model,
        )


_WITHHELD = ("start", "usage", "finish")


def estimated_usage(request: GenerateRequest, said: str) -> TokenUsage:
    """Guess the tokens of a stream whose provider told none."""
    from litellm_gateway.ledger import estimate_prompt_tokens, estimate_text_tokens

    return TokenUsage(
        input_tokens=estimate_prompt_tokens(request), output_tokens=estimate_text_tokens(said), estimated=True
    )


def with_usage(answer: Any, request: AnyRequest) -> Any:
    """Give a whole answer with a guess of its tokens, if it is one that is made of tokens: its provider told none."""
    from litellm_gateway.ledger import estimate_tokens

    if isinstance(answer, GenerateResponse) and isinstance(request, GenerateRequest):
        builder = AnswerBuilder()
        for piece in as_chunks(answer):
            builder.take(piece)
        return evolve(answer, usage=estimated_usage(request, builder.said))
    if isinstance(answer, EmbedResponse):
        return evolve(answer, usage=TokenUsage(input_tokens=estimate_tokens(request), estimated=True))
    return answer


def _timed(source: AsyncIterator[StreamChunk], attempt: Attempt) -> AsyncIterator[StreamChunk]:
    return source if attempt.target.keeps_deadline else in_time(source, attempt.call)


async def in_time(source: AsyncIterator[StreamChunk], call: Call) -> AsyncIterator[StreamChunk]:
    """Give the pieces, each with a timer on the call's deadline, and close the source."""
    try:
        while True:
            try:
                piece = await within_deadline(call, anext(source))
            except StopAsyncIteration:
                return
            yield piece
    finally:
        await _close_source(source)


async def _close_source(source: Any) -> None:
    """Close a provider's iterator; what was read is as good as it is, and an error before matters more than this."""
    with suppress(Exception):
        await close(source)


async def close(pieces: Any) -> None:
    """Close an iterator that can be closed."""
    aclose = getattr(pieces, "aclose", None)
    if aclose is not None:
        await aclose()
