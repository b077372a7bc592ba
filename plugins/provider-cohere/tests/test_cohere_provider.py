"""Cohere's own manners: settings, environment, embeddings, rerank, models, prices and abilities."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from array import array
from decimal import Decimal
from typing import Any

import pytest
from litellm_gateway.config import from_mapping
from litellm_gateway.contracts import Embedder, ModelLister, Reranker
from litellm_gateway.errors import (
    ConfigurationError,
    InvalidRequestError,
    MalformedResponseError,
    UnsupportedParameterError,
)
from litellm_gateway.requests import EmbedRequest, ModelListRequest, RerankRequest
from litellm_gateway.testing.provider_driver import ask, build, new_call
from litellm_gateway.testing.wire_player import Reply, WirePlayer
from litellm_gateway_provider_cohere.plugin import gateway_provider
from litellm_gateway_provider_cohere.provider import CohereProvider
from litellm_gateway_provider_cohere.settings import CohereSettings

KEY = "co-0123456789abcdefghij"
ENVIRONMENT = ("CO_API_KEY", "COHERE_API_KEY", "CO_API_URL")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)


def provider(*bodies: Any, **settings: Any) -> tuple[CohereProvider, WirePlayer]:
    replies = [Reply(pieces=(json.dumps(body).encode(),)) for body in bodies]
    player = WirePlayer(*(replies or [Reply(status=500)]))
    built = build(gateway_provider(), {"api_key": KEY, **settings}, player)
    assert isinstance(built, CohereProvider)
    return built, player


def test_where_requests_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Address and client name come from the settings, else from the environment; the key only in its header."""
    usual, player = provider()
    asyncio.run(ask(usual))
    monkeypatch.setenv("CO_API_URL", "https://proxy.example/v1/")
    proxied, elsewhere = provider(client_name="shop")
    asyncio.run(ask(proxied))

    assert player.requests[0].url == "https://api.cohere.com/v2/chat"
    assert [(name, value.reveal()) for name, value in player.requests[0].secret_headers] == [
        ("authorization", f"Bearer {KEY}")
    ]
    assert elsewhere.requests[0].url == "https://proxy.example/v2/chat"
    assert ("x-client-name", "shop") in elsewhere.requests[0].headers


def test_no_key() -> None:
    """Without a key the error names the variable that would hold it."""
    with pytest.raises(ConfigurationError, match="CO_API_KEY") as caught:
        build(gateway_provider(), {}, WirePlayer(Reply()))

    assert caught.value.path == "providers.cohere.api_key"


def test_addresses_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that is no URL is refused, from wherever it comes."""
    with pytest.raises(ConfigurationError, match="base_url"):
        from_mapping(CohereSettings, {"base_url": "api.cohere.com"}, path="providers.cohere")
    monkeypatch.setenv("CO_API_URL", "nowhere")
    with pytest.raises(ConfigurationError, match="base_url"):
        provider()


def test_it_embeds_reranks_and_lists() -> None:
    """The gateway sees every ability."""
    built, _ = provider()

    assert isinstance(built, Embedder)
    assert isinstance(built, Reranker)
    assert isinstance(built, ModelLister)


@pytest.mark.parametrize(
    ("encoding", "typecode", "numbers"),
    [("float", "f", [0.5, -1.0]), ("int8", "b", [-128, 127]), ("uint8", "B", [0, 255]), ("binary", "b", [-1, 5]),
     ("ubinary", "B", [255, 5])],
)  # fmt: skip
def test_vectors_of_each_kind(encoding: Any, typecode: str, numbers: list[float]) -> None:
    """The vectors asked for come as arrays whose numbers have the kind asked for."""
    built, player = provider({"embeddings": {encoding: [numbers]}, "meta": {"billed_units": {"input_tokens": 3.0}}})
    request = EmbedRequest(model="embed-v4.0", texts=("a",), encoding=encoding, dimensions=256)

    answer = asyncio.run(built.embed(request, new_call()))

    assert json.loads(player.requests[0].body) == {
        "model": "embed-v4.0", "input_type": "search_document", "embedding_types": [encoding], "texts": ["a"],
        "output_dimension": 256,
    }  # fmt: skip
    assert answer[0] == array(typecode, numbers)
    assert memoryview(answer[0]).format == typecode  # type: ignore[arg-type]
    assert answer.usage.prompt_tokens == 3


def test_embedding_options() -> None:
    """The use of the vectors is the caller's word, and truncation goes along as it is."""
    built, player = provider({"embeddings": {"float": [[1.0]]}})
    request = EmbedRequest(model="m", texts=("a",), input_type="search_query", extra_body={"truncate": "NONE"})

    asyncio.run(built.embed(request, new_call()))

    sent = json.loads(player.requests[0].body)
    assert (sent["input_type"], sent["truncate"]) == ("search_query", "NONE")


def test_embeddings_have_no_user() -> None:
    """What Cohere has no field for is refused before it is sent."""
    built, player = provider({})

    with pytest.raises(UnsupportedParameterError, match="user"):
        asyncio.run(built.embed(EmbedRequest(model="m", texts=("a",), user="u"), new_call()))

    assert not player.requests


@pytest.mark.parametrize(
    "body",
    [
        {"embeddings": {"float": [[1.0], [2.0]]}},
        {"embeddings": {"int8": [[1]]}},
        {"embeddings": {"float": [["x"]]}},
        {"embeddings": {"float": [[]]}},
        {"embeddings": 5},
        {},
    ],
)
def test_vectors_that_do_not_fit_are_refused(body: Any) -> None:
    """Too many, none, of another kind: never an answer."""
    built, _ = provider(body)

    with pytest.raises(MalformedResponseError):
        asyncio.run(built.embed(EmbedRequest(model="m", texts=("a",)), new_call()))


