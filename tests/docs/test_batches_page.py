"""The page about batches names the providers that have them, with the limits and the price of their offers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from litellm_gateway.discovery import Discovery

if TYPE_CHECKING:
    from litellm_gateway.contracts import BatchTerms

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "how-to" / "batches.md").read_text(encoding="utf-8")


def terms() -> dict[str, BatchTerms]:
    """Give the terms of every installed provider that has any."""
    found = Discovery()
    offers = {name: found.load("provider", name).gateway_provider() for name in found.names("provider")}
    return {name: offer.batches for name, offer in offers.items() if offer.batches is not None}


def test_the_table_is_what_the_offers_say() -> None:
    """Who, how many, how large, and at what part of the price."""
    rows = {
        cells[0].strip("`"): cells[1:]
        for line in PAGE.split("\n")
        if line.startswith("| `") and len(cells := [cell.strip() for cell in line.strip("|").split("|")]) == 6
    }

    assert set(rows) == set(terms())
    for name, offer in terms().items():
        requests, size, what, models, price = rows[name]
        assert size == f"{offer.bytes // 1_000_000} MB"
        assert re.sub(r"\D.*", "", requests.replace(",", "")) == str(offer.requests or "")
        assert ("embeddings" in what) == ("embed" in offer.operations)
        assert (models == "any") == offer.mixed_models
        assert (price == "half") == (offer.price is not None and offer.price * 2 == 1)


def test_the_page_of_providers_names_them() -> None:
    """Readers of the table of abilities find who has batches."""
    text = (DOCS / "reference" / "providers.md").read_text(encoding="utf-8")
    line = next(line for line in text.split("\n") if "batch API" in line)

    assert set(re.findall(r"`(\w+)`", line)) == set(terms())
