"""Prices and abilities of OpenAI's models, from ``models.json`` beside this module."""

from __future__ import annotations

from functools import cache

from litellm_gateway.model_catalog import ModelCatalog


@cache
def catalog() -> ModelCatalog:
    """Give the catalog; its file is read when the first model is looked up."""
    return ModelCatalog(__package__)
