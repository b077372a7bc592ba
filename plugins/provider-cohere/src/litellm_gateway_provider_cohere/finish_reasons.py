"""Translate the word an answer ends with into the gateway's."""

from __future__ import annotations

from typing import Final

_UNIFIED: Final = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
    "ERROR": "error",
    "ERROR_LIMIT": "error",
    "TIMEOUT": "error",
}


def unify_finish(word: str, *, has_tool_calls: bool) -> str:
    """Give the gateway's word; a new one is ``other``."""
    unified = _UNIFIED.get(word, "other")
    return "tool_calls" if has_tool_calls and unified == "stop" else unified
