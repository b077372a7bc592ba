"""Calls that share an upstream call or a batch keep what is their own: their deadline, their encoding, their limits."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from litellm_gateway import DeadlineExceededError, LiteLLMGateway, create_gateway
from litellm_gateway.contracts import EmbedLimits, ProviderOffer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.responses import EmbedResponse, GenerateResponse, StreamChunk
from litellm_gateway.testing.scripted_provider import ScriptedProvider, answer, pieces

DEDUPLICATED = {"enable_request_deduplication": True}
BATCHED = {"enable_request_batching": True, "batch_size": 2, "batch_timeout": 5.0}


class LimitedProvider(ScriptedProvider):
    """Takes three texts for embeddings at once."""

    @hookimpl
    def gateway_provider(self) -> ProviderOffer:
        return ProviderOffer(
            name="scripted", summary="", build=lambda settings, context: self, default_model="m",
            default_embedding_model="e", embed_limits=EmbedLimits(texts=3),
        )  # fmt: skip


def make(*steps: Any, **settings: Any) -> tuple[LiteLLMGateway, ScriptedProvider]:
    provider = LimitedProvider(*steps)
    return create_gateway(provider="scripted", plugins=[provider], discover=False, **settings), provider


async def slow(_request: object) -> GenerateResponse:
    await asyncio.sleep(0.3)
    return answer("late")


async def vectors(request: Any) -> EmbedResponse:
    return EmbedResponse(vectors=tuple((float(len(text)),) for text in request.texts), model="e")


@pytest.mark.parametrize("settings", [DEDUPLICATED, BATCHED], ids=["deduplicated", "batched"])
async def test_each_keeps_its_own_deadline(settings: dict[str, Any]) -> None:
    """Who has less time leaves when it is over; who has more gets the answer."""
    gateway, _ = make(slow, **settings)

    patient = asyncio.create_task(gateway.generate_async("hi"))
    await asyncio.sleep(0)
    began = time.monotonic()
    with pytest.raises(DeadlineExceededError):
        await gateway.generate_async("hi", timeout=0.05)
    waited = time.monotonic() - began

    assert waited < 0.25
    assert (await patient).text == "late"


async def test_a_short_deadline_of_the_first_is_not_that_of_the_rest() -> None:
    """Who follows a call that runs out of its own time asks again in its own name."""
    gateway, provider = make(slow, **DEDUPLICATED)

    hasty = asyncio.create_task(gateway.generate_async("hi", timeout=0.05))
    await asyncio.sleep(0)
    patient = asyncio.create_task(gateway.generate_async("hi", timeout=30.0))
    done = await asyncio.gather(hasty, patient, return_exceptions=True)

    assert isinstance(done[0], DeadlineExceededError)
    assert isinstance(done[1], GenerateResponse)
    assert done[1].text == "late"
    assert len(provider.requests) == 2


async def test_who_follows_a_stream_keeps_its_own_deadline() -> None:
    """Pieces that come too late for one reader still reach the other."""

    async def trickle(_request: object) -> list[StreamChunk]:
        await asyncio.sleep(0.3)
        return pieces("late")

    gateway, _ = make(trickle, **DEDUPLICATED)
    patient = asyncio.create_task(gateway.generate_stream_async("hi").response())
    await asyncio.sleep(0)
    began = time.monotonic()

    with pytest.raises(DeadlineExceededError):
        await gateway.generate_stream_async("hi", timeout=0.05).response()
    waited = time.monotonic() - began

    assert waited < 0.25
    assert (await patient).text == "late"


async def test_embeddings_of_different_encodings_travel_apart() -> None:
    """Nobody gets bytes who asked for floats."""
    gateway, provider = make(vectors, **(BATCHED | {"batch_timeout": 0.01}))

    await asyncio.gather(gateway.embed_async("a"), gateway.embed_async("b", encoding="int8"))

    assert sorted(request.encoding for request in provider.requests) == ["float", "int8"]


async def test_a_batch_of_embeddings_keeps_the_providers_limits() -> None:
    """What was merged is cut again where the provider takes less, and each gets its own vectors."""
    gateway, provider = make(vectors, **BATCHED)

    one, other = await asyncio.gather(gateway.embed_async(["a", "bb"]), gateway.embed_async(["ccc", "dddd"]))

    assert [list(vector) for vector in (*one, *other)] == [[1.0], [2.0], [3.0], [4.0]]
    assert sorted(len(request.texts) for request in provider.requests) == [1, 3]


async def test_a_quick_answer_does_not_wait_for_a_slow_one_of_its_batch() -> None:
    """Requests for text leave together and come back each in its own time."""

    async def by_name(request: Any) -> GenerateResponse:
        if request.messages[0].text == "slow":
            await asyncio.sleep(0.3)
        return answer("done")

    gateway, _ = make(by_name, **BATCHED)
    slow_one = asyncio.create_task(gateway.generate_async("slow"))
    await asyncio.sleep(0)
    began = time.monotonic()

    await gateway.generate_async("quick")
    waited = time.monotonic() - began

    assert waited < 0.25
    assert (await slow_one).text == "done"
