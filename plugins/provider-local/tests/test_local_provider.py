"""The provider with the real model behind it."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway.contracts import BuildContext, Call, Embedder, Provider
from litellm_gateway.errors import (
    ContextWindowExceededError,
    DeadlineExceededError,
    InvalidRequestError,
    ModelNotFoundError,
    UnsupportedParameterError,
)
from litellm_gateway.messages import MediaPart, Message, ResponseFormat, TextPart, Tool, ToolCall, ToolChoice
from litellm_gateway.requests import EmbedRequest, GenerateRequest
from litellm_gateway_provider_local.provider import LocalProvider
from litellm_gateway_provider_local.settings import DEFAULT_MODEL

if TYPE_CHECKING:
    from litellm_gateway.responses import StreamChunk
    from litellm_gateway_provider_local.model_server import ModelServer
    from litellm_gateway_provider_local.weights import Weights

NewCall = Callable[..., Call]
WEATHER = Tool(
    name="get_weather",
    description="Tell the weather of a city",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 20}},
        "required": ["city"],
        "additionalProperties": False,
    },
)


def asking(prompt: str, **fields: Any) -> GenerateRequest:
    fields = {"model": DEFAULT_MODEL, "max_tokens": 8, "temperature": 0.0} | fields
    return GenerateRequest(messages=(Message(role="user", content=prompt),), **fields)


async def collect(provider: LocalProvider, request: GenerateRequest, call: Call) -> list[StreamChunk]:
    return [piece async for piece in provider.stream(request, call)]


def likeness(one: Sequence[float], other: Sequence[float]) -> float:
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    return dot / math.sqrt(sum(a * a for a in one) * sum(b * b for b in other))


def test_it_fulfils_both_contracts(provider: LocalProvider) -> None:
    """The provider makes text and embeddings."""
    fulfilled = isinstance(provider, Provider), isinstance(provider, Embedder)

    assert fulfilled == (True, True)


async def test_a_prompt_is_answered(provider: LocalProvider, new_call: NewCall) -> None:
    """A real answer comes back with usage and the loaded model's name."""
    request = asking("Explain artificial intelligence in one sentence.", max_tokens=32)

    response = await provider.generate(request, new_call())

    assert "machines" in response.text
    assert response.model == DEFAULT_MODEL
    assert response.usage.prompt_tokens > 5
    assert 0 < response.usage.completion_tokens <= 32


async def test_any_model_name_is_answered_by_the_loaded_model(provider: LocalProvider, new_call: NewCall) -> None:
    """A call for ``gpt-4`` is answered, and the answer says which model made it."""
    response = await provider.generate(asking("Hello", model="gpt-4"), new_call())

    assert response.text
    assert response.model == DEFAULT_MODEL


async def test_strict_model_refuses_another_model(
    server: ModelServer, weights: Weights, context: BuildContext, new_call: NewCall
) -> None:
    """With ``strict_model`` another name is refused, and the message tells the one that is there."""
    provider = LocalProvider(server, weights, context, strict_model=True)

    with pytest.raises(ModelNotFoundError, match=DEFAULT_MODEL) as caught:
        await provider.generate(asking("Hello", model="gpt-4"), new_call())

    assert caught.value.model == "gpt-4"


async def test_strict_model_takes_the_name_of_the_file(
    server: ModelServer, weights: Weights, context: BuildContext, new_call: NewCall
) -> None:
    """The file's stem is a name of the model, in any case."""
    provider = LocalProvider(server, weights, context, strict_model=True)

    response = await provider.generate(asking("Hello", model=weights.path.stem.upper()), new_call())

    assert response.model == DEFAULT_MODEL


async def test_a_stream_adds_up_to_the_whole_answer(provider: LocalProvider, new_call: NewCall) -> None:
    """At temperature 0 the pieces join to the text that a whole answer has."""
    request = asking("Count from one to five.", max_tokens=16)
    whole = await provider.generate(request, new_call())

    pieces = await collect(provider, request, new_call())

    assert "".join(pieces) == whole.text
    assert len([piece for piece in pieces if piece]) > 3


async def test_a_stream_ends_with_usage_and_one_finish(provider: LocalProvider, new_call: NewCall) -> None:
    """Usage comes once, and the last piece says why the answer ended."""
    pieces = await collect(provider, asking("Tell me a story.", max_tokens=6), new_call())

    usages = [piece.usage for piece in pieces if piece.usage is not None]
    finishes = [piece.finish_reason for piece in pieces if piece.kind == "finish"]
    assert [usage.completion_tokens for usage in usages] == [6]
    assert finishes == ["length"]


