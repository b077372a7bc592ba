"""The hooks a plugin may implement, and the marker it does so with.

All hooks are plain functions, called while a gateway is composed or once per request; never per chunk.
Requests then run over what the offers built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_gateway.composition import Composition
    from litellm_gateway.contracts import (
        CacheBackend,
        GuardrailOffer,
        Offer,
        ProviderOffer,
        Route,
        TelemetrySink,
        TransportOffer,
    )
    from litellm_gateway.limit_store import LimitStore
    from litellm_gateway.requests import AnyRequest
    from litellm_gateway.responses import Price
    from litellm_gateway.shared_state import SharedState

PROJECT = "litellm_gateway"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def gateway_provider() -> ProviderOffer | None:
    """Offer a provider.

    Called once while a gateway that wants it is composed. Every offer is kept. An error leaves this
    plugin out, or stops composition when the configuration asked for it by name.

    Example::

        @hookimpl
        def gateway_provider():
            return ProviderOffer(name="acme", summary="ACME models", settings=AcmeSettings, build=build)
    """


@hookspec
def gateway_guardrail() -> GuardrailOffer | None:
    """Offer a guardrail.

    Called once while a gateway is composed. Every offer is kept; guardrails run in the order of the
    configuration, else by name. An error stops composition: a missing guardrail must not go unnoticed.
    """


@hookspec
def gateway_cache_backend() -> Offer[CacheBackend] | None:
    """Offer a place to keep cached answers.

    Called once while a gateway that names it in ``cache_backend`` is composed.
    """


@hookspec
def gateway_telemetry_sink() -> Offer[TelemetrySink] | None:
    """Offer a sink for events.

    Called once while a gateway is composed. Every offer is kept. A sink that cannot be built is left out
    and listed in ``describe()``, unless the configuration named it.
    """


@hookspec
def gateway_transport() -> TransportOffer | None:
    """Offer a way to send HTTP requests.

    Called once while a gateway that wants it is composed; ``transport="auto"`` takes the installed one with
    the highest ``speed``.
    """


@hookspec
def gateway_limit_store() -> Offer[LimitStore] | None:
    """Offer a place where several processes count their limits together.

    Called once while a gateway is composed whose ``rate_limit_config.storage`` has a scheme of that name. Its
    settings are always ``litellm_gateway.limit_store.LimitStoreSettings``.
    """


@hookspec
def gateway_shared_state() -> Offer[SharedState] | None:
    """Offer a place through which several processes share answers in flight and the state of circuits.

    Called once while a gateway is composed whose ``shared_state`` has a scheme of that name. Its settings are
    always ``litellm_gateway.shared_state.SharedStateSettings``.
    """


@hookspec
def gateway_composed(composition: Composition) -> None:
    """Look at a gateway that is ready; called once per plugin.

    Raise ``ConfigurationError`` to refuse it: what was built is closed again, and the error reaches the caller.
    """


@hookspec(firstresult=True)
def gateway_routes(request: AnyRequest, routes: Sequence[Route]) -> Sequence[Route] | None:
    """Decide which routes are tried for a request, in order.

    Called once per request, only when somebody implements it. Must be pure and quick. ``routes`` are as configured;
    None, or those very routes, is no opinion. The first answer that is not None wins and is tried as it is. An
    error fails the call as ``PluginError``.
    """


@hookspec(firstresult=True)
def gateway_model_price(provider: str, model: str) -> Price | None:
    """Tell what a model costs.

    Called once per provider and model, then remembered. The first answer that is not None wins; with none,
    the provider's own price table is asked. An error counts as no answer.
    """
