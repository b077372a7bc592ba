"""Prompts that leave together: one place in the limiter's line, and one request where a provider can answer several."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from kept_events import KeptEvents
from litellm_gateway import (
    Budget,
    ContentFilteredError,
    DeadlineExceededError,
    GatewayError,
    InvalidRequestError,
    LiteLLMGateway,
    MalformedResponseError,
    PluginContractError,
    ProviderOverloadedError,
    QueueTimeoutError,
    RateLimitConfig,
    RateLimitError,
    create_gateway,
)
from litellm_gateway.contracts import Capabilities, MultiGenerator, ProviderOffer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.responses import GenerateResponse, TokenUsage
from litellm_gateway.telemetry import AttemptFinished
from litellm_gateway.testing.scripted_provider import ScriptedProvider, answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from litellm_gateway.contracts import Call
    from litellm_gateway.requests import GenerateRequest

LIMITS = {"heed_provider_limits": False, "queue_timeout": 5.0}


async def echo(request: Any) -> GenerateResponse:
    """Say the prompt back; as many tokens as it has letters."""
    await asyncio.sleep(0)
    text = request.messages[0].text
    return GenerateResponse(text=text, model="m", usage=TokenUsage(input_tokens=len(text), output_tokens=1))


class Several(ScriptedProvider):
    """Answers several prompts by one request, as the given function says."""

    def __init__(self, many: Callable[[Sequence[GenerateRequest]], Awaitable[Any]], *steps: Any, **more: Any) -> None:
        super().__init__(*(steps or (echo,)), **more)
        self.many = many
        self.together: list[tuple[str, ...]] = []
        self.tenants: list[str] = []
        self.cancelled = 0

    @hookimpl
    def gateway_provider(self) -> ProviderOffer:
        def takes(model: str) -> Capabilities:
            return Capabilities(without=frozenset({"seed"}))

        return ProviderOffer(
            name=self.name, summary="", build=lambda settings, context: self, default_model="m", capabilities=takes
        )

    async def generate_many(self, requests: Sequence[GenerateRequest], call: Call) -> Any:
        self.together.append(tuple(request.messages[0].text for request in requests))
        self.tenants.append(call.tenant)
        try:
            return await self.many(requests)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


async def all_echoed(requests: Sequence[GenerateRequest]) -> list[Any]:
    return [await echo(request) for request in requests]


def make(provider: Any, *others: Any, size: int = 3, timeout: float = 0.02, **more: Any) -> LiteLLMGateway:
    settings = {"max_retries": 0, "retry_budget": None, **more}
    names = [each.name for each in (provider, *others) if not isinstance(each, KeptEvents)]
    return create_gateway(
        providers={name: {} for name in names}, provider=provider.name,
        plugins=[provider, *others], discover=False,
        enable_request_batching=True, batch_size=size, batch_timeout=timeout, **settings,
    )  # fmt: skip


async def ask(gateway: LiteLLMGateway, *prompts: str, **options: Any) -> list[Any]:
    return await asyncio.gather(
        *(gateway.generate_async(prompt, **options) for prompt in prompts), return_exceptions=True
    )


def texts(answers: list[Any]) -> list[str]:
    return [each.text if isinstance(each, GenerateResponse) else type(each).__name__ for each in answers]


# --- one slot ---


async def test_a_batch_stands_in_line_as_one() -> None:
    """Three prompts and room for two a second: none is sent before all can be, and each is settled by itself."""
    gateway = make(ScriptedProvider(echo), rate_limit_config=RateLimitConfig(requests_per_second=3, **LIMITS))
    await gateway.generate_async("first")

    batch = [asyncio.create_task(gateway.generate_async(prompt)) for prompt in ("a", "bb", "ccc")]
    await asyncio.sleep(0.1)
    health = gateway.get_health()["rate_limit"]
    explained = gateway.explain("a")["limits"]
    answers = await asyncio.gather(*batch)

    assert (health["queue_depth"], health["remaining"]) == (3, 2)
    assert explained["each"][0]["reserved"] == 1
    assert texts(answers) == ["a", "bb", "ccc"]
    assert [each.usage.total_tokens for each in answers] == [2, 3, 4]
    await gateway.aclose()


@pytest.mark.parametrize("limits", [{"concurrency": 2}, {"requests_per_second": 2}, {"tokens_per_second": 40}])
async def test_a_batch_larger_than_a_limit_is_not_refused(limits: dict[str, Any]) -> None:
    """Five prompts where two fit at once all get their answers."""
    gateway = make(ScriptedProvider(echo), size=5, rate_limit_config=RateLimitConfig(**limits, **LIMITS))

    answers = await ask(gateway, *"abcde", max_tokens=10)

    assert texts(answers) == list("abcde")
    await gateway.aclose()


async def test_one_that_leaves_while_its_batch_waits_disturbs_nobody() -> None:
    """The others get their answers, and what was reserved for it is free."""
    gateway = make(ScriptedProvider(echo), rate_limit_config=RateLimitConfig(requests_per_second=3, **LIMITS))
    await gateway.generate_async("first")
    batch = [asyncio.create_task(gateway.generate_async(prompt)) for prompt in ("a", "b", "c")]
    await asyncio.sleep(0.1)

    batch[1].cancel()
    answers = await asyncio.gather(*batch, return_exceptions=True)

    assert texts(answers) == ["a", "CancelledError", "c"]
    assert gateway.get_health()["rate_limit"]["remaining"] == 0
    assert gateway.get_health()["rate_limit"]["queue_depth"] == 0
    await gateway.aclose()


async def test_each_waits_as_long_as_it_may() -> None:
    """A deadline in the line is that call's own error; the others are answered."""
    gateway = make(ScriptedProvider(echo), rate_limit_config=RateLimitConfig(requests_per_second=3, **LIMITS))
    await gateway.generate_async("first")
    hasty = asyncio.create_task(gateway.generate_async("a", timeout=1.5))
    others = asyncio.create_task(ask(gateway, "b", "c"))
    await asyncio.sleep(0.1)
    blocker = asyncio.create_task(ask(gateway, "d", "e", "f", priority=5))

    answers = [*await asyncio.gather(hasty, return_exceptions=True), *await others]
    await blocker

    assert isinstance(answers[0], QueueTimeoutError)
    assert texts(answers[1:]) == ["b", "c"]
    await gateway.aclose()


