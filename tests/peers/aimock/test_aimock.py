"""Every provider against a server that somebody else wrote: whole, streamed, with tools, and with faults."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from litellm_gateway import GatewayError, Message
from litellm_gateway.errors import (
    AuthenticationError,
    InvalidRequestError,
    MalformedResponseError,
    ModelNotFoundError,
    ProviderConnectionError,
    ProviderError,
    RateLimitError,
    StreamInterruptedError,
)

Connect = Callable[..., Any]
EMBEDDERS = ["openai-chat", "azure", "google", "cohere"]
PATHS = {
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "anthropic": "/v1/messages",
    "google": "/v1beta/models/gemini-2.5-flash:generateContent",
    "vertex": "/v1/projects/p/locations/global/publishers/google/models/gemini-2.5-flash:generateContent",
    "bedrock-key": "/model/anthropic.claude-sonnet-4-5-20250929-v1:0/converse",
    "bedrock-signed": "/model/amazon.nova-lite-v1:0/converse",
    "azure": "/openai/deployments/gpt-4o/chat/completions",
    "openrouter": "/api/v1/chat/completions",
    "mistral": "/v1/chat/completions",
    "ollama": "/v1/chat/completions",
    "cohere": "/v2/chat",
}
SPEAKERS = list(PATHS)
# Where the server says what the provider never does: Gemini has no FUNCTION_CALL among its finish reasons, and
# OpenAI's Responses name the reason of an incomplete answer, which the server leaves out.
FINISHES = {
    ("google", "tool_calls"): "other",
    ("vertex", "tool_calls"): "other",
    ("openai-responses", "length"): "other",
}
HELLO = "Hello from a server that speaks every provider's wire."
CUT = (
    "This answer is long enough for a dozen pieces of twenty characters each, so that whatever a provider's wire puts "
    "before the first of them and after the last, the connection ends somewhere in the middle of the text."
)
SCRIPTS = 'naïve café — 日本語, Ελληνικά, עברית, 👩‍🚀🚀; "quoted"\\n\nline\u2028separator\u0085next.'
TOOL = {
    "name": "get_weather",
    "description": "Tell the weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
    },
}
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["city", "people"],
    "additionalProperties": False,
}

pytestmark = pytest.mark.slow


async def ask(
    line: Any, how: str, prompt: str | None = None, *, faults: dict[str, int] | None = None, **more: Any
) -> Any:
    """Call whole or streamed; either way give the whole answer."""
    options = {**line.options(**(faults or {})), **more}
    if how == "whole":
        return await line.gateway.generate_async(prompt, **options)
    stream = line.gateway.generate_stream_async(prompt, **options)
    pieces = [piece async for piece in stream]
    answer = await stream.response()
    assert "".join(pieces) == answer.text
    assert [piece.kind for piece in pieces].count("finish") == 1
    return answer


@pytest.mark.parametrize("how", ["whole", "streamed"])
@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_an_answer_comes_with_text_and_end(connect: Connect, speaker: str, how: str) -> None:
    """Text and finish reason are the server's, and it got exactly one request at the provider's own path."""
    line = connect(speaker)

    answer = await ask(line, how, "Please say hello")

    assert answer.text == HELLO
    assert answer.finish_reason == "stop"
    [seen] = line.seen()
    assert seen["response"]["status"] == 200
    path = unquote(seen["path"].split("?")[0])
    assert path.replace("streamGenerateContent", "generateContent").removesuffix("-stream") == PATHS[speaker]
    assert "Please say hello" in json.dumps(seen["body"])


@pytest.mark.parametrize("how", ["whole", "streamed"])
@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_usage_is_the_servers(connect: Connect, speaker: str, how: str) -> None:
    """Eleven tokens in, seven out, whatever the provider calls them."""
    line = connect(speaker)

    answer = await ask(line, how, "Please say hello")

    if (speaker, how) == ("mistral", "streamed"):  # Mistral gives usage unasked, the server only when asked
        assert answer.usage.estimated
        return
    assert not answer.usage.estimated
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (11, 7)


@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_a_stream_comes_in_pieces(connect: Connect, speaker: str) -> None:
    """A text of three pieces on the wire is handed on as it comes."""
    line = connect(speaker)

    pieces = [piece async for piece in line.gateway.generate_stream_async("Please say hello", **line.options())]

    assert len([piece for piece in pieces if piece]) >= 3
    assert "".join(pieces) == HELLO


@pytest.mark.parametrize("how", ["whole", "streamed"])
@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_every_script_arrives_unharmed(connect: Connect, speaker: str, how: str) -> None:
    """Combining characters and odd line separators come through as they were sent."""
    line = connect(speaker)

    answer = await ask(line, how, "Write in every script")

    assert answer.text == SCRIPTS


@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_system_message_and_history_are_understood(connect: Connect, speaker: str) -> None:
    """The server answers only to this system message after one earlier answer of the model."""
    line = connect(speaker)
    turns = [
        Message(role="user", content="Hello, tell me your name"),
        Message(role="assistant", content="I am Ada."),
        Message(role="user", content="Again: who are you?"),
    ]

    answer = await ask(line, "whole", system="You are Ada.", messages=turns)

    assert answer.text == "I am Ada, as I said before."


@pytest.mark.parametrize("how", ["whole", "streamed"])
@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_a_tool_is_called_and_its_result_understood(connect: Connect, speaker: str, how: str) -> None:
    """The call comes with name and arguments; the turn sent back with the result gets the final answer."""
    line = connect(speaker)
    question = Message(role="user", content="What is the weather like?")

    first = await ask(line, how, messages=[question], tools=[TOOL])
    [call] = first.tool_calls
    result = Message(role="tool", tool_call_id=call.id, content="sunny for 3 days", name=call.name)
    second = await ask(line, how, messages=[question, first.to_message(), result], tools=[TOOL])

    assert first.finish_reason == FINISHES.get((speaker, "tool_calls"), "tool_calls")
    assert (call.name, call.parse()) == ("get_weather", {"city": "Paris", "days": 3})
    assert second.text == "Paris will be sunny for three days."
    assert [entry["response"]["status"] for entry in line.seen()] == [200, 200]


@pytest.mark.parametrize("how", ["whole", "streamed"])
@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_parallel_tool_calls_keep_apart(connect: Connect, speaker: str, how: str) -> None:
    """Two calls of one tool in a turn are two calls, in order, with ids of their own."""
    line = connect(speaker)

    answer = await ask(line, how, "Use several tools", tools=[TOOL])

    assert [call.parse() for call in answer.tool_calls] == [{"city": "Paris"}, {"city": "Rome"}]
    assert len({call.id for call in answer.tool_calls}) == 2


@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_an_answer_by_schema_is_parsed(connect: Connect, speaker: str) -> None:
    """The schema reaches the server, and its JSON comes back as data."""
    line = connect(speaker)

    answer = await ask(line, "whole", "Tell me as JSON", response_format=SCHEMA)

    assert answer.parsed == {"city": "Paris", "people": 2000000}


@pytest.mark.parametrize("how", ["whole", "streamed"])
@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_a_cut_by_length_is_told(connect: Connect, speaker: str, how: str) -> None:
    """An answer that ran out of tokens says so."""
    line = connect(speaker)

    answer = await ask(line, how, "This one runs out of tokens")

    assert answer.text == "This sentence stops in the"
    assert answer.finish_reason == FINISHES.get((speaker, "length"), "length")


@pytest.mark.parametrize("how", ["whole", "streamed"])
@pytest.mark.parametrize("speaker", ["anthropic", "google", "openai-responses"])
async def test_thoughts_are_kept_apart_from_the_answer(connect: Connect, speaker: str, how: str) -> None:
    """The server's reasoning comes as reasoning, and none of it as text."""
    line = connect(speaker)

    answer = await ask(line, how, "Please think first")

    assert answer.text == "Forty-two."
    assert "".join(part.text for part in answer.reasoning) == "Six times seven, so they say, is what was asked for."


