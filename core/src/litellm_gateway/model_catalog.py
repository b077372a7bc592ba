"""Read a provider's ``models.json``: prices and abilities per model, as data beside the code that needs them.

::

    {
      "sources": {"price page": {"from": "example.com/pricing", "as_of": "2026-11-01"}},
      "models": {
        "small-1": {"input": "0.5", "output": "1.5", "source": "price page", "context": 128000, "max_output": 4096}
      },
      "families": [
        {"match": ["small-*"], "without": ["top_k"], "context": 128000}
      ]
    }

Prices are in USD per million tokens, as strings. A model's own row and the first family whose pattern matches are
read together, the row first.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from fnmatch import fnmatchcase
from importlib.resources import files
from threading import Lock
from typing import TYPE_CHECKING, Any

from litellm_gateway.contracts import Capabilities
from litellm_gateway.responses import Price

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

_DATED = re.compile(r"[-@]\d{4}-?\d{2}-?\d{2}(-v\d+(:\d+)?)?$|-latest$")
_REMEMBERED = 1024


class ModelCatalog:
    """Prices and abilities of one provider's models; the file is read when first asked.

    Args:
        package: The package ``models.json`` lies in, usually ``__package__``.
    """

    def __init__(self, package: str) -> None:
        self._package = package
        self._lock = Lock()
        self._data: dict[str, Any] | None = None
        self._capabilities: dict[str, Capabilities] = {}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Make a catalog of data read elsewhere, in the same form; every part of it may be missing."""
        catalog = cls("")
        catalog._data = {"sources": {}, "models": {}, **data}
        return catalog

    def price(self, model: str) -> Price | None:
        """Give the price of a model, None when it is not listed; a dated name has the price of its family."""
        row = self._row(model)
        if "input" not in row:
            return None
        source = self._read()["sources"][row["source"]]
        return Price(
            input=Decimal(row["input"]),
            output=Decimal(row.get("output", "0")),
            cache_read=Decimal(row["cache_read"]) if "cache_read" in row else None,
            cache_write=Decimal(row["cache_write"]) if "cache_write" in row else None,
            source=source["from"],
            as_of=source["as_of"],
        )

    def capabilities(self, model: str) -> Capabilities:
        """Give what a model takes; a model nobody described takes everything."""
        known = self._capabilities.get(model)
        if known is not None:
            return known
        row = {**self._family(model), **self._row(model)}
        found = Capabilities(
            without=frozenset(row.get("without", ())),
            context_tokens=row.get("context"),
            max_output_tokens=row.get("max_output"),
        )
        if len(self._capabilities) < _REMEMBERED:
            self._capabilities[model] = found
        return found

    def _row(self, model: str) -> dict[str, Any]:
        models = self._read()["models"]
        row: dict[str, Any] = models.get(model) or models.get(_DATED.sub("", model)) or {}
        return row

    def _family(self, model: str) -> dict[str, Any]:
        for family in self._read().get("families", ()):
            if any(fnmatchcase(model, pattern) for pattern in family["match"]):
                found: dict[str, Any] = family
                return found
        return {}

    def _read(self) -> dict[str, Any]:
        if self._data is None:
            with self._lock:
                if self._data is None:
                    self._data = json.loads(files(self._package).joinpath("models.json").read_text("utf-8"))
        return self._data
