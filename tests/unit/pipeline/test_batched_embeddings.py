"""Embeddings that travel together: one request at the provider, each its own share, and one bad one alone."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from attrs import evolve
from litellm_gateway import (
    AllRoutesFailedError,
    ContentFilteredError,
    ContextWindowExceededError,
    GatewayError,
    InvalidRequestError,
    LiteLLMGateway,
    ProviderError,
    create_gateway,
)
from litellm_gateway.contracts import EmbedLimits, ProviderOffer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.responses import EmbedResponse, TokenUsage
from litellm_gateway.testing.scripted_provider import ScriptedProvider


async def counted(request: Any) -> EmbedResponse:
    """Give vectors that tell their texts, and ten tokens for all of them."""
    return EmbedResponse(
        vectors=tuple((float(len(text)),) for text in request.texts), model="e", usage=TokenUsage(input_tokens=10)
    )


def make(step: Any, *, size: int = 3, timeout: float = 5.0, **more: Any) -> tuple[LiteLLMGateway, ScriptedProvider]:
    provider = ScriptedProvider(step)
    settings = {"enable_request_batching": True, "batch_size": size, "batch_timeout": timeout, "max_retries": 0}
    return create_gateway(provider="scripted", plugins=[provider], discover=False, **settings, **more), provider


async def test_shares_of_the_usage_add_up_to_what_was_billed() -> None:
    """Ten tokens over three texts of equal length are ten tokens, not nine."""
    gateway, provider = make(counted)

    answers = await asyncio.gather(*(gateway.embed_async(text) for text in ("aa", "bb", "cc")))

    assert len(provider.requests) == 1
    assert sum(answer.usage.total_tokens for answer in answers) == 10
    assert all(answer.usage.total_tokens in (3, 4) and answer.usage.estimated for answer in answers)


@pytest.mark.parametrize(
    "refusal",
    [
        InvalidRequestError("no"),
        ContextWindowExceededError("too long"),
        ContentFilteredError("not this"),
        AllRoutesFailedError("all", attempts=[ContextWindowExceededError("too long")]),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_one_bad_request_fails_alone(refusal: GatewayError) -> None:
    """Whatever the provider holds against one of them, the others get their vectors."""

    async def picky(request: Any) -> Any:
        return refusal if "bad" in request.texts else await counted(request)

    gateway, _ = make(picky)

    answers = await asyncio.gather(
        *(gateway.embed_async(text) for text in ("good", "bad", "better")), return_exceptions=True
    )

    assert [type(answer) for answer in answers] == [EmbedResponse, type(refusal), EmbedResponse]
    assert answers[2][0][0] == 6.0


@pytest.mark.parametrize(
    ("failure", "answered", "used"),
    [(ProviderError("down", status_code=500), 0, 10), (InvalidRequestError("no"), 2, 30)],
    ids=["all fail", "one fails"],
)
async def test_what_a_batch_used_before_it_failed_is_told(failure: GatewayError, answered: int, used: int) -> None:
    """The first part was made and is paid for, though nobody gets a share of it; limits and sums agree."""

    async def fails_later(request: Any) -> Any:
        if "cc" in request.texts:
            await asyncio.sleep(0.02)
            return failure
        return await counted(request)

    class TwoAtOnce(ScriptedProvider):
        @hookimpl
        def gateway_provider(self) -> ProviderOffer:
            return evolve(ScriptedProvider.gateway_provider(self), embed_limits=EmbedLimits(texts=2))

    gateway = create_gateway(
        provider="scripted", plugins=[TwoAtOnce(fails_later)], discover=False, max_retries=0,
        enable_request_batching=True, batch_size=3, batch_timeout=5.0, rate_limit_config={"tokens_per_hour": 1000},
    )  # fmt: skip

    answers = await asyncio.gather(*(gateway.embed_async(text) for text in ("aa", "bb", "cc")), return_exceptions=True)

    limits = gateway.explain("x")["limits"]["each"]
    assert [type(answer) for answer in answers].count(EmbedResponse) == answered
    assert gateway.usage()["tokens"]["total"] == used
    assert [each["limit"] - each["free"] for each in limits if each["unit"] == "tokens"] == [used]


async def test_the_oldest_waits_no_longer_than_the_batch_may() -> None:
    """A batch that never fills leaves in time, counted from its first request."""
    gateway, provider = make(counted, size=100, timeout=0.1)

    began = time.monotonic()
    first = asyncio.create_task(gateway.embed_async("one"))
    await asyncio.sleep(0.06)
    second = asyncio.create_task(gateway.embed_async("two"))
    await first
    waited = time.monotonic() - began
    await second

    assert waited < 1.0
    assert len(provider.requests) == 1


async def test_tenants_and_keys_never_share_a_request() -> None:
    """Two tenants, and two keys of one provider, are requests of their own."""
    other = ScriptedProvider(counted, name="other")
    gateway, provider = make(counted, size=2, timeout=0.02)
    both = create_gateway(
        providers={"scripted": {}, "other": {}}, provider="scripted", plugins=[provider, other], discover=False,
        enable_request_batching=True, batch_size=2, batch_timeout=0.02,
    )  # fmt: skip

    await asyncio.gather(gateway.embed_async("a", tenant_id="one"), gateway.embed_async("b", tenant_id="two"))
    tenants = [len(request.texts) for request in provider.requests]  # type: ignore[union-attr]
    provider.requests.clear()
    await asyncio.gather(both.embed_async("a"), both.embed_async("b", model="other/scripted"))

    assert tenants == [1, 1]
    assert (len(provider.requests), len(other.requests)) == (1, 1)
