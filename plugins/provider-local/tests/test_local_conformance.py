"""The provider ``local`` keeps the promises of every provider, checked on answers its model server once gave."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from litellm_gateway.secrets import Secret
from litellm_gateway.testing.provider_suite import CANARY, ProviderSuite
from litellm_gateway_provider_local import plugin
from litellm_gateway_provider_local.model_launch import Endpoint
from litellm_gateway_provider_local.provider import LocalProvider
from litellm_gateway_provider_local.settings import DEFAULT_MODEL
from litellm_gateway_provider_local.weights import Weights

if TYPE_CHECKING:
    from litellm_gateway.contracts import BuildContext, Provider, ProviderOffer
    from litellm_gateway_provider_local.settings import LocalSettings


class StandingServer:
    """A model server that is up already, at an address where nobody listens."""

    async def endpoint(self, timeout: float) -> Endpoint:
        return Endpoint(base_url="http://127.0.0.1:9/v1", api_key=Secret(CANARY))

    def close(self) -> None:
        """Nothing runs."""


def build(settings: LocalSettings, context: BuildContext) -> Provider:
    weights = Weights(path=Path("recorded.gguf"), name=DEFAULT_MODEL)
    return LocalProvider(StandingServer(), weights, context, strict_model=settings.strict_model)


class OnStandingServer:
    """The plugin, its provider built on a server that needs no model."""

    def gateway_provider(self) -> ProviderOffer:
        return attrs.evolve(plugin.gateway_provider(), build=build)


class TestLocal(ProviderSuite):
    plugin = OnStandingServer()
    recordings = Path(__file__).parent / "wire"