async def test_time_that_ends_before_the_batch_leaves_is_the_calls_own() -> None:
    """A batch that takes longer to fill than a call may last ends that call only."""
    gateway = make(ScriptedProvider(echo), size=10, timeout=0.5, rate_limit_config=RateLimitConfig(concurrency=5))
    patient = asyncio.create_task(gateway.generate_async("patient"))
    await asyncio.sleep(0)

    with pytest.raises(DeadlineExceededError):
        await gateway.generate_async("hasty", timeout=0.05)

    assert (await patient).text == "patient"
    await gateway.aclose()


async def test_calls_cancelled_anywhere_leave_nothing_reserved() -> None:
    """At each of their awaits in turn, with and without a line: no place, no token and no waiter stays."""
    limits = RateLimitConfig(concurrency=3, tokens_per_hour=10_000, **LIMITS)
    for provider in (ScriptedProvider(echo), Several(all_echoed)):
        gateway = make(provider, rate_limit_config=limits, timeout=0.001)
        for steps in range(24):
            batch = [asyncio.create_task(gateway.generate_async(prompt)) for prompt in "abcde"]
            for task in batch[:4]:
                await asyncio.sleep(0)
                for _ in range(steps):
                    await asyncio.sleep(0)
                task.cancel()
            await asyncio.gather(*batch, return_exceptions=True)
        told = gateway.explain("x", max_tokens=1)["limits"]["each"]

        assert await ask(gateway, "f", "g", "h", "i")
        assert next(each for each in told if each["unit"] == "concurrency")["free"] == 3
        assert next(each for each in told if each["unit"] == "tokens")["free"] >= 10_000 - 24 * 10
        assert gateway.get_health()["rate_limit"]["queue_depth"] == 0
        assert gateway.get_health()["in_flight"] == 0
        await gateway.aclose()


