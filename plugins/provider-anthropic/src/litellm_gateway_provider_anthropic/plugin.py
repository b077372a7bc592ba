"""The offer: Anthropic's Messages API under the name ``anthropic``."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from litellm_gateway.contracts import BatchTerms, ProviderOffer
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
        batches=BatchTerms(
            requests=100_000,
            bytes=256_000_000,
            mixed_models=True,
            labels=False,
            price=Decimal("0.5"),
            source="platform.claude.com/docs/en/build-with-claude/batch-processing",
            as_of="2026-11-23",
        ),
    )
