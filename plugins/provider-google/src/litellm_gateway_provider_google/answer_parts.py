"""Turn the parts of an answer into pieces; one reader per answer, whole or streamed.

What is neither text nor a call (code and its result, calls of Google's own tools, media) is given twice: as an
annotation to look at, and as a :class:`ReasoningPart` whose ``extra`` goes back unchanged with the next turn.
So do the signatures of texts and thoughts, and what else stands beside a text.
"""

from __future__ import annotations

from typing import Any, Final

from litellm_gateway import json_codec
from litellm_gateway.messages import ReasoningPart
from litellm_gateway.responses import StreamChunk, ToolCallDelta
from litellm_gateway.wire_shapes import as_object, as_text

from litellm_gateway_provider_google.partial_arguments import PartialArguments
from litellm_gateway_provider_google.tool_call_ids import made_id

KEPT: Final = "google_part"
"""Where ``ReasoningPart.extra`` holds a part that goes back as it came."""
BESIDE_TEXT: Final = "google_text"
"""Where it holds what goes back beside a text, and not in a part of its own."""
_OWN: Final = frozenset({"text", "thought", "thoughtSignature", "functionCall"})
_DATA: Final = frozenset({
    "inlineData", "fileData", "functionResponse", "executableCode", "codeExecutionResult", "toolCall", "toolResponse",
})  # fmt: skip


class AnswerParts:
    """Reads parts in order and counts the calls among them."""

    __slots__ = ("_open", "calls", "response_id")

    def __init__(self) -> None:
        self.calls = 0
        self.response_id = ""
        self._open: PartialArguments | None = None

    def read(self, part: dict[str, Any]) -> list[StreamChunk]:
        """Give the pieces of one part.

        Raises:
            ValueError: The part has another shape than parts have.
        """
        signature = as_text(part.get("thoughtSignature"), "thoughtSignature")
        if "functionCall" in part:
            return self._call(as_object(part["functionCall"], "functionCall"), signature)
        others = part.keys() - _OWN
        if others and (not part.get("text") or others & _DATA):
            return [_kept(part), _shown(part)]
        text = as_text(part.get("text"), "text")
        if others:
            return _with_others(part, text)
        if part.get("thought"):
            if signature:
                return [_kept({"thought": True, "thoughtSignature": signature}, text)]
            return [StreamChunk(kind="reasoning", reasoning=ReasoningPart(text=text))] if text else []
        pieces = [StreamChunk(text)] if text else []
        if signature:
            pieces.append(_kept({"thoughtSignature": signature} if text else {"text": "", **part}))
        return pieces

    def close(self) -> list[StreamChunk]:
        """Give what is left of a call whose end never came."""
        return self._finished() if self._open is not None else []

    def _call(self, call: dict[str, Any], signature: str) -> list[StreamChunk]:
        name = as_text(call.get("name"), "function name")
        if not name:
            return self._continued(call)
        pieces = self.close()
        args = as_object(call.get("args"), "args")
        delta = ToolCallDelta(
            index=self.calls,
            id=as_text(call.get("id"), "function call id") or made_id(self.calls, self.response_id),
            name=name,
            arguments="" if call.get("willContinue") else _written(args, call),
            signature=signature or None,
        )
        self.calls += 1
        if call.get("willContinue"):
            self._open = PartialArguments(args)
            self._open.add(call.get("partialArgs"))
        return [*pieces, StreamChunk(kind="tool_call", tool_call=delta)]

    def _continued(self, call: dict[str, Any]) -> list[StreamChunk]:
        """More of the open call; an empty one ends it."""
        if self._open is None:
            raise ValueError("a function call has no name")
        self._open.add(call.get("partialArgs"))
        return [] if call.get("willContinue") else self._finished()

    def _finished(self) -> list[StreamChunk]:
        assert self._open is not None
        delta = ToolCallDelta(index=self.calls - 1, arguments=self._open.text())
        self._open = None
        return [StreamChunk(kind="tool_call", tool_call=delta)]


def _written(args: dict[str, Any], call: dict[str, Any]) -> str:
    if not call.get("partialArgs"):
        return json_codec.encode(args).decode()
    partial = PartialArguments(args)
    partial.add(call["partialArgs"])
    return partial.text()


def _with_others(part: dict[str, Any], text: str) -> list[StreamChunk]:
    """A text or a thought with more beside it, such as its ``partMetadata``."""
    beside = {name: value for name, value in part.items() if name != "text"}
    if part.get("thought"):
        return [_kept(beside, text), _shown(beside)]
    note = ReasoningPart(extra={BESIDE_TEXT: beside})
    return [StreamChunk(text), StreamChunk(kind="reasoning", reasoning=note), _shown(beside)]


def _shown(part: dict[str, Any]) -> StreamChunk:
    shown = {name: value for name, value in part.items() if name != "thoughtSignature"}
    return StreamChunk(kind="annotation", data=shown)


def _kept(part: dict[str, Any], text: str = "") -> StreamChunk:
    return StreamChunk(kind="reasoning", reasoning=ReasoningPart(text=text, extra={KEPT: part}))
