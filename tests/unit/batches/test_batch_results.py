"""Reading what became of a batch: by its id alone, one result after another, each with its answer or its own error."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve, frozen
from litellm_gateway import (
    ContentFilteredError,
    DeadlineExceededError,
    GuardrailError,
    InvalidRequestError,
    LiteLLMGateway,
    MalformedResponseError,
    ProviderConnectionError,
    ProviderError,
    StructuredOutputError,
    create_gateway,
)
from litellm_gateway.batch_errors import BatchItemDroppedError, BatchNotDoneError, BatchNotFoundError
from litellm_gateway.contracts import Allow, Block, GuardrailOffer, Modify
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.testing.scripted_batches import ScriptedBatches
from litellm_gateway.testing.scripted_provider import answer
from litellm_gateway.token_usage import Price

PRICE = Price(input=Decimal(2), output=Decimal(6), source="a list", as_of="2026-11-01")


class Priced(ScriptedBatches):
    """Two dollars a million in, six out."""

    @hookimpl
    def gateway_provider(self) -> Any:
        return evolve(super().gateway_provider(), prices=lambda model: PRICE)


class OutputGuard:
    """Changes "one", blocks "two"."""

    @hookimpl
    def gateway_guardrail(self) -> GuardrailOffer:
        return GuardrailOffer(
            name="guard", summary="", build=lambda settings, context: self, stages=frozenset({"output"})
        )

    async def check_input(self, text: str, call: object) -> Any:
        return Allow()

    async def check_output(self, text: str, call: object) -> Any:
        if text == "two":
            return Block("not that")
        return Modify("***") if text == "one" else Allow()

    async def aclose(self) -> None: ...


class Sink:
    """Keeps what happened."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    @hookimpl
    def gateway_telemetry_sink(self) -> Any:
        from litellm_gateway.contracts import Offer

        return Offer(name="kept", summary="", build=lambda settings, context: self)

    def record(self, event: Any) -> None:
        self.events.append(event)

    async def aclose(self) -> None: ...


@frozen
class Place:
    """What an answer is to hold."""

    city: str


def make(provider: ScriptedBatches | None = None, *more: Any) -> tuple[LiteLLMGateway, ScriptedBatches]:
    provider = provider or ScriptedBatches()
    gateway = create_gateway(provider="scripted", plugins=[provider, *more], discover=False, max_retries=0)
    return gateway, provider


async def results_of(gateway: LiteLLMGateway, batch_id: str, **more: Any) -> dict[str | None, Any]:
    return {result.custom_id: result async for result in gateway.batches.results_async(batch_id, **more)}


async def test_another_gateway_goes_on_with_the_id_alone() -> None:
    """Nothing but the id is kept: a gateway made anew reads what another one submitted."""
    gateway, provider = make()
    batch_id = (await gateway.batches.submit_async(["a", "b"])).id
    await gateway.aclose()

    again, _ = make(provider)
    results = await results_of(again, batch_id)

    assert [results[name].response.text for name in sorted(results)] == [
        "answer to request-000000",
        "answer to request-000001",
    ]
    assert sorted(result.index for result in results.values()) == [0, 1]


async def test_an_answer_costs_what_the_batch_price_says() -> None:
    """Half the usual price, with the part that was charged beside it."""
    gateway, _ = make(Priced())
    batch_id = (await gateway.batches.submit_async(["a"])).id

    result = (await results_of(gateway, batch_id))["request-000000"]

    assert result.response.metadata["cost"] == (Decimal(2) * 2 + Decimal(6) * 2) / 1_000_000 / 2
    assert result.response.metadata["price_factor"] == Decimal("0.5")
    assert result.response.metadata["batch_id"] == batch_id
    assert result.response.metadata["provider"] == "scripted"


async def test_each_request_has_its_own_error() -> None:
    """One is filtered, one cannot be read, one is answered."""

    def reply(item: Any) -> Any:
        if item.custom_id == "filtered":
            raise ContentFilteredError("no")
        if item.custom_id == "broken":
            raise ValueError("not what it should be")
        return answer("fine")

    gateway, _ = make(ScriptedBatches(reply))
    batch_id = (
        await gateway.batches.submit_async(
            [{"prompt": "x", "custom_id": name} for name in ("filtered", "broken", "ok")]
        )
    ).id

    results = await results_of(gateway, batch_id)

    assert isinstance(results["filtered"].error, ContentFilteredError)
    assert isinstance(results["broken"].error, MalformedResponseError)
    assert results["ok"].value().text == "fine"
    with pytest.raises(ContentFilteredError):
        results["filtered"].value()


async def test_output_guardrails_see_each_answer() -> None:
    """What one blocks is the error of that one request."""
    gateway, _ = make(ScriptedBatches(lambda item: answer(item.custom_id)), OutputGuard())
    asked = [{"prompt": "x", "custom_id": name} for name in ("one", "two", "three")]
    batch_id = (await gateway.batches.submit_async(asked)).id

    results = await results_of(gateway, batch_id)

    assert results["one"].response.text == "***"
    assert isinstance(results["two"].error, GuardrailError)
    assert results["two"].response is None
    assert results["three"].response.text == "three"


async def test_answers_are_parsed_when_a_shape_is_asked_for() -> None:
    """As with `generate`; one that does not fit is an error of its own."""
    gateway, _ = make(ScriptedBatches(lambda item: answer('{"city": "Rome"}' if item.custom_id == "good" else "Rome")))
    asked = [{"prompt": "x", "custom_id": name} for name in ("good", "bad")]
    batch_id = (await gateway.batches.submit_async(asked, response_format=Place)).id

    results = await results_of(gateway, batch_id, response_format=Place)

    assert results["good"].response.parsed == Place("Rome")
    assert isinstance(results["bad"].error, StructuredOutputError)


