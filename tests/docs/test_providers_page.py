"""The page of providers says what the installed providers are, can do, and understand."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import attrs
import pytest
from litellm_gateway.abilities import ABILITIES
from litellm_gateway.discovery import Discovery, known_plugins
from litellm_gateway.requests import GenerateRequest, ReasoningEffort
from litellm_gateway.responses import FinishReason, TokenUsage
from litellm_gateway.testing.provider_driver import build

if TYPE_CHECKING:
    from litellm_gateway.contracts import ProviderOffer

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "providers.md").read_text(encoding="utf-8")
FOUND = Discovery()
OFFERS: dict[str, ProviderOffer] = {
    name: FOUND.load("provider", name).gateway_provider() for name in FOUND.names("provider")
}
KEY = "0123456789abcdefghijklmnopqrstuv"
SETTINGS: dict[str, dict[str, Any]] = {
    "azure": {"base_url": "https://acme.openai.azure.com"},
    "bedrock": {"region": "us-east-1"},
    "openai-compatible": {"base_url": "https://llm.example.com/v1"},
    "vertex": {"access_token": "ya29." + KEY, "project": "acme"},
}
FURTHER = sorted({ability.method for ability in ABILITIES.values()} - {"generate"})
FINISHES = {
    "openai, chat completions": "litellm_gateway_dialect_openai.finish_reasons:unify_finish",
    "anthropic": "litellm_gateway_provider_anthropic.finish_reasons:unify_finish",
    "google": "litellm_gateway_provider_google.finish_reasons:unify_finish",
    "cohere": "litellm_gateway_provider_cohere.finish_reasons:unify_finish",
    "bedrock": "litellm_gateway_provider_bedrock.stop_reasons:unify_stop",
}


def table(heading: str) -> list[dict[str, str]]:
    """Give the rows of the first table under a heading, by the heads of their columns."""
    text = PAGE.partition(f"\n## {heading}\n")[2]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in _first_block(text)]
    return [dict(zip(lines[0], cells, strict=True)) for cells in lines[2:]]


def _first_block(text: str) -> list[str]:
    found = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert found is not None
    return found[0].strip().split("\n")


def code(cell: str) -> list[str]:
    """Give what stands in code in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def test_every_provider_has_its_line() -> None:
    """The table of providers holds each one that is installed, and no other."""
    named = [code(row["provider"])[0] for row in table("Who there is")]

    assert sorted(named) == sorted(OFFERS)


@pytest.mark.parametrize("row", table("Who there is"), ids=lambda row: row["provider"].strip("`"))
def test_the_line_of_a_provider_is_true(row: dict[str, str]) -> None:
    """It names the package, the variables of the key, and the default models."""
    [name] = code(row["provider"])
    offer = OFFERS[name]

    packages = {**known_plugins()["packages"]["provider"], "echo": None}
    assert code(row["package"]) == [package for package in (packages[name],) if package]
    assert set(offer.key_env) <= set(code(row["key"]))
    assert code(row["default model"]) == [model for model in (offer.default_model,) if model]
    assert code(row["default embedding model"]) == [model for model in (offer.default_embedding_model,) if model]


@pytest.mark.parametrize("row", table("Abilities"), ids=lambda row: row["provider"].strip("`"))
def test_the_abilities_of_a_provider_are_true(row: dict[str, str]) -> None:
    """A built provider has the methods the table says, and no other."""
    [name] = code(row["provider"])
    offer = OFFERS[name]
    takes_key = attrs.has(offer.settings) and "api_key" in attrs.fields_dict(offer.settings) and name != "vertex"
    settings = {**({"api_key": KEY} if takes_key else {}), **SETTINGS.get(name, {})}

    provider = build(offer, settings, None)  # type: ignore[arg-type]  # nothing is sent

    assert [method for method in FURTHER if row[f"`{method}`"] == "yes"] == [
        method for method in FURTHER if hasattr(provider, method)
    ]


def test_abilities_cover_every_provider() -> None:
    """No installed provider is left out of the table of abilities."""
    assert sorted(code(row["provider"])[0] for row in table("Abilities")) == sorted(OFFERS)


def test_every_parameter_has_its_line() -> None:
    """The table of parameters holds every field of a request but what it is about."""
    fields = {field.name for field in attrs.fields(GenerateRequest)} - {"model", "messages"}
    named = {name.partition("=")[0] for row in table("Parameters") for name in code(row["parameter"])[:1]}

    assert named == fields


@pytest.mark.parametrize("column", FINISHES)
def test_the_finish_reasons_of_a_provider_are_true(column: str) -> None:
    """Each word in the table is read as the finish reason it stands beside."""
    module, _, function = FINISHES[column].partition(":")
    unify = getattr(import_module(module), function)
    rows = table("Finish reasons")
    shown = [(word, code(row["finish reason"])[0]) for row in rows for word in code(row[column]) if word != "blocked:"]

    read = [(word, unify(word, has_tool_calls=wanted == "tool_calls")) for word, wanted in shown]

    assert read == shown


def test_every_unified_word_has_its_line() -> None:
    """Finish reasons, efforts and buckets are those the gateway has."""
    buckets = [field.name for field in attrs.fields(TokenUsage) if field.name != "estimated"]

    assert [code(row["finish reason"])[0] for row in table("Finish reasons")] == list(get_args(FinishReason))
    assert [code(row["effort"])[0] for row in table("Reasoning")] == list(get_args(ReasoningEffort))
    assert [code(row["bucket"])[0] for row in table("Usage")] == buckets
