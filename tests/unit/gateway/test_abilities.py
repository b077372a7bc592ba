"""What providers can do beyond text, what their models do not take, and requests too large for one."""

from __future__ import annotations

import warnings
from array import array
from typing import Any

import pytest
from litellm_gateway import (
    ConfigurationError,
    GatewayError,
    InvalidRequestError,
    LiteLLMGateway,
    Message,
    ModelInfo,
    ModelList,
    Moderation,
    ModerationResponse,
    ReasoningPart,
    RerankResponse,
    RerankResult,
    TextPart,
    TokenCount,
    TokenUsage,
    ToolCall,
    UnsupportedParameterError,
    create_gateway,
)
from litellm_gateway.contracts import Capabilities, EmbedLimits, ProviderOffer
from litellm_gateway.fitting import UnsupportedParameterWarning
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.responses import EmbedResponse, GenerateResponse
from litellm_gateway.testing.scripted_provider import ScriptedProvider, answer


class AbleProvider(ScriptedProvider):
    """A scripted provider that can do everything, and whose models do not take everything."""

    without: frozenset[str] = frozenset()
    limits = EmbedLimits()

    @hookimpl
    def gateway_provider(self) -> ProviderOffer:
        return ProviderOffer(
            name="scripted",
            summary="",
            build=lambda settings, context: self,
            default_model="m",
            default_embedding_model="e",
            capabilities=lambda model: Capabilities(without=self.without if model == "m" else frozenset()),
            embed_limits=self.limits,
        )

    async def rerank(self, request: Any, call: Any) -> RerankResponse:
        self.requests.append(request)
        return RerankResponse(results=(RerankResult(index=1, score=0.9), RerankResult(index=0, score=0.1)), model="r")

    async def moderate(self, request: Any, call: Any) -> ModerationResponse:
        judged = tuple(Moderation(flagged=text == "bad", categories={}, scores={}) for text in request.texts)
        return ModerationResponse(results=judged, model="mod")

    async def count_tokens(self, request: Any, call: Any) -> TokenCount:
        self.requests.append(request)
        return TokenCount(tokens=7, model=request.model)

    async def list_models(self, request: Any, call: Any) -> ModelList:
        return ModelList(models=(ModelInfo(id="m"),))


def make(provider: ScriptedProvider, **settings: Any) -> LiteLLMGateway:
    return create_gateway(provider="scripted", plugins=[provider], discover=False, **settings)


async def test_every_further_ability_has_its_call() -> None:
    """Rerank, moderation, token counts and model lists, blocking and awaited."""
    gateway = make(AbleProvider(answer()))

    ranked = await gateway.rerank_async("q", ["a", "b"], model="r")
    judged = gateway.moderate(["fine", "bad"], model="mod")
    counted = gateway.count_tokens("how long is this?")
    listed = await gateway.list_models_async()

    assert [result.index for result in ranked.results] == [1, 0]
    assert [result.flagged for result in judged.results] == [False, True]
    assert (counted.tokens, counted.model) == (7, "m")
    assert [model.id for model in listed.models] == ["m"]
    assert ranked.metadata["provider"] == "scripted"


@pytest.mark.parametrize("call", ["rerank", "moderate", "count_tokens", "list_models"])
def test_a_provider_without_the_ability_says_so(call: str) -> None:
    """The error names the provider and what it lacks."""
    gateway = make(ScriptedProvider(answer()))
    arguments: dict[str, tuple[Any, ...]] = {"rerank": ("q", ["a"]), "moderate": (["a"],), "count_tokens": ("a",)}

    with pytest.raises(UnsupportedParameterError, match="'scripted'"):
        getattr(gateway, call)(*arguments.get(call, ()))


async def test_wrong_arguments_of_further_calls_are_refused() -> None:
    """Nothing is sent."""
    provider = AbleProvider(answer())
    gateway = make(provider)

    for query, documents, options in [("", ["a"], {}), ("q", [], {}), ("q", ["a", ""], {}), ("q", ["a"], {"top_n": 0})]:
        with pytest.raises(InvalidRequestError):
            await gateway.rerank_async(query, documents, **options)

    assert provider.requests == []


