"""Calls of a gateway under limits and budgets, alone and shared with others through a store."""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway import (
    BudgetExceededError,
    ConfigurationError,
    InvalidRequestError,
    LiteLLMGateway,
    PluginNotInstalledError,
    Price,
    ProviderError,
    RateLimitError,
    create_gateway,
)
from litellm_gateway.contracts import Offer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.limit_store import Granted, LimitStoreSettings, Refused
from litellm_gateway.responses import GenerateResponse, TokenUsage
from litellm_gateway.telemetry import BudgetReached, LimitStoreChanged
from litellm_gateway.testing.scripted_provider import ScriptedProvider, answer, pieces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_gateway.limit_store import Demand, Settlement


class Prices:
    """Every model costs a millionth per token."""

    @hookimpl
    def gateway_model_price(self, provider: str, model: str) -> Price:
        dear = 10 if model == "dear" else 1
        return Price(input=Decimal(dear), output=Decimal(dear), source="test", as_of="2026-11-01")


class Ear:
    """A sink that keeps what is told about limits."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    @hookimpl
    def gateway_telemetry_sink(self) -> Offer[Any]:
        return Offer(name="ear", summary="Keeps events", build=lambda settings, context: self)

    def record(self, event: Any) -> None:
        if isinstance(event, BudgetReached | LimitStoreChanged):
            self.heard.append(event)

    async def aclose(self) -> None:
        pass


class Ledgers:
    """A store without windows that counts in a dict, may refuse, fail or be slow; also the plugin that offers it."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.places: dict[str, set[str]] = {}
        self.asked = self.settled = 0
        self.fails = False
        self.slow = 0.0
        self.settings: list[LimitStoreSettings] = []

    @hookimpl
    def gateway_limit_store(self) -> Offer[Any]:
        return Offer(name="books", summary="Counts in a dict", settings=LimitStoreSettings, build=self.build)

    def build(self, settings: LimitStoreSettings, _context: Any) -> Ledgers:
        self.settings.append(settings)
        return self

    async def take(self, demand: Demand) -> Granted | Refused:
        self.asked += 1
        await asyncio.sleep(self.slow)
        if self.fails:
            raise ConnectionError("gone")
        for charge in demand.charges:
            if self.counts.get(charge.key, 0) + charge.amount > charge.limit:
                return Refused(charge.key, 0.01)
        for place in demand.places:
            if len(self.places.get(place.key, ())) >= place.limit:
                return Refused(place.key, None)
        for charge in demand.charges:
            self.counts[charge.key] = self.counts.get(charge.key, 0) + charge.amount
        for place in demand.places:
            self.places.setdefault(place.key, set()).add(demand.id)
        return Granted((0,) * len(demand.charges))

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        self.settled += 1
        if self.fails:
            raise ConnectionError("gone")
        for each in settlements:
            for charge, change in zip(each.demand.charges, each.changes, strict=True):
                self.counts[charge.key] += change
            for place in each.demand.places:
                self.places[place.key].discard(each.demand.id)

    async def aclose(self) -> None:
        pass


def gateway(*plugins: Any, **settings: Any) -> LiteLLMGateway:
    given = any(isinstance(plugin, ScriptedProvider) for plugin in plugins)
    fields = {
        "discover": False, "guardrails": (), "telemetry": (), "max_retries": 0, "provider": "scripted",
        "default_model": "m", "plugins": (*plugins, *(() if given else (ScriptedProvider(answer()),))),
    }  # fmt: skip
    return create_gateway(**(fields | settings))


def using(prompt: int, completion: int) -> GenerateResponse:
    usage = TokenUsage(input_tokens=prompt, output_tokens=completion)
    return GenerateResponse(text="ok", model="m", usage=usage)


async def slowly(_request: Any) -> GenerateResponse:
    await asyncio.sleep(0.01)
    return using(5, 95)