async def test_a_cancelled_batch_says_so_of_each_request() -> None:
    """What was not answered is an error with the reason as its code."""
    gateway, _ = make()
    batch_id = (await gateway.batches.submit_async(["a"])).id
    await gateway.batches.cancel_async(batch_id)

    result = (await results_of(gateway, batch_id))["request-000000"]

    assert isinstance(result.error, BatchItemDroppedError)
    assert result.error.code == "cancelled"


async def test_results_come_when_it_is_done() -> None:
    """Before that there is a typed error that says how far it is."""
    gateway, _ = make(ScriptedBatches(questions=5))
    batch_id = (await gateway.batches.submit_async(["a"])).id

    with pytest.raises(BatchNotDoneError) as caught:
        await results_of(gateway, batch_id)

    assert caught.value.state == "running"


async def test_leaving_early_frees_the_reading_at_once() -> None:
    """Closing the iterator closes the provider's; so does a cancellation between two results."""
    gateway, provider = make()
    batch_id = (await gateway.batches.submit_async(["a", "b", "c"])).id

    async with aclosing(gateway.batches.results_async(batch_id)) as results:
        await anext(results)
        assert provider.open_results == 1

    assert provider.open_results == 0
    assert gateway.get_health()["in_flight"] == 0


async def test_a_reading_that_breaks_is_told_and_can_be_begun_anew() -> None:
    """The error is the provider's own; the next reading gives everything."""
    gateway, provider = make()
    batch_id = (await gateway.batches.submit_async(["a", "b"])).id
    provider.faults["batch_results"] = [ProviderConnectionError("cut")]

    with pytest.raises(ProviderConnectionError):
        await results_of(gateway, batch_id)
    results = await results_of(gateway, batch_id)

    assert len(results) == 2
    assert provider.open_results == 0


async def test_waiting_tells_how_it_stands_until_it_is_done() -> None:
    """The callback sees each state; an outage in between is waited out."""
    gateway, provider = make(ScriptedBatches(questions=2))
    batch_id = (await gateway.batches.submit_async(["a"])).id
    provider.faults["batch_status"] = [ProviderError("down", status_code=503)]
    seen: list[str] = []

    batch = await gateway.batches.wait_async(batch_id, on_progress=lambda each: seen.append(each.state), poll=0.01)

    assert batch.done
    assert seen == ["running", "running", "completed"]


async def test_waiting_has_an_end() -> None:
    """A batch that is not done by then is worked on all the same."""
    gateway, _ = make(ScriptedBatches(questions=10**6))
    batch_id = (await gateway.batches.submit_async(["a"])).id

    with pytest.raises(DeadlineExceededError, match="worked on all the same") as caught:
        await gateway.batches.wait_async(batch_id, poll=0.01, timeout=0.05)

    assert caught.value.phase == "batch"
    assert gateway.get_health()["in_flight"] == 0


async def test_cancelling_the_wait_leaves_nothing_behind() -> None:
    """The batch goes on; the gateway does not."""
    gateway, _ = make(ScriptedBatches(questions=10**6))
    batch_id = (await gateway.batches.submit_async(["a"])).id

    waiting = asyncio.create_task(gateway.batches.wait_async(batch_id, poll=30.0))
    await asyncio.sleep(0.02)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert gateway.get_health()["in_flight"] == 0
    assert len(asyncio.all_tasks()) == 1


async def test_an_unknown_batch_is_told_apart() -> None:
    """There is a class for it, and waiting does not go on for ever."""
    gateway, _ = make()

    with pytest.raises(BatchNotFoundError):
        await gateway.batches.status_async("scripted:batch_9")
    with pytest.raises(BatchNotFoundError):
        await gateway.batches.wait_async("scripted:batch_9", poll=0.01)


@pytest.mark.parametrize(
    "batch_id", ["", "batch_1", ":batch_1", "scripted:", "scripted:../files", "scripted:a/b", "scripted:..", 7, None]
)
async def test_what_is_no_id_is_refused(batch_id: Any) -> None:
    """Nothing of it gets near a URL."""
    gateway, _ = make()

    with pytest.raises(InvalidRequestError, match="provider's name, a colon"):
        await gateway.batches.status_async(batch_id)
    with pytest.raises(InvalidRequestError):
        gateway.batches.results_async(batch_id)


async def test_a_provider_the_gateway_lacks_is_named() -> None:
    """The id leads to a provider that is not here."""
    gateway, _ = make()

    with pytest.raises(InvalidRequestError, match="no provider 'other'; it has scripted"):
        await gateway.batches.status_async("other:batch_1")


async def test_telemetry_hears_of_each_call_once() -> None:
    """A start and an end for each, with the provider, and no cost counted twice."""
    sink = Sink()
    gateway, _ = make(Priced(), sink)

    batch_id = (await gateway.batches.submit_async(["a"])).id
    await gateway.batches.status_async(batch_id)
    await results_of(gateway, batch_id)
    await gateway.batches.list_async()

    ends = [event for event in sink.events if type(event).__name__ == "CallFinished"]
    assert [event.operation for event in ends] == ["batch_submit", "batch_status", "batch_results", "batch_list"]
    assert {(event.provider, event.outcome, event.cost) for event in ends} == {("scripted", "success", None)}


@pytest.mark.parametrize("limit", [0, 101, "ten"])
async def test_a_list_has_a_limit(limit: Any) -> None:
    """It is a whole number within what every provider gives at once."""
    gateway, _ = make()

    with pytest.raises(InvalidRequestError, match="limit"):
        await gateway.batches.list_async(limit=limit)
