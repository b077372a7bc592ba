"""Put the arguments of one call together from pieces that each name a place (``$.city.names[0]``) and a value."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from litellm_gateway import json_codec
from litellm_gateway.wire_shapes import as_list, as_object, as_text

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d{1,6})\]|\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]")
_DEEPEST = 64
_VALUES = ("stringValue", "numberValue", "boolValue", "nullValue")


class PartialArguments:
    """The arguments of one call as far as they have come; texts for the same place are joined."""

    def __init__(self, args: dict[str, Any]) -> None:
        self._root: dict[str, Any] = args

    def add(self, pieces: Any) -> None:
        """Take the pieces of one event.

        Raises:
            ValueError: A piece names no place that can be.
        """
        for item in as_list(pieces, "partialArgs"):
            piece = as_object(item, "partial argument")
            name = next((name for name in _VALUES if name in piece), None)
            if name is not None:
                value = None if name == "nullValue" else piece[name]
                self._put(_steps(as_text(piece.get("jsonPath"), "jsonPath")), value)

    def text(self) -> str:
        """Give the arguments as JSON text."""
        return json_codec.encode(self._root).decode()

    def _put(self, steps: list[str | int], value: Any) -> None:
        place: Any = self._root
        for step, following in pairwise(steps):
            place = _enter(place, step, [] if isinstance(following, int) else {})
        last = steps[-1]
        known = _enter(place, last, None)
        place[last] = known + value if isinstance(known, str) and isinstance(value, str) else value


def _enter(place: Any, step: str | int, empty: Any) -> Any:
    """Give what lies at one step, made if it is the next one missing."""
    if isinstance(place, dict) and isinstance(step, str):
        if place.get(step) is None:
            place[step] = empty
        return place[step]
    if isinstance(place, list) and isinstance(step, int) and step <= len(place):
        if step == len(place):
            place.append(empty)
        return place[step]
    raise ValueError("a partial argument leads nowhere")


def _steps(path: str) -> list[str | int]:
    found: list[str | int] = []
    end = 1
    for match in _STEP.finditer(path, 1):
        if match.start() != end:
            break
        end = match.end()
        plain, index, single, double = match.groups()
        quoted = single if single is not None else double
        found.append(int(index) if index else plain if plain is not None else re.sub(r"\\(.)", r"\1", quoted or ""))
    if not path.startswith("$") or end != len(path) or not 0 < len(found) <= _DEEPEST:
        raise ValueError("a partial argument has no readable path")
    return found
