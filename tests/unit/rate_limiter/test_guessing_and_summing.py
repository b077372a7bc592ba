"""Guessing tokens before a call, and summing up what calls used."""

from __future__ import annotations

import threading
import time
from decimal import Decimal
from typing import Any

import pytest
from litellm_gateway import GatewayError, Message, TokenUsage
from litellm_gateway.contracts import Call
from litellm_gateway.requests import EmbedRequest, GenerateRequest
from litellm_gateway.telemetry import CallRecord
from litellm_gateway.token_estimator import TokenEstimator
from litellm_gateway.usage_book import UsageBook


def prompt(text: str, **fields: Any) -> GenerateRequest:
    return GenerateRequest(model="m", messages=(Message(role="user", content=text),), **fields)


def used(prompt_tokens: int, answer_tokens: int = 0, **fields: Any) -> TokenUsage:
    return TokenUsage(input_tokens=prompt_tokens, output_tokens=answer_tokens, **fields)


def test_max_tokens_bounds_the_guess() -> None:
    """A guess is the prompt and, for each answer asked for, the most it may have."""
    estimator = TokenEstimator()

    plain = estimator.estimate("p/m", prompt("x" * 400, max_tokens=50))
    several = estimator.estimate("p/m", prompt("x" * 400, max_tokens=50, n=3))

    assert (plain.answer, several.answer) == (50, 150)
    assert plain.total == plain.prompt + 50 >= 150


def test_prompts_are_guessed_better_with_time() -> None:
    """A model that counts twice as many tokens is soon guessed right; another model is not touched."""
    estimator, request = TokenEstimator(), prompt("x" * 4000, max_tokens=10)
    for _ in range(30):
        guess = estimator.estimate("p/m", request)
        estimator.learn("p/m", request, guess, used(2 * guess.counted))

    assert estimator.factor("p/m") == pytest.approx(2.0, rel=0.01)
    assert estimator.estimate("p/m", request).prompt == pytest.approx(2 * guess.counted, rel=0.01)
    assert estimator.factor("p/other") == 1.0


def test_nonsense_moves_a_guess_only_so_far() -> None:
    """A provider that reports a million tokens multiplies by four at most; one that reports none teaches nothing."""
    estimator, request = TokenEstimator(), prompt("x" * 400)
    for _ in range(100):
        guess = estimator.estimate("p/m", request)
        estimator.learn("p/m", request, guess, used(10**6))
        estimator.learn("p/n", request, guess, used(0))
        estimator.learn("p/n", request, guess, used(5, estimated=True))

    assert estimator.factor("p/m") == pytest.approx(4.0)
    assert estimator.factor("p/n") == 1.0


def test_the_length_of_answers_is_learnt() -> None:
    """Without max_tokens a longer answer is expected at once, a shorter one slowly."""
    estimator, request = TokenEstimator(), prompt("x" * 400)
    before = estimator.estimate("p/m", request)
    estimator.learn("p/m", request, before, used(100, 5000))
    after_long = estimator.estimate("p/m", request).answer
    estimator.learn("p/m", request, before, used(100, 100))
    after_short = estimator.estimate("p/m", request).answer

    assert before.answer == 1024
    assert after_long == 5000
    assert 4500 < after_short < 5000


def test_embeddings_have_no_answer() -> None:
    """Only their texts count."""
    guess = TokenEstimator().estimate("p/m", EmbedRequest(model="m", texts=("x" * 40,)))

    assert guess.answer == 0
    assert guess.total >= 10


def ended(tenant: str, **fields: Any) -> CallRecord:
    call = Call(id="r", tenant=tenant, deadline=0.0, retries_left=0, clock=time.monotonic, started_at=0.0)
    record = CallRecord(call=call, operation="generate")
    for name, value in fields.items():
        setattr(record, name, value)
    return record


def test_sums_are_kept_per_tenant_and_over_all() -> None:
    """Calls, errors, tokens by bucket and money; a tenant never seen has used nothing."""
    book = UsageBook()
    book.note(ended("a", usage=used(10, 5, cache_read_tokens=3), cost=Decimal("0.5")))
    book.note(ended("b", usage=used(1, 1), cost=Decimal("0.25")))
    failed = ended("a")
    failed.failed(GatewayError("no"))
    book.note(failed)

    one, every, nobody = book.report("a"), book.report(None), book.report("c")

    assert (one["calls"], one["errors"], one["cost"]) == (2, 1, Decimal("0.5"))
    assert one["tokens"] == {"input": 10, "cache_read": 3, "cache_write": 0, "output": 5, "reasoning": 0, "total": 18}
    assert (every["calls"], every["tokens"]["total"], every["cost"]) == (3, 20, Decimal("0.75"))
    assert (nobody["calls"], nobody["tokens"]["total"]) == (0, 0)


def test_answers_from_the_cache_use_nothing() -> None:
    """A call that was answered by the cache or shared another's answer counts as a call only."""
    book = UsageBook()
    book.note(ended("a", usage=used(10, 5), cached=True))
    book.note(ended("a", usage=used(10, 5), shared=True))

    assert (book.report("a")["calls"], book.report("a")["tokens"]["total"]) == (2, 0)


def test_a_call_that_ends_within_another_ones_step_is_taken_in() -> None:
    """As one does that nobody holds any more, and that is collected at any moment: in the same thread."""
    book = UsageBook()

    class Interrupting:
        def __iter__(self) -> Any:
            book.note(ended("a", usage=used(2, 2)))
            return iter(())

    record = ended("a", usage=used(1, 1))
    record.call.hedges = Interrupting()
    thread = threading.Thread(target=book.note, args=(record,), daemon=True)
    thread.start()
    thread.join(timeout=10)

    assert not thread.is_alive()
    assert (book.report("a")["calls"], book.report("a")["tokens"]["total"]) == (2, 6)


def test_forgotten_tenants_stay_in_the_sum() -> None:
    """Only so many tenants are kept apart; the sum over all stays right."""
    book = UsageBook(max_tenants=3)
    for number in range(10):
        book.note(ended(str(number), usage=used(1, 1)))

    assert book.report("0")["calls"] == 0
    assert book.report("9")["calls"] == 1
    assert book.report(None)["tokens"]["total"] == 20
