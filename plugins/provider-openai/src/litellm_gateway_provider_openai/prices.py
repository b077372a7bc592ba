"""Look prices up in ``models.json``; the file is read when the first price is asked for."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from litellm_gateway.responses import Price

_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")


def price_of(model: str) -> Price | None:
    """Give the price of a model in USD per million tokens; a dated name has the price of its family.

    None for a model that is not in the list: its cost is unknown, not zero.
    """
    table = _table()
    row = table["models"].get(model) or table["models"].get(_DATED.sub("", model))
    if row is None:
        return None
    source = table["sources"][row["source"]]
    return Price(
        input=Decimal(row["input"]),
        output=Decimal(row["output"]),
        cache_read=Decimal(row["cache_read"]) if "cache_read" in row else None,
        source=source["from"],
        as_of=source["as_of"],
    )


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(files(__package__).joinpath("models.json").read_text("utf-8"))
    return table
