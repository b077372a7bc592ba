"""The form of an answer that can be kept as it is: plain data that nobody can change, and what belongs to no call."""

from __future__ import annotations

from decimal import Decimal
from sys import getsizeof
from types import MappingProxyType
from typing import TYPE_CHECKING

from litellm_gateway.answer_codec import PER_CALL
from litellm_gateway.responses import GenerateResponse

if TYPE_CHECKING:
    from litellm_gateway.responses import EmbedResponse

_ANSWER, _PART = 600, 250
"""Bytes an answer, and a part of it, take beside their texts: objects, usage, metadata (measured, rounded up)."""

_UNCHANGING = frozenset({str, int, float, bool, type(None), Decimal})


def kept_form(answer: GenerateResponse | EmbedResponse) -> tuple[GenerateResponse, int] | None:
    """Give an answer to keep, and about how many bytes it takes.

    Returns:
        The answer without what tells of one call only; None when it holds something its reader could change.
    """
    if type(answer) is not GenerateResponse or answer.annotations or answer.parsed is not None:
        return None
    metadata = {name: value for name, value in answer.metadata.items() if name not in PER_CALL}
    values = metadata.values()
    if not _UNCHANGING.issuperset(map(type, values)):
        return None
    size = _ANSWER + getsizeof(answer.text) + sum(map(getsizeof, values))
    for part in answer.reasoning:
        if part.extra is not None:
            return None
        size += getsizeof(part.text) + getsizeof(part.signature) + _PART
    for call in answer.tool_calls:
        size += getsizeof(call.arguments) + getsizeof(call.signature) + _PART
    return answer.with_metadata(MappingProxyType(metadata)), size
