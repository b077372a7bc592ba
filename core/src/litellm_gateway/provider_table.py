"""What a gateway knows of its providers together: routes to them, their prices, abilities and identities."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from litellm_gateway.contracts import Capabilities, Route
from litellm_gateway.errors import InvalidRequestError, PluginError
from litellm_gateway.fitting import override
from litellm_gateway.provider_instances import TWIN
from litellm_gateway.requests import EmbedRequest, GenerateRequest, ModelListRequest, TokenCountRequest
from litellm_gateway.routing import RoutePlan, Router
from litellm_gateway.token_usage import is_price

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from litellm_gateway.attempts import Target
    from litellm_gateway.config import GatewayConfig
    from litellm_gateway.contracts import ProviderOffer
    from litellm_gateway.plugins import Plugins
    from litellm_gateway.requests import AnyRequest
    from litellm_gateway.route_strategies import StrategyMaker
    from litellm_gateway.token_usage import Price

_REMEMBERED = 1024


class RouteTable:
    """Finds the routes of a request: the router first, then the policies that have a say.

    Attributes:
        default_model: The model a request for text may name right away when its caller names none; ``""`` when that
            depends on the route.

    Raises:
        InvalidRequestError: A route or a fallback leads to no provider.
        ConfigurationError: A name of ``routes`` leads to another one.
    """

    def __init__(
        self,
        config: GatewayConfig,
        plugins: Plugins,
        targets: Mapping[str, Target],
        default: str | None,
        strategy: StrategyMaker,
    ) -> None:
        self._plugins = plugins
        self._targets = targets
        self._decided = plugins.decides_routes()
        self._default = default
        self._generate, self._embed, self._other = _routers(config, targets, default, strategy)
        self._generate.check()
        self.default_model = "" if config.default_model in config.routes else _plain_default(self._generate)

    def __call__(self, request: AnyRequest) -> RoutePlan:
        """Give the routes as they are configured, or as a policy wants them; raises as :meth:`Router.routes` does."""
        found = self._routes(request)
        if not self._decided:
            return found
        decided = self._plugins.routes(request, found.routes)
        if decided is found.routes:
            return found
        routes = _known(decided, self._targets, self._plugins.policies)
        return RoutePlan(routes=routes, pool=len(routes), fixed=True)

    def _routes(self, request: AnyRequest) -> RoutePlan:
        """Only text and embeddings have routes to fall back on: any other answer holds for its own model alone."""
        if isinstance(request, GenerateRequest):
            return self._generate.routes(request.model)
        if isinstance(request, EmbedRequest):
            return self._embed.routes(request.model)
        if isinstance(request, ModelListRequest):
            return RoutePlan(routes=(self._list_route(request.model),))
        router = self._generate if isinstance(request, TokenCountRequest) else self._other
        return router.pool(request.model)

    def _list_route(self, provider: str) -> Route:
        name = provider or self._default
        if name is not None and name in self._targets:
            return Route(provider=name, model="*")
        raise InvalidRequestError(
            f"this gateway has no provider {name!r}; it has {', '.join(self._targets)}"
            if name
            else f"name the provider whose models to list: {', '.join(self._targets)}",
            parameter="provider",
        )


def _routers(
    config: GatewayConfig, targets: Mapping[str, Target], default: str | None, strategy: StrategyMaker
) -> tuple[Router, Router, Router]:
    shared: dict[str, Any] = {
        "providers": list(targets),
        "default": default,
        "table": config.routes,
        "strategy": strategy,
        "twins": _twins(targets),
    }
    generate = Router(
        **shared,
        default_models={name: target.offer.default_model for name, target in targets.items()},
        default_model=config.default_model,
        fallbacks=config.fallbacks,
        context_fallbacks=config.context_fallbacks,
        content_fallbacks=config.content_fallbacks,
    )
    embed = Router(
        **shared,
        default_models={name: target.offer.default_embedding_model for name, target in targets.items()},
        default_model=config.default_embedding_model,
        purpose="embed",
    )
    other = Router(**shared, default_models=dict.fromkeys(targets, ""), purpose="other")
    return generate, embed, other


def _twins(targets: Mapping[str, Target]) -> dict[str, tuple[str, ...]]:
    """Group the providers that differ by key only, under the name of the first of each."""
    families: dict[str, list[str]] = {}
    for name in targets:
        families.setdefault(name.partition(TWIN)[0], []).append(name)
    return {name: tuple(twins) for name, twins in families.items() if len(twins) > 1}


def _plain_default(router: Router) -> str:
    try:
        route = router.route("")
        return route.model if router.route(route.model) == route else ""
    except InvalidRequestError:
        return ""


def prices_of(plugins: Plugins, targets: Mapping[str, Target]) -> Callable[[str, str], Price | None]:
    """Give what prices a model: policies first, then the provider's own table; a table that fails knows no price."""

    def price(provider: str, model: str) -> Price | None:
        decided = plugins.price(provider.partition(TWIN)[0], model)
        if decided is not None:
            return decided
        table = targets[provider].offer.prices if provider in targets else None
        try:
            found = table(model) if table is not None else None
        except Exception:  # a stranger's table; the answer it would price is paid for
            return None
        return found if is_price(found) else None

    return price


def capabilities_of(
    name: str, offer: ProviderOffer, overrides: Mapping[str, Mapping[str, Any]]
) -> Callable[[str], Capabilities] | None:
    """Give what tells a model's abilities, with the user's corrections; None when nobody has anything to say.

    Raises:
        ConfigurationError: A correction names an unknown parameter.
    """
    own = {
        pattern.partition("/")[2]: (pattern, given)
        for pattern, given in overrides.items()
        if pattern.partition("/")[0] == name
    }
    for pattern, given in own.values():
        override(Capabilities(), given, path=f"capabilities.{pattern}")
    describe = offer.capabilities
    if not own:
        return describe
    known: dict[str, Capabilities] = {}

    def capabilities(model: str) -> Capabilities:
        if model in known:
            return known[model]
        found = describe(model) if describe is not None else Capabilities()
        for pattern, (path, given) in own.items():
            if fnmatchcase(model, pattern):
                found = override(found, given, path=f"capabilities.{path}")
        if len(known) < _REMEMBERED:
            known[model] = found
        return found

    return capabilities


def identities_of(targets: Mapping[str, Target]) -> Callable[[RoutePlan], str]:
    """Give what names the routes of a request for cache keys: providers, their settings, and models.

    It depends on what is configured, not on the order one request tries it in.
    """
    known: dict[RoutePlan, str] = {}

    def identities(plan: RoutePlan) -> str:
        found = known.get(plan)
        if found is None:
            found = "\n".join(f"{targets[route.provider].identity}/{route.model}" for route in plan.every)
            if not plan.fixed and len(known) < _REMEMBERED:
                known[plan] = found
        return found

    return identities


def _known(routes: Sequence[Route], targets: Mapping[str, Target], policies: str) -> tuple[Route, ...]:
    for route in routes:
        names = (route.provider, route.model) if isinstance(route, Route) else (None,)
        if not all(isinstance(name, str) for name in names) or names[0] not in targets:
            if isinstance(route, Route):
                fault = f"chose the provider {route.provider!r:.80}, but the gateway has {', '.join(targets)}"
            else:
                fault = f"gave a {type(route).__name__} in place of a Route"
            raise PluginError(f"gateway_routes of {policies} {fault}", plugin=policies)
    return tuple(routes)
