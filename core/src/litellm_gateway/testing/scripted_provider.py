"""A provider that does what a script says, for tests of what the gateway makes of it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from litellm_gateway.contracts import ProviderOffer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.responses import GenerateResponse, StreamChunk, TokenUsage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from litellm_gateway.contracts import BuildContext, Call
    from litellm_gateway.requests import EmbedRequest, GenerateRequest
    from litellm_gateway.responses import EmbedResponse

Step = Any
"""What one request meets: an answer, an error to raise, or for streams a list of pieces and errors."""


def answer(text: str = "ok", *, tokens: int = 2, model: str = "scripted") -> GenerateResponse:
    """Make a plain answer."""
    return GenerateResponse(text=text, model=model, usage=TokenUsage(input_tokens=tokens, output_tokens=tokens))


def pieces(*texts: str, finish: str | None = "stop") -> list[StreamChunk]:
    """Make the pieces of a plain stream; without ``finish`` it is cut off."""
    listed = [StreamChunk(text) for text in texts]
    if finish is not None:
        listed += [StreamChunk(kind="usage", usage=TokenUsage(input_tokens=1, output_tokens=len(texts)))]
        listed += [StreamChunk(kind="finish", finish_reason=finish)]
    return listed


class ScriptedProvider:
    """Plays its steps in order, the last one for ever; also the plugin that offers it.

    Pass it to ``create_gateway(provider="scripted", plugins=[ScriptedProvider(...)], discover=False)``.

    Args:
        *steps: What each request meets: an answer, an error to raise, a list of pieces and errors for streams,
            or an async function of the request that gives one of these.
        name: Name to be offered by.

    Attributes:
        requests: The requests received, in order.
        open_streams: Streams that were begun and not closed yet.
        closed: Whether the gateway closed it.
    """

    def __init__(self, *steps: Step, name: str = "scripted") -> None:
        self._steps = deque(steps)
        self.name = name
        self.requests: list[GenerateRequest | EmbedRequest] = []
        self.open_streams = 0
        self.closed = False

    @hookimpl
    def gateway_provider(self) -> ProviderOffer:
        """Offer this very object."""

        def build(_settings: object, _context: BuildContext) -> ScriptedProvider:
            return self

        return ProviderOffer(
            name=self.name,
            summary="Plays a script",
            build=build,
            default_model="scripted",
            default_embedding_model="scripted",
        )

    async def generate(self, request: GenerateRequest, call: Call) -> GenerateResponse:
        """Play the next step as a whole answer."""
        step: GenerateResponse = await self._play(request)
        return step

    async def stream(self, request: GenerateRequest, call: Call) -> AsyncIterator[StreamChunk]:
        """Play the next step piece by piece; an error among the pieces is raised at its place."""
        self.open_streams += 1
        try:
            step: Iterable[StreamChunk | BaseException] = await self._play(request)
            for piece in step:
                if isinstance(piece, BaseException):
                    raise piece
                yield piece
        finally:
            self.open_streams -= 1

    async def embed(self, request: EmbedRequest, call: Call) -> EmbedResponse:
        """Play the next step as embeddings."""
        step: EmbedResponse = await self._play(request)
        return step

    async def aclose(self) -> None:
        """Note that it was closed."""
        self.closed = True

    async def _play(self, request: GenerateRequest | EmbedRequest) -> Any:
        self.requests.append(request)
        step = self._steps.popleft() if len(self._steps) > 1 else self._steps[0]
        if callable(step):
            step = await step(request)
        if isinstance(step, BaseException):
            raise step
        return step
