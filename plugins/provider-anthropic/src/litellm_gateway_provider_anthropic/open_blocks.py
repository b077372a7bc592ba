"""Blocks of a stream that are complete only when they close: tool calls, and blocks handed on as they are."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from litellm_gateway import json_codec
from litellm_gateway.responses import StreamChunk, ToolCallDelta
from litellm_gateway.wire_shapes import as_object, as_text

from litellm_gateway_provider_anthropic.layout import raw_part

if TYPE_CHECKING:
    from collections.abc import Sequence


class OpenBlock(Protocol):
    """A block between its start and its stop."""

    def add(self, delta: dict[str, Any]) -> Sequence[StreamChunk]:
        """Take a delta and give the pieces it makes."""
        ...

    def close(self) -> Sequence[StreamChunk]:
        """Give the pieces only the whole block makes."""
        ...


class OpenCall:
    """A tool call; ``index`` counts the calls of the answer, not its blocks."""

    __slots__ = ("_block", "_has_arguments", "_index")

    def __init__(self, index: int, block: dict[str, Any]) -> None:
        self._index = index
        self._block = block
        self._has_arguments = False

    def start(self) -> StreamChunk:
        """Give the piece with id and name."""
        name, call_id = as_text(self._block.get("name"), "tool name"), as_text(self._block.get("id"), "tool call id")
        if not name:
            raise ValueError("a tool call has no name")
        return StreamChunk(kind="tool_call", tool_call=ToolCallDelta(index=self._index, id=call_id or None, name=name))

    def add(self, delta: dict[str, Any]) -> Sequence[StreamChunk]:
        """Give the next piece of the arguments."""
        text = as_text(delta.get("partial_json"), "partial_json")
        if not text:
            return ()
        self._has_arguments = True
        return (self._piece(text),)

    def close(self) -> Sequence[StreamChunk]:
        """Give arguments that came whole with the start, as some servers send them."""
        arguments = as_object(self._block.get("input"), "tool input")
        if self._has_arguments or not arguments:
            return ()
        return (self._piece(json_codec.encode(arguments).decode()),)

    def _piece(self, arguments: str) -> StreamChunk:
        return StreamChunk(kind="tool_call", tool_call=ToolCallDelta(index=self._index, arguments=arguments))


class OpenRaw:
    """A server tool's block, or one newer than this reader: given whole, as annotation and for the way back."""

    __slots__ = ("_block", "_input")

    def __init__(self, block: dict[str, Any]) -> None:
        self._block = dict(block)
        self._input: list[str] = []

    def add(self, delta: dict[str, Any]) -> Sequence[StreamChunk]:
        """Add the delta: pieces of ``input`` to be read at the end, texts to texts, all else in place."""
        if delta.get("type") == "input_json_delta":
            self._input.append(as_text(delta.get("partial_json"), "partial_json"))
            return ()
        for name, value in delta.items():
            there = self._block.get(name)
            if name != "type":
                self._block[name] = there + value if isinstance(there, str) and isinstance(value, str) else value
        return ()

    def close(self) -> Sequence[StreamChunk]:
        """Give the whole block; input that was cut short stays out."""
        with suppress(ValueError):
            self._block["input"] = json_codec.decode("".join(self._input))
        return (
            StreamChunk(kind="annotation", data=self._block),
            StreamChunk(kind="reasoning", reasoning=raw_part(self._block)),
        )
