"""Put the pieces of a streamed block of a server tool together: its call, or its result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway import json_codec
from litellm_gateway.wire_shapes import as_list, as_object, as_text

from litellm_gateway_provider_bedrock.own_blocks import own_part

if TYPE_CHECKING:
    from litellm_gateway.messages import ReasoningPart


class ServerBlock:
    """One such block between its start and its stop."""

    __slots__ = ("_content", "_input", "_start")

    def __init__(self, start: dict[str, Any]) -> None:
        self._start = start
        self._input: list[str] = []
        self._content: list[Any] = []

    def add(self, delta: dict[str, Any]) -> None:
        """Take the next piece."""
        if "toolUse" in delta:
            self._input.append(as_text(as_object(delta["toolUse"], "toolUse").get("input"), "input"))
        self._content += as_list(delta.get("toolResult"), "toolResult")

    def part(self) -> ReasoningPart:
        """Give the whole block as a part that goes back as it came.

        Raises:
            ValueError: The tool's input is no JSON.
        """
        if "toolResult" in self._start:
            return own_part(
                {"toolResult": {**as_object(self._start["toolResult"], "result"), "content": self._content}}
            )
        tool_use = as_object(self._start["toolUse"], "toolUse")
        return own_part({"toolUse": {**tool_use, "input": json_codec.decode("".join(self._input) or "{}")}})
