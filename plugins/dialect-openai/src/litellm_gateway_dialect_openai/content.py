"""Read what a message or a delta says: text, reasoning, and whatever parts a server lists beside them."""

from __future__ import annotations

from typing import Any

from litellm_gateway_dialect_openai.wire_shapes import as_list, as_object, as_text


def read_reasoning(message: dict[str, Any]) -> str:
    """Give the reasoning text of servers that show it; the two fields never hold different texts."""
    text = message.get("reasoning_content")
    if text is None or text == "":
        text = message.get("reasoning")
    return as_text(text, "reasoning")


def read_parts(content: list[Any]) -> tuple[str, str, list[dict[str, Any]]]:
    """Split a list of parts into text, reasoning (Mistral's ``thinking``), and all others, untouched."""
    texts: list[str] = []
    thoughts: list[str] = []
    others: list[dict[str, Any]] = []
    for item in content:
        part = as_object(item, "content part")
        kind = part.get("type")
        if kind == "text":
            texts.append(as_text(part.get("text"), "text"))
        elif kind == "thinking":
            thoughts.append(_thinking_text(part.get("thinking")))
        elif part:
            others.append(part)
    return "".join(texts), "".join(thoughts), others


def _thinking_text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return read_parts(as_list(value, "thinking"))[0]
