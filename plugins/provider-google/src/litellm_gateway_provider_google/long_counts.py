"""Read counts the way protobuf writes them: an ``int64`` becomes a text in its JSON."""

from __future__ import annotations

from typing import Any

from litellm_gateway import wire_shapes


def as_count(value: Any, name: str) -> int:
    """Give a count of zero or more, be it a number or a text of digits; null and absent are zero."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 15:
        return int(value)
    return wire_shapes.as_count(value, name)