async def test_breaking_off_a_stream_frees_its_slot_at_once(
    provider: LocalProvider, settings: Any, new_call: NewCall
) -> None:
    """With every slot busy on a long answer that nobody reads any more, the next call is answered quickly."""
    long_request = asking("Tell a very long story.", max_tokens=700)
    streams = [provider.stream(long_request, new_call()) for _ in range(settings.parallel)]
    for stream in streams:
        async for piece in stream:
            if piece:
                break
        await stream.aclose()  # type: ignore[attr-defined]

    before = time.monotonic()
    await provider.generate(asking("Hi", max_tokens=1), new_call())

    assert time.monotonic() - before < 5.0  # one long answer alone takes longer than that


async def test_more_calls_than_slots_wait_their_turn(provider: LocalProvider, new_call: NewCall) -> None:
    """Twelve calls at once on two slots are all answered."""
    requests = [asking(f"Say the number {number}", max_tokens=2) for number in range(12)]

    responses = await asyncio.gather(*(provider.generate(request, new_call()) for request in requests))

    assert all(response.usage.completion_tokens > 0 for response in responses)


async def test_an_answer_fits_the_schema_asked_for(provider: LocalProvider, new_call: NewCall) -> None:
    """``response_format`` with a schema gives JSON of that shape."""
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 12}, "large": {"type": "boolean"}},
        "required": ["city", "large"],
        "additionalProperties": False,
    }
    request = asking("Is Paris large?", max_tokens=60, response_format=ResponseFormat(schema=schema))

    response = await provider.generate(request, new_call())

    answer = json.loads(response.text)
    assert set(answer) == {"city", "large"}
    assert isinstance(answer["large"], bool)


async def test_embeddings_tell_like_from_unlike(provider: LocalProvider, new_call: NewCall) -> None:
    """Vectors have one length, come in the order of the texts, and place a paraphrase nearer."""
    texts = ("The cat sits on the mat.", "A cat is sitting on a mat.", "Interest rates rose sharply in June.")

    response = await provider.embed(EmbedRequest(model=DEFAULT_MODEL, texts=texts), new_call())

    first, paraphrase, unrelated = response
    assert [len(vector) for vector in response] == [576, 576, 576]
    assert likeness(first, paraphrase) > likeness(first, unrelated)
    assert response.usage.prompt_tokens > 10
    assert response.model == DEFAULT_MODEL


async def test_a_vector_is_the_same_alone_and_among_others(provider: LocalProvider, new_call: NewCall) -> None:
    """Texts sent together, and calls made at once, get the vectors each text gets alone."""
    texts = ("The cat sits on the mat.", "A boat.", "Interest rates rose sharply in June.", "Hello there, you")
    requests = [EmbedRequest(model=DEFAULT_MODEL, texts=(text,)) for text in texts]
    alone = [(await provider.embed(request, new_call()))[0] for request in requests]

    together = await provider.embed(EmbedRequest(model=DEFAULT_MODEL, texts=texts), new_call())
    at_once = await asyncio.gather(*(provider.embed(request, new_call()) for request in requests))

    assert min(likeness(one, other) for one, other in zip(alone, together, strict=True)) > 0.999
    assert min(likeness(one, other[0]) for one, other in zip(alone, at_once, strict=True)) > 0.999


async def test_a_long_text_is_embedded(provider: LocalProvider, new_call: NewCall) -> None:
    """Texts far longer than the server's usual batch of 512 tokens are embedded."""
    response = await provider.embed(EmbedRequest(model=DEFAULT_MODEL, texts=("word " * 600,)), new_call())

    assert response.usage.prompt_tokens > 590


async def test_dimensions_are_refused(provider: LocalProvider, new_call: NewCall) -> None:
    """The vectors' length is fixed; asking for another is refused before anything is sent."""
    request = EmbedRequest(model=DEFAULT_MODEL, texts=("a",), dimensions=256)

    with pytest.raises(UnsupportedParameterError) as caught:
        await provider.embed(request, new_call())

    assert caught.value.parameter == "dimensions"


