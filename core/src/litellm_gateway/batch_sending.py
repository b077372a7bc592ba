"""Choose who answers a batch, make its requests ready, send it exactly once, and finish its results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from litellm_gateway.batch_errors import BatchUncertainError
from litellm_gateway.batch_records import BatchItem, BatchSubmission
from litellm_gateway.contracts import BatchRunner
from litellm_gateway.errors import (
    DeadlineExceededError,
    GatewayError,
    InvalidRequestError,
    ProviderError,
    UnsupportedParameterError,
)
from litellm_gateway.fitting import fit
from litellm_gateway.requests import EmbedRequest, GenerateRequest
from litellm_gateway.responses import GenerateResponse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from litellm_gateway.attempts import Attempt, Target
    from litellm_gateway.batch_records import Batch, BatchResult
    from litellm_gateway.composition import Composition
    from litellm_gateway.contracts import BatchTerms, Call, Route
    from litellm_gateway.requests import Request

_AT_A_TIME = 100
_REFUSALS = (429, 529)
"""Statuses that are no client's fault, and say all the same that nothing was taken."""


@frozen(kw_only=True)
class Planned:
    """A batch ready to be sent, and where to."""

    route: Route
    runner: BatchRunner
    submission: BatchSubmission = field(repr=False)
    labels: bool = True


def runner_of(parts: Composition, provider: str, operation: str | None = None) -> tuple[BatchRunner, BatchTerms]:
    """Give the provider as what runs batches, and its terms.

    Raises:
        InvalidRequestError: The gateway has no such provider.
        UnsupportedParameterError: It has no batch API, or none for such requests; the message names who has.
    """
    target = parts.targets.get(provider)
    if target is None:
        raise InvalidRequestError(
            f"this gateway has no provider {provider!r}; it has {', '.join(parts.targets)}", parameter="provider"
        )
    terms, runner = target.offer.batches, target.provider
    if terms is None or not isinstance(runner, BatchRunner):
        able = ", ".join(sorted(parts.batch_providers())) or "none"
        raise UnsupportedParameterError(
            f"provider '{provider}' has no batch API; of those installed these have one: {able}",
            parameter="batches",
            provider=provider,
        )
    if operation is not None and operation not in terms.operations:
        raise UnsupportedParameterError(
            f"the batch API of provider '{provider}' is for {' and '.join(sorted(terms.operations))}, not {operation}",
            parameter="batches",
            provider=provider,
        )
    return runner, terms


async def plan(parts: Composition, call: Call, items: Iterable[BatchItem], label: str | None) -> Planned:
    """Check every request, let the guardrails see it, choose the provider, and fit each to its model.

    The route is chosen once for each model; all must lead to one provider.

    Raises:
        GatewayError: Nothing was sent.
    """
    chosen: dict[str, Route] = {}
    ready: list[BatchItem] = []
    runner = terms = target = None
    texts = 0
    for count, item in enumerate(items, start=1):
        if count % _AT_A_TIME == 0:
            await _let_others()
        request = item.request
        if parts.pipeline.guards.active:
            request = await parts.pipeline.guards.check_request(request, call)
        route = chosen.get(request.model)
        if route is None:
            route = chosen[request.model] = _route(parts, call, request)
        if terms is None:
            operation = "embed" if isinstance(request, EmbedRequest) else "generate"
            runner, terms = runner_of(parts, route.provider, operation)
            target = parts.targets[route.provider]
        texts += len(request.texts) if isinstance(request, EmbedRequest) else 0
        _check_count(count, texts, terms, route)
        assert target is not None
        ready.append(evolve(item, request=_fitted(request, route, target, call)))
    assert runner is not None
    assert terms is not None
    _check_together(chosen, terms)
    first = next(iter(chosen.values()))
    submission = BatchSubmission(
        items=tuple(ready), model=first.model, label=label or f"gateway-{call.id}", most_bytes=terms.bytes
    )
    return Planned(route=first, runner=runner, submission=submission, labels=terms.labels)


async def send(parts: Composition, call: Call, planned: Planned) -> Batch:
    """Upload what must be there first, then make the batch: the first may be tried again, the second is not.

    Raises:
        BatchUncertainError: The answer to the second was lost.
        GatewayError: No batch was made.
    """
    runner, submission, routes = planned.runner, planned.submission, (planned.route,)
    uploaded: str | None = None
    sent = False

    async def upload(attempt: Attempt) -> str | None:
        prepared = await runner.prepare_batch(submission, call)
        attempt.ended()
        return prepared

    async def start(attempt: Attempt) -> Batch:
        nonlocal sent
        sent = True
        try:
            batch = await runner.start_batch(submission, uploaded, call)
        except GatewayError as error:
            if not _is_uncertain(error):
                sent = False
                raise
            raise _uncertain(error, planned, uploaded) from error
        attempt.ended()
        return batch

    attempts = parts.pipeline.upstream.attempts
    uploaded = await attempts.run(call, routes, upload)
    try:
        return await attempts.run(call, routes, start)
    except DeadlineExceededError as error:
        if sent:
            raise _uncertain(error, planned, uploaded) from error
        raise


