"""Translate the word a server ends an answer with into the gateway's."""

from __future__ import annotations

from typing import Final

_UNIFIED: Final = {
    "stop": "stop",
    "eos": "stop",  # Together, older models
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",  # Mistral
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "sensitive": "content_filter",  # Z.ai
    "error": "error",  # Mistral, OpenRouter
    "network_error": "error",  # Z.ai
    "insufficient_system_resource": "error",  # DeepSeek
    "abort": "error",  # vLLM
    "function_call_filter": "error",  # Gemini's OpenAI face: a malformed call
}


def unify_finish(word: str, *, has_tool_calls: bool) -> str:
    """Give the gateway's word; a new one is ``other``.

    Gemini's OpenAI face puts its own reason behind the word: ``content_filter: RECITATION``.
    A named ``tool_choice`` ends with ``stop`` at OpenAI although a tool is called: that counts as
    ``tool_calls``.
    """
    unified = _UNIFIED.get(word) or _UNIFIED.get(word.partition(":")[0], "other")
    return "tool_calls" if has_tool_calls and unified == "stop" else unified
