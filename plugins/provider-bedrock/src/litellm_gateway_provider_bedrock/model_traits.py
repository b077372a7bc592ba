"""How the models of one family are told what Converse has no field for, read from ``models.json``."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from importlib.resources import files
from threading import Lock
from typing import Any, Final, Literal

from attrs import frozen

_REMEMBERED: Final = 1024
Reasoning = Literal["none", "adaptive", "always", "budget", "nova", "effort", "config"]


@frozen(kw_only=True)
class Traits:
    """How one model is spoken to.

    Attributes:
        reasoning: ``adaptive``: a Claude that decides by effort; ``always``: the same, never without thinking;
            ``budget``: a Claude that takes a number of tokens; ``nova``: Amazon's own form; ``effort``:
            ``reasoning_effort`` as OpenAI's models take it; ``config``: a word as ``reasoning_config``;
            ``none``: nothing is known.
        top_k: Where ``top_k`` goes below ``additionalModelRequestFields``, steps joined by dots; ``""`` for nowhere.
    """

    reasoning: Reasoning = "none"
    top_k: str = ""


class ModelTraits:
    """Looks traits up; the file is read when first asked, and the traits of a bounded number of models are kept."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._families: list[dict[str, Any]] | None = None
        self._known: dict[str, Traits] = {}

    def of(self, model: str) -> Traits:
        """Give the traits of a model; of one that is not listed (an ARN, say) nothing is known."""
        known = self._known.get(model)
        if known is not None:
            return known
        row = next((row for row in self._read() if any(fnmatchcase(model, one) for one in row["match"])), {})
        found = Traits(**row.get("traits", {}))
        if len(self._known) < _REMEMBERED:
            self._known[model] = found
        return found

    def _read(self) -> list[dict[str, Any]]:
        with self._lock:
            if self._families is None:
                self._families = json.loads(files(__package__).joinpath("models.json").read_text("utf-8"))["families"]
            return self._families
