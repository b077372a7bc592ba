"""Read what a message or a delta says: text, reasoning, and whatever parts a server lists beside them."""

from __future__ import annotations

from typing import Any, Final

from litellm_gateway.wire_shapes import as_list, as_object, as_text

_GROWING: Final = ("text", "summary", "data")


def read_reasoning(message: dict[str, Any]) -> str:
    """Give the reasoning text of servers that show it; the two fields never hold different texts."""
    text = message.get("reasoning_content")
    if text is None or text == "":
        text = message.get("reasoning")
    return as_text(text, "reasoning")


def read_details(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Give OpenRouter's own list of reasoning blocks, which must go back as it came."""
    details = message.get("reasoning_details")
    return [as_object(item, "reasoning detail") for item in as_list(details, "details")] if details else []


class DetailPieces:
    """Puts the blocks of ``reasoning_details`` together again that a stream gives in pieces."""

    def __init__(self) -> None:
        self._blocks: list[dict[str, Any]] = []

    def add(self, pieces: list[dict[str, Any]]) -> None:
        """Add pieces: text to the block it belongs to, anything else as it is."""
        for piece in pieces:
            last = self._blocks[-1] if self._blocks else None
            if last is None or any(last.get(name) != piece.get(name) for name in ("type", "index")):
                self._blocks.append(dict(piece))
                continue
            for name, value in piece.items():
                so_far = last.get(name)
                if name in _GROWING and isinstance(value, str) and isinstance(so_far, str):
                    last[name] = so_far + value
                elif value is not None:
                    last[name] = value

    def blocks(self) -> list[dict[str, Any]]:
        """Give the whole blocks."""
        return self._blocks


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
