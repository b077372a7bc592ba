"""Say how hard to think in the words of the model at hand: a level from Gemini 3 on, a budget of tokens before.

What each family knows stands in ``thinking.json``.
"""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from litellm_gateway.errors import UnsupportedParameterError

if TYPE_CHECKING:
    from litellm_gateway.requests import GenerateRequest

_GENERATION = re.compile(r"gemini-(\d{1,3})(?![\d])")
_FIRST_WITH_LEVELS: Final = 3


def write_thinking(request: GenerateRequest, *, include_thoughts: bool) -> dict[str, Any] | None:
    """Give ``thinkingConfig``, None when the request says nothing about thinking.

    Effort and budget are never sent together: a model that counts in levels takes the effort, one that counts in
    tokens the budget, and the other one only where its own is not given.

    Raises:
        UnsupportedParameterError: The model cannot do that effort.
    """
    effort, budget = request.reasoning_effort, request.reasoning_budget
    if effort is None and budget is None:
        return None
    family = _family(model_name(request.model))
    if effort is None or (budget is not None and "budgets" in family):
        config: dict[str, Any] = {"thinkingBudget": budget}
    elif "budgets" in family:
        config = {"thinkingBudget": _known(family["budgets"], effort, request.model)}
    else:
        config = {"thinkingLevel": _known(family["levels"], effort, request.model)}
    if include_thoughts and effort != "none" and config.get("thinkingBudget") != 0:
        config["includeThoughts"] = True
    return config


def wants_signatures(model: str) -> bool:
    """Tell whether the model refuses a call that comes back without its signature: Gemini 3 and later."""
    found = _GENERATION.match(model_name(model))
    return found is not None and int(found.group(1)) >= _FIRST_WITH_LEVELS


def model_name(model: str) -> str:
    """Give the bare name of a model that may be a resource name (``publishers/google/models/...``)."""
    return model.rpartition("/")[2]


def _known(table: dict[str, Any], effort: str, model: str) -> Any:
    value = table[effort]
    if value is None:
        raise UnsupportedParameterError(
            f"the thinking of '{model_name(model)}' cannot be switched off; the least it does is effort 'minimal'",
            parameter="reasoning_effort",
        )
    return value


@lru_cache(maxsize=256)
def _family(model: str) -> dict[str, Any]:
    """Give the first family that fits; the last one fits every model."""
    return next(family for family in _families() if any(fnmatchcase(model, pattern) for pattern in family["match"]))


@cache
def _families() -> list[dict[str, Any]]:
    table: dict[str, list[dict[str, Any]]] = json.loads(files(__package__).joinpath("thinking.json").read_text("utf-8"))
    return table["families"]