async def finished(parts: Composition, call: Call, result: BatchResult, batch_id: str, shape: Any) -> BatchResult:
    """Let the output guardrails see an answer, price it, and parse it when a shape is asked for."""
    answer = result.response
    if answer is None:
        return result
    provider = provider_of(batch_id)
    try:
        if parts.pipeline.guards.active and isinstance(answer, GenerateResponse):
            answer = await parts.pipeline.guards.check_response(answer, call)
        metadata = {
            **answer.metadata,
            "provider": provider,
            "batch_id": batch_id,
            "custom_id": result.custom_id,
            **_cost(parts, provider, answer.model, answer.usage),
        }
        answer = evolve(answer, metadata=metadata)
        if shape is not None and isinstance(answer, GenerateResponse):
            from litellm_gateway.structured_output import parsed

            answer = evolve(answer, parsed=parsed(shape, answer))
    except DeadlineExceededError:
        raise
    except GatewayError as error:
        return evolve(result, response=None, error=error)
    return evolve(result, response=answer)


def provider_of(batch_id: str) -> str:
    """Give the provider's name in a batch's id."""
    return batch_id.rpartition(":")[0]


def _cost(parts: Composition, provider: str, model: str, usage: Any) -> dict[str, Any]:
    """Price an answer: the usual price times the part of it that the provider charges for batches."""
    terms = parts.targets[provider].offer.batches
    usual = parts.pipeline.ledger.cost(provider, model, usage)
    if usual is None or terms is None or terms.price is None:
        return {"cost": None}
    return {"cost": usual * terms.price, "price_factor": terms.price}


def _route(parts: Composition, call: Call, request: Request) -> Route:
    routes = parts.pipeline.routes(request)
    route: Route = parts.pipeline.upstream.attempts.in_order(call.tenant, routes)[0]
    return route


def _fitted(request: Request, route: Route, target: Target, call: Call) -> Request:
    if request.model != route.model:
        request = evolve(request, model=route.model)
    if target.capabilities is None or not isinstance(request, GenerateRequest):
        return request
    return fit(request, target.capabilities(route.model), route=route, on_unsupported=call.on_unsupported)


def _check_count(requests: int, texts: int, terms: BatchTerms, route: Route) -> None:
    for count, most, what in ((requests, terms.requests, "requests"), (texts, terms.texts, "texts to embed")):
        if most is not None and count > most:
            raise InvalidRequestError(
                f"a batch of '{route.provider}' holds at most {most} {what}; submit them in parts",
                parameter="requests",
                provider=route.provider,
            )


def _check_together(chosen: dict[str, Route], terms: BatchTerms) -> None:
    providers = {route.provider for route in chosen.values()}
    models = {route.model for route in chosen.values()}
    if len(providers) > 1:
        raise InvalidRequestError(
            f"the requests lead to several providers ({', '.join(sorted(providers))}); submit one batch for each",
            parameter="model",
        )
    if len(models) > 1 and not terms.mixed_models:
        raise InvalidRequestError(
            f"a batch of '{min(providers)}' is for one model, and these requests name {', '.join(sorted(models)[:5])}; "
            "submit one batch for each",
            parameter="model",
            provider=min(providers),
        )


def _is_uncertain(error: GatewayError) -> bool:
    """May the provider have made the batch though this came back?"""
    if not isinstance(error, ProviderError | DeadlineExceededError):
        return False
    if getattr(error, "phase", None) == "connect" or error.status_code in _REFUSALS:
        return False
    return error.status_code is None or not 300 <= error.status_code < 500 or error.status_code == 408


def _uncertain(error: GatewayError, planned: Planned, uploaded: str | None) -> BatchUncertainError:
    provider, label = planned.route.provider, planned.submission.label if planned.labels else ""
    name = f", under the label '{label}'" if label else ""
    file = f"; its requests are there as '{uploaded}'" if uploaded else ""
    return BatchUncertainError(
        f"'{provider}' gave no readable answer when the batch was made ({type(error).__name__}), so it may exist"
        f"{name}{file}. Look with batches.list(provider='{provider}') before you submit it again",
        label=label,
        input_id=uploaded,
        provider=provider,
        status_code=error.status_code,
        request_id=error.request_id,
        model=planned.submission.model,
        code=error.code,
    )


async def _let_others() -> None:
    import asyncio

    await asyncio.sleep(0)
