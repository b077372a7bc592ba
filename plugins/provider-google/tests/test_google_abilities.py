"""Embeddings, token counts and model lists, on the Gemini API and on Vertex AI."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from litellm_gateway.contracts import Embedder, ModelLister, TokenCounter
from litellm_gateway.errors import MalformedResponseError, UnsupportedParameterError
from litellm_gateway.messages import Message, Tool
from litellm_gateway.requests import EmbedRequest, GenerateRequest, ModelListRequest, TokenCountRequest
from litellm_gateway.testing.provider_driver import build, new_call
from litellm_gateway.testing.wire_player import Reply, WirePlayer
from litellm_gateway_provider_google import plugin, vertex_plugin
from litellm_gateway_provider_google.provider import GeminiProvider

SETTINGS: dict[str, tuple[Any, dict[str, Any]]] = {
    "google": (plugin, {"api_key": "AIza0123456789abcdefgh"}),
    "vertex": (vertex_plugin, {"access_token": "ya29.0123456789abc", "project": "p1", "location": "us-central1"}),
}
GOOGLE = "https://generativelanguage.googleapis.com/v1beta"
VERTEX = "https://us-central1-aiplatform.googleapis.com/v1/projects/p1/locations/us-central1/publishers/google"
TWO = {"embeddings": [{"values": [1.0, 2.0]}, {"values": [3.0, 4.0]}]}


def _provider(name: str, *bodies: Any) -> tuple[GeminiProvider, WirePlayer]:
    module, settings = SETTINGS[name]
    player = WirePlayer(*(Reply(pieces=(json.dumps(body).encode(),)) for body in bodies))
    provider = build(module.gateway_provider(), settings, player)
    assert isinstance(provider, GeminiProvider)
    return provider, player


def _embed(name: str, answer: Any, **fields: Any) -> tuple[list[list[float]], str, dict[str, Any]]:
    provider, player = _provider(name, answer)
    request = EmbedRequest(**{"model": "gemini-embedding-001", "texts": ("red", "blue"), **fields})
    answered = asyncio.run(provider.embed(request, new_call()))
    sent = player.requests[0]
    return [list(vector) for vector in answered], sent.url, json.loads(sent.body)


def test_the_abilities_are_there() -> None:
    """The gateway finds them by their protocols."""
    provider, _ = _provider("google", {})

    assert isinstance(provider, Embedder)
    assert isinstance(provider, TokenCounter)
    assert isinstance(provider, ModelLister)


def test_many_texts_go_as_a_batch() -> None:
    """The model is named with each text, and task and length of the vectors stand beside it."""
    vectors, url, body = _embed("google", TWO, input_type="search_query", dimensions=2)

    more = {"taskType": "RETRIEVAL_QUERY", "outputDimensionality": 2, "model": "models/gemini-embedding-001"}
    assert vectors == [[1.0, 2.0], [3.0, 4.0]]
    assert url == f"{GOOGLE}/models/gemini-embedding-001:batchEmbedContents"
    assert body == {"requests": [{"content": {"parts": [{"text": text}]}, **more} for text in ("red", "blue")]}


def test_one_text_goes_alone() -> None:
    """It has a method of its own."""
    vectors, url, body = _embed("google", {"embedding": {"values": [1.0]}}, texts=("red",))

    assert vectors == [[1.0]]
    assert url == f"{GOOGLE}/models/gemini-embedding-001:embedContent"
    assert body == {"content": {"parts": [{"text": "red"}]}, "model": "models/gemini-embedding-001"}


@pytest.mark.parametrize(
    ("input_type", "task"),
    [
        ("search_document", "RETRIEVAL_DOCUMENT"),
        ("classification", "CLASSIFICATION"),
        ("clustering", "CLUSTERING"),
        ("semantic_similarity", "SEMANTIC_SIMILARITY"),
        ("CODE_RETRIEVAL_QUERY", "CODE_RETRIEVAL_QUERY"),
    ],
)
def test_tasks(input_type: str, task: str) -> None:
    """The common words are translated, Google's further ones passed on."""
    _, _, body = _embed("google", TWO, input_type=input_type)

    assert body["requests"][0]["taskType"] == task


def test_vertex_embeds_gemini_models_by_the_same_methods() -> None:
    """Options stand in an object of their own there."""
    _, url, body = _embed("vertex", TWO, input_type="search_query", dimensions=2)

    options = {"taskType": "RETRIEVAL_QUERY", "outputDimensionality": 2}
    assert url == f"{VERTEX}/models/gemini-embedding-001:batchEmbedContents"
    assert body["requests"][0]["embedContentConfig"] == options
    assert body["requests"][0]["content"] == {"parts": [{"text": "red"}]}


def test_vertex_predicts_with_older_models() -> None:
    """``predict`` has its own names, and counts the tokens of each text."""
    rows = [{"embeddings": {"values": [float(place)], "statistics": {"token_count": 4}}} for place in range(2)]
    provider, player = _provider("vertex", {"predictions": rows})
    request = EmbedRequest(
        model="text-embedding-005", texts=("red", "blue"), dimensions=1, input_type="search_document"
    )

    answer = asyncio.run(provider.embed(request, new_call()))

    assert [list(vector) for vector in answer] == [[0.0], [1.0]]
    assert answer.usage.prompt_tokens == 8
    assert player.requests[0].url == f"{VERTEX}/models/text-embedding-005:predict"
    assert json.loads(player.requests[0].body) == {
        "instances": [{"content": text, "task_type": "RETRIEVAL_DOCUMENT"} for text in ("red", "blue")],
        "parameters": {"outputDimensionality": 1},
    }


