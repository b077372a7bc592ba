"""Every provider against a server that somebody else wrote: whole, streamed, with tools, by schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from aimock_peers import FINISHES, HELLO, PATHS, SCHEMA, SCRIPTS, SPEAKERS, TOOL, ask
from litellm_gateway import Message

Connect = Callable[..., Any]

pytestmark = pytest.mark.slow


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