def test_numbers_that_do_not_fit_their_kind_are_refused() -> None:
    """An int8 of 300 is no int8."""
    built, _ = provider({"embeddings": {"int8": [[300]]}})

    with pytest.raises(MalformedResponseError):
        asyncio.run(built.embed(EmbedRequest(model="m", texts=("a",), encoding="int8"), new_call()))


def test_rerank() -> None:
    """Documents come back best first, with what it cost."""
    results = [{"index": 1, "relevance_score": 0.2}, {"index": 0, "relevance_score": 0.9}]
    built, player = provider({"id": "r1", "results": results, "meta": {"billed_units": {"search_units": 1}}})
    request = RerankRequest(
        model="rerank-v3.5", query="ruby", documents=("a", "b"), top_n=2, extra_body={"max_tokens_per_doc": 99}
    )

    answer = asyncio.run(built.rerank(request, new_call()))

    assert player.requests[0].url == "https://api.cohere.com/v2/rerank"
    assert json.loads(player.requests[0].body) == {
        "model": "rerank-v3.5", "query": "ruby", "documents": ["a", "b"], "top_n": 2, "max_tokens_per_doc": 99,
    }  # fmt: skip
    assert [(result.index, result.score) for result in answer.results] == [(0, 0.9), (1, 0.2)]
    assert answer.metadata == {"search_units": 1, "provider_request_id": "r1"}


def test_rerank_without_a_model_is_refused_before_sending() -> None:
    """The service has no default; the error names one that would do."""
    built, player = provider({"results": []})

    with pytest.raises(InvalidRequestError, match="model='cohere/rerank-"):
        asyncio.run(built.rerank(RerankRequest(model="", query="q", documents=("a",)), new_call()))

    assert player.requests == []


@pytest.mark.parametrize(
    "result", [{"index": 2, "relevance_score": 1}, {"index": -1, "relevance_score": 1}, {"index": 0}, 5]
)
def test_places_that_are_none_are_refused(result: Any) -> None:
    """A result that points at no document never reaches the caller."""
    built, _ = provider({"results": [result]})

    with pytest.raises(MalformedResponseError):
        asyncio.run(built.rerank(RerankRequest(model="m", query="q", documents=("a", "b")), new_call()))


def test_models_over_all_pages() -> None:
    """Every page is read, each asked for by the token of the one before."""
    first = {"models": [{"name": "command-a-03-2025", "context_length": 256000.0}], "next_page_token": "p 2"}
    second = {"models": [{"name": "embed-v4.0", "endpoints": ["embed"]}]}
    built, player = provider(first, second)

    listed = asyncio.run(built.list_models(ModelListRequest(), new_call()))

    assert [(model.id, model.context_tokens) for model in listed.models] == [
        ("command-a-03-2025", 256000),
        ("embed-v4.0", None),
    ]
    assert listed.models[1].raw["endpoints"] == ["embed"]
    assert [request.method for request in player.requests] == ["GET", "GET"]
    assert player.requests[1].url == "https://api.cohere.com/v1/models?page_size=1000&page_token=p+2"


def test_a_list_without_an_end_is_refused() -> None:
    """A server that always names a next page cannot keep the gateway busy for ever."""
    built, player = provider({"models": [], "next_page_token": "again"})

    with pytest.raises(MalformedResponseError, match="pages"):
        asyncio.run(built.list_models(ModelListRequest(), new_call()))

    assert len(player.requests) == 50


def test_prices() -> None:
    """A listed model has a price with source and date; an unknown one has none."""
    offer = gateway_provider()
    assert offer.prices is not None

    price = offer.prices("command-r7b-12-2024")

    assert price is not None
    assert (price.input, price.output) == (Decimal("0.0375"), Decimal("0.15"))
    assert price.source
    assert price.as_of
    assert offer.prices("command-z") is None


def test_default_models_have_a_price() -> None:
    """What is used when nobody chooses has a known cost."""
    offer = gateway_provider()
    assert offer.prices is not None

    assert offer.prices(offer.default_model or "") is not None
    assert offer.prices(offer.default_embedding_model or "") is not None


def test_abilities() -> None:
    """Thinking and pictures are for the models that have them; no model takes what the API has no field for."""
    offer = gateway_provider()
    assert offer.capabilities is not None

    plus, plain, unknown = map(offer.capabilities, ("command-a-plus-05-2026", "command-a-03-2025", "my-own-model"))

    assert not {"reasoning_effort", "image"} & plus.without
    assert {"reasoning_effort", "image"} <= plain.without
    assert {"n", "user", "parallel_tool_calls", "top_logprobs", "audio"} <= unknown.without


def test_the_offer_is_cheap_to_import() -> None:
    """Looking at the offer imports neither the dialect nor anything that talks to a network."""
    code = (
        "import sys, litellm_gateway_provider_cohere.plugin\n"
        "heavy = {'asyncio', 'httpx', 'ssl', 'litellm_gateway_provider_cohere.dialect', 'litellm_gateway.dialects'}\n"
        "sys.exit(str(sorted(heavy & set(sys.modules))) if heavy & set(sys.modules) else 0)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_the_dialect_needs_no_network_and_no_event_loop() -> None:
    """The translation imports neither httpx nor asyncio."""
    code = (
        "import sys, litellm_gateway_provider_cohere.dialect\n"
        "sys.exit(1 if {'asyncio', 'httpx', 'socket'} & set(sys.modules) else 0)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
