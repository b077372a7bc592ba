"""Which method of a provider answers which request, and the request as that provider's model takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from litellm_gateway.errors import MalformedResponseError, PluginContractError, UnsupportedParameterError
from litellm_gateway.fitting import fit
from litellm_gateway.further_responses import ModelList, ModerationResponse, RerankResponse, TokenCount
from litellm_gateway.requests import (
    EmbedRequest,
    GenerateRequest,
    ModelListRequest,
    ModerationRequest,
    RerankRequest,
    TokenCountRequest,
)
from litellm_gateway.responses import EmbedResponse, GenerateResponse
from litellm_gateway.token_usage import is_counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from litellm_gateway.attempts import Attempt
    from litellm_gateway.contracts import Route
    from litellm_gateway.requests import AnyRequest


@frozen
class Ability:
    """A thing a provider may be able to do: the method that does it, what it gives, how to say that it cannot."""

    method: str
    answer: type[Any]
    lacking: str


ABILITIES: Mapping[type, Ability] = {
    GenerateRequest: Ability("generate", GenerateResponse, "answers no prompts"),
    EmbedRequest: Ability("embed", EmbedResponse, "makes no embeddings"),
    RerankRequest: Ability("rerank", RerankResponse, "orders no documents"),
    ModerationRequest: Ability("moderate", ModerationResponse, "judges no texts"),
    TokenCountRequest: Ability("count_tokens", TokenCount, "counts no tokens"),
    ModelListRequest: Ability("list_models", ModelList, "lists no models"),
}


async def ask(attempt: Attempt, request: AnyRequest) -> Any:
    """Let the attempt's provider answer, by the one method that is made for such requests.

    Raises:
        UnsupportedParameterError: The provider has no such ability, or its model does not take a parameter.
        PluginContractError: What the provider gave is no such answer.
        MalformedResponseError: It gave another number of vectors than it was given texts.
    """
    ability = ABILITIES[type(request)]
    method: Callable[..., Any] | None = getattr(attempt.target.provider, ability.method, None)
    if method is None:
        raise UnsupportedParameterError(
            f"provider '{attempt.route.provider}' {ability.lacking}; choose another with model='provider/name'",
            provider=attempt.route.provider,
        )
    answer: Any = await method(fitted(attempt, request), attempt.call)
    kind = ability.answer
    if not is_whole(answer, kind):
        raise PluginContractError(
            f"provider '{attempt.route.provider}' gave no {kind.__name__} with all it needs, but "
            f"{type(answer).__name__}; this is a fault of its plugin",
            plugin=attempt.route.provider,
            provider=attempt.route.provider,
        )
    if isinstance(request, EmbedRequest) and len(answer.vectors) != len(request.texts):
        raise _wrong_number(len(answer.vectors), len(request.texts), attempt.route)
    return answer


def is_whole(answer: Any, kind: type[Any]) -> bool:
    """Tell whether this is an answer of such a kind, with all it needs."""
    if not isinstance(answer, kind) or not is_counted(answer.usage):
        return False
    return kind is not GenerateResponse or isinstance(answer.text, str)


def _wrong_number(vectors: int, texts: int, route: Route) -> MalformedResponseError:
    return MalformedResponseError(
        f"provider '{route.provider}' answered {texts} texts with {vectors} vectors, so that none can be trusted",
        provider=route.provider,
        model=route.model,
    )


def fitted(attempt: Attempt, request: Any) -> Any:
    """Give the request with the route's model name, without what that model does not take."""
    route = attempt.route
    if request.model != route.model:
        request = evolve(request, model=route.model)
    describe = attempt.target.capabilities
    if describe is None:
        return request
    if isinstance(request, GenerateRequest):
        capabilities = describe(route.model)
        if not capabilities.without:
            return request
        return fit(request, capabilities, route=route, on_unsupported=attempt.call.on_unsupported)
    if isinstance(request, TokenCountRequest):
        return evolve(request, request=fitted(attempt, request.request))
    return request
