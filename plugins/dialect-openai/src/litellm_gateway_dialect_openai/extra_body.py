"""Add the caller's own fields to a body: objects are filled up, lists of tools and the like made longer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ADDED_TO = frozenset({"tools", "include"})


def add_extra(body: dict[str, Any], extra: Mapping[str, Any]) -> None:
    """Add ``extra`` to ``body``; where both have a plain value, the caller's wins.

    So a server's own tools go beside the functions, and ``{"text": {"verbosity": "low"}}`` leaves the format there.
    """
    for name, value in extra.items():
        present = body.get(name)
        if isinstance(present, dict) and isinstance(value, Mapping):
            body[name] = {**present, **value}
        elif name in _ADDED_TO and isinstance(present, list) and isinstance(value, list | tuple):
            body[name] = [*present, *(item for item in value if item not in present)]
        else:
            body[name] = value
