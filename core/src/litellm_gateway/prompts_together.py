"""Answer prompts of one batch by one request, where a provider can: each keeps its own call, attempt and error.

Only prompts that reach the same route at the same moment, and differ in nothing but their messages, go together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import fields

from litellm_gateway.abilities import ask, fitted, is_whole
from litellm_gateway.attempts import within_deadline
from litellm_gateway.batching import Batcher
from litellm_gateway.errors import (
    ContentFilteredError,
    GatewayError,
    InvalidRequestError,
    MalformedResponseError,
    PluginContractError,
)
from litellm_gateway.requests import GenerateRequest
from litellm_gateway.responses import GenerateResponse

if TYPE_CHECKING:
    from litellm_gateway.attempts import Attempt
    from litellm_gateway.company import Company

    Asked = tuple[Attempt, GenerateRequest]
    Told = GenerateResponse | BaseException

_MOST_WAITING = 100_000
_ALIKE = tuple(field.name for field in fields(GenerateRequest) if field.name != "messages")


class PromptsTogether:
    """Joins the attempts of calls that left together.

    Args:
        size: Prompts of one request at most.
    """

    def __init__(self, *, size: int) -> None:
        self._batcher: Batcher[Asked, GenerateResponse] = Batcher(size=size, timeout=0.0, max_waiting=_MOST_WAITING)

    async def ask(self, attempt: Attempt, request: GenerateRequest, company: Company) -> GenerateResponse:
        """Let the attempt's provider answer, together with those of its company that ask the same route now.

        Raises as :func:`~litellm_gateway.abilities.ask` does.
        """
        can = getattr(attempt.target.provider, "generate_many", None)
        if can is None or request.extra_body or request.extra_headers:
            answer: GenerateResponse = await ask(attempt, request)
            return answer
        submitted = self._batcher.submit((company, attempt.route.id), (attempt, request), partial(_answer, company))
        return await within_deadline(attempt.call, submitted)  # the request has the time of the most patient


async def _answer(company: Company, asked: Sequence[Asked]) -> Sequence[Told]:
    """Give each its answer or its error, in order; what its model does not take stops the one that asks for it."""
    told: list[Told | None] = [None] * len(asked)
    alike: list[list[tuple[int, GenerateRequest]]] = []
    for place, (attempt, request) in enumerate(asked):
        try:
            request = fitted(attempt, request)
        except GatewayError as error:
            told[place] = error
            continue
        group = next((group for group in alike if _differ_in_messages_only(group[0][1], request)), None)
        if group is None:
            alike.append([(place, request)])
        else:
            group.append((place, request))
    groups = [[place for place, _ in group] for group in alike]
    answered = await asyncio.gather(
        *(
            _answer_alike(company, [asked[place][0] for place in places], [request for _, request in group])
            for places, group in zip(groups, alike, strict=True)
        )
    )
    for places, answers in zip(groups, answered, strict=True):
        for place, answer in zip(places, answers, strict=True):
            told[place] = answer
    return [each for each in told if each is not None]


def _differ_in_messages_only(one: GenerateRequest, other: GenerateRequest) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in _ALIKE)


async def _answer_alike(
    company: Company, attempts: Sequence[Attempt], requests: Sequence[GenerateRequest]
) -> Sequence[Told]:
    """Ask once for all, with the call that has most time; if the provider refuses that, each is asked for alone."""
    if len(attempts) == 1:
        return await _one_by_one(attempts, requests)
    lead = max(attempts, key=lambda attempt: attempt.call.deadline)
    many: Any = lead.target.provider
    try:
        answers = await many.generate_many(tuple(requests), lead.call)
        _check_number(answers, len(requests), lead)
    except (InvalidRequestError, ContentFilteredError):  # which may be the fault of one of them
        return await _one_by_one(attempts, requests)
    except Exception as error:
        company.failed(error)
        _tell_once(attempts)
        return [error] * len(attempts)
    _tell_once(attempts)
    return [_checked(answer, attempt) for answer, attempt in zip(answers, attempts, strict=True)]


async def _one_by_one(attempts: Sequence[Attempt], requests: Sequence[GenerateRequest]) -> Sequence[Told]:
    asked = zip(attempts, requests, strict=True)
    told: Sequence[Told] = await asyncio.gather(
        *(ask(attempt, request) for attempt, request in asked), return_exceptions=True
    )
    return told


def _tell_once(attempts: Sequence[Attempt]) -> None:
    """Have one attempt tell how the request of all of them went: the first whose call still waits for it."""
    for attempt in [each for each in attempts if each.is_open][1:]:
        attempt.is_silent = True


def _check_number(answers: Any, asked: int, lead: Attempt) -> None:
    name = lead.route.provider
    if not isinstance(answers, Sequence):
        raise _contract_error(name, f"gave {type(answers).__name__} for several prompts, which is no sequence")
    if len(answers) != asked:
        raise MalformedResponseError(
            f"provider '{name}' answered {asked} prompts with {len(answers)} answers, so that none can be trusted",
            provider=name,
            model=lead.route.model,
        )


def _checked(answer: Any, attempt: Attempt) -> Told:
    if isinstance(answer, GatewayError) or is_whole(answer, GenerateResponse):
        told: Told = answer
        return told
    kind = type(answer).__name__
    return _contract_error(attempt.route.provider, f"answered one of several prompts with {kind}")


def _contract_error(provider: str, what: str) -> PluginContractError:
    return PluginContractError(
        f"provider '{provider}' {what}; this is a fault of its plugin", plugin=provider, provider=provider
    )
