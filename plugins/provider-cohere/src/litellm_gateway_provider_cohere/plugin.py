"""The offer: Cohere under the name ``cohere``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_gateway.contracts import EmbedLimits, ProviderOffer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.model_catalog import ModelCatalog

from litellm_gateway_provider_cohere.settings import CohereSettings

if TYPE_CHECKING:
    from litellm_gateway.contracts import BuildContext, Provider


def build(settings: CohereSettings, context: BuildContext) -> Provider:
    """Build the provider; the dialect is imported only now."""
    from litellm_gateway_provider_cohere.provider import build_provider

    return build_provider(settings, context)


@hookimpl
def gateway_provider() -> ProviderOffer:
    """Offer Cohere."""
    catalog = ModelCatalog(__package__)
    return ProviderOffer(
        name="cohere",
        summary="Cohere: chat, streams, embeddings, rerank",
        settings=CohereSettings,
        build=build,
        key_env=("CO_API_KEY", "COHERE_API_KEY"),
        default_model="command-a-03-2025",
        default_embedding_model="embed-v4.0",
        prices=catalog.price,
        capabilities=catalog.capabilities,
        embed_limits=EmbedLimits(texts=96),
    )
