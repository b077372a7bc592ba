"""The provider ``local``: see that the model server runs, then speak to it by the gateway's transport."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol

from litellm_gateway.dialects import DialectEmbedder, as_chunks
from litellm_gateway.errors import ModelNotFoundError, UnsupportedParameterError
from litellm_gateway.messages import MediaPart

from litellm_gateway_provider_local.dialect import QUIRKS, LocalDialect
from litellm_gateway_provider_local.forced_tools import as_schema_request, as_tool_response, is_forced

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from litellm_gateway.contracts import BuildContext, Call
    from litellm_gateway.requests import EmbedRequest, GenerateRequest
    from litellm_gateway.responses import EmbedResponse, GenerateResponse, StreamChunk

    from litellm_gateway_provider_local.model_launch import Endpoint
    from litellm_gateway_provider_local.weights import Weights


class Server(Protocol):
    """A model server, running or to be started."""

    async def endpoint(self, timeout: float) -> Endpoint:
        """Give address and key of the running server within so many seconds."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class LocalProvider:
    """Answers with the model on this machine, whatever model a call names, and says so in ``response.model``.

    The server takes any model name and answers with the name of the one it has loaded.

    Args:
        server: The model server; this provider closes it.
        weights: The model it runs.
        context: What the plugin was given to build from.
        strict_model: Refuse calls that name another model.
    """

    keeps_deadline = True

    def __init__(self, server: Server, weights: Weights, context: BuildContext, *, strict_model: bool = False) -> None:
        self.name = context.name
        self._server = server
        self._weights = weights
        self._context = context
        self._strict_model = strict_model
        self._reached: tuple[Endpoint, DialectEmbedder] | None = None

    async def generate(self, request: GenerateRequest, call: Call) -> GenerateResponse:
        """Give the whole answer.

        Raises:
            ConfigurationError: The model file cannot be loaded.
            ContextWindowExceededError: The prompt is longer than ``context_tokens``.
            ModelNotFoundError: ``strict_model`` is on and another model is meant.
            UnsupportedParameterError: The request holds an image, a document or sound.
        """
        self._check_model(request.model)
        _check_text_only(request)
        reached = await self._reach(call)
        if is_forced(request):
            return as_tool_response(await reached.generate(as_schema_request(request), call))
        return await reached.generate(request, call)

    async def stream(self, request: GenerateRequest, call: Call) -> AsyncIterator[StreamChunk]:
        """Give the answer in pieces, a forced tool call whole at the end; raises as :meth:`generate` does."""
        if is_forced(request):
            for piece in as_chunks(await self.generate(request, call)):
                yield piece
            return
        self._check_model(request.model)
        _check_text_only(request)
        reached = await self._reach(call)
        pieces = reached.stream(request, call)
        async with aclosing(pieces):  # type: ignore[type-var]
            async for piece in pieces:
                yield piece

    async def embed(self, request: EmbedRequest, call: Call) -> EmbedResponse:
        """Embed all texts, in order.

        Raises:
            ContextWindowExceededError: A text is longer than ``embedding_tokens``.
            UnsupportedParameterError: Another number of dimensions is asked for than the model has.
        """
        self._check_model(request.model)
        if request.dimensions is not None:
            raise UnsupportedParameterError(
                "the local model's vectors have one fixed length; leave dimensions out",
                parameter="dimensions",
                provider=self.name,
            )
        reached = await self._reach(call)
        return await reached.embed(request, call)

    async def aclose(self) -> None:
        """End the model server."""
        self._reached = None
        self._server.close()

    async def _reach(self, call: Call) -> DialectEmbedder:
        """Give the way to the running server; a server started anew has another address and key."""
        endpoint = await self._server.endpoint(call.remaining())
        reached = self._reached
        if reached is not None and reached[0] is endpoint:
            return reached[1]
        dialect = LocalDialect(base_url=endpoint.base_url, api_key=endpoint.api_key, quirks=QUIRKS)
        way = DialectEmbedder(dialect, self._context, secrets=(endpoint.api_key,))
        self._reached = (endpoint, way)
        return way

    def _check_model(self, model: str) -> None:
        if self._strict_model and not self._weights.is_called(model):
            raise ModelNotFoundError(
                f"provider '{self.name}' has only the model '{self._weights.name}' and strict_model is on; "
                "name that model, or none",
                model=model,
                provider=self.name,
            )


def _check_text_only(request: GenerateRequest) -> None:
    for message in request.messages:
        if any(isinstance(part, MediaPart) for part in message.parts):
            raise UnsupportedParameterError(
                "the local model reads text only; leave images, documents and sound out", parameter="messages"
            )
