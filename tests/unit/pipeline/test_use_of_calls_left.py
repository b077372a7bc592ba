"""What was used is counted though nobody has the answer: callers and readers that leave, verdicts against it."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from kept_events import KeptEvents
from litellm_gateway import (
    GuardrailError,
    LiteLLMGateway,
    Price,
    RateLimitConfig,
    StreamInterruptedError,
    create_gateway,
)
from litellm_gateway.contracts import Allow, Block, GuardrailOffer, ProviderOffer, Verdict
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.messages import ReasoningPart
from litellm_gateway.responses import StreamChunk, ToolCallDelta
from litellm_gateway.telemetry import CallFinished, LateUsage
from litellm_gateway.testing.scripted_provider import ScriptedProvider, answer, pieces

if TYPE_CHECKING:
    from collections.abc import Callable


class PricedProvider(ScriptedProvider):
    """Every token costs a millionth of a dollar."""

    @hookimpl
    def gateway_provider(self) -> ProviderOffer:
        return evolve(super().gateway_provider(), prices=lambda model: Price(input=1, output=1))


class Blocker:
    """A guardrail that lets no answer pass."""

    @hookimpl
    def gateway_guardrail(self) -> GuardrailOffer:
        return GuardrailOffer(name="blocker", summary="", build=lambda settings, context: self)

    async def check_input(self, text: str, call: Any) -> Verdict:
        return Allow()

    async def check_output(self, text: str, call: Any) -> Verdict:
        return Block("no")

    async def aclose(self) -> None:
        return


def make(*steps: Any, **settings: Any) -> tuple[LiteLLMGateway, KeptEvents]:
    ear = KeptEvents()
    limits = RateLimitConfig(tokens_per_minute=100_000)
    plugins = [PricedProvider(*steps), ear, Blocker()]
    fields = {"guardrails": (), "telemetry": ["kept"], "rate_limit_config": limits, "max_retries": 0}
    gateway = create_gateway(provider="scripted", plugins=plugins, discover=False, **(fields | settings))
    return gateway, ear


def counted(gateway: LiteLLMGateway) -> int:
    """Tokens the limiter holds."""
    free = [each["free"] for each in gateway.explain("x")["limits"]["each"] if each["unit"] == "tokens"]
    return 100_000 - int(free[0])


def slowly(step: Any) -> Callable[[Any], Any]:
    async def give(_request: Any) -> Any:
        await asyncio.sleep(0.03)
        return step

    return give


async def test_what_a_blocked_answer_used_is_told() -> None:
    """It was made and is paid for."""
    gateway, ear = make(answer(tokens=7), guardrails=["blocker"])

    with pytest.raises(GuardrailError):
        await gateway.generate_async("x")

    assert ear.of(CallFinished)[0].usage is not None
    assert ear.of(CallFinished)[0].usage.total_tokens == gateway.usage()["tokens"]["total"] == counted(gateway) == 14


async def test_a_stream_that_is_left_counts_about_what_came() -> None:
    """One event, whose usage is an estimate."""
    gateway, ear = make(pieces("a long piece of text", " and more"))
    stream = gateway.generate_stream_async("a prompt")
    await anext(stream)
    await anext(stream)

    await stream.aclose()

    usage = ear.of(CallFinished)[0].usage
    assert len(ear.of(CallFinished)) == 1
    assert usage is not None
    assert usage.estimated
    assert usage.total_tokens == gateway.usage()["tokens"]["total"] == counted(gateway) > 0


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
async def test_a_leader_that_leaves_takes_no_tokens_out_of_the_sum(streamed: bool) -> None:
    """The one who asked first has left, the followers pay nothing, and the sums are right all the same."""
    step = slowly(pieces("a", "b") if streamed else answer(tokens=7))
    gateway, ear = make(step, enable_request_deduplication=True)

    async def ask() -> str:
        if streamed:
            return (await gateway.generate_stream_async("x").response()).text
        return (await gateway.generate_async("x")).text

    leader, follower = asyncio.create_task(ask()), asyncio.create_task(ask())
    await asyncio.sleep(0.01)
    leader.cancel()
    text = await follower

    assert text == ("ab" if streamed else "ok")
    assert [event.outcome for event in ear.of(CallFinished)] == ["cancelled", "success"]
    (late,) = ear.of(LateUsage)
    assert gateway.usage()["tokens"]["total"] == counted(gateway) == late.usage.total_tokens == (3 if streamed else 14)
    assert gateway.usage()["cost"] == late.cost == late.usage.total_tokens * Decimal("0.000001")
    assert [event.cost for event in ear.of(CallFinished)] == [None, 0]
    assert late.call_id == ear.of(CallFinished)[0].call_id


async def test_who_leaves_alone_is_told_of_once() -> None:
    """Nobody waits for the answer any more: it is given up, and nothing comes late."""
    gateway, ear = make(slowly(answer(tokens=7)), enable_request_deduplication=True)
    alone = asyncio.create_task(gateway.generate_async("x"))
    await asyncio.sleep(0.01)

    alone.cancel()
    await asyncio.gather(alone, return_exceptions=True)

    assert ear.of(LateUsage) == []
    assert gateway.usage()["tokens"]["total"] == 0


async def test_an_answer_is_counted_once() -> None:
    """What its caller has is not counted again."""
    gateway, ear = make(answer(tokens=7))

    await gateway.generate_async("x")

    assert gateway.usage()["tokens"]["total"] == counted(gateway) == 14
    assert gateway.usage()["calls"] == len(ear.of(CallFinished)) == 1


async def test_a_broken_stream_counts_the_arguments_that_came() -> None:
    """A function's arguments and reasoning are paid for like text."""
    arguments = StreamChunk(kind="tool_call", tool_call=ToolCallDelta(index=0, id="c", name="f", arguments="1" * 400))
    thought = StreamChunk(kind="reasoning", reasoning=ReasoningPart(text="2" * 400))
    gateway, ear = make([thought, arguments])

    with pytest.raises(StreamInterruptedError):
        await gateway.generate_stream_async("x").response()

    usage = ear.of(CallFinished)[0].usage
    assert usage is not None
    assert usage.output_tokens >= 200
    assert usage.total_tokens == gateway.usage()["tokens"]["total"] == counted(gateway)