@pytest.mark.parametrize("how", ["whole", "streamed"])
@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_a_limit_says_when_to_come_back(connect: Connect, speaker: str, how: str) -> None:
    """A 429 with ``Retry-After`` is a typed error that carries the seconds; it was one request."""
    line = connect(speaker)

    with pytest.raises(RateLimitError) as caught:
        await ask(line, how, "Please say hello", faults={"ratelimit": 1})

    assert caught.value.retry_after == 1.0
    assert caught.value.status_code == 429
    assert caught.value.scope == "provider"
    assert [entry["response"]["status"] for entry in line.seen()] == [429]


@pytest.mark.parametrize("how", ["whole", "streamed"])
@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_an_answer_that_is_no_json_is_malformed(connect: Connect, speaker: str, how: str) -> None:
    """Garbage under status 200 is never an answer; the message says what came and does not quote it."""
    line = connect(speaker)

    with pytest.raises(MalformedResponseError) as caught:
        await ask(line, how, "Please say hello", faults={"malformed": 1})

    assert "<<<chaos>>>" not in caught.value.message
    assert caught.value.status_code == 200


@pytest.mark.parametrize("how", ["whole", "streamed"])
@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_a_hang_up_is_a_connection_error(connect: Connect, speaker: str, how: str) -> None:
    """A server that hangs up instead of answering is told apart from one that answers badly."""
    line = connect(speaker)

    with pytest.raises(ProviderConnectionError):
        await ask(line, how, "Please say hello", faults={"disconnect": 1})


