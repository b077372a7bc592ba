"""Write how hard the model shall think, and ``top_k``, in the words its family understands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from litellm_gateway.errors import InvalidRequestError, UnsupportedParameterError

if TYPE_CHECKING:
    from litellm_gateway.requests import GenerateRequest

    from litellm_gateway_provider_bedrock.model_traits import Traits

LEAST_BUDGET: Final = 1024
_UNLIMITED: Final = 16_384
"""What shares are taken of when ``max_tokens`` is left to the model."""
_SHARES: Final = {"minimal": 0.0, "low": 0.2, "medium": 0.5, "high": 0.8, "xhigh": 0.9, "max": 0.95}
"""Share of ``max_tokens`` an effort stands for with models that take a budget only."""
_THREE_STEPS: Final = {
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}
"""The efforts of families that know three."""


def add_reasoning(body: dict[str, Any], fields: dict[str, Any], request: GenerateRequest, traits: Traits) -> None:
    """Add effort or budget.

    Args:
        body: The request so far.
        fields: What goes into ``additionalModelRequestFields``.
        request: What was asked for.
        traits: How the model is told.

    Raises:
        UnsupportedParameterError: It is not known how this model is told, or it cannot do that.
    """
    reasoning = traits.reasoning
    if reasoning in ("adaptive", "always", "budget"):
        _claude(body, fields, request, reasoning)
        return
    if request.reasoning_budget is not None:
        raise _unsupported(request, "reasoning_budget")
    effort = request.reasoning_effort or "none"
    if reasoning == "nova":
        on = {"type": "enabled", "maxReasoningEffort": _THREE_STEPS.get(effort)}
        fields["reasoningConfig"] = {"type": "disabled"} if effort == "none" else on
    elif reasoning in ("effort", "config") and effort != "none":
        fields["reasoning_effort" if reasoning == "effort" else "reasoning_config"] = _THREE_STEPS[effort]
    elif reasoning != "config":  # where a word switches it on, saying none switches it off
        raise _unsupported(request, "reasoning_effort")


def add_top_k(fields: dict[str, Any], request: GenerateRequest, traits: Traits) -> None:
    """Add ``top_k``.

    Raises:
        UnsupportedParameterError: The model has no place for it that is known.
    """
    if not traits.top_k:
        raise _unsupported(request, "top_k")
    *steps, name = traits.top_k.split(".")
    for step in steps:
        fields = fields.setdefault(step, {})
    fields[name] = request.top_k


def _claude(body: dict[str, Any], fields: dict[str, Any], request: GenerateRequest, reasoning: str) -> None:
    effort, budget = request.reasoning_effort, request.reasoning_budget
    if effort == "none" or budget == 0:
        if reasoning == "always":
            raise UnsupportedParameterError(
                f"'{request.model}' always thinks; ask for reasoning_effort='low' or choose another model",
                parameter="reasoning_effort",
            )
        fields["thinking"] = {"type": "disabled"}
    elif budget is not None:
        fields["thinking"] = {"type": "enabled", "budget_tokens": budget}
    elif reasoning == "budget":
        fields["thinking"] = {"type": "enabled", "budget_tokens": _budget(request)}
    else:
        fields["thinking"] = {"type": "adaptive"}
    if effort not in (None, "none") and reasoning != "budget":
        body.setdefault("outputConfig", {})["effort"] = "low" if effort == "minimal" else effort


def _budget(request: GenerateRequest) -> int:
    """Give the budget an effort stands for; it must stay below ``max_tokens``, which counts thinking too."""
    most = request.max_tokens or _UNLIMITED
    if most <= LEAST_BUDGET:
        raise InvalidRequestError(
            f"thinking takes at least {LEAST_BUDGET} tokens of max_tokens, which is only {most}; raise it",
            parameter="max_tokens",
        )
    return max(LEAST_BUDGET, min(int(most * _SHARES[request.reasoning_effort or "medium"]), most - 1))


def _unsupported(request: GenerateRequest, parameter: str) -> UnsupportedParameterError:
    return UnsupportedParameterError(
        f"Converse has no '{parameter}', and how '{request.model}' is told is not known; leave it out, or give what "
        "the model takes by extra_body={'additionalModelRequestFields': {...}}",
        parameter=parameter,
    )
