"""Arguments and settings made out of bytes: known names with odd values, and JSON where the bytes are some."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from choices_from_bytes import TEXTS, Choices

if TYPE_CHECKING:
    from collections.abc import Sequence

PLAIN: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**63, 10**400, 0.5, -0.0, 1e308, float("inf"), float("nan"), *TEXTS,
    "user", "assistant", "tool", "openai/gpt-4o", "text", "image_url", "auto", "\ud800", "a" * 5000, b"bytes",
    "https://example.com/x", "data:image/png;base64,AAAA", "data:;base64,====", "{}", '{"a": 1}', "x\r\nEvil: 1",
    "local", "error",
)  # fmt: skip
NAMES = (
    "role", "content", "text", "type", "image_url", "url", "tool_calls", "tool_call_id", "name", "id", "function",
    "arguments", "input_audio", "data", "format", "file", "file_data", "filename", "is_error", "parameters", "models",
    "strict", "json_schema", "schema", "description", "properties", "$ref", "detail", "cache_control", "api_key",
    "with", "without", "",
)  # fmt: skip


def odd_value(choices: Choices, depth: int = 4) -> Any:
    """Give a value: mostly plain ones, sometimes lists and mappings of others."""
    kind = choices.below(4) if depth else 0
    if kind < 2:
        return choices.one_of(PLAIN)
    if kind == 2:
        return [odd_value(choices, depth - 1) for _ in range(choices.below(4))]
    return {choices.one_of(NAMES): odd_value(choices, depth - 1) for _ in range(choices.below(5))}


def odd_mapping(data: bytes, names: Sequence[str], good: dict[str, Any]) -> dict[str, Any]:
    """Give the JSON object the bytes are, or one made out of them with these names, and what is good beside."""
    if data[:1] == b"{":
        try:
            read = json.loads(data)
        except (ValueError, RecursionError):
            return {}
        return {str(name): value for name, value in read.items()}
    choices = Choices(data)
    made = dict(good) if choices.below(2) == 0 else {}
    for _ in range(1 + choices.below(5)):
        made[choices.one_of(names)] = odd_value(choices)
    return made


def messages(data: bytes) -> list[Any]:
    """Give a conversation made out of bytes, turns of the right shape among them."""
    choices, turns = Choices(data), []
    for _ in range(1 + choices.below(4)):
        turn: dict[str, Any] = {"role": choices.one_of(("user", "assistant", "tool", "system")), "content": "hi"}
        for _ in range(choices.below(3)):
            turn[choices.one_of(NAMES[:12])] = odd_value(choices)
        turns.append(turn)
    return turns