@pytest.mark.parametrize("how", ["whole", "streamed"])
@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_a_failing_server_is_a_provider_error(connect: Connect, speaker: str, how: str) -> None:
    """A 500 is the provider's own failure."""
    line = connect(speaker)

    with pytest.raises(ProviderError) as caught:
        await ask(line, how, "Please say hello", faults={"drop": 1})

    assert caught.value.status_code == 500


@pytest.mark.parametrize(
    ("prompt", "error"),
    [
        ("This is refused", InvalidRequestError),
        ("This has the wrong key", AuthenticationError),
        ("This has an unknown model", ModelNotFoundError),
    ],
)
@pytest.mark.parametrize("how", ["whole", "streamed"])
@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_what_is_wrong_with_a_request_is_typed_and_not_tried_again(
    connect: Connect, speaker: str, how: str, prompt: str, error: type[GatewayError]
) -> None:
    """400, 401 and 404 reach the caller as their own errors after one request."""
    line = connect(speaker, max_retries=2)

    with pytest.raises(error) as caught:
        await ask(line, how, prompt)

    assert caught.value.provider == line.gateway.get_health()["provider"]
    assert len(line.seen()) == 1


@pytest.mark.parametrize("how", ["whole", "streamed"])
@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_an_overload_passes_by_itself(connect: Connect, speaker: str, how: str) -> None:
    """A 503 is tried again, and the second answer is the answer."""
    line = connect(speaker, max_retries=1)

    answer = await ask(line, how, "This fails once")

    assert answer.text == "Here I am again."
    assert [entry["response"]["status"] for entry in line.seen()] == [503, 200]


@pytest.mark.parametrize("speaker", SPEAKERS)
async def test_a_stream_cut_off_is_never_a_whole_answer(connect: Connect, speaker: str) -> None:
    """What came before the cut is in the error, as a beginning of the whole text."""
    line = connect(speaker, max_retries=2)

    with pytest.raises(StreamInterruptedError) as caught:
        await ask(line, "streamed", "This one is cut off")

    assert caught.value.partial is not None
    text = caught.value.partial.text
    assert text
    assert CUT.startswith(text)
    assert text != CUT
    assert len(line.seen()) == 1


@pytest.mark.parametrize("speaker", ["openai-chat", "anthropic"])
async def test_what_matches_nothing_is_a_typed_error(connect: Connect, speaker: str) -> None:
    """The server's own refusal of an unknown prompt is an error, not an empty answer."""
    line = connect(speaker)

    with pytest.raises(GatewayError):
        await ask(line, "whole", "xyzzy")


@pytest.mark.parametrize("embedder", EMBEDDERS)
async def test_a_known_text_has_the_servers_vector(connect: Connect, embedder: str) -> None:
    """The numbers come through as 32-bit floats."""
    line = connect(embedder)

    answer = await line.gateway.embed_async("a known text", **line.options())

    assert list(answer[0]) == [0.25, -0.5, 0.125, 1.0]


@pytest.mark.parametrize("embedder", ["openai-chat", "cohere"])
async def test_vectors_come_in_the_order_of_the_texts(connect: Connect, embedder: str) -> None:
    """Each text alone has the vector it has among others."""
    line = connect(embedder)

    both = await line.gateway.embed_async(["red", "blue"], **line.options())
    alone = [await line.gateway.embed_async(text, **line.options()) for text in ("red", "blue")]

    assert [list(vector) for vector in both] == [list(answer[0]) for answer in alone]
    assert list(both[0]) != list(both[1])


async def test_a_rerank_without_results_is_an_answer(connect: Connect) -> None:
    """The server finds none of the documents fit for the query, and that is an answer."""
    line = connect("cohere")

    answer = await line.gateway.rerank_async("colour", ["red", "stone"], model="rerank-v3.5")

    assert answer.results == ()
    assert answer.metadata["provider"] == "cohere"


async def test_texts_are_judged(connect: Connect) -> None:
    """OpenAI's moderation gives a judgement for each text."""
    line = connect("openai-chat")

    answer = await line.gateway.moderate_async("a harmless text", model="omni-moderation-latest")

    assert [judged.flagged for judged in answer.results] == [False]


async def test_models_are_listed(connect: Connect) -> None:
    """The server's list of models comes as typed entries."""
    line = connect("openai-chat")

    answer = await line.gateway.list_models_async()

    assert all(model.id for model in answer.models)
