"""What providers can do beside text, against a server that somebody else wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aimock_peers import EMBEDDERS

Connect = Callable[..., Any]

pytestmark = pytest.mark.slow


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
