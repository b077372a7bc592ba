"""Say which routes may answer a model's name, in order. It sends nothing and keeps no health."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_gateway.contracts import Route
from litellm_gateway.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_REMEMBERED = 1024


class Router:
    """Turns a model's name into routes.

    ``provider/name`` picks a provider of this gateway, every other name goes to the default provider as it is.

    Args:
        providers: Names of the gateway's providers.
        default: The default provider, None when the gateway has several and no choice was made.
        default_models: Model per provider for calls that name none, ``""`` to leave the choice to the provider.
        default_model: The gateway's own default model, before those of the providers.
        fallbacks: Further models to try, in order.
        purpose: What the models are for, in messages.
    """

    def __init__(
        self,
        providers: Sequence[str],
        *,
        default: str | None,
        default_models: Mapping[str, str | None],
        default_model: str | None = None,
        fallbacks: Sequence[str] = (),
        purpose: str = "generate",
    ) -> None:
        self._providers = tuple(providers)
        self._default = default
        self._default_models = default_models
        self._default_model = default_model
        self._fallbacks = tuple(fallbacks)
        self._purpose = purpose
        self._known: dict[str, tuple[Route, ...]] = {}

    def routes(self, model: str) -> tuple[Route, ...]:
        """Give the routes for a model's name, ``""`` for the default.

        Raises:
            InvalidRequestError: No model is named and none is set, or the name leads to no provider.
        """
        known = self._known.get(model)
        if known is not None:
            return known
        first = self.route(model)
        routes = (first, *(route for route in map(self.route, self._fallbacks) if route != first))
        if len(self._known) < _REMEMBERED:
            self._known[model] = routes
        return routes

    def route(self, model: str) -> Route:
        """Give the one route a model's name stands for; raises as :meth:`routes` does."""
        name = model or self._default_model or ""
        provider, slash, rest = name.partition("/")
        if slash and provider in self._providers:
            return Route(provider=provider, model=rest or self._model_of(provider))
        if self._default is None:
            raise InvalidRequestError(
                f"{f'model {name!r} names' if name else 'no model is given and the gateway has'} no provider; "
                f"write provider/model with one of {', '.join(self._providers)}, or set provider=",
                parameter="model",
            )
        return Route(provider=self._default, model=name or self._model_of(self._default))

    def _model_of(self, provider: str) -> str:
        model = self._default_models.get(provider)
        if model or (model is not None and self._purpose == "other"):
            return model
        setting = "default_model" if self._purpose == "generate" else "default_embedding_model"
        raise InvalidRequestError(
            f"no model is given for provider '{provider}'; pass model=, or set {setting}",
            parameter="model",
            provider=provider,
        )
