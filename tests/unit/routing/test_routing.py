"""Names of models, turned into routes."""

from __future__ import annotations

import pytest
from litellm_gateway.contracts import Route
from litellm_gateway.errors import InvalidRequestError
from litellm_gateway.routing import Router


def router(**settings: object) -> Router:
    fields: dict[str, object] = {"default": "a", "default_models": {"a": "small", "b": None}}
    return Router(["a", "b"], **(fields | settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model", "route"),
    [
        ("", "a/small"),
        ("big", "a/big"),
        ("b/big", "b/big"),
        ("a/", "a/small"),
        ("meta/llama", "a/meta/llama"),
        ("b/meta/llama", "b/meta/llama"),
    ],
)
def test_a_prefix_picks_a_provider_of_this_gateway(model: str, route: str) -> None:
    """Every other name, slashes and all, belongs to the default provider."""
    assert [found.id for found in router().routes(model)] == [route]


def test_the_gateways_default_model_comes_before_the_providers() -> None:
    """``default_model`` may name a provider as well."""
    assert router(default_model="b/x").routes("").routes == (Route(provider="b", model="x"),)


def test_fallbacks_follow_and_repeat_nothing() -> None:
    """The asked model first, then the fallbacks in order."""
    routes = router(fallbacks=("b/x", "a/big")).routes("big")

    assert [route.id for route in routes] == ["a/big", "b/x"]


@pytest.mark.parametrize(("settings", "model"), [({"default": None}, "big"), ({"default": None}, ""), ({}, "b/")])
def test_a_name_that_leads_nowhere_is_refused(settings: dict[str, object], model: str) -> None:
    """No provider, or no model, is an error that says what to write."""
    with pytest.raises(InvalidRequestError) as caught:
        router(**settings).routes(model)

    assert caught.value.parameter == "model"