def test_usage_of_embeddings() -> None:
    """Newer models count what they read."""
    provider, _ = _provider("google", {**TWO, "usageMetadata": {"promptTokenCount": 6}})

    answer = asyncio.run(provider.embed(EmbedRequest(model="m", texts=("a", "b")), new_call()))

    assert answer.usage.prompt_tokens == 6


def test_other_kinds_of_numbers_are_refused() -> None:
    """Gemini gives floats."""
    with pytest.raises(UnsupportedParameterError) as caught:
        _embed("google", TWO, encoding="int8")

    assert caught.value.parameter == "encoding"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"embeddings": [{"values": [1.0]}]},
        {"embeddings": [{"values": [1.0]}, {"values": [1.0, 2.0]}]},
        {"embeddings": [{"values": []}, {"values": []}]},
        {"embeddings": [{"values": ["a"]}, {"values": ["b"]}]},
        {"predictions": [{}, {}]},
        [],
    ],
)
def test_vectors_that_do_not_fit_the_texts(body: Any) -> None:
    """A wrong number, different lengths, none at all: never handed on."""
    with pytest.raises(MalformedResponseError):
        _embed("google", body)


def test_tokens_are_counted_over_the_whole_request() -> None:
    """System instruction and tools are part of it."""
    provider, player = _provider("google", {"totalTokens": 31})
    messages = (Message(role="system", content="Be brief."), Message(role="user", content="Hello"))
    asked = GenerateRequest(model="gemini-3.8-flash", messages=messages, tools=(Tool(name="time"),))

    count = asyncio.run(provider.count_tokens(TokenCountRequest(model="gemini-3.8-flash", request=asked), new_call()))

    sent = player.requests[0]
    assert (count.tokens, count.model) == (31, "gemini-3.8-flash")
    assert sent.url == f"{GOOGLE}/models/gemini-3.8-flash:countTokens"
    assert json.loads(sent.body) == {
        "generateContentRequest": {
            "model": "models/gemini-3.8-flash",
            "contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "tools": [{"functionDeclarations": [{"name": "time"}]}],
        }
    }


def test_vertex_counts_without_a_wrapper() -> None:
    """And takes only what it counts."""
    provider, player = _provider("vertex", {"totalTokens": 3, "totalBillableCharacters": 5})
    asked = GenerateRequest(model="m", messages=(Message(role="user", content="Hello"),), extra_body={"labels": {}})

    count = asyncio.run(provider.count_tokens(TokenCountRequest(model="m", request=asked), new_call()))

    assert count.tokens == 3
    assert json.loads(player.requests[0].body) == {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}


def test_a_count_that_is_none() -> None:
    """A typed error."""
    provider, _ = _provider("google", {"promptTokensDetails": []})
    asked = GenerateRequest(model="m", messages=(Message(role="user", content="Hello"),))

    with pytest.raises(MalformedResponseError):
        asyncio.run(provider.count_tokens(TokenCountRequest(model="m", request=asked), new_call()))


def test_models_over_all_pages() -> None:
    """The token of a page leads to the next one; limits come along."""
    first = {
        "models": [{"name": "models/a", "displayName": "A", "inputTokenLimit": 9, "outputTokenLimit": 3}],
        "nextPageToken": "x/y=",
    }
    provider, player = _provider("google", first, {"models": [{"name": "models/b"}]})

    listed = asyncio.run(provider.list_models(ModelListRequest(), new_call()))

    assert [(model.id, model.name, model.context_tokens, model.max_output_tokens) for model in listed.models] == [
        ("a", "A", 9, 3),
        ("b", None, None, None),
    ]
    assert [(request.method, request.url) for request in player.requests] == [
        ("GET", f"{GOOGLE}/models?pageSize=1000"),
        ("GET", f"{GOOGLE}/models?pageSize=1000&pageToken=x%2Fy%3D"),
    ]


def test_models_of_vertex() -> None:
    """The publisher's models, for the whole location."""
    provider, player = _provider("vertex", {"publisherModels": [{"name": "publishers/google/models/gemini-x"}]})

    listed = asyncio.run(provider.list_models(ModelListRequest(), new_call()))

    assert [model.id for model in listed.models] == ["gemini-x"]
    assert player.requests[0].url == (
        "https://us-central1-aiplatform.googleapis.com/v1/publishers/google/models?pageSize=100"
    )


def test_a_list_without_end_is_an_error() -> None:
    """Pages are followed for so long and no longer."""
    provider, player = _provider("google", {"models": [], "nextPageToken": "again"})

    with pytest.raises(MalformedResponseError, match="no end"):
        asyncio.run(provider.list_models(ModelListRequest(), new_call()))

    assert len(player.requests) == 50
