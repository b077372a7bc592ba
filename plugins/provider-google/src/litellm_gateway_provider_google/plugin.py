"""The offer: Gemini through the Gemini API, under the name ``google``."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from litellm_gateway.contracts import BatchTerms, EmbedLimits, ProviderOffer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.model_catalog import ModelCatalog

from litellm_gateway_provider_google.settings import GoogleSettings

if TYPE_CHECKING:
    from litellm_gateway.contracts import BuildContext, Provider

_PACKAGE = "litellm_gateway_provider_google"


def build(settings: GoogleSettings, context: BuildContext) -> Provider:
    """Build the provider; the dialect is imported only now."""
    from litellm_gateway_provider_google.provider import build_google

    return build_google(settings, context)


@hookimpl
def gateway_provider() -> ProviderOffer:
    """Offer the Gemini API."""
    catalog = ModelCatalog(_PACKAGE)
    return ProviderOffer(
        name="google", summary="Google Gemini API: text, streams, embeddings, token counts",
        settings=GoogleSettings, build=build,
        key_env=("GOOGLE_API_KEY", "GEMINI_API_KEY"), key_prefixes=("AIza",),
        default_model="gemini-3.8-flash", default_embedding_model="gemini-embedding-001",
        prices=catalog.price, capabilities=catalog.capabilities, embed_limits=EmbedLimits(texts=100),
        batches=BatchTerms(
            requests=None, bytes=20_000_000, operations=frozenset({"generate", "embed"}), price=Decimal("0.5"),
            source="ai.google.dev/gemini-api/docs/batch-api", as_of="2026-11-23",
        ),
    )  # fmt: skip
