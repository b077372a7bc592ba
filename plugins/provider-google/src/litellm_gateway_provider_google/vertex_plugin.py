"""The offer: Gemini through Vertex AI, under the name ``vertex``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_gateway.contracts import EmbedLimits, ProviderOffer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.model_catalog import ModelCatalog

from litellm_gateway_provider_google.settings import VertexSettings

if TYPE_CHECKING:
    from litellm_gateway.contracts import BuildContext, Provider

_PACKAGE = "litellm_gateway_provider_google"


def build(settings: VertexSettings, context: BuildContext) -> Provider:
    """Build the provider; the dialect is imported only now."""
    from litellm_gateway_provider_google.provider import build_vertex

    return build_vertex(settings, context)


@hookimpl
def gateway_provider() -> ProviderOffer:
    """Offer Vertex AI; it has no ``key_env``, as its token comes from the caller and lives for an hour."""
    catalog = ModelCatalog(_PACKAGE)
    return ProviderOffer(
        name="vertex", summary="Google Vertex AI: Gemini with a bearer token, in any location",
        settings=VertexSettings, build=build, key_prefixes=("AIza",),
        default_model="gemini-3.8-flash", default_embedding_model="gemini-embedding-001",
        prices=catalog.price, capabilities=catalog.capabilities, embed_limits=EmbedLimits(texts=100),
    )  # fmt: skip