async def test_tenants_and_priorities_have_slots_of_their_own() -> None:
    """What one tenant or one priority waits for holds up no other."""
    limits = RateLimitConfig(requests_per_second=2, **LIMITS)
    gateway = make(Several(all_echoed), rate_limit_config=limits, size=2)
    await ask(gateway, "a", "b", tenant_id="one")

    began = asyncio.get_running_loop().time()
    waiting = asyncio.create_task(ask(gateway, "c", "d", tenant_id="one"))
    other = await ask(gateway, "e", "f", tenant_id="two")
    waited = asyncio.get_running_loop().time() - began

    assert texts(other) == ["e", "f"]
    assert waited < 0.9
    assert texts(await waiting) == ["c", "d"]
    await gateway.aclose()


async def test_a_hard_budget_refuses_only_those_it_has_no_room_for() -> None:
    """Room for two of three prompts is used by two of them."""
    gateway = make(ScriptedProvider(echo), budgets=[Budget(tokens=30, window="day")])

    answers = await ask(gateway, "a", "b", "c", max_tokens=10)

    assert sorted(texts(answers)) == ["BudgetExceededError", "a", "b"]
    assert gateway.usage()["tokens"]["total"] == 4
    await gateway.aclose()


# --- several prompts in one request ---


async def test_prompts_of_a_batch_become_one_request() -> None:
    """Each call has its own answer, usage, cost and settlement, and one attempt of its own."""
    provider, ear = Several(all_echoed), KeptEvents()
    limits = RateLimitConfig(tokens_per_hour=1000, **LIMITS)
    gateway = make(provider, ear, rate_limit_config=limits, telemetry=["kept"])

    answers = await ask(gateway, "a", "bb", "ccc", max_tokens=50, tenant_id="t")

    assert isinstance(provider, MultiGenerator)
    assert provider.together == [("a", "bb", "ccc")]
    assert provider.tenants == ["t"]
    assert provider.requests == []
    assert texts(answers) == ["a", "bb", "ccc"]
    assert [each.usage.total_tokens for each in answers] == [2, 3, 4]
    assert len({each.metadata["request_id"] for each in answers}) == 3
    assert {each.metadata["attempts"] for each in answers} == {1}
    assert {event.call_id for event in ear.of(AttemptFinished)} == {each.metadata["request_id"] for each in answers}
    assert gateway.usage(tenant_id="t")["tokens"]["total"] == 9
    assert gateway.explain("x", tenant_id="t", max_tokens=1)["limits"]["each"][0]["free"] == 991
    await gateway.aclose()


async def test_what_does_not_belong_together_is_asked_apart() -> None:
    """Tenants, models, parameters and fields of one's own are never joined; a prompt left over goes alone."""
    provider = Several(all_echoed)
    gateway = make(provider, size=20, timeout=0.05)

    await asyncio.gather(
        ask(gateway, "a", "b", tenant_id="one"),
        ask(gateway, "c", tenant_id="two"),
        ask(gateway, "d", "e", tenant_id="one", temperature=0.5),
        ask(gateway, "f", tenant_id="one", temperature=0.7),
        ask(gateway, "g", "h", tenant_id="one", model="scripted/other"),
        ask(gateway, "i", "j", tenant_id="one", extra_body={"x": 1}),
    )

    assert sorted(provider.together) == [("a", "b"), ("d", "e"), ("g", "h")]
    assert sorted(request.messages[0].text for request in provider.requests) == ["c", "f", "i", "j"]
    await gateway.aclose()


