"""The offer: Amazon Bedrock under the name ``bedrock``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_gateway.contracts import ProviderOffer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.model_catalog import ModelCatalog

from litellm_gateway_provider_bedrock.settings import BedrockSettings

if TYPE_CHECKING:
    from litellm_gateway.contracts import BuildContext, Provider


def build(settings: BedrockSettings, context: BuildContext) -> Provider:
    """Build the provider; the dialect, and botocore where it is needed, are imported only now."""
    from litellm_gateway_provider_bedrock.provider import build_provider

    return build_provider(settings, context)


@hookimpl
def gateway_provider() -> ProviderOffer:
    """Offer Amazon Bedrock."""
    catalog = ModelCatalog(__package__)
    return ProviderOffer(
        name="bedrock",
        summary="Amazon Bedrock: Converse, streams",
        settings=BedrockSettings,
        build=build,
        key_env=("AWS_BEARER_TOKEN_BEDROCK",),
        key_required=False,
        default_model="global.amazon.nova-2-lite-v1:0",
        prices=catalog.price,
        capabilities=catalog.capabilities,
    )
