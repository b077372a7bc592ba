"""Write messages the way the Messages API wants them: a system prompt on top, turns of user and assistant.

Messages of one side in a row become one turn, in which tool results come first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway.errors import InvalidRequestError
from litellm_gateway.messages import ReasoningPart

from litellm_gateway_provider_anthropic.blocks import (
    write_call,
    write_part,
    write_reasoning,
    write_text,
)
from litellm_gateway_provider_anthropic.layout import arrange, read_layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_gateway.messages import Message

Blocks = list[dict[str, Any]]
Content = str | Blocks


def write_conversation(
    messages: Sequence[Message], *, keeps_system_in_place: bool
) -> tuple[Content | None, list[dict[str, Any]]]:
    """Give the system prompt (None when there is none) and the turns.

    Args:
        messages: The conversation.
        keeps_system_in_place: The model takes system messages after the first turn where they stand; else all of
            them go to the top, in order.

    Raises:
        InvalidRequestError: Nothing is left to answer, or a tool result names no call.
    """
    system: Blocks = []
    turns: list[tuple[str, Blocks]] = []
    for message in messages:
        role, blocks = _turn(message)
        if role == "system" and not (turns and keeps_system_in_place):
            system += blocks
        elif blocks and turns and turns[-1][0] == role:
            turns[-1][1].extend(blocks)
        elif blocks:
            turns.append((role, blocks))
    if not turns:
        raise InvalidRequestError("Anthropic needs at least one message that is not a system message, and not empty")
    written = [{"role": role, "content": _short(_results_first(blocks))} for role, blocks in turns]
    return (_short(system) if system else None), written


def _turn(message: Message) -> tuple[str, Blocks]:
    role = message.role
    if role == "assistant":
        return role, _assistant(message)
    if role == "tool":
        return "user", [_tool_result(message)]
    return ("user" if role == "user" else "system"), _blocks(message)


def _blocks(message: Message) -> Blocks:
    content = message.content
    if isinstance(content, str):
        return [write_text(content)] if content else []
    return [block for part in content if (block := write_part(part)) is not None]


def _assistant(message: Message) -> Blocks:
    calls = [write_call(call) for call in message.tool_calls]
    if isinstance(message.content, str):
        return _blocks(message) + calls
    steps = read_layout(message.content)
    if steps:
        reasoning = [
            block
            for part in message.content
            if isinstance(part, ReasoningPart) and (block := write_reasoning(part)) is not None
        ]
        arranged = arrange(steps, reasoning, message.text, calls)
        if arranged is not None:
            return arranged
    return _blocks(message) + calls


def _tool_result(message: Message) -> dict[str, Any]:
    if not message.tool_call_id:
        raise InvalidRequestError(
            "a message of role 'tool' needs the tool_call_id of the call it answers", parameter="messages"
        )
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": message.tool_call_id}
    content = _blocks(message)
    # Only the result as a whole can carry the mark, not a block within it.
    marks = [mark for inner in content if (mark := inner.pop("cache_control", None)) is not None]
    if content:
        block["content"] = _short(content)
    if message.is_error:
        block["is_error"] = True
    if marks:
        block["cache_control"] = marks[-1]
    return block


def _results_first(blocks: Blocks) -> Blocks:
    results = [block for block in blocks if block.get("type") == "tool_result"]
    if not results or len(results) == len(blocks):
        return blocks
    return results + [block for block in blocks if block.get("type") != "tool_result"]


def _short(blocks: Blocks) -> Content:
    """Give a lone plain text as a string, which means the same."""
    if len(blocks) == 1 and len(blocks[0]) == 2 and blocks[0].get("type") == "text":
        text: str = blocks[0]["text"]
        return text
    return blocks
