"""Which method of a provider answers which request, and the request as that provider's model takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from litellm_gateway.errors import UnsupportedParameterError
from litellm_gateway.fitting import fit
from litellm_gateway.requests import (
    EmbedRequest,
    GenerateRequest,
    ModelListRequest,
    ModerationRequest,
    RerankRequest,
    TokenCountRequest,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from litellm_gateway.attempts import Attempt
    from litellm_gateway.requests import AnyRequest


@frozen
class Ability:
    """A thing a provider may be able to do: the method that does it, and how to say that it cannot."""

    method: str
    lacking: str


ABILITIES: Mapping[type, Ability] = {
    GenerateRequest: Ability("generate", "answers no prompts"),
    EmbedRequest: Ability("embed", "makes no embeddings"),
    RerankRequest: Ability("rerank", "orders no documents"),
    ModerationRequest: Ability("moderate", "judges no texts"),
    TokenCountRequest: Ability("count_tokens", "counts no tokens"),
    ModelListRequest: Ability("list_models", "lists no models"),
}


async def ask(attempt: Attempt, request: AnyRequest) -> Any:
    """Let the attempt's provider answer, by the one method that is made for such requests.

    Raises:
        UnsupportedParameterError: The provider has no such ability, or its model does not take a parameter.
    """
    ability = ABILITIES[type(request)]
    method: Callable[..., Any] | None = getattr(attempt.target.provider, ability.method, None)
    if method is None:
        raise UnsupportedParameterError(
            f"provider '{attempt.route.provider}' {ability.lacking}; choose another with model='provider/name'",
            provider=attempt.route.provider,
        )
    return await method(fitted(attempt, request), attempt.call)


def fitted(attempt: Attempt, request: Any) -> Any:
    """Give the request with the route's model name, without what that model does not take."""
    route = attempt.route
    if request.model != route.model:
        request = evolve(request, model=route.model)
    describe = attempt.target.capabilities
    if describe is None:
        return request
    if isinstance(request, GenerateRequest):
        return fit(request, describe(route.model), route=route, on_unsupported=attempt.call.on_unsupported)
    if isinstance(request, TokenCountRequest):
        return evolve(request, request=fitted(attempt, request.request))
    return request
