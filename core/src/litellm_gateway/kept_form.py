"""How answers are kept and shared within this process, so that nobody who has one can change another's.

The form for keeping is compact, unchangeable, and without what belongs to a call.
"""

from __future__ import annotations

from copy import copy, deepcopy
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter, itemgetter
from sys import getsizeof
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from attrs import evolve

from litellm_gateway.answer_codec import PER_CALL
from litellm_gateway.responses import EmbedResponse, GenerateResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from litellm_gateway.messages import ReasoningPart, ToolCall
    from litellm_gateway.token_usage import TokenUsage

_ANSWER, _PART = 600, 250
"""Bytes an answer, and a part of it, take beside their texts (measured, rounded up)."""

_UNCHANGING = frozenset({str, int, float, bool, type(None), Decimal})


class KeptAnswer(NamedTuple):
    """An answer for text as a tuple of what is in it: far smaller than the answer itself, and quickly made.

    Attributes:
        names, values: Its metadata; answers of one provider share one tuple of names.
        size: Bytes it takes, about.
    """

    text: str
    model: str
    usage: TokenUsage
    finish_reason: str
    raw_finish_reason: str | None
    tool_calls: tuple[ToolCall, ...]
    reasoning: tuple[ReasoningPart, ...]
    refusal: str | None
    names: tuple[str, ...]
    values: tuple[Any, ...]
    size: int

    def __repr__(self) -> str:
        return f"KeptAnswer(model={self.model!r}, size={self.size})"

    def answer(self) -> GenerateResponse:
        """Give the answer, each time a new one."""
        return GenerateResponse(
            text=self.text,
            model=self.model,
            usage=self.usage,
            finish_reason=self.finish_reason,
            raw_finish_reason=self.raw_finish_reason,
            tool_calls=self.tool_calls,
            reasoning=self.reasoning,
            refusal=self.refusal,
            metadata=dict(zip(self.names, self.values, strict=True)),
        )


_IN_ORDER: Final = attrgetter(*KeptAnswer._fields[:-3])


def kept_form(answer: GenerateResponse | EmbedResponse) -> KeptAnswer | None:
    """Give an answer as it can be kept; None when it holds something that whoever reads it could change."""
    if type(answer) is not GenerateResponse or answer.annotations or answer.parsed is not None:
        return None
    if type(answer.reasoning) is not tuple or type(answer.tool_calls) is not tuple:
        return None
    metadata = answer.metadata
    names, read = _lasting(tuple(metadata))
    values = read(metadata)
    if not _UNCHANGING.issuperset(map(type, values)):
        return None
    size = _ANSWER + getsizeof(answer.text) + sum(map(getsizeof, values))
    for part in answer.reasoning:
        if part.extra is not None:
            return None
        size += getsizeof(part.text) + getsizeof(part.signature) + _PART
    for call in answer.tool_calls:
        size += getsizeof(call.arguments) + getsizeof(call.signature) + _PART
    return KeptAnswer._make((*_IN_ORDER(answer), names, values, size))


def apart(answer: Any) -> Any:
    """Give an answer again, sharing nothing with it that whoever has it could change; itself if nothing is shared."""
    try:
        if isinstance(answer, EmbedResponse):
            return evolve(answer, vectors=tuple(map(copy, answer.vectors)), metadata=deepcopy(answer.metadata))
        if not isinstance(answer, GenerateResponse):
            return answer
        if not answer.annotations and _UNCHANGING.issuperset(map(type, answer.metadata.values())):
            return answer
        return evolve(answer, annotations=deepcopy(answer.annotations), metadata=deepcopy(answer.metadata))
    except Exception:  # something of a plugin's that cannot be copied
        return answer


@lru_cache(maxsize=256)
def _lasting(names: tuple[str, ...]) -> tuple[tuple[str, ...], Callable[[Mapping[str, Any]], tuple[Any, ...]]]:
    """Give the names that do not tell of one call only, the same tuple each time, and what reads their values."""
    kept = tuple(name for name in names if name not in PER_CALL)
    if len(kept) > 1:
        return kept, itemgetter(*kept)
    return kept, lambda metadata: tuple([metadata[name] for name in kept])
