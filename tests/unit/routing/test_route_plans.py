"""Names of your own, several keys, and who may answer after which failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from litellm_gateway.errors import (
    ConfigurationError,
    ContentFilteredError,
    ContextWindowExceededError,
    InvalidRequestError,
    ProviderError,
)
from litellm_gateway.route_config import RouteConfig
from litellm_gateway.routing import Router

if TYPE_CHECKING:
    from litellm_gateway.contracts import Route


def router(**settings: object) -> Router:
    fields: dict[str, object] = {"default": "a", "default_models": {"a": "small", "b": "tiny"}}
    return Router(["a", "a#2", "b"], **(fields | settings))  # type: ignore[arg-type]


def ids(routes: object) -> list[str]:
    return [route.id for route in routes]  # type: ignore[attr-defined]


def test_a_name_of_the_table_leads_to_its_models() -> None:
    """An alias stands for its models, in order; other names are as before."""
    routes = router(table={"fast": RouteConfig(models=("b/x", "a/y"))})

    assert ids(routes.routes("fast")) == ["b/x", "a/y"]
    assert ids(routes.routes("other")) == ["a/other"]


def test_the_default_model_may_be_such_a_name() -> None:
    """Calls that name no model go where the name leads."""
    routes = router(table={"fast": RouteConfig(models=("b/x", "a/y"))}, default_model="fast")

    assert ids(routes.routes("")) == ["b/x", "a/y"]
    assert routes.route("").id == "b/x"


def test_each_key_of_a_provider_is_a_route_of_its_own() -> None:
    """Providers that differ by key only answer for each other, by name, prefix or fallback."""
    routes = router(twins={"a": ("a", "a#2")}, table={"fast": RouteConfig(models="a/y")}, fallbacks=["a/small"])

    assert ids(routes.pool("a/x")) == ["a/x", "a#2/x"]
    assert ids(routes.routes("fast")) == ["a/y", "a#2/y", "a/small", "a#2/small"]
    assert ids(routes.pool("a#2/x")) == ["a#2/x"]


def test_fallbacks_may_be_names_of_the_table() -> None:
    """A fallback's name is followed like any other, and nothing is tried twice."""
    routes = router(table={"cheap": RouteConfig(models=("b/x", "a/small"))}, fallbacks=["cheap"])

    assert ids(routes.routes("small")) == ["a/small", "b/x"]


def test_weights_are_shared_among_the_keys_of_a_provider() -> None:
    """Two keys of a model of weight 4 weigh 2 each."""
    seen: dict[Route, float] = {}

    def strategy(_entry: object, weights: dict[Route, float]) -> None:
        seen.update(weights)

    entry = RouteConfig(models=("a/x", "b/y"), strategy="weighted", weights=(4, 1))
    router(twins={"a": ("a", "a#2")}, table={"fast": entry}, strategy=strategy).routes("fast")

    assert {route.id: weight for route, weight in seen.items()} == {"a/x": 2.0, "a#2/x": 2.0, "b/y": 1.0}


def test_a_name_must_not_lead_to_another_name() -> None:
    """Routes do not nest, and the error says which name does."""
    table = {"fast": RouteConfig(models="a/x"), "faster": RouteConfig(models="fast")}

    with pytest.raises(ConfigurationError, match="fast") as caught:
        router(table=table).check()

    assert caught.value.path == "routes.faster"


def test_a_name_that_leads_nowhere_is_refused_when_the_gateway_is_made() -> None:
    """A model without a provider is a fault of the configuration, not of the first call."""
    with pytest.raises(ConfigurationError) as caught:
        router(default=None, table={"fast": RouteConfig(models="x")}).check()

    assert caught.value.path == "routes.fast"


def test_a_fallback_that_leads_nowhere_is_refused() -> None:
    """The same for every list of fallbacks."""
    for name in ("fallbacks", "context_fallbacks", "content_fallbacks"):
        with pytest.raises(InvalidRequestError):
            router(default=None, **{name: ["x"]}).check()


def test_a_request_that_is_too_long_goes_to_the_models_listed_for_that() -> None:
    """``context_fallbacks`` take the place of whoever else was waiting."""
    plan = router(fallbacks=["b/x"], context_fallbacks=["b/long"]).routes("small")

    after = plan.after(ContextWindowExceededError("too long"), plan[0], plan[1:])

    assert ids(after) == ["b/long"]


def test_without_such_models_it_goes_to_other_models_only() -> None:
    """Another key for the model whose context is too small would refuse it too."""
    plan = router(twins={"a": ("a", "a#2")}, fallbacks=["b/x"]).routes("small")

    after = plan.after(ContextWindowExceededError("too long"), plan[0], plan[1:])

    assert ids(after) == ["b/x"]


def test_a_filtered_request_goes_to_the_models_listed_for_that_or_nowhere() -> None:
    """A content filter's refusal is not carried from provider to provider unless asked for."""
    asked = router(fallbacks=["b/x"], content_fallbacks=["b/free"]).routes("small")
    plain = router(fallbacks=["b/x"]).routes("small")
    error = ContentFilteredError("refused")

    assert ids(asked.after(error, asked[0], asked[1:])) == ["b/free"]
    assert ids(plain.after(error, plain[0], plain[1:])) == []


def test_other_failures_leave_the_order_as_it_is() -> None:
    """Whoever was waiting is next; a request that is wrong in itself is nobody's."""
    plan = router(fallbacks=["b/x"], context_fallbacks=["b/long"]).routes("small")

    assert ids(plan.after(ProviderError("down"), plan[0], plan[1:])) == ["b/x"]
    assert ids(plan.after(InvalidRequestError("wrong"), plan[0], plan[1:])) == []
