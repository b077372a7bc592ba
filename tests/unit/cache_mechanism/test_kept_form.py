"""Answers are kept as they are only if nobody can change them, and mean the same as if they had been written."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve
from litellm_gateway import create_gateway
from litellm_gateway.builtin.memory_cache import MemoryAnswers, MemoryCache, MemoryCacheSettings
from litellm_gateway.cache_mechanism import CacheMechanism
from litellm_gateway.contracts import CacheKey
from litellm_gateway.kept_form import kept_form
from litellm_gateway.messages import ReasoningPart, ToolCall
from litellm_gateway.responses import EmbedResponse, GenerateResponse, TokenUsage

KEY = CacheKey("tenant", "0" * 64)
PLAIN = GenerateResponse(
    text="an answer", model="m", usage=TokenUsage(input_tokens=3), raw_finish_reason="stop",
    metadata={
        "provider": "acme", "request_id": "req_1", "cost": Decimal("0.1"), "latency": 0.5, "cached": False,
        "attempts": 2, "hedged": None, "failures": ("x",), "seed": None, "score": 0.25, "provider_cost": Decimal("0.2"),
    },
)  # fmt: skip
CHANGEABLE = [
    evolve(PLAIN, metadata={"citations": ["https://example.org"]}),
    evolve(PLAIN, metadata={"alternatives": ("a", "b")}),
    evolve(PLAIN, metadata={"logprobs": {"content": []}}),
    evolve(PLAIN, annotations=({"type": "url"},)),
    evolve(PLAIN, parsed=[1]),
    evolve(PLAIN, reasoning=(ReasoningPart(text="so", extra={"id": "r"}),)),
    evolve(PLAIN, tool_calls=[ToolCall(id="c", name="f", arguments="{}")]),
]
UNCHANGEABLE = [
    PLAIN,
    evolve(PLAIN, tool_calls=(ToolCall(id="c", name="f", arguments="{}"),), refusal="no"),
    evolve(PLAIN, reasoning=(ReasoningPart(text="so", signature="s"),)),
]


async def _found_in(cache_type: type[MemoryCache], answer: GenerateResponse | EmbedResponse) -> Any:
    cache = CacheMechanism(backend=cache_type(MemoryCacheSettings(), lambda: 0.0))
    await cache.store(KEY, answer, 60)
    return await cache.look_up(KEY)


@pytest.mark.parametrize("answer", [*UNCHANGEABLE, *CHANGEABLE])
async def test_it_means_the_same_as_written_and_read(answer: GenerateResponse) -> None:
    """Whichever way an answer is kept, the same one is found."""
    assert await _found_in(MemoryAnswers, answer) == await _found_in(MemoryCache, answer)


@pytest.mark.parametrize("answer", CHANGEABLE)
def test_what_can_be_changed_is_not_kept_as_it_is(answer: GenerateResponse) -> None:
    """Lists and mappings in an answer are its reader's, who may change them."""
    assert kept_form(answer) is None


@pytest.mark.parametrize("answer", UNCHANGEABLE)
async def test_plain_answers_are_kept_as_they_are(answer: GenerateResponse) -> None:
    """They are neither written nor read, but for what tells of one call."""
    found = await _found_in(MemoryAnswers, answer)

    assert found.text is answer.text
    assert found.metadata.keys() == {"provider", "request_id", "cost", "seed", "score", "provider_cost"}


async def test_metadata_of_a_reader_is_not_that_of_the_cache() -> None:
    """Whoever changes the metadata of the answer it was given, changes nothing for others."""
    mine = evolve(PLAIN, metadata=dict(PLAIN.metadata))
    cache = CacheMechanism(backend=MemoryAnswers(MemoryCacheSettings(), lambda: 0.0))
    await cache.store(KEY, mine, 60)
    mine.metadata["provider"] = "somebody else"  # type: ignore[index]

    found = await cache.look_up(KEY)

    assert found is not None
    assert found.metadata["provider"] == "acme"
    found.metadata["provider"] = "somebody else"  # type: ignore[index]
    assert (await cache.look_up(KEY)).metadata["provider"] == "acme"  # type: ignore[union-attr]


async def test_vectors_are_kept_as_bytes() -> None:
    """A vector is a buffer its reader may write into."""
    answer = EmbedResponse(vectors=([1.0, 2.0],), model="m")

    first, second = await _found_in(MemoryAnswers, answer), await _found_in(MemoryAnswers, answer)

    assert first == second
    assert first.vectors[0] is not second.vectors[0]


def test_texts_are_not_shown() -> None:
    """What is kept shows no word of the answer."""
    assert "an answer" not in repr(kept_form(PLAIN))


def test_size_follows_the_texts() -> None:
    """Texts count with the bytes they take in memory."""
    short, long = kept_form(PLAIN), kept_form(evolve(PLAIN, text="ä" * 10_000))

    assert short is not None
    assert long is not None
    assert 9_000 < long.size - short.size < 41_000


async def test_an_heir_is_asked_in_its_own_way() -> None:
    """A subclass that looks up and stores in another way is asked so, even where the short way would be open."""

    class Counting(CacheMechanism):
        def __init__(self) -> None:
            super().__init__()
            self.asked: list[str] = []

        async def look_up(self, key: CacheKey) -> GenerateResponse | EmbedResponse | None:
            self.asked.append("look up")
            return await super().look_up(key)

        async def store(
            self, key: CacheKey, response: GenerateResponse | EmbedResponse, ttl: float | None = None
        ) -> None:
            self.asked.append("store")
            await super().store(key, response, ttl)

    cache = Counting()
    async with create_gateway(provider="echo", enable_caching=True, cache=cache) as gateway:
        answers = [await gateway.generate_async("hi") for _ in range(2)]

    assert [answer.metadata["cached"] for answer in answers] == [False, True]
    assert cache.asked == ["look up", "store", "look up"]


async def test_an_heirs_own_words_are_not_mistaken() -> None:
    """A subclass may call methods of its own as it likes."""

    class Choosy(CacheMechanism):
        def keep(self, answer: GenerateResponse) -> bool:  # type: ignore[override]
            return len(answer.text) > 3

        def find(self) -> None:  # type: ignore[override]
            raise AssertionError("the gateway took it for its own")

        async def store(self, key: CacheKey, response: Any, ttl: float | None = None) -> None:
            if self.keep(response):
                await super().store(key, response, ttl)

    async with create_gateway(provider="echo", enable_caching=True, cache=Choosy()) as gateway:
        short = [await gateway.generate_async("hi") for _ in range(2)]
        long = [await gateway.generate_async("hello") for _ in range(2)]

    assert [answer.metadata["cached"] for answer in (*short, *long)] == [False, False, False, True]
