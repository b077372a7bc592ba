"""What a gateway knows of its providers together: routes to them, their prices, abilities and identities."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from litellm_gateway.contracts import Capabilities, Route
from litellm_gateway.errors import ConfigurationError
from litellm_gateway.fitting import override
from litellm_gateway.requests import EmbedRequest
from litellm_gateway.routing import Router

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from litellm_gateway.attempts import Target
    from litellm_gateway.config import GatewayConfig
    from litellm_gateway.contracts import ProviderOffer
    from litellm_gateway.plugins import Plugins
    from litellm_gateway.requests import AnyRequest
    from litellm_gateway.responses import Price

_REMEMBERED = 1024


def routes_of(
    config: GatewayConfig, plugins: Plugins, targets: Mapping[str, Target], default: str | None
) -> Callable[[AnyRequest], Sequence[Route]]:
    """Give what finds the routes of a request: the router, then the policies that have a say.

    Raises:
        InvalidRequestError: A fallback leads to no provider.
    """
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
    for model in config.fallbacks:
        generate.route(model)
    decided = plugins.decides_routes()

    def routes(request: AnyRequest) -> Sequence[Route]:
        router = embed if isinstance(request, EmbedRequest) else generate
        found = router.routes(request.model)
        return _known(plugins.routes(request, found), targets) if decided else found

    return routes


def prices_of(plugins: Plugins, targets: Mapping[str, Target]) -> Callable[[str, str], Price | None]:
    """Give what prices a model: policies first, then the provider's own table."""

    def price(provider: str, model: str) -> Price | None:
        decided = plugins.price(provider, model)
        if decided is not None:
            return decided
        table = targets[provider].offer.prices if provider in targets else None
        return table(model) if table is not None else None

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
        if not isinstance(route, Route) or route.provider not in targets:
            raise ConfigurationError(
                f"a policy chose {route!r}, but this gateway has {', '.join(targets)}", path="policies"
            )
    return routes
