"""Keep blocks that only Converse knows (server tools and the like) as parts that go back exactly as they came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from litellm_gateway.messages import ReasoningPart

if TYPE_CHECKING:
    from collections.abc import Mapping

OWN: Final = "bedrock"
"""Key in ``ReasoningPart.extra`` under which such a block lies."""


def own_part(block: Mapping[str, Any]) -> ReasoningPart:
    """Give a part that carries a block of Converse's."""
    return ReasoningPart(extra={OWN: dict(block)})


def own_block(part: ReasoningPart) -> dict[str, Any] | None:
    """Give the block a part carries, None when it carries none."""
    block = (part.extra or {}).get(OWN)
    return dict(block) if block else None


def is_server_tool(tool_use: Mapping[str, Any]) -> bool:
    """Tell whether the service runs this tool itself, so that the caller must not."""
    return tool_use.get("type") == "server_tool_use"