async def test_an_error_for_one_is_that_ones_alone() -> None:
    """It is refunded and raised to its caller; the others are answered and counted."""

    async def one_bad(requests: Sequence[GenerateRequest]) -> list[Any]:
        answers = await all_echoed(requests)
        return [ContentFilteredError("not this") if each.text == "bad" else each for each in answers]

    provider = Several(one_bad)
    gateway = make(provider, rate_limit_config=RateLimitConfig(tokens_per_hour=1000, **LIMITS))

    answers = await ask(gateway, "good", "bad", "fine", max_tokens=5)

    assert texts(answers) == ["good", "ContentFilteredError", "fine"]
    assert (answers[1].provider, answers[1].model) == ("scripted", "m")
    assert provider.requests == []
    assert gateway.explain("x", max_tokens=1)["limits"]["each"][0]["free"] == 990
    await gateway.aclose()


async def test_an_error_that_passes_is_tried_again_by_its_own_call() -> None:
    """An overloaded item is asked for again alone, as a retry of that call; the others come back at once."""

    async def one_late(requests: Sequence[GenerateRequest]) -> list[Any]:
        answers = await all_echoed(requests)
        return [ProviderOverloadedError("busy", retry_after=0.0), *answers[1:]]

    provider = Several(one_late)
    gateway = make(provider, max_retries=1)

    answers = await ask(gateway, "a", "b", "c")

    assert texts(answers) == ["a", "b", "c"]
    assert [each.metadata["attempts"] for each in answers] == [2, 1, 1]
    assert [request.messages[0].text for request in provider.requests] == ["a"]
    await gateway.aclose()


@pytest.mark.parametrize("refusal", [InvalidRequestError("no"), ContentFilteredError("not this")])
async def test_a_refusal_of_the_whole_has_each_asked_alone(refusal: GatewayError) -> None:
    """It may be the fault of one of them, which then fails alone."""

    async def refuses(requests: Sequence[GenerateRequest]) -> list[Any]:
        raise refusal

    async def picky(request: Any) -> Any:
        return refusal if request.messages[0].text == "bad" else await echo(request)

    provider = Several(refuses, picky)
    gateway = make(provider)

    answers = await ask(gateway, "good", "bad", "fine")

    assert texts(answers) == ["good", type(refusal).__name__, "fine"]
    assert len(provider.together) == 1
    await gateway.aclose()


async def test_a_failure_of_the_whole_is_everybodys_and_goes_to_the_next_route() -> None:
    """With another route each goes there; with none each has the error, and what was reserved is given back."""

    async def breaks(requests: Sequence[GenerateRequest]) -> list[Any]:
        raise ProviderOverloadedError("down")

    other = ScriptedProvider(echo, name="other")
    rescued = make(Several(breaks), other, fallbacks=["other/m"])
    alone = make(Several(breaks), rate_limit_config=RateLimitConfig(concurrency=3, **LIMITS))

    saved = await ask(rescued, "a", "b", "c")
    failed = await ask(alone, "a", "b", "c")

    assert texts(saved) == ["a", "b", "c"]
    assert [each.metadata["attempts"] for each in saved] == [2, 2, 2]
    assert texts(failed) == ["ProviderOverloadedError"] * 3
    assert alone.explain("x")["limits"]["each"][0]["free"] == 3
    await rescued.aclose()
    await alone.aclose()