async def test_what_a_model_does_not_take_is_refused_by_default() -> None:
    """Before sending, naming the parameter and the ways out; another model may take it."""
    provider = AbleProvider(answer())
    provider.without = frozenset({"temperature", "image"})
    gateway = make(provider)

    with pytest.raises(UnsupportedParameterError) as caught:
        await gateway.generate_async("hi", temperature=0.5)
    await gateway.generate_async("hi", temperature=0.5, model="other")

    assert caught.value.parameter == "temperature"
    assert "on_unsupported" in caught.value.message
    assert len(provider.requests) == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_it_can_be_left_out_with_or_without_a_warning(stream: bool) -> None:
    """``on_unsupported`` per gateway or per call decides, whole and streamed."""
    from litellm_gateway.testing.scripted_provider import pieces

    provider = AbleProvider(pieces("x") if stream else answer())
    provider.without = frozenset({"temperature", "stop"})
    gateway = make(provider, on_unsupported="drop")

    async def ask(**options: Any) -> GenerateResponse:
        if stream:
            return await gateway.generate_stream_async("hi", temperature=0.5, stop="x", **options).response()
        return await gateway.generate_async("hi", temperature=0.5, stop="x", **options)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        await ask()
        silent = len(caught)
        await ask(on_unsupported="warn")

    assert silent == 0
    assert [warning.category for warning in caught] == [UnsupportedParameterWarning]
    assert {request.temperature for request in provider.requests} == {None}  # type: ignore[union-attr]
    with pytest.raises(UnsupportedParameterError):
        await ask(on_unsupported="error")


async def test_content_is_never_dropped() -> None:
    """An image the model cannot see is refused whatever the rule, as the question would change."""
    provider = AbleProvider(answer())
    provider.without = frozenset({"image"})
    gateway = make(provider, on_unsupported="drop")
    image = {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}

    with pytest.raises(UnsupportedParameterError) as caught:
        await gateway.generate_async(messages=[{"role": "user", "content": [image]}])

    assert caught.value.parameter == "image"


async def test_a_user_may_correct_what_a_model_takes() -> None:
    """``capabilities`` adds and takes away, by name or pattern."""
    provider = AbleProvider(answer())
    provider.without = frozenset({"temperature"})
    gateway = make(provider, capabilities={"scripted/*": {"with": ["temperature"], "without": ["seed"]}})

    await gateway.generate_async("hi", temperature=0.5)

    with pytest.raises(UnsupportedParameterError):
        await gateway.generate_async("hi", seed=1)


@pytest.mark.parametrize(
    "capabilities",
    [{"scripted/m": {"with": ["temprature"]}}, {"scripted/m": {"wiht": []}}, {"scripted": {}}, {"scripted/m": ["x"]}],
)
def test_a_wrong_correction_is_refused(capabilities: dict[str, Any]) -> None:
    """Unknown parameters and keys fail when the gateway is made."""
    with pytest.raises(ConfigurationError):
        make(AbleProvider(answer()), capabilities=capabilities)


async def embed_numbers(request: Any) -> EmbedResponse:
    vectors = tuple(array("f", [float(text)]) for text in request.texts)
    return EmbedResponse(vectors=vectors, model="e", usage=TokenUsage(input_tokens=len(vectors)))


async def test_any_number_of_texts_is_split_and_joined_in_order() -> None:
    """Requests hold no more than the provider takes; vectors and usage come back as of one."""
    provider = AbleProvider(embed_numbers)
    provider.limits = EmbedLimits(texts=10)
    gateway = make(provider)

    response = await gateway.embed_async([str(number) for number in range(95)])

    assert [vector[0] for vector in response] == [float(number) for number in range(95)]
    assert response.usage.total_tokens == 95
    assert sorted(len(request.texts) for request in provider.requests) == [5] + [10] * 9  # type: ignore[union-attr]


async def test_texts_are_split_by_tokens_too() -> None:
    """A text too long by itself still goes, alone."""
    provider = AbleProvider(embed_numbers)
    provider.limits = EmbedLimits(tokens=10)
    gateway = make(provider)

    await gateway.embed_async(["1" * 16, "2" * 16, "3" * 80, "4" * 4])

    assert sorted(len(request.texts) for request in provider.requests) == [1, 1, 2]  # type: ignore[union-attr]


async def test_one_failing_part_fails_the_whole_and_stops_the_rest() -> None:
    """The error is the part's own, and nothing is left running."""

    async def fail(request: Any) -> Any:
        raise InvalidRequestError("bad text")

    provider = AbleProvider(fail)
    provider.limits = EmbedLimits(texts=1)
    gateway = make(provider)

    with pytest.raises(InvalidRequestError, match="bad text"):
        await gateway.embed_async(["1", "2", "3"])

    assert gateway.get_health()["in_flight"] == 0


def test_an_answer_becomes_the_next_turn() -> None:
    """Signed reasoning, text and tool calls go back as they came."""
    reasoning = (ReasoningPart(text="hm", signature="s"),)
    calls = (ToolCall(id="1", name="f"),)

    turn = GenerateResponse(text="t", model="m", reasoning=reasoning, tool_calls=calls).to_message()

    assert turn == Message(role="assistant", content=(*reasoning, TextPart(text="t")), tool_calls=calls)
    assert GenerateResponse(text="t", model="m").to_message() == Message(role="assistant", content="t")


def test_gateway_error_is_the_base_of_it_all() -> None:
    """One except clause catches everything."""
    assert issubclass(UnsupportedParameterError, GatewayError)
