"""Ids for calls that came without one: made here, and left out again when the call goes back."""

from __future__ import annotations

from typing import Final

_MADE: Final = "gemini_call_"


def made_id(index: int, response_id: str) -> str:
    """Give a call an id; the answer's own id keeps it apart from other turns."""
    return f"{_MADE}{index}_{response_id}" if response_id else f"{_MADE}{index}"


def sent_id(call_id: str | None) -> dict[str, str]:
    """Give the ``id`` field of a call or result as the provider knows it: empty for one made here."""
    return {"id": call_id} if call_id and not call_id.startswith(_MADE) else {}