async def test_a_budget_is_not_exceeded_by_calls_at_once() -> None:
    """Of 100 calls at once with max_tokens, money spent stays within the budget to the last unit."""
    budget = {"money": "0.001", "window": "day"}
    async with gateway(ScriptedProvider(slowly), Prices(), budgets=[budget]) as made:
        calls = (made.generate_async("hi", max_tokens=95) for _ in range(100))
        results = await asyncio.gather(*calls, return_exceptions=True)

        spent = made.usage()["cost"]
        refused = [result for result in results if isinstance(result, BudgetExceededError)]

    assert spent <= Decimal("0.001")
    assert spent >= Decimal("0.0009")
    assert len(refused) + made.usage()["calls"] - made.usage()["errors"] == 100


async def test_without_max_tokens_a_budget_is_passed_by_one_call_at_most() -> None:
    """Once the length of answers is known, 100 calls at once overshoot by less than one of them costs."""

    async def long(_request: Any) -> GenerateResponse:
        await asyncio.sleep(0.01)
        return using(5, chance.randint(2900, 3100))

    chance = random.Random(4)
    async with gateway(ScriptedProvider(long), Prices(), budgets=[{"money": "0.05", "window": "day"}]) as made:
        await made.generate_async("hi")
        calls = (made.generate_async("hi") for _ in range(100))
        results = await asyncio.gather(*calls, return_exceptions=True)

        assert Decimal("0.045") <= made.usage()["cost"] <= Decimal("0.05") + Decimal("0.003105")
    assert any(isinstance(result, BudgetExceededError) for result in results)


async def test_the_dearest_route_is_reserved() -> None:
    """A fallback that costs more than the first model cannot carry a call beyond the budget."""
    first = ScriptedProvider(ProviderError("down"), name="scripted")
    other = ScriptedProvider(using(5, 95), name="other")
    settings = {"providers": ["scripted", "other"], "fallbacks": ["other/dear"]}
    async with gateway(first, other, Prices(), budgets=[{"money": "0.0015", "window": "day"}], **settings) as made:
        await made.generate_async("hi", max_tokens=95)
        with pytest.raises(BudgetExceededError):
            await made.generate_async("hi", max_tokens=95)

        assert made.usage()["cost"] == Decimal("0.001")


async def test_budgets_are_per_tenant_where_they_say_so() -> None:
    """Each tenant of a pattern has its own; others have none; an hour later it is whole again."""
    budgets = [{"tokens": 110, "window": 3600, "tenant": "t*"}]
    async with gateway(ScriptedProvider(using(5, 95)), budgets=budgets) as made:
        for tenant in ("t1", "t2", "x", "x", "x"):
            await made.generate_async("hi", tenant_id=tenant, max_tokens=95)

        with pytest.raises(BudgetExceededError) as refused:
            await made.generate_async("hi", tenant_id="t1", max_tokens=95)

    assert 0 < (refused.value.retry_after or 0) <= 3700


async def test_a_soft_budget_tells_and_lets_pass() -> None:
    """What goes beyond is told once; nobody is refused."""
    ear = Ear()
    budgets = [{"tokens": 150, "window": "day", "hard": False}]
    async with gateway(ScriptedProvider(using(5, 95)), ear, budgets=budgets, telemetry=("ear",)) as made:
        for _ in range(5):
            await made.generate_async("hi", max_tokens=95)

    (event,) = ear.heard
    assert (event.unit, event.window, event.used) == ("tokens", 86_400.0, Decimal(200))


async def test_failures_and_streams_are_settled() -> None:
    """A failed call uses nothing, a whole stream what it reports, an abandoned one about what came."""
    script = (ProviderError("down"), pieces("one ", "two"), pieces(*["word "] * 50), answer())
    limits = {"tokens_per_hour": 1000, "concurrency": 1, "heed_provider_limits": False}
    async with gateway(ScriptedProvider(*script), rate_limit_config=limits) as made:

        def counted() -> int:
            (tokens,) = (each for each in made.explain("hi")["limits"]["each"] if each["unit"] == "tokens")
            return 1000 - int(tokens["free"])

        with pytest.raises(ProviderError):
            await made.generate_async("hi", max_tokens=100)
        after_failure = counted()
        await made.generate_stream_async("hi", max_tokens=100).response()
        after_stream = counted()
        begun = made.generate_stream_async("hi", max_tokens=100)
        for _ in range(8):
            await anext(begun)
        await begun.aclose()
        after_abandoning = counted()

    assert after_failure == 0
    assert after_stream == 3
    assert 3 < after_abandoning - after_stream < 100


