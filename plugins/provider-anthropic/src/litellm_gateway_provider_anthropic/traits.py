"""What sets one Claude model's wire apart from another's, read from ``models.json``; a model not listed is current."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from importlib.resources import files
from threading import Lock
from typing import Any, Final, Literal

from attrs import frozen

Thinking = Literal["adaptive", "always", "budget", "none"]
_REMEMBERED: Final = 1024


@frozen(kw_only=True)
class Traits:
    """How one model is spoken to.

    Attributes:
        thinking: ``adaptive``: it decides how much, by effort; ``always``: the same, and it cannot be switched off;
            ``budget``: it takes a number of tokens; ``none``: it does not think.
        effort: It takes ``output_config.effort``.
        off: The word for no thinking.
        forced_tools: It can be made to call a tool.
        system_in_place: It takes system messages after the first turn.
        max_output: Most tokens of an answer, sent when a request names none.
    """

    thinking: Thinking = "adaptive"
    effort: bool = True
    off: str = "disabled"
    forced_tools: bool = True
    system_in_place: bool = False
    max_output: int = 4096


class ModelTraits:
    """Looks traits up; the file is read when first asked.

    Args:
        package: The package ``models.json`` lies in.
    """

    def __init__(self, package: str) -> None:
        self._package = package
        self._lock = Lock()
        self._families: list[dict[str, Any]] | None = None
        self._known: dict[str, Traits] = {}

    def of(self, model: str) -> Traits:
        """Give the traits of a model."""
        known = self._known.get(model)
        if known is not None:
            return known
        row = next((row for row in self._read() if any(fnmatchcase(model, one) for one in row["match"])), {})
        found = Traits(**row.get("traits", {}), **({"max_output": row["max_output"]} if "max_output" in row else {}))
        if len(self._known) < _REMEMBERED:
            self._known[model] = found
        return found

    def _read(self) -> list[dict[str, Any]]:
        if self._families is None:
            with self._lock:
                if self._families is None:
                    text = files(self._package).joinpath("models.json").read_text("utf-8")
                    self._families = json.loads(text)["families"]
        return self._families
