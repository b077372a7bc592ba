"""Write how hard the model shall think, in the words its generation understands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from litellm_gateway.errors import InvalidRequestError, UnsupportedParameterError

if TYPE_CHECKING:
    from litellm_gateway.requests import GenerateRequest

    from litellm_gateway_provider_anthropic.traits import Traits

LEAST_BUDGET: Final = 1024
_EFFORTS: Final = {"minimal": "low"}
_SHARES: Final = {"minimal": 0.0, "low": 0.2, "medium": 0.5, "high": 0.8, "xhigh": 0.9, "max": 0.95}
"""Share of ``max_tokens`` an effort stands for with models that take a budget only."""


def add_thinking(body: dict[str, Any], request: GenerateRequest, traits: Traits) -> None:
    """Add ``thinking`` and ``output_config.effort``; ``max_tokens`` must stand in the body.

    Raises:
        UnsupportedParameterError: The model cannot think, or cannot do without.
        InvalidRequestError: ``max_tokens`` leaves no room for the least budget there is.
    """
    effort, budget = request.reasoning_effort, request.reasoning_budget
    if effort == "none" or budget == 0:
        _switch_off(body, request, traits)
        return
    if traits.thinking == "none":
        raise UnsupportedParameterError(
            f"'{request.model}' does not think; leave reasoning_effort and reasoning_budget out",
            parameter="reasoning_effort" if budget is None else "reasoning_budget",
        )
    if budget is not None:
        body["thinking"] = {"type": "enabled", "budget_tokens": budget}
    elif traits.thinking == "budget":
        body["thinking"] = {"type": "enabled", "budget_tokens": _budget(effort or "medium", body["max_tokens"])}
    else:
        body["thinking"] = {"type": "adaptive"}
    if effort is not None and traits.effort:
        body["output_config"] = {"effort": _EFFORTS.get(effort, effort)}


def _switch_off(body: dict[str, Any], request: GenerateRequest, traits: Traits) -> None:
    if traits.thinking == "always":
        raise UnsupportedParameterError(
            f"'{request.model}' always thinks; ask for reasoning_effort='low' or choose another model",
            parameter="reasoning_effort",
        )
    if traits.thinking == "adaptive":
        body["thinking"] = {"type": traits.off}


def _budget(effort: str, max_tokens: int) -> int:
    """Give the budget an effort stands for; it must stay below ``max_tokens``, which counts thinking too."""
    if max_tokens <= LEAST_BUDGET:
        raise InvalidRequestError(
            f"thinking takes at least {LEAST_BUDGET} tokens of max_tokens, which is only {max_tokens}; raise it",
            parameter="max_tokens",
        )
    return max(LEAST_BUDGET, min(int(max_tokens * _SHARES.get(effort, _SHARES["max"])), max_tokens - 1))
