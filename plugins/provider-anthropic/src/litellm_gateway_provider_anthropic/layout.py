"""Keep the order of an answer's blocks where its parts alone would lose it, and restore it on the way back.

An answer is text, reasoning parts and tool calls. Sent back, reasoning goes first, then the text, then the calls:
right for nearly every answer. One in which they alternate carries a last reasoning part that says how.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from litellm_gateway.messages import ReasoningPart

if TYPE_CHECKING:
    from collections.abc import Sequence

OWN: Final = "anthropic"
"""Key in ``ReasoningPart.extra`` under which this provider keeps what only it understands."""
_LAYOUT: Final = "layout"
_REASONING: Final = "reasoning"
_CALL: Final = "call"
_RANK: Final = {_REASONING: 0, _CALL: 2}


def raw_part(block: Mapping[str, Any]) -> ReasoningPart:
    """Give a part that is sent back as exactly this block."""
    return ReasoningPart(extra={OWN: dict(block)})


def raw_block(part: ReasoningPart) -> dict[str, Any] | None:
    """Give the block a part stands for, None when it is none of this provider's."""
    own = (part.extra or {}).get(OWN)
    return dict(own) if isinstance(own, Mapping) and _LAYOUT not in own else None


class Order:
    """Notes the order of blocks while an answer is read."""

    __slots__ = ("_steps",)

    def __init__(self) -> None:
        self._steps: list[str | int] = []

    def add_text(self, length: int) -> None:
        """Note that much text, in characters; texts in a row are one."""
        if self._steps and isinstance(self._steps[-1], int):
            self._steps[-1] += length
        elif length:
            self._steps.append(length)

    def add_reasoning(self) -> None:
        """Note a reasoning part."""
        self._steps.append(_REASONING)

    def add_call(self) -> None:
        """Note a tool call."""
        self._steps.append(_CALL)

    def part(self) -> ReasoningPart | None:
        """Give the part that carries the order, None when it is the usual one."""
        ranks = [_rank(step) for step in self._steps]
        if ranks == sorted(ranks):
            return None
        return ReasoningPart(extra={OWN: {_LAYOUT: tuple(self._steps)}})


def _rank(step: str | int) -> int:
    return 1 if isinstance(step, int) else _RANK[step]


def read_layout(parts: Sequence[Any]) -> tuple[str | int, ...]:
    """Give the order the parts of a message carry, ``()`` when they carry none that can be read."""
    for part in reversed(parts):
        own = (part.extra or {}).get(OWN) if isinstance(part, ReasoningPart) else None
        steps = own.get(_LAYOUT) if isinstance(own, Mapping) else None
        if isinstance(steps, list | tuple):
            known = all(step in _RANK if isinstance(step, str) else isinstance(step, int) for step in steps)
            return tuple(steps) if known else ()
    return ()


def arrange(
    steps: Sequence[str | int],
    reasoning: Sequence[dict[str, Any]],
    text: str,
    calls: Sequence[dict[str, Any]],
) -> list[dict[str, Any]] | None:
    """Give the blocks in the noted order, None when they are not those it was noted for."""
    lengths = [step for step in steps if isinstance(step, int)]
    kinds = list(steps)
    if (sum(lengths), kinds.count(_REASONING), kinds.count(_CALL)) != (len(text), len(reasoning), len(calls)):
        return None
    blocks: list[dict[str, Any]] = []
    thoughts, actions, start = iter(reasoning), iter(calls), 0
    for step in steps:
        if isinstance(step, int):
            blocks.append({"type": "text", "text": text[start : start + step]})
            start += step
        else:
            blocks.append(next(thoughts if step == _REASONING else actions))
    return blocks
