"""Offer the provider ``local``; only the model server's own process ever imports the native package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_gateway.contracts import ProviderOffer
from litellm_gateway.hookspecs import hookimpl

from litellm_gateway_provider_local.settings import DEFAULT_MODEL, LocalSettings

if TYPE_CHECKING:
    from litellm_gateway.contracts import BuildContext, Provider
    from litellm_gateway.responses import Price


def build(settings: LocalSettings, context: BuildContext) -> Provider:
    """Find the weights and make the provider; the model is loaded on first use."""
    from litellm_gateway_provider_local.model_server import ModelServer
    from litellm_gateway_provider_local.provider import LocalProvider
    from litellm_gateway_provider_local.weights import find_weights

    weights = find_weights(settings.model_path, provider=context.name)
    server = ModelServer(settings, weights, name=context.name)
    return LocalProvider(server, weights, context, strict_model=settings.strict_model)


def price(model: str) -> Price:  # noqa: ARG001 - every model on this machine costs the same
    """Tell that tokens of a local model cost nothing."""
    from decimal import Decimal

    from litellm_gateway.responses import Price

    return Price(input=Decimal(0), output=Decimal(0), source="local model")


@hookimpl
def gateway_provider() -> ProviderOffer:
    """Offer a model that runs on this machine."""
    return ProviderOffer(
        name="local",
        summary="A small model on this machine's CPU: no key, no network (xllamacpp, any GGUF file)",
        settings=LocalSettings,
        build=build,
        default_model=DEFAULT_MODEL,
        default_embedding_model=DEFAULT_MODEL,
        prices=price,
    )
