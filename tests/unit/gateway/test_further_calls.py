"""Rerank, moderation, token counts and model lists go to the provider that was meant, and to no other."""

from __future__ import annotations

from typing import Any

import pytest
from litellm_gateway import InvalidRequestError, LiteLLMGateway, ModelInfo, ModelList, ProviderError, create_gateway
from litellm_gateway.responses import Moderation, ModerationResponse, RerankResponse, TokenCount
from litellm_gateway.testing.scripted_provider import ScriptedProvider, answer


class Able(ScriptedProvider):
    """Can do everything, or fails at everything."""

    def __init__(self, name: str, *, fails: bool = False) -> None:
        super().__init__(answer(), name=name)
        self._fails = fails

    def note(self, request: Any) -> None:
        self.requests.append(request)
        if self._fails:
            raise ProviderError("down", provider=self.name)

    async def rerank(self, request: Any, call: Any) -> RerankResponse:
        self.note(request)
        return RerankResponse(results=(), model="r")

    async def moderate(self, request: Any, call: Any) -> ModerationResponse:
        self.note(request)
        return ModerationResponse(results=(Moderation(flagged=False, categories={}, scores={}),), model="mod")

    async def count_tokens(self, request: Any, call: Any) -> TokenCount:
        self.note(request)
        return TokenCount(tokens=7, model=request.model)

    async def list_models(self, request: Any, call: Any) -> ModelList:
        self.note(request)
        return ModelList(models=(ModelInfo(id=self.name),))


def make(*providers: Able, **settings: Any) -> LiteLLMGateway:
    named = {provider.name: {} for provider in providers}
    return create_gateway(providers=named, plugins=providers, discover=False, **{"max_retries": 0, **settings})


def test_each_providers_own_models_are_listed() -> None:
    """By its name."""
    gateway = make(Able("one"), Able("two"), provider="one")

    listed = [gateway.list_models(name).models[0].id for name in (None, "one", "two")]

    assert listed == ["one", "one", "two"]


@pytest.mark.parametrize("name", ["three", "one/x"])
def test_models_of_a_provider_that_is_not_there_are_not_another_ones(name: Any) -> None:
    """The error names those that are there."""
    one = Able("one")

    with pytest.raises(InvalidRequestError, match="one"):
        make(one, provider="one").list_models(name)
    assert one.requests == []


def test_models_need_a_provider_where_none_is_the_default() -> None:
    """And the error says which there are."""
    with pytest.raises(InvalidRequestError, match="one, two"):
        make(Able("one"), Able("two")).list_models()


@pytest.mark.parametrize(
    ("call", "arguments"),
    [("rerank", ("q", ["a"])), ("moderate", ("a",)), ("count_tokens", ("a",)), ("list_models", ())],
)
def test_a_model_to_fall_back_on_is_for_text_only(call: str, arguments: tuple[Any, ...]) -> None:
    """Another provider's judgement, count or list would be a wrong answer, not a substitute."""
    other = Able("two")
    gateway = make(Able("one", fails=True), other, provider="one", fallbacks=["two/m"])

    with pytest.raises(ProviderError, match="down"):
        getattr(gateway, call)(*arguments)
    assert other.requests == []


@pytest.mark.parametrize(("call", "arguments"), [("rerank", ("q", ["a"])), ("moderate", ("a",))])
def test_the_default_model_for_text_is_not_asked_for_anything_else(call: str, arguments: tuple[Any, ...]) -> None:
    """A call that names no model leaves the choice to the provider."""
    one = Able("one")
    gateway = make(one, provider="one", default_model="chatty")

    getattr(gateway, call)(*arguments)

    assert [request.model for request in one.requests] == [""]


@pytest.mark.parametrize(
    ("call", "arguments", "options"),
    [
        ("rerank", (["a", "b"], ["c"]), {}),
        ("list_models", ("",), {}),
        ("list_models", (5,), {}),
        ("rerank", ("q", ["c"]), {"model": 5}),
        ("rerank", ("q", ["c"]), {"model": b"m"}),
        ("moderate", ("a",), {"model": ["m"]}),
        ("moderate", (b"a",), {}),
        ("count_tokens", (5,), {}),
        ("count_tokens", ("a",), {"model": 5}),
    ],
)
def test_wrong_arguments_are_typed_errors(call: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
    """Nothing is sent, nothing is left out silently."""
    one = Able("one")

    with pytest.raises(InvalidRequestError):
        getattr(make(one, provider="one"), call)(*arguments, **options)
    assert one.requests == []
