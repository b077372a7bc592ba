"""The tries of a call: who is asked again, who is asked instead, and when it stops."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import pytest
from litellm_gateway.attempts import Attempt, Attempts, Target
from litellm_gateway.breakers import CircuitBreakers
from litellm_gateway.contracts import Call, ProviderOffer, Route
from litellm_gateway.errors import (
    AllRoutesFailedError,
    AuthenticationError,
    CircuitOpenError,
    DeadlineExceededError,
    GatewayError,
    InvalidRequestError,
    MalformedResponseError,
    PluginContractError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
)
from litellm_gateway.retry_budget import RetryBudget
from litellm_gateway.route_config import CircuitBreakerConfig, RetryBudgetConfig
from litellm_gateway.route_statistics import RouteStatistics
from litellm_gateway.telemetry import AttemptFinished, Telemetry
from litellm_gateway.testing.scripted_provider import ScriptedProvider, answer

A = Route(provider="a", model="m")
B = Route(provider="b", model="m")


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Sink:
    def __init__(self) -> None:
        self.events: list[Any] = []

    def record(self, event: Any) -> None:
        self.events.append(event)

    async def aclose(self) -> None:
        return


class World:
    """Attempts over scripted providers ``a`` and ``b``, with a clock of its own."""

    def __init__(
        self,
        *steps: Any,
        others: tuple[Any, ...] = (),
        breaker: CircuitBreakerConfig | None = None,
        budget: RetryBudgetConfig | None = None,
        keeps_deadline: bool = True,
    ) -> None:
        self.clock = Clock()
        self.sink = Sink()
        self.providers = {"a": ScriptedProvider(*steps), "b": ScriptedProvider(*(others or (answer("from b"),)))}
        self.breakers = CircuitBreakers(breaker, clock=self.clock, random=random.Random(1))
        offer = ProviderOffer(name="x", summary="", build=lambda settings, context: self.providers["a"])
        targets = {
            name: Target(offer=offer, provider=provider, identity=name, keeps_deadline=keeps_deadline)
            for name, provider in self.providers.items()
        }
        self.statistics = RouteStatistics(clock=self.clock)
        self.budget = RetryBudget(budget, clock=self.clock)
        self.attempts = Attempts(
            targets,
            self.breakers,
            Telemetry([("sink", self.sink)]),
            statistics=self.statistics,
            budget=self.budget,
            sleep=self.clock.sleep,
            random=random.Random(1),
        )

    def call(self, *, retries: int = 2, timeout: float = 60.0) -> Call:
        now = self.clock()
        return Call(
            id="req_1", tenant="", deadline=now + timeout, retries_left=retries, clock=self.clock, started_at=now
        )

    async def run(self, call: Call, *routes: Route) -> str:
        async def send(attempt: Attempt) -> str:
            response = await attempt.target.provider.generate(None, attempt.call)  # type: ignore[arg-type]
            attempt.ended()
            return response.text

        return await self.attempts.run(call, routes or (A,), send)


async def test_the_first_answer_is_taken() -> None:
    """One request is sent when it succeeds."""
    world = World(answer("hello"))

    text = await world.run(world.call())

    assert text == "hello"
    assert len(world.providers["a"].requests) == 1


async def test_a_failing_provider_is_asked_again() -> None:
    """A provider's own failure is retried on the same route."""
    world = World(ProviderError("down"), ProviderError("down"), answer("up"))

    text = await world.run(world.call(retries=2))

    assert text == "up"
    assert len(world.providers["a"].requests) == 3


@pytest.mark.parametrize("retries", [0, 1, 3])
async def test_no_more_requests_than_retries_and_one_reach_a_provider(retries: int) -> None:
    """``max_retries=n`` means at most n + 1 requests."""
    world = World(ProviderError("down"))

    with pytest.raises(ProviderError):
        await world.run(world.call(retries=retries))

    assert len(world.providers["a"].requests) == retries + 1


@pytest.mark.parametrize("error", [InvalidRequestError("no"), AuthenticationError("no"), QuotaExceededError("no")])
async def test_what_cannot_be_helped_is_not_repeated(error: GatewayError) -> None:
    """Bad requests, refused keys and spent quota reach the caller after one request."""
    world = World(error)

    with pytest.raises(type(error)):
        await world.run(world.call(retries=5))

    assert len(world.providers["a"].requests) == 1


async def test_a_malformed_answer_is_asked_for_once_more_only() -> None:
    """An unreadable answer is retried once, however many retries are left."""
    world = World(MalformedResponseError("html"))

    with pytest.raises(MalformedResponseError):
        await world.run(world.call(retries=5))

    assert len(world.providers["a"].requests) == 2


async def test_pauses_grow_and_are_jittered() -> None:
    """Back-off is drawn from zero to a limit that doubles with each try."""
    world = World(ProviderError("down"))

    with pytest.raises(ProviderError):
        await world.run(world.call(retries=4))

    assert len(world.clock.slept) == 4
    assert all(0 <= pause <= 0.5 * 2**number for number, pause in enumerate(world.clock.slept))
    assert len(set(world.clock.slept)) == 4


