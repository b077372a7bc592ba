"""Translate the word an answer ends with into the gateway's."""

from __future__ import annotations

from typing import Final

_UNIFIED: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "refusal": "content_filter",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
}


def unify_stop(word: str, *, has_tool_calls: bool) -> str:
    """Give the gateway's word; a new one is ``other``."""
    unified = _UNIFIED.get(word, "other")
    return "tool_calls" if has_tool_calls and unified == "stop" else unified
