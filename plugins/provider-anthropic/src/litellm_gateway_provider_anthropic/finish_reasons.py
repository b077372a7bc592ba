"""Translate the word Anthropic ends an answer with into the gateway's."""

from __future__ import annotations

from typing import Final

_UNIFIED: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def unify_finish(word: str, *, has_tool_calls: bool) -> str:
    """Give the gateway's word; ``pause_turn`` (send the turn back to go on) and new ones are ``other``."""
    unified = _UNIFIED.get(word, "other")
    return "tool_calls" if has_tool_calls and unified == "stop" else unified