async def test_explain_lists_the_limits_and_what_is_free() -> None:
    """For each limit: whose, of what, how much is reserved and free; nothing is counted by asking."""
    limits = {"requests_per_minute": 10, "concurrency": 2, "shared": {"tokens_per_day": 1000}}
    budgets = [{"money": "5", "window": "week"}]
    async with gateway(Prices(), rate_limit_config=limits, budgets=budgets) as made:
        await made.generate_async("hi", max_tokens=10, tenant_id="a")
        for _ in range(3):
            told = made.explain("hi", max_tokens=10, tenant_id="a")["limits"]

    kinds = [(each["of"], each["unit"], each["seconds"]) for each in told["each"]]
    assert kinds == [
        ("tenant", "requests", 60.0), ("shared", "tokens", 86_400.0), ("budget", "money", 604_800.0),
        ("tenant", "concurrency", None),
    ]  # fmt: skip
    requests, tokens, money, places = told["each"]
    assert (requests["free"], requests["reserved"], places["free"]) == (9, 1, 2)
    assert tokens["reserved"] == told["tokens"] >= 10
    assert tokens["free"] == 996
    assert money["reserved"] == told["money"] == Decimal(told["tokens"]) / 10**6
    assert money["free"] == Decimal("4.999996")
    assert (told["wait"], told["model"], told["remaining"]) == (0.0, "scripted/m", 9)


async def test_a_priority_is_checked() -> None:
    """Whole numbers from -100 to 100 only."""
    async with gateway() as made:
        await made.generate_async("hi", priority=100)
        for wrong in (101, 1.5, "high", True):
            with pytest.raises(InvalidRequestError, match="priority"):
                await made.generate_async("hi", priority=wrong)  # type: ignore[arg-type]


async def test_gateways_share_a_store() -> None:
    """What one uses, the other lacks; refused is refused, and settled is given back for both."""
    books = Ledgers()
    limits = {"tokens_per_hour": 100, "enable_queuing": False, "storage": "books://here"}
    settings = {"plugins": (ScriptedProvider(using(5, 5)), books), "rate_limit_config": limits}
    async with gateway(**settings) as one, gateway(**settings) as other:
        await one.generate_async("hi", max_tokens=80)
        await asyncio.sleep(0.01)
        await other.generate_async("hi", max_tokens=80)
        await asyncio.sleep(0.01)
        with pytest.raises(RateLimitError) as refused:
            for _ in range(20):
                await other.generate_async("hi", max_tokens=80)

    assert refused.value.retry_after == pytest.approx(0.01)
    assert list(books.counts.values()) == [20]
    assert books.settings[0].uri == "books://here"


async def test_who_is_refused_by_the_others_waits_at_the_head() -> None:
    """Waiting calls are let in by the store one after the other, in their order, and leave nothing."""
    books, order = Ledgers(), []
    limits = {"concurrency": 1, "storage": "books://here"}
    async with gateway(books, ScriptedProvider(slowly), rate_limit_config=limits) as made:

        async def call(number: int) -> None:
            await made.generate_async("hi")
            order.append(number)

        await asyncio.gather(*map(call, range(10)))

    assert order == list(range(10))
    assert [held for held in books.places.values() if held] == []


async def test_a_call_asks_the_store_twice_at_most() -> None:
    """Once before and, together with others, once after; however many limits there are."""
    books = Ledgers()
    limits = {"concurrency": 9, "requests_per_minute": 100, "tokens_per_day": 10**6, "storage": "books://here",
              "shared": {"requests_per_hour": 1000}}  # fmt: skip
    async with gateway(books, rate_limit_config=limits) as made:
        for _ in range(20):
            await made.generate_async("hi")

    assert books.asked == 20
    assert books.settled <= 20


