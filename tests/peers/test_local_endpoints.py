"""A real model's own server, spoken to in three formats: OpenAI's chat and Responses, Anthropic's Messages."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway import LiteLLMGateway, create_gateway
from litellm_gateway.errors import (
    AuthenticationError,
    ConfigurationError,
    ContextWindowExceededError,
    GatewayError,
    InvalidRequestError,
)
from litellm_gateway_provider_local.model_server import ModelServer
from litellm_gateway_provider_local.settings import LocalSettings
from litellm_gateway_provider_local.weights import find_weights

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

SPEAKERS = {
    "chat": {"provider": "openai", "providers": {"openai": {"api": "chat"}}},
    "responses": {"provider": "openai", "providers": {"openai": {"api": "responses"}}},
    "messages": {"provider": "anthropic", "providers": {"anthropic": {"anthropic_version": "2023-06-01"}}},
}
EVERY = pytest.mark.parametrize("speaker", SPEAKERS)
EITHER_WAY = pytest.mark.parametrize("how", ["whole", "streamed"])
COUNT = "Count from one to thirty, in words, with commas."

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    """Run the model on one thread, with a small context."""
    try:
        weights = find_weights(None)
    except ConfigurationError as error:
        if os.environ.get("CI") or os.environ.get("REQUIRE_SERVICES") == "all":
            pytest.fail(f"no model weights: {error.message}")
        pytest.skip(f"no model weights: {error.message}")
    server = ModelServer(LocalSettings(threads=1, context_tokens=768, seed=7, start_timeout=60), weights)
    yield server
    server.close()


@pytest.fixture
async def connect(server: ModelServer) -> AsyncIterator[Callable[..., Any]]:
    """Give the way to make a gateway that speaks to the model's server in a format."""
    made: list[LiteLLMGateway] = []

    async def make(speaker: str, **more: Any) -> LiteLLMGateway:
        endpoint = await server.endpoint(60)
        settings = {"api_key": endpoint.api_key.reveal(), "base_url": endpoint.base_url, **SPEAKERS[speaker], **more}
        made.append(create_gateway(default_model="local-model", max_retries=0, **settings))
        return made[-1]

    yield make
    await asyncio.gather(*(gateway.aclose() for gateway in made))


async def ask(gateway: LiteLLMGateway, how: str, prompt: str, **options: Any) -> Any:
    """Call whole or streamed, without chance in the answer; either way give the whole answer."""
    options = {"temperature": 0.0, **options}
    if how == "whole":
        return await gateway.generate_async(prompt, **options)
    return await gateway.generate_stream_async(prompt, **options).response()


@EITHER_WAY
@EVERY
async def test_an_answer_has_text_usage_and_an_end(connect: Any, speaker: str, how: str) -> None:
    """The model says something, and the server counts it."""
    gateway = await connect(speaker)

    answer = await ask(gateway, how, "Say hello.", max_tokens=24)

    assert answer.text.strip()
    assert answer.finish_reason in ("stop", "length")
    assert not answer.usage.estimated
    assert answer.usage.prompt_tokens > 5
    assert 0 < answer.usage.completion_tokens <= 24


@EVERY
async def test_streamed_and_whole_are_the_same(connect: Any, speaker: str) -> None:
    """Without chance the pieces joined are the whole answer, and they are several."""
    gateway = await connect(speaker)

    whole = await ask(gateway, "whole", COUNT, max_tokens=16)
    stream = gateway.generate_stream_async(COUNT, max_tokens=16, temperature=0.0)
    pieces = [piece async for piece in stream if piece]

    assert "".join(pieces) == whole.text
    assert len(pieces) > 5
    assert (await stream.response()).usage.completion_tokens == whole.usage.completion_tokens


@EITHER_WAY
@EVERY
async def test_a_cut_by_max_tokens_is_told(connect: Any, speaker: str, how: str) -> None:
    """An answer that may not be longer ends after that many tokens, with ``length`` where the server says so."""
    gateway = await connect(speaker)

    answer = await ask(gateway, how, COUNT, max_tokens=16)

    # This server's Responses call every answer completed.
    assert answer.finish_reason == ("stop" if speaker == "responses" else "length")
    assert answer.usage.completion_tokens == 16


