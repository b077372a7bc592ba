"""The offer: OpenAI under the name ``openai``."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from litellm_gateway.contracts import BatchTerms, EmbedLimits, ProviderOffer
from litellm_gateway.hookspecs import hookimpl

from litellm_gateway_provider_openai.catalog import catalog
from litellm_gateway_provider_openai.settings import OpenAISettings

if TYPE_CHECKING:
    from litellm_gateway.contracts import BuildContext, Provider


def build(settings: OpenAISettings, context: BuildContext) -> Provider:
    """Build the provider; the dialect is imported only now."""
    from litellm_gateway_provider_openai.provider import build_provider

    return build_provider(settings, context)


@hookimpl
def gateway_provider() -> ProviderOffer:
    """Offer OpenAI."""
    return ProviderOffer(
        name="openai",
        summary="OpenAI: chat completions and Responses, streams, embeddings, moderation",
        settings=OpenAISettings,
        build=build,
        key_env=("OPENAI_API_KEY",),
        key_prefixes=("sk-",),
        default_model="gpt-5.6-luna",
        default_embedding_model="text-embedding-3-small",
        prices=catalog().price,
        capabilities=catalog().capabilities,
        embed_limits=EmbedLimits(texts=2048, tokens=300_000),
        batches=BatchTerms(
            requests=50_000,
            texts=50_000,
            bytes=200_000_000,
            operations=frozenset({"generate", "embed"}),
            price=Decimal("0.5"),
            source="help.openai.com/en/articles/9197833-batch-api-faq",
            as_of="2026-11-23",
        ),
    )
