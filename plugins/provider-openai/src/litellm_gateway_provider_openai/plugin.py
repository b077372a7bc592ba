"""The offer: OpenAI under the name ``openai``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_gateway.contracts import ProviderOffer
from litellm_gateway.hookspecs import hookimpl

from litellm_gateway_provider_openai.prices import price_of
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
        summary="OpenAI: chat completions, streams, embeddings",
        settings=OpenAISettings,
        build=build,
        key_env=("OPENAI_API_KEY",),
        key_prefixes=("sk-",),
        default_model="gpt-5.6-luna",
        default_embedding_model="text-embedding-3-small",
        prices=price_of,
    )
