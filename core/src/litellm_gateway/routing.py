"""Say which routes may answer a model's name, in order. It sends nothing and keeps no health."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

from attrs import field, frozen

from litellm_gateway.contracts import Route
from litellm_gateway.errors import (
    ConfigurationError,
    ContentFilteredError,
    ContextWindowExceededError,
    InvalidRequestError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from litellm_gateway.errors import GatewayError
    from litellm_gateway.route_config import RouteConfig
    from litellm_gateway.route_strategies import RouteStrategy

_REMEMBERED = 1024


@frozen(kw_only=True, eq=False)
class RoutePlan(Sequence[Route]):
    """The routes of a request as they are configured; a sequence of them.

    Attributes:
        routes: Those that answer the name, then the fallbacks.
        pool: How many of them, from the front, answer the name.
        strategy: Puts the pool in order for each request; None leaves it.
        fixed: A policy has decided: nobody changes the order, and nobody is left alone.
        context: Routes for a request that is too long for the others.
        content: Routes for a request a provider's content filter refuses.
    """

    routes: tuple[Route, ...]
    pool: int = 1
    strategy: RouteStrategy | None = None
    fixed: bool = False
    context: tuple[Route, ...] = ()
    content: tuple[Route, ...] = ()
    every: tuple[Route, ...] = field(init=False)

    @every.default
    def _all(self) -> tuple[Route, ...]:
        return self.routes + self.context + self.content

    def __len__(self) -> int:
        return len(self.routes)

    def __iter__(self) -> Iterator[Route]:
        return iter(self.routes)

    @overload
    def __getitem__(self, index: int) -> Route: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Route]: ...
    def __getitem__(self, index: Any) -> Any:
        return self.routes[index]

    def in_order(self, *, tenant: str, streamed: bool) -> Sequence[Route]:
        """Give the routes in the order this request is to try them, whatever their health."""
        if self.strategy is None:
            return self.routes
        pool = self.strategy.order(self.routes[: self.pool], tenant=tenant, streamed=streamed)
        return (*pool, *self.routes[self.pool :])

    def after(self, error: GatewayError, failed: Route, waiting: Sequence[Route]) -> Sequence[Route]:
        """Say who may answer after a route failed: those waiting, those for such failures, or nobody.

        Args:
            error: How it failed.
            failed: The route.
            waiting: Routes not tried yet.
        """
        if isinstance(error, ContextWindowExceededError):
            return self.context or [route for route in waiting if route.model != failed.model]
        if isinstance(error, ContentFilteredError):
            return self.content
        return waiting if error.try_next_route else ()


class Router:
    """Turns a model's name into routes.

    A name of the table leads to its routes, ``provider/name`` picks a provider of this gateway, every other name
    goes to the default provider as it is.

    Args:
        providers: Names of the gateway's providers.
        default: The default provider, None when the gateway has several and no choice was made.
        default_models: Model per provider for calls that name none, ``""`` to leave the choice to the provider.
        default_model: The gateway's own default model, before those of the providers.
        table: Routes by name.
        strategy: Makes the strategy of a table's entry for its routes.
        twins: Per provider, the names of those that are the same but for their key.
        fallbacks, context_fallbacks, content_fallbacks: Further models to try, in order.
        purpose: What the models are for, in messages.
    """

    def __init__(
        self,
        providers: Sequence[str],
        *,
        default: str | None,
        default_models: Mapping[str, str | None],
        default_model: str | None = None,
        table: Mapping[str, RouteConfig] | None = None,
        strategy: Callable[[RouteConfig | None, Mapping[Route, float]], RouteStrategy | None] | None = None,
        twins: Mapping[str, tuple[str, ...]] | None = None,
        fallbacks: Sequence[str] = (),
        context_fallbacks: Sequence[str] = (),
        content_fallbacks: Sequence[str] = (),
        purpose: str = "generate",
    ) -> None:
        self._providers = tuple(providers)
        self._default = default
        self._default_models = default_models
        self._default_model = default_model
        self._table = table or {}
        self._strategy = strategy
        self._twins = twins or {}
        self._fallbacks = tuple(fallbacks)
        self._context = tuple(context_fallbacks)
        self._content = tuple(content_fallbacks)
        self._purpose = purpose
        self._known: dict[str, RoutePlan] = {}

    def routes(self, model: str) -> RoutePlan:
        """Give the routes for a model's name, ``""`` for the default.

        Raises:
            InvalidRequestError: No model is named and none is set, or the name leads to no provider.
        """
        known = self._known.get(model)
        if known is not None:
            return known
        weights = self._pool(model)
        pool = tuple(weights)
        entry = self._table.get(model or self._default_model or "")
        chosen = self._strategy(entry, weights) if self._strategy is not None and len(pool) > 1 else None
        plan = RoutePlan(
            routes=self._joined(pool, self._fallbacks),
            pool=len(pool),
            strategy=chosen,
            context=self._joined((), self._context, without=pool),
            content=self._joined((), self._content, without=pool),
        )
        if len(self._known) < _REMEMBERED:
            self._known[model] = plan
        return plan

    def route(self, model: str) -> Route:
        """Give the first route a model's name stands for; raises as :meth:`routes` does."""
        entry = self._table.get(model or self._default_model or "")
        return self._plain(model if entry is None else entry.models[0])

    def pool(self, model: str) -> RoutePlan:
        """Give the routes that answer a model's name, without fallbacks; raises as :meth:`routes` does."""
        plan = self.routes(model)
        return RoutePlan(routes=plan.routes[: plan.pool], pool=plan.pool, strategy=plan.strategy)

    def check(self) -> None:
        """Follow every name of the table and every fallback once.

        Raises:
            ConfigurationError: One leads nowhere, or from one name of the table to another.
        """
        for name, entry in self._table.items():
            nested = [model for model in entry.models if model in self._table]
            if nested:
                raise ConfigurationError(
                    f"routes.{name} leads to '{nested[0]}', which is a name of routes itself; name its models instead",
                    path=f"routes.{name}",
                )
            try:
                self._pool(name)
            except InvalidRequestError as error:
                raise ConfigurationError(f"routes.{name}: {error.message}", path=f"routes.{name}") from error
        for model in (*self._fallbacks, *self._context, *self._content):
            self._pool(model)

    def _pool(self, model: str) -> dict[Route, float]:
        """Give the routes that answer a name, each key of a provider its own, with their weights."""
        entry = self._table.get(model or self._default_model or "")
        models = (model,) if entry is None else entry.models
        weights = (entry.weights if entry is not None else ()) or (1.0,) * len(models)
        found: dict[Route, float] = {}
        for name, weight in zip(models, weights, strict=True):
            route = self._plain(name)
            twins = self._twins.get(route.provider, (route.provider,))
            for provider in twins:
                found.setdefault(Route(provider=provider, model=route.model), weight / len(twins))
        return found

    def _joined(
        self, first: tuple[Route, ...], further: Sequence[str], *, without: tuple[Route, ...] = ()
    ) -> tuple[Route, ...]:
        found = dict.fromkeys(first)
        for model in further:
            found.update(dict.fromkeys(self._pool(model)))
        return tuple(route for route in found if route not in without)

    def _plain(self, model: str) -> Route:
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
