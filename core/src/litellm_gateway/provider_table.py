"""What a gateway knows of its providers together: routes to them, their prices, abilities and identities."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from litellm_gateway.contracts import Capabilities, Route
from litellm_gateway.errors import InvalidRequestError, PluginError
from litellm_gateway.fitting import override
from litellm_gateway.requests import EmbedRequest, GenerateRequest, ModelListRequest, TokenCountRequest
from litellm_gateway.routing import Router
from litellm_gateway.token_usage import Price

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from litellm_gateway.attempts import Target
    from litellm_gateway.config import GatewayConfig
    from litellm_gateway.contracts import ProviderOffer
    from litellm_gateway.plugins import Plugins
    from litellm_gateway.requests import AnyRequest

_REMEMBERED = 1024


class RouteTable:
    """Finds the routes of a request: the router first, then the policies that have a say.

    Attributes:
        default_model: The model a request for text may name right away when its caller names none; ``""`` when that
            depends on the route.

    Raises:
        InvalidRequestError: A fallback leads to no provider.
    """

    def __init__(
        self, config: GatewayConfig, plugins: Plugins, targets: Mapping[str, Target], default: str | None
    ) -> None:
        self._plugins = plugins
        self._targets = targets
        self._decided = plugins.decides_routes()
        self._default = default
        self._generate, self._embed, self._other = _routers(config, targets, default)
        for model in config.fallbacks:
            self._generate.route(model)
        self.default_model = _plain_default(self._generate)

    def __call__(self, request: AnyRequest) -> Sequence[Route]:
        """Give the routes, in order; raises as :meth:`Router.routes` does."""
        found = self._routes(request)
        return _known(self._plugins.routes(request, found), self._targets) if self._decided else found

    def _routes(self, request: AnyRequest) -> Sequence[Route]:
        """Only text and embeddings have routes to fall back on: any other answer holds for its own model alone."""
        if isinstance(request, GenerateRequest):
            return self._generate.routes(request.model)
        if isinstance(request, EmbedRequest):
            return self._embed.routes(request.model)
        if isinstance(request, ModelListRequest):
            return (self._list_route(request.model),)
        router = self._generate if isinstance(request, TokenCountRequest) else self._other
        return (router.route(request.model),)

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
    config: GatewayConfig, targets: Mapping[str, Target], default: str | None
) -> tuple[Router, Router, Router]:
    generate = Router(
        list(targets),
        default=default,
        default_models={name: target.offer.default_model for name, target in targets.items()},
        default_model=config.default_model,
        fallbacks=config.fallbacks,
    )
    embed = Router(
        list(targets),
        default=default,
        default_models={name: target.offer.default_embedding_model for name, target in targets.items()},
        default_model=config.default_embedding_model,
        purpose="embed",
    )
    other = Router(list(targets), default=default, default_models=dict.fromkeys(targets, ""), purpose="other")
    return generate, embed, other


def _plain_default(router: Router) -> str:
    try:
        route = router.route("")
        return route.model if router.route(route.model) == route else ""
    except InvalidRequestError:
        return ""


def prices_of(plugins: Plugins, targets: Mapping[str, Target]) -> Callable[[str, str], Price | None]:
    """Give what prices a model: policies first, then the provider's own table; a table that fails knows no price."""

    def price(provider: str, model: str) -> Price | None:
        decided = plugins.price(provider, model)
        if decided is not None:
            return decided
        table = targets[provider].offer.prices if provider in targets else None
        try:
            found = table(model) if table is not None else None
        except Exception:  # a stranger's table; the answer it would price is paid for
            return None
        return found if isinstance(found, Price) else None

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


def identities_of(targets: Mapping[str, Target]) -> Callable[[Sequence[Route]], str]:
    """Give what names the routes of a request for cache keys: providers, their settings, and models."""

    def identities(routes: Sequence[Route]) -> str:
        return "\n".join(f"{targets[route.provider].identity}/{route.model}" for route in routes)

    return identities


def _known(routes: Sequence[Route], targets: Mapping[str, Target]) -> Sequence[Route]:
    for route in routes:
        names = (route.provider, route.model) if isinstance(route, Route) else (None,)
        if not all(isinstance(name, str) for name in names) or names[0] not in targets:
            chosen = route.provider if isinstance(route, Route) else f"a {type(route).__name__}"
            raise PluginError(
                f"a policy chose {chosen!r:.80}, but the routes of this gateway are to {', '.join(targets)}"
            )
    return routes
