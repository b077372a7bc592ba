"""Say how hard to think in a step the model has: the nearest one to what was asked."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_STEPS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def fitting_effort(effort: str | None, model: str, known: Sequence[tuple[str, Sequence[str]]]) -> str | None:
    """Give the step the model has that is nearest to the one asked, the lower of two.

    ``none`` stays what it is: a model that always thinks refuses it, and no other step means not to think.

    Args:
        effort: The step asked for, if any.
        model: The model.
        known: Patterns (from the start of the name) of models with the steps they have; the first that fits
            decides, and a model that none fits takes every step.
    """
    if effort is None or effort == "none":
        return effort
    steps = next((steps for pattern, steps in known if _compiled(pattern).match(model)), None)
    if not steps or effort in steps:
        return effort
    place = _STEPS.index(effort)
    return min((step for step in steps if step != "none"), key=lambda step: abs(_STEPS.index(step) - place))


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
