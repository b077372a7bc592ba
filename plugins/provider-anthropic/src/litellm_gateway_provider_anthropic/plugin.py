"""The offer: Anthropic's Messages API under the name ``anthropic``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_gateway.contracts import ProviderOffer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.model_catalog import ModelCatalog

from litellm_gateway_provider_anthropic.settings import KEY_VARIABLES, AnthropicSettings

if TYPE_CHECKING:
    from litellm_gateway.contracts import BuildContext, Provider


def build(settings: AnthropicSettings, context: BuildContext) -> Provider:
    """Build the provider; the dialect is imported only now."""
    from litellm_gateway_provider_anthropic.provider import build_provider

    return build_provider(settings, context)


@hookimpl
def gateway_provider() -> ProviderOffer:
    """Offer Anthropic."""
    catalog = ModelCatalog(__package__)
    return ProviderOffer(
        name="anthropic",
        summary="Anthropic: messages, streams, thinking, tools, documents, token counts",
        settings=AnthropicSettings,
        build=build,
        key_env=KEY_VARIABLES,
        key_required=False,  # a bearer token will do as well; building refuses to go without either
        key_prefixes=("sk-ant-",),
        default_model="claude-sonnet-5-5",
        prices=catalog.price,
        capabilities=catalog.capabilities,
    )