async def test_a_failure_of_the_whole_counts_once_and_is_tried_again_as_one() -> None:
    """One failed request of ten prompts is one to the circuit, and one retry, with the settings nobody changed."""
    failures = [ProviderOverloadedError("down"), ProviderOverloadedError("still")]

    async def breaks_twice(requests: Sequence[GenerateRequest]) -> list[Any]:
        if failures:
            raise failures.pop(0)
        return await all_echoed(requests)

    provider = Several(breaks_twice)
    gateway = create_gateway(
        provider=provider.name, plugins=[provider], discover=False, enable_request_batching=True, batch_size=10
    )

    answers = await ask(gateway, *"abcdefghij")
    health = gateway.get_health()

    assert texts(answers) == list("abcdefghij")
    assert [len(each) for each in provider.together] == [10, 10, 10]
    assert {each.metadata["attempts"] for each in answers} == {3}
    circuit = health["circuit_breaker"]["routes"]["scripted/m"]
    assert (circuit["state"], circuit["calls"], circuit["failures"]) == ("closed", 3, 2)
    assert (health["retry_budget"]["retries"], health["retry_budget"]["refused"]) == (2, 0)
    await gateway.aclose()


async def test_those_who_stay_are_tried_again_when_the_first_leaves() -> None:
    """Whoever waits for the retry may leave: the others are sent, and one of them tells of it."""
    failures, asked = [ProviderOverloadedError("down", retry_after=0.2)], []

    async def breaks_once(requests: Sequence[GenerateRequest]) -> list[Any]:
        asked.append(asyncio.get_running_loop().time())
        if failures:
            raise failures.pop(0)
        return await all_echoed(requests)

    provider = Several(breaks_once)
    gateway = make(provider, max_retries=1)
    batch = [asyncio.create_task(gateway.generate_async(prompt)) for prompt in "abc"]
    await asyncio.sleep(0.05)
    assert provider.together == [("a", "b", "c")]

    batch[0].cancel()
    answers = await asyncio.gather(*batch, return_exceptions=True)

    assert texts(answers) == ["CancelledError", "b", "c"]
    assert [sorted(each) for each in provider.together[1:]] == [["b", "c"]]
    assert asked[1] - asked[0] >= 0.199
    circuit = gateway.get_health()["circuit_breaker"]["routes"]["scripted/m"]
    assert (circuit["calls"], circuit["failures"]) == (2, 1)
    await gateway.aclose()


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ([answer()], MalformedResponseError),
        (None, PluginContractError),
        (answer(), PluginContractError),
        ([None, "text", ValueError("no")], PluginContractError),
        (RuntimeError("oops"), PluginContractError),
    ],
    ids=["too few", "none", "no sequence", "no answers", "foreign"],
)
async def test_whatever_else_comes_back_is_a_typed_error(given: Any, error: type[GatewayError]) -> None:
    """Nobody gets an answer that may be another's."""

    async def odd(requests: Sequence[GenerateRequest]) -> Any:
        if isinstance(given, Exception):
            raise given
        return given

    gateway = make(Several(odd))

    answers = await ask(gateway, "a", "b", "c")

    assert {type(each) for each in answers} == {error}
    await gateway.aclose()


async def test_what_a_model_does_not_take_stops_the_one_that_asks_for_it() -> None:
    """It never reaches the provider, and the others travel on together."""
    provider = Several(all_echoed)
    gateway = make(provider)

    answers = await asyncio.gather(ask(gateway, "a", "b"), ask(gateway, "c", seed=7))

    assert texts([*answers[0], *answers[1]]) == ["a", "b", "UnsupportedParameterError"]
    assert provider.together == [("a", "b")]
    await gateway.aclose()


async def test_each_keeps_its_own_deadline_while_all_wait_for_one_answer() -> None:
    """Who has less time leaves when it is over; the request goes on for the others."""

    async def slow(requests: Sequence[GenerateRequest]) -> list[Any]:
        await asyncio.sleep(0.3)
        return await all_echoed(requests)

    provider = Several(slow)
    provider.keeps_deadline = True
    gateway = make(provider, rate_limit_config=RateLimitConfig(concurrency=3, **LIMITS))

    answers = await asyncio.gather(ask(gateway, "a", timeout=0.1), ask(gateway, "b", "c", timeout=5.0))

    assert texts(answers[0]) == ["DeadlineExceededError"]
    assert texts(answers[1]) == ["b", "c"]
    assert provider.cancelled == 0
    assert gateway.explain("x")["limits"]["each"][0]["free"] == 3
    await gateway.aclose()


