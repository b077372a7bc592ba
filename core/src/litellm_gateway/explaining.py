"""Say what would become of a request, without sending it or asking anybody: a dry run as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway.ledger import estimate_prompt_tokens, estimate_tokens
from litellm_gateway.token_usage import TokenUsage

if TYPE_CHECKING:
    from litellm_gateway.composition import Composition
    from litellm_gateway.contracts import Route
    from litellm_gateway.requests import GenerateRequest, OnUnsupported


def explain(
    parts: Composition, request: GenerateRequest, *, tenant: str, rule: OnUnsupported, streamed: bool
) -> dict[str, Any]:
    """Give what the gateway would do with a request now.

    Returns:
        ``guardrails`` by stage, in order; ``cache_key`` of the request as it is, None when nothing is kept or
        shared; ``routes`` in the order they would be tried, each with its state; ``further_routes`` for a request
        that is too long or filtered; what would be reserved of ``limits``, for all and for ``each``, with what is
        free of it and the seconds to ``wait`` for it (None when nobody can tell), None without limits; ``price``, an
        estimate for the first route; and what is allowed for ``attempts``.

    Raises:
        InvalidRequestError: The model leads to no provider.
    """
    pipeline = parts.pipeline
    plan = pipeline.routes(request)
    routes = pipeline.upstream.attempts.in_order(tenant, plan, streamed=streamed)
    key = pipeline.key(tenant, request, plan, rule)
    return {
        "tenant": tenant,
        "guardrails": pipeline.guards.names(),
        "cache_key": None if key is None else key.digest,
        "routes": [_route(parts, route) for route in routes],
        "further_routes": {
            "context": [route.id for route in plan.context],
            "content": [route.id for route in plan.content],
        },
        "limits": pipeline.upstream.reserving.foresee(tenant, request, plan),
        "price": _price(parts, routes[0], request),
        "attempts": {
            "max_retries": parts.config.max_retries,
            "retry_budget": parts.budget.snapshot(),
            "timeout": parts.config.timeout,
        },
    }


def _route(parts: Composition, route: Route) -> dict[str, Any]:
    known = parts.statistics.describe(route)
    return {
        "route": route.id,
        "provider": route.provider,
        "model": route.model,
        "circuit": parts.breakers.look(route.id),
        "left_alone": known["left_alone"],
        "in_flight": known["in_flight"],
    }


def _price(parts: Composition, route: Route, request: GenerateRequest) -> dict[str, Any]:
    prompt = estimate_prompt_tokens(request)
    answer = estimate_tokens(request) - prompt
    usage = TokenUsage(input_tokens=prompt, output_tokens=answer, estimated=True)
    return {
        "prompt_tokens": prompt,
        "answer_tokens": answer,
        "cost": parts.pipeline.ledger.cost(route.provider, route.model, usage),
    }
