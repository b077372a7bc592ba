"""Keep what of an answer's blocks its parts alone would lose, and restore it on the way back.

An answer is text, reasoning parts and tool calls. Sent back, reasoning goes first, then the text, then the calls:
right for nearly every answer. One in which they alternate, whose text has citations or whose calls say more than
name and arguments, carries a last reasoning part that says how it was.
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
_OF_CALL: Final = frozenset({"type", "id", "name", "input"})
_DIRECT: Final = {"type": "direct"}


def raw_part(block: Mapping[str, Any]) -> ReasoningPart:
    """Give a part that is sent back as exactly this block."""
    return ReasoningPart(extra={OWN: dict(block)})


def raw_block(part: ReasoningPart) -> dict[str, Any] | None:
    """Give the block a part stands for, None when it is none of this provider's."""
    own = (part.extra or {}).get(OWN)
    return dict(own) if isinstance(own, Mapping) and _LAYOUT not in own else None


class Layout:
    """Notes the blocks of an answer while it is read: a word for each but texts, which have length and citations."""

    __slots__ = ("_steps",)

    def __init__(self) -> None:
        self._steps: list[Any] = []  # words, and [length, citations] of texts

    def begin_text(self) -> None:
        """Note that a block of text begins."""
        self._steps.append([0, []])

    def add_text(self, length: int) -> None:
        """Note that much text, in characters."""
        steps = self._steps
        if not steps or steps[-1].__class__ is not list:
            self.begin_text()
        steps[-1][0] += length

    def cite(self, note: Mapping[str, Any]) -> None:
        """Note a citation of the block of text that is open."""
        self.add_text(0)
        self._steps[-1][1].append(note)

    def add_reasoning(self) -> None:
        """Note a reasoning part."""
        self._steps.append(_REASONING)

    def add_call(self, block: Mapping[str, Any]) -> None:
        """Note a tool call, and what its block says beyond id, name and arguments (who called, which toolset)."""
        more = {name: value for name, value in block.items() if name not in _OF_CALL and value not in (None, _DIRECT)}
        self._steps.append({_CALL: more} if more else _CALL)

    def part(self) -> ReasoningPart | None:
        """Give the part that carries the layout, None when it is the usual one."""
        steps: list[Any] = []
        for step in self._steps:
            if not isinstance(step, list):
                steps.append(step)
            elif step[1]:
                steps.append({"text": step[0], "citations": step[1]})
            elif steps and isinstance(steps[-1], int):
                steps[-1] += step[0]
            elif step[0]:
                steps.append(step[0])
        ranks = [_rank(step) for step in steps]
        if ranks == sorted(ranks) and not any(isinstance(step, dict) for step in steps):
            return None
        return ReasoningPart(extra={OWN: {_LAYOUT: steps}})


def _rank(step: Any) -> int:
    return 0 if step == _REASONING else 2 if _is_call(step) else 1


def _is_call(step: Any) -> bool:
    return step == _CALL or (isinstance(step, Mapping) and isinstance(step.get(_CALL), Mapping))


def read_layout(parts: Sequence[Any]) -> Sequence[Any]:
    """Give the steps of the layout that stands among the parts, ``()`` when there is none that can be read."""
    for part in reversed(parts):
        own = (part.extra or {}).get(OWN) if isinstance(part, ReasoningPart) else None
        steps = own.get(_LAYOUT) if isinstance(own, Mapping) else None
        if isinstance(steps, list | tuple):
            return steps if all(map(_is_step, steps)) else ()
    return ()


def _is_step(step: Any) -> bool:
    return step == _REASONING or _is_call(step) or _length(step) is not None


def _length(step: Any) -> int | None:
    length = step.get("text") if isinstance(step, Mapping) else step
    return length if isinstance(length, int) and length >= 0 else None


def arrange(
    steps: Sequence[Any], reasoning: Sequence[dict[str, Any]], text: str, calls: Sequence[dict[str, Any]]
) -> list[dict[str, Any]] | None:
    """Give the blocks as they were, None when they are not those the layout was noted for."""
    length = sum(_length(step) or 0 for step in steps)
    noted = (length, sum(step == _REASONING for step in steps), sum(map(_is_call, steps)))
    if noted != (len(text), len(reasoning), len(calls)):
        return None
    blocks: list[dict[str, Any]] = []
    thoughts, actions, start = iter(reasoning), iter(calls), 0
    for step in steps:
        if step == _REASONING:
            blocks.append(next(thoughts))
        elif _is_call(step):
            blocks.append({**next(actions), **(step[_CALL] if isinstance(step, Mapping) else {})})
        else:
            end = start + (_length(step) or 0)
            blocks.append(_text(step, text[start:end]))
            start = end
    return blocks


def _text(step: Any, text: str) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "text", "text": text}
    if isinstance(step, Mapping) and step.get("citations"):
        block["citations"] = list(step["citations"])
    return block
