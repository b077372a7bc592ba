"""Read ``endpoints.json``: one row for each server that is known by name. It is read once, when first asked."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Ability = Literal["models", "embeddings", "moderation"]


@frozen(kw_only=True)
class Endpoint:
    """One server that speaks OpenAI's format.

    Attributes:
        name: What configuration calls it.
        summary: One line for listings.
        base_url: Its address, version included; None when the user has to say it.
        base_url_env: Environment variables that hold the address.
        key_env: Environment variables that hold the key, first match wins.
        key_required: Refuse to start without a key.
        key_prefixes: What its keys start with.
        default_model, default_embedding_model: Used when neither call nor configuration names one.
        abilities: What it has beside text: ``models``, ``embeddings``, ``moderation``.
        api: Which API answers when the settings do not say.
        address: Rule by which an address becomes a base URL, for servers that have one of their own.
        quirks: How it differs from OpenAI: fields of ``ChatQuirks``.
        headers: Sent with every request.
        embed_texts, embed_tokens: Most texts, and most tokens, of one request for embeddings.
        batches: Terms of its batch API, where that is OpenAI's: fields of ``BatchTerms``, ``price`` as a text.
        catalog: Prices and what models take, as in a ``models.json``.
    """

    name: str
    summary: str
    base_url: str | None = None
    base_url_env: Sequence[str] = ()
    key_env: Sequence[str] = ()
    key_required: bool = True
    key_prefixes: Sequence[str] = ()
    default_model: str | None = None
    default_embedding_model: str | None = None
    abilities: Sequence[Ability] = ("models", "embeddings")
    api: Literal["chat", "responses"] = "chat"
    address: Literal["plain", "azure", "ollama"] = "plain"
    quirks: Mapping[str, Any] = field(factory=dict)
    headers: Mapping[str, str] = field(factory=dict)
    embed_texts: int | None = None
    embed_tokens: int | None = None
    batches: Mapping[str, Any] | None = None
    catalog: Mapping[str, Any] = field(factory=dict)


def endpoint(name: str) -> Endpoint:
    """Give a row by its name."""
    row = dict(_table()["endpoints"][name])
    families = row.pop("families", ())
    models = row.pop("models", {})
    catalog = {"sources": _table()["sources"], "models": models, "families": families}
    return Endpoint(name=name, catalog=catalog, **row)


def careful_quirks() -> Mapping[str, Any]:
    """Give the quirks every server is thought to have unless its row says otherwise."""
    quirks: dict[str, Any] = _table()["quirks"]
    return quirks


def names() -> tuple[str, ...]:
    """Give the names of all rows."""
    return tuple(_table()["endpoints"])


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(files(__package__).joinpath("endpoints.json").read_text("utf-8"))
    return table