@EITHER_WAY
@pytest.mark.parametrize("speaker", ["chat", "messages"])
async def test_a_stop_text_ends_the_answer(connect: Any, speaker: str, how: str) -> None:
    """The answer ends before the text it was to stop at."""
    gateway = await connect(speaker)

    full = await ask(gateway, "whole", COUNT, max_tokens=16)
    word = full.text.split()[2]
    answer = await ask(gateway, how, COUNT, max_tokens=16, stop=[word])

    assert answer.finish_reason == "stop"
    assert full.text.startswith(answer.text)
    assert word not in answer.text


@EVERY
async def test_the_conversation_reaches_the_model(connect: Any, speaker: str) -> None:
    """More turns and a system message are more tokens for the server to read."""
    gateway = await connect(speaker)
    last = {"role": "user", "content": "Say hello."}
    earlier = [
        {"role": "user", "content": "My name is Ada, and I live in a small house by the sea."},
        {"role": "assistant", "content": "Hello Ada, a small house by the sea sounds lovely to me."},
    ]

    short = await gateway.generate_async(messages=[last], system="Be brief.", max_tokens=16)
    long = await gateway.generate_async(messages=[*earlier, last], system="Be brief.", max_tokens=16)
    told = await gateway.generate_async(messages=[last], system="Be brief. " * 10, max_tokens=16)

    assert long.usage.prompt_tokens > short.usage.prompt_tokens + 25
    assert told.usage.prompt_tokens > short.usage.prompt_tokens + 25


@EITHER_WAY
@EVERY
async def test_a_wrong_key_is_refused(connect: Any, speaker: str, how: str) -> None:
    """The server's 401 is an authentication error without the key in it."""
    gateway = await connect(speaker, api_key="sk-wrong-0123456789")

    with pytest.raises(AuthenticationError) as caught:
        await ask(gateway, how, "Say hello.", max_tokens=16)

    assert caught.value.status_code == 401
    assert "sk-wrong" not in str(caught.value)


@EITHER_WAY
@EVERY
async def test_a_prompt_that_is_too_long_is_refused(connect: Any, speaker: str, how: str) -> None:
    """The server's refusal of a prompt beyond its context is the caller's error, of the precise kind."""
    gateway = await connect(speaker)

    with pytest.raises(InvalidRequestError) as caught:
        await ask(gateway, how, "word " * 2000, max_tokens=16)

    assert isinstance(caught.value, ContextWindowExceededError)
    assert caught.value.status_code == 400


@EVERY
async def test_a_stream_left_early_frees_the_server(connect: Any, speaker: str) -> None:
    """After breaking off long answers the server answers the next call at once."""
    gateway = await connect(speaker)

    for _ in range(3):
        stream = gateway.generate_stream_async(COUNT, max_tokens=400)
        async for piece in stream:
            if piece:
                break
        await stream.aclose()
    answer = await ask(gateway, "whole", "Say hello.", max_tokens=16, timeout=20)

    assert answer.text


async def test_vectors_come_as_floats(connect: Any) -> None:
    """OpenAI's embeddings, base64 and all: a vector for each text, the same for the same text."""
    gateway = await connect("chat")

    answer = await gateway.embed_async(["red", "blue", "red"], model="local-model")

    assert len({len(vector) for vector in answer}) == 1
    assert list(answer[0]) == pytest.approx(list(answer[2]), abs=1e-3)
    assert list(answer[0]) != pytest.approx(list(answer[1]), abs=1e-3)


async def test_models_are_listed(connect: Any) -> None:
    """The server names its model."""
    gateway = await connect("chat")

    answer = await gateway.list_models_async()

    assert len(answer.models) == 1


async def test_tokens_are_counted(connect: Any) -> None:
    """Anthropic's token count is what the same prompt costs when it is answered."""
    gateway = await connect("messages")

    counted = await gateway.count_tokens_async("Say hello.", model="local-model")
    answer = await ask(gateway, "whole", "Say hello.", max_tokens=16)

    assert counted.tokens == answer.usage.prompt_tokens


@EVERY
async def test_the_call_ends_at_its_deadline(connect: Any, speaker: str) -> None:
    """A model that is slower than the caller has time for is left."""
    gateway = await connect(speaker)

    with pytest.raises((GatewayError, TimeoutError)) as caught:
        await ask(gateway, "whole", COUNT, max_tokens=600, timeout=0.3)

    assert isinstance(caught.value, TimeoutError)
