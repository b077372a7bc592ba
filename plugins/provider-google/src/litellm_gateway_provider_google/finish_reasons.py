"""Translate the word Gemini ends an answer with into the gateway's."""

from __future__ import annotations

from typing import Final

_UNIFIED: Final = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "MALFORMED_FUNCTION_CALL": "error",
    "MALFORMED_RESPONSE": "error",
    "UNEXPECTED_TOOL_CALL": "error",
    "TOO_MANY_TOOL_CALLS": "error",
    "MISSING_THOUGHT_SIGNATURE": "error",
    "OTHER": "error",
    "NO_IMAGE": "error",
    "IMAGE_OTHER": "error",
}
BLOCKED: Final = "blocked:"
"""Stands before the reason a prompt was blocked for, to tell it from an answer that was."""


def unify_finish(word: str, *, has_tool_calls: bool) -> str:
    """Give the gateway's word; a new one is ``other``.

    Gemini has no word of its own for tool calls: it says ``STOP`` with function calls in the answer.
    """
    if word.startswith(BLOCKED):
        return "content_filter"
    unified = _UNIFIED.get(word, "other")
    return "tool_calls" if has_tool_calls and unified == "stop" else unified