@pytest.mark.parametrize(
    ("way", "setting"),
    [("generate", "context_tokens"), ("stream", "context_tokens"), ("embed", "embedding_tokens")],
)
async def test_a_text_that_is_too_long_says_so(
    provider: LocalProvider, new_call: NewCall, way: str, setting: str
) -> None:
    """Too long a prompt or text is a ContextWindowExceededError that names the setting to raise."""
    text = "word " * 3000
    ways: dict[str, Callable[[], Awaitable[object]]] = {
        "generate": lambda: provider.generate(asking(text), new_call()),
        "stream": lambda: collect(provider, asking(text), new_call()),
        "embed": lambda: provider.embed(EmbedRequest(model=DEFAULT_MODEL, texts=(text,)), new_call()),
    }

    with pytest.raises(ContextWindowExceededError, match=setting):
        await ways[way]()


async def test_an_image_is_refused(provider: LocalProvider, new_call: NewCall) -> None:
    """The model reads text only, and the error says so."""
    picture = MediaPart(kind="image", data=b"\x89PNG", media_type="image/png")
    message = Message(role="user", content=(TextPart(text="What is this?"), picture))
    request = GenerateRequest(model=DEFAULT_MODEL, messages=(message,))

    with pytest.raises(UnsupportedParameterError, match="text only"):
        await provider.generate(request, new_call())


async def test_a_forced_tool_call_comes_back_as_one(provider: LocalProvider, new_call: NewCall) -> None:
    """``tool_choice`` required gives a call of the tool with arguments that fit its schema."""
    request = asking(
        "What is the weather in Paris?",
        max_tokens=60,
        tools=(WEATHER,),
        tool_choice=ToolChoice(mode="required"),
    )

    response = await provider.generate(request, new_call())

    (call,) = response.tool_calls
    assert (call.name, response.finish_reason, response.text) == ("get_weather", "tool_calls", "")
    assert set(call.parse()) == {"city"}


async def test_a_forced_call_is_one_of_the_tools_allowed(provider: LocalProvider, new_call: NewCall) -> None:
    """With several tools and one of them named, that one is called, streamed too."""
    request = asking(
        "Send a mail to Ann.",
        max_tokens=60,
        tools=(Tool(name="send_mail"), WEATHER),
        tool_choice=ToolChoice(mode="required", names=("get_weather",)),
    )

    pieces = await collect(provider, request, new_call())

    names = [piece.tool_call.name for piece in pieces if piece.tool_call is not None]
    assert names == ["get_weather"]
    assert pieces[-1].finish_reason == "tool_calls"


async def test_a_forced_call_of_an_unknown_tool_is_refused(provider: LocalProvider, new_call: NewCall) -> None:
    """``tool_choice`` that names no given tool is refused before anything is sent."""
    choice = ToolChoice(mode="required", names=("other",))

    with pytest.raises(InvalidRequestError) as caught:
        await provider.generate(asking("Hi", tools=(WEATHER,), tool_choice=choice), new_call())

    assert caught.value.parameter == "tool_choice"


async def test_tools_left_to_the_model_do_no_harm(provider: LocalProvider, new_call: NewCall) -> None:
    """With ``tool_choice`` auto the tools are sent as they are; this model answers in text."""
    request = asking("Hello", tools=(WEATHER,), tool_choice=ToolChoice(mode="auto"))

    response = await provider.generate(request, new_call())

    assert response.text


async def test_tool_results_are_taken(provider: LocalProvider, new_call: NewCall) -> None:
    """A conversation with a tool call and its result goes on."""
    called = ToolCall(id="call_0", name="get_weather", arguments='{"city":"Paris"}')
    request = GenerateRequest(
        model=DEFAULT_MODEL,
        max_tokens=8,
        messages=(
            Message(role="user", content="What is the weather in Paris?"),
            Message(role="assistant", tool_calls=(called,)),
            Message(role="tool", tool_call_id="call_0", content="sunny, 21 degrees"),
        ),
    )

    response = await provider.generate(request, new_call())

    assert response.usage.completion_tokens > 0


async def test_the_deadline_holds_while_the_model_answers(provider: LocalProvider, new_call: NewCall) -> None:
    """A call whose time is up ends with its typed error, however long the answer would be."""
    with pytest.raises(DeadlineExceededError):
        await provider.generate(asking("Tell a very long story.", max_tokens=700), new_call(seconds=0.4))


async def test_equal_seeds_give_equal_answers(provider: LocalProvider, new_call: NewCall) -> None:
    """A seed makes sampling repeatable."""
    request = asking("Invent a name.", temperature=1.0, seed=3, max_tokens=12)
    await provider.generate(request, new_call())  # the prompt is now cached for both that count

    one = await provider.generate(request, new_call())
    other = await provider.generate(request, new_call())

    assert one.text == other.text