async def test_the_request_ends_when_nobody_waits_for_it_any_more() -> None:
    """One that leaves disturbs nobody; when the last has left, the provider is told."""

    async def never(requests: Sequence[GenerateRequest]) -> list[Any]:
        await asyncio.sleep(60)
        return []

    provider = Several(never)
    gateway = make(provider)
    batch = [asyncio.create_task(gateway.generate_async(prompt)) for prompt in "abc"]
    await asyncio.sleep(0.1)

    batch[0].cancel()
    await asyncio.sleep(0.01)
    after_one = provider.cancelled
    for task in batch:
        task.cancel()
    await asyncio.gather(*batch, return_exceptions=True)

    assert (after_one, provider.cancelled) == (0, 1)
    await gateway.aclose()


async def test_a_batch_that_was_parted_is_asked_for_as_it_comes() -> None:
    """Where the limiter lets in two of four, these two go together, and then the others."""
    provider = Several(all_echoed)
    gateway = make(provider, size=4, rate_limit_config=RateLimitConfig(concurrency=2, **LIMITS))

    answers = await ask(gateway, "a", "b", "c", "d")

    assert texts(answers) == ["a", "b", "c", "d"]
    assert provider.together[0] == ("a", "b")
    await gateway.aclose()


async def test_a_refusal_closes_the_provider_for_all_once() -> None:
    """A 429 for the whole is each call's own error, and heeded."""

    async def limited(requests: Sequence[GenerateRequest]) -> list[Any]:
        raise RateLimitError("slow down", retry_after=30.0, scope="provider")

    limits = RateLimitConfig(requests_per_minute=100, enable_queuing=False)
    gateway = make(Several(limited), rate_limit_config=limits)

    answers = await ask(gateway, "a", "b", "c")
    explained = gateway.explain("x")["limits"]

    assert texts(answers) == ["RateLimitError"] * 3
    assert 25 < explained["wait"] <= 30
    await gateway.aclose()


async def test_nothing_is_crossed_under_load() -> None:
    """A thousand prompts of three tenants, some cancelled, some failing: everybody gets their own or an error."""

    async def some_bad(requests: Sequence[GenerateRequest]) -> list[Any]:
        await asyncio.sleep(0)
        answers = await all_echoed(requests)
        return [InvalidRequestError("no") if each.text.endswith("13") else each for each in answers]

    provider = Several(some_bad)
    limits = RateLimitConfig(concurrency=40, max_queue_size=5000, queue_timeout=60.0)
    gateway = make(provider, size=16, timeout=0.001, rate_limit_config=limits)

    async def one(number: int) -> None:
        tenant = f"t{number % 3}"
        asking = asyncio.create_task(gateway.generate_async(f"{tenant} {number}", tenant_id=tenant))
        if number % 7 == 0:
            for _ in range(number % 40):
                await asyncio.sleep(0)
            asking.cancel()
        (told,) = await asyncio.gather(asking, return_exceptions=True)
        if isinstance(told, GenerateResponse):
            assert told.text == f"{tenant} {number}"
        else:
            assert isinstance(told, InvalidRequestError | asyncio.CancelledError)

    await asyncio.gather(*(one(number) for number in range(1000)))

    assert all(len({text.split()[0] for text in batch}) == 1 for batch in provider.together)
    assert max(map(len, provider.together)) > 4
    sent = [text for batch in provider.together for text in batch]
    assert len(sent) == len(set(sent))
    for tenant in ("t0", "t1", "t2"):
        assert gateway.explain("x", tenant_id=tenant)["limits"]["each"][0]["free"] == 40
    assert gateway.get_health()["rate_limit"]["queue_depth"] == 0
    await gateway.aclose()