async def test_retry_after_is_obeyed() -> None:
    """The provider's own hint replaces the back-off."""
    world = World(RateLimitError("slow down", retry_after=7.5), answer())

    await world.run(world.call())

    assert world.clock.slept == [7.5]


async def test_a_hint_beyond_the_deadline_fails_at_once_with_its_value() -> None:
    """Nobody waits for a moment the call will not live to see."""
    world = World(RateLimitError("slow down", retry_after=90.0))

    with pytest.raises(RateLimitError) as caught:
        await world.run(world.call(timeout=60.0))

    assert caught.value.retry_after == 90.0
    assert world.clock.slept == []


async def test_another_route_is_tried_at_once_when_one_is_limited() -> None:
    """A rate limit does not make the caller wait while another route is free."""
    world = World(RateLimitError("slow down", retry_after=5.0))

    text = await world.run(world.call(), A, B)

    assert text == "from b"
    assert world.clock.slept == []


async def test_retries_are_shared_and_every_route_gets_its_first_try() -> None:
    """Two routes and two retries make at most four requests, and the second route is always asked."""
    world = World(ProviderError("a down"), others=(ProviderError("b down"),))

    with pytest.raises(AllRoutesFailedError) as caught:
        await world.run(world.call(retries=2), A, B)

    assert len(world.providers["a"].requests) == 3
    assert len(world.providers["b"].requests) == 1
    assert [type(error) for error in caught.value.attempts] == [ProviderError] * 4


async def test_an_error_no_other_route_can_help_with_ends_the_call() -> None:
    """A bad request is not carried from provider to provider."""
    world = World(InvalidRequestError("no"))

    with pytest.raises(InvalidRequestError):
        await world.run(world.call(), A, B)

    assert world.providers["b"].requests == []


async def test_a_strangers_exception_becomes_a_plugin_error() -> None:
    """What a provider plugin raises against its contract reaches the caller typed, with the cause chained."""
    world = World(ZeroDivisionError("oops"))

    with pytest.raises(PluginContractError) as caught:
        await world.run(world.call())

    assert caught.value.provider == "a"
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


async def test_a_provider_that_keeps_no_deadline_is_timed() -> None:
    """A plugin that hangs is cut off at the call's deadline."""

    async def hang(_request: object) -> None:
        await asyncio.sleep(30)

    world = World(hang, keeps_deadline=False)
    now = time.monotonic()
    call = Call(id="r", tenant="", deadline=now + 0.05, retries_left=3, clock=time.monotonic, started_at=now)

    with pytest.raises(DeadlineExceededError) as caught:
        await world.run(call)

    assert caught.value.phase == "total"


async def test_failures_open_the_circuit_and_the_next_call_is_refused() -> None:
    """After enough failures no request reaches the provider until the circuit recovers."""
    config = CircuitBreakerConfig(minimum_calls=2, failure_rate=0.5, recovery_timeout=30.0)
    world = World(ProviderError("down"), breaker=config)
    for _ in range(2):
        with pytest.raises(ProviderError):
            await world.run(world.call(retries=0))
    before = len(world.providers["a"].requests)

    with pytest.raises(CircuitOpenError):
        await world.run(world.call(retries=0))

    assert len(world.providers["a"].requests) == before


async def test_a_callers_mistakes_do_not_open_the_circuit() -> None:
    """Bad requests say nothing about the provider's health."""
    world = World(InvalidRequestError("no"), breaker=CircuitBreakerConfig(minimum_calls=1, failure_rate=0.1))
    for _ in range(5):
        with pytest.raises(InvalidRequestError):
            await world.run(world.call())

    assert world.breakers.state() == "closed"


async def test_every_attempt_is_told_once() -> None:
    """Telemetry gets one event per request, numbered over the whole call, with the error's class."""
    world = World(ProviderError("down", status_code=503), answer())

    await world.run(world.call())

    events = world.sink.events
    assert all(isinstance(event, AttemptFinished) for event in events)
    assert [(event.number, event.error, event.status_code) for event in events] == [
        (1, "ProviderError", 503),
        (2, None, None),
    ]


async def test_a_stream_left_by_its_reader_was_answered() -> None:
    """A circuit that counted only those that failed would open for want of readers to the end."""
    world = World(answer(), breaker=CircuitBreakerConfig())

    async def leave(attempt: Attempt) -> None:
        attempt.answering()
        attempt.ended(GeneratorExit())

    async def never_begin(attempt: Attempt) -> None:
        attempt.ended(asyncio.CancelledError())

    await world.attempts.run(world.call(), (A,), leave)
    await world.attempts.run(world.call(), (A,), never_begin)

    assert world.breakers.get(A.id).snapshot()["calls"] == 1
    assert world.statistics.snapshot()[A.id]["answered"] == 1
