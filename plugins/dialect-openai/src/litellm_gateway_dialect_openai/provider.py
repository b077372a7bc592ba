"""Providers made of this dialect: what each further ability of a server needs beside text.

A server without embeddings is no ``Embedder``, so there is one class for each set of abilities.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from litellm_gateway.dialect_batches import DialectBatches
from litellm_gateway.dialects import DialectEmbedder, DialectProvider

if TYPE_CHECKING:
    from litellm_gateway.contracts import Call
    from litellm_gateway.requests import ModelListRequest, ModerationRequest
    from litellm_gateway.responses import ModelList, ModerationResponse

    from litellm_gateway_dialect_openai.batches import OpenAIBatchDialect
    from litellm_gateway_dialect_openai.dialect import OpenAIChatDialect


class OpenAIChatProvider(DialectProvider):
    """Text, and the list of models."""

    dialect: OpenAIChatDialect

    async def list_models(self, request: ModelListRequest, call: Call) -> ModelList:
        """List every model of the server."""
        return await self.ask(self.dialect.encode_list_models, self.dialect.decode_list_models, call, request.model)


class OpenAIEmbedder(OpenAIChatProvider, DialectEmbedder):
    """Text, models and embeddings."""

    dialect: OpenAIChatDialect


class OpenAIModerator(OpenAIEmbedder):
    """Text, models, embeddings and moderation."""

    async def moderate(self, request: ModerationRequest, call: Call) -> ModerationResponse:
        """Judge the texts, in order."""
        write = partial(self.dialect.encode_moderation, request)
        return await self.ask(write, partial(self.dialect.decode_moderation, request), call, request.model)


class OpenAIBatchChatProvider(OpenAIChatProvider, DialectBatches):
    """Text, models and batches."""

    dialect: OpenAIBatchDialect


class OpenAIBatchEmbedder(OpenAIEmbedder, DialectBatches):
    """Text, models, embeddings and batches."""

    dialect: OpenAIBatchDialect


class OpenAIBatchModerator(OpenAIModerator, DialectBatches):
    """Text, models, embeddings, moderation and batches."""

    dialect: OpenAIBatchDialect
