"""Guess what a request will spend before it is sent, and learn from what providers report; bounded per model."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from attrs import define

from litellm_gateway.ledger import ANSWER_TOKENS, estimate_prompt_tokens, estimate_tokens
from litellm_gateway.requests import GenerateRequest

if TYPE_CHECKING:
    from litellm_gateway.requests import AnyRequest
    from litellm_gateway.responses import TokenUsage

_MODELS = 1024
_NEWS = 0.2
_SMALLEST, _LARGEST = 0.25, 4.0
_SHORTEST, _LONGEST = 64, 32_768


@define(eq=False)
class Estimate:
    """Tokens a request may spend; ``counted`` is the prompt before any correction."""

    prompt: int
    answer: int
    counted: int

    @property
    def total(self) -> int:
        """Prompt and answer together."""
        return self.prompt + self.answer


@define
class _Learned:
    """How much larger a model's prompts are than counted, and how long its answers get that have no limit."""

    factor: float = 1.0
    answer: float = ANSWER_TOKENS


_NOTHING: Final = _Learned()


class TokenEstimator:
    """Estimates per model; safe from any thread, where two lessons at once may count as one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._learned: OrderedDict[str, _Learned] = OrderedDict()

    def factor(self, model: str) -> float:
        """Give what the prompts counted for a model are multiplied with, 0.25 to 4."""
        return self._learned.get(model, _NOTHING).factor

    def estimate(self, model: str, request: AnyRequest) -> Estimate:
        """Guess the tokens of a request to a model (``provider/model``)."""
        learned = self._learned.get(model, _NOTHING)
        if not isinstance(request, GenerateRequest):
            counted = estimate_tokens(request)
            return Estimate(math.ceil(counted * learned.factor), 0, counted)
        counted = estimate_prompt_tokens(request)
        answer = request.max_tokens or math.ceil(learned.answer)
        return Estimate(math.ceil(counted * learned.factor), answer * (request.n or 1), counted)

    def learn(self, model: str, request: AnyRequest, estimate: Estimate, usage: TokenUsage) -> None:
        """Compare an estimate with what the provider reported."""
        prompt = usage.prompt_tokens
        if usage.estimated or not prompt or not estimate.counted:
            return
        learned = self._learned.get(model) or self._add(model)
        seen = prompt / estimate.counted
        if not _SMALLEST <= seen <= _LARGEST:
            seen = _SMALLEST if seen < _SMALLEST else _LARGEST
        learned.factor += _NEWS * (seen - learned.factor)
        if isinstance(request, GenerateRequest) and request.max_tokens is None:
            # Longer than expected is taken at once, shorter slowly: too little reserved is worse than too much.
            length = min(max(usage.completion_tokens, _SHORTEST), _LONGEST)
            pace = 1.0 if length > learned.answer else _NEWS / 4
            learned.answer += pace * (length - learned.answer)

    def _add(self, model: str) -> _Learned:
        with self._lock:
            if len(self._learned) >= _MODELS:
                self._learned.popitem(last=False)
            return self._learned.setdefault(model, _Learned())