async def test_a_failing_store_is_told_and_done_without() -> None:
    """Calls go on under the limits of this process; health and sinks say so, and again when it is back."""
    books, ear = Ledgers(), Ear()
    limits = {"requests_per_hour": 3, "enable_queuing": False, "storage": "books://here"}
    async with gateway(books, ear, rate_limit_config=limits, telemetry=("ear",)) as made:
        books.fails = True
        for _ in range(3):
            await made.generate_async("hi")
        with pytest.raises(RateLimitError):
            await made.generate_async("hi")
        health = made.get_health()

    assert health["status"] == "degraded"
    assert health["rate_limit"]["storage"]["reachable"] is False
    assert health["rate_limit"]["storage"]["error"] == "ConnectionError"
    assert [(event.reachable, event.error) for event in ear.heard] == [(False, "ConnectionError")]
    assert books.asked == 1


async def test_a_slow_store_counts_as_failed() -> None:
    """Nobody waits for it longer than ``storage_timeout``; with "refuse" calls are refused."""
    books = Ledgers()
    books.slow = 5.0
    limits = {
        "requests_per_hour": 3,
        "storage": "books://here",
        "storage_timeout": 0.05,
        "on_storage_failure": "refuse",
    }
    async with gateway(books, rate_limit_config=limits) as made:
        with pytest.raises(RateLimitError, match="out of reach"):
            await asyncio.wait_for(made.generate_async("hi"), 2)


async def test_a_call_cancelled_while_it_asks_leaves_nothing_counted() -> None:
    """The answer nobody waits for is handed back."""
    books = Ledgers()
    books.slow = 0.02
    limits = {"requests_per_hour": 3, "concurrency": 1, "storage": "books://here"}
    async with gateway(books, rate_limit_config=limits) as made:
        calling = asyncio.create_task(made.generate_async("hi"))
        await asyncio.sleep(0.005)
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)
        await asyncio.sleep(0.1)

    assert list(books.counts.values()) == [0]
    assert [held for held in books.places.values() if held] == []


@pytest.mark.parametrize(("storage", "error"), [("unknown://x", PluginNotInstalledError), ("://x", ConfigurationError)])
def test_a_storage_nobody_offers_is_refused(storage: str, error: type[Exception]) -> None:
    """When the gateway is made, not on the first call."""
    with pytest.raises(error):
        gateway(rate_limit_config={"requests_per_hour": 3, "storage": storage})


async def test_a_soft_budget_counts_what_was_used_alone() -> None:
    """What calls under way might use at most is no reason to warn of anything."""
    ear = Ear()

    async def slow(_request: Any) -> Any:
        await asyncio.sleep(0.01)
        return using(2, 2)

    budgets = [{"tokens": 10_000, "window": "day", "hard": False}]
    async with gateway(ScriptedProvider(slow), ear, budgets=budgets, telemetry=("ear",)) as made:
        await asyncio.gather(*(made.generate_async("hi") for _ in range(40)))

    assert ear.heard == []


async def test_a_budget_smaller_than_a_request_says_that_it_never_fits() -> None:
    """Nobody is told to try again what can never be."""
    async with gateway(ScriptedProvider(answer()), budgets=[{"tokens": 100, "window": "day"}]) as made:
        with pytest.raises(BudgetExceededError, match="never has room") as refused:
            await made.generate_async("hi", max_tokens=500)

    assert refused.value.retry_after is None


async def test_calls_that_were_cancelled_are_no_errors() -> None:
    """Nor are streams that their reader left."""

    async def hang(_request: Any) -> Any:
        await asyncio.sleep(60)

    script = (hang, pieces("one ", "two"), ProviderError("down"))
    async with gateway(ScriptedProvider(*script), max_retries=0) as made:
        task = asyncio.create_task(made.generate_async("hi"))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        stream = made.generate_stream_async("hi")
        await anext(stream)
        await stream.aclose()
        with pytest.raises(ProviderError):
            await made.generate_async("hi")
        used = made.usage()

    assert (used["calls"], used["errors"]) == (3, 1)
