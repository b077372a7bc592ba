"""A gateway in virtual time before two providers that fail as a seeded script says, and all that can be counted."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

from attrs import define, field
from kept_events import KeptEvents
from litellm_gateway.compose import Composer
from litellm_gateway.config import GatewayConfig
from litellm_gateway.contracts import Allow, Call, EmbedLimits, GuardrailOffer, Modify, ProviderOffer
from litellm_gateway.errors import (
    ContextWindowExceededError,
    MalformedResponseError,
    ProviderConnectionError,
    ProviderError,
    ProviderOverloadedError,
    RateLimitError,
)
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.messages import Message
from litellm_gateway.requests import EmbedRequest, GenerateRequest
from litellm_gateway.responses import EmbedResponse, GenerateResponse, ModelList, StreamChunk, TokenUsage
from litellm_gateway.telemetry import AttemptFinished, CallFinished, CallRecord, CallStarted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from litellm_gateway.admission import Standing
    from litellm_gateway.contracts import Verdict

FAULTS = ("error", "overloaded", "limited", "connection", "malformed", "hang", "long", "stranger", "cut", "slow")
PIECES = 3


@define(eq=False)
class Provider:
    """Answers with who asked what; while a fault is on, some requests meet it.

    Attributes:
        faults: From when, until when, which, and the share of requests that meet it.
        down: Everything fails.
        seconds: How long an answer takes with so many on their way, and nothing fails; None for any time.
    """

    name: str
    chance: random.Random
    faults: list[tuple[float, float, str, float]] = field(factory=list)
    active: int = 0
    asked: int = 0
    first_asked: dict[str, float] = field(factory=dict)
    per_call: Counter[str] = field(factory=Counter)
    down: bool = False
    seconds: Callable[[int], float] | None = None

    @hookimpl
    def gateway_provider(self) -> ProviderOffer:
        return ProviderOffer(
            name=self.name, summary="", build=lambda settings, context: self, default_model="m",
            default_embedding_model="e", embed_limits=EmbedLimits(texts=4),
        )  # fmt: skip

    async def aclose(self) -> None:
        assert self.active == 0

    def _begin(self, call: Call) -> str | None:
        """Count a request and say which fault it meets."""
        now = asyncio.get_running_loop().time()
        self.asked += 1
        self.active += 1
        self.first_asked.setdefault(call.id, now)
        if self.down:
            return "error"
        for start, end, fault, share in self.faults:
            if start <= now < end and self.chance.random() < share:
                return fault
        return None

    async def _meet(self, fault: str | None) -> None:
        if self.seconds is not None:
            await asyncio.sleep(self.seconds(self.active))
            return
        await asyncio.sleep(self.chance.uniform(0.05, 1.0) * (40 if fault == "slow" else 1))
        if fault == "hang":
            await asyncio.Event().wait()
        error: Exception | None = {
            "error": ProviderError("down", status_code=500),
            "overloaded": ProviderOverloadedError("busy", retry_after=self.chance.choice((None, 0.5, 5.0, 900.0))),
            "limited": RateLimitError("slow down", retry_after=self.chance.choice((None, 1.0, 30.0))),
            "connection": ProviderConnectionError("reset"),
            "malformed": MalformedResponseError("html"),
            "long": ContextWindowExceededError("too long"),
            "stranger": ValueError("not by contract"),
        }.get(fault or "")
        if error is not None:
            raise error

    async def generate(self, request: GenerateRequest, call: Call) -> GenerateResponse:
        self.per_call[call.id] += 1
        fault = self._begin(call)
        try:
            await self._meet("connection" if fault == "cut" else fault)
            text = said(call.tenant, request.messages[-1].text)
            return GenerateResponse(text=text, model="m", usage=USAGE, finish_reason="stop")
        finally:
            self.active -= 1

    async def stream(self, request: GenerateRequest, call: Call) -> AsyncIterator[StreamChunk]:
        self.per_call[call.id] += 1
        fault = self._begin(call)
        try:
            await self._meet(fault)
            yield StreamChunk(kind="start", model="m")
            text = said(call.tenant, request.messages[-1].text)
            for number in range(PIECES):
                if fault == "cut" and number == PIECES - 1:
                    return
                await asyncio.sleep(0.1)
                yield StreamChunk(text[number * 4 : (number + 1) * 4 if number < PIECES - 1 else None])
            yield StreamChunk(kind="usage", usage=USAGE)
            yield StreamChunk(kind="finish", finish_reason="stop")
        finally:
            try:
                await asyncio.sleep(0)
            finally:
                self.active -= 1

    async def embed(self, request: EmbedRequest, call: Call) -> EmbedResponse:
        fault = self._begin(call)
        try:
            await self._meet("connection" if fault == "cut" else fault)
            vectors = tuple((float(text.rpartition(" ")[2]),) for text in request.texts)
            return EmbedResponse(vectors=vectors, model="e", usage=TokenUsage(input_tokens=len(vectors)))
        finally:
            self.active -= 1

    async def list_models(self, request: Any, call: Call) -> ModelList:
        await asyncio.sleep(0.05)
        if self.down:
            raise ProviderOverloadedError("busy")
        return ModelList(models=())


class Shout:
    """A guardrail that takes its time and writes everything large, on the way in and on the way out."""

    def __init__(self, chance: random.Random, window: int | None) -> None:
        self._chance = chance
        self._window = window

    @hookimpl
    def gateway_guardrail(self) -> GuardrailOffer:
        return GuardrailOffer(name="shout", summary="", build=lambda settings, context: self, window=self._window)

    async def check_input(self, text: str, call: Call) -> Verdict:
        await asyncio.sleep(self._chance.choice((0.0, 0.0, 0.05)))
        return Modify(text.upper())

    async def check_output(self, text: str, call: Call) -> Verdict:
        await asyncio.sleep(self._chance.choice((0.0, 0.0, 0.0, 0.02)))
        return Allow() if text.isupper() else Modify(text.upper())

    async def aclose(self) -> None:
        return


USAGE = TokenUsage(input_tokens=10, output_tokens=5)


def said(tenant: str, prompt: str) -> str:
    """Give the one right answer."""
    return f"{tenant or 'nobody'} said {prompt}"


class World:
    """One gateway in the running virtual loop; closes with :meth:`aclose`."""

    def __init__(self, seed: int, *, window: int | None = None, **settings: Any) -> None:
        loop = asyncio.get_running_loop()
        self.clock = loop.time
        self.chance = random.Random(seed)
        self.providers = [Provider(name, random.Random(seed + 1)) for name in ("one", "two")]
        self.sink = KeptEvents()
        shout = Shout(random.Random(seed + 2), window)
        self.config = GatewayConfig.from_dict({
            "providers": ["one", "two"], "provider": "one", "plugins": [*self.providers, self.sink, shout],
            "discover": False, "telemetry": ["kept"], "guardrails": (), **settings,
        })  # fmt: skip
        self.composition = Composer(
            self.config, clock=loop.time, sleep=asyncio.sleep, chance=random.Random(seed)
        ).compose(None)
        self.calls = 0

    async def aclose(self) -> None:
        await self.composition.aclose()

    def shown(self, text: str) -> str:
        """Give what of an answer its caller is to see."""
        return text.upper() if self.config.guardrails else text

    def open_call(self, tenant: str = "", timeout: float = 60.0, *, priority: int = 0) -> Call:
        self.calls += 1
        now = self.clock()
        return Call(
            id=f"req_{self.calls}", tenant=tenant, deadline=now + timeout, clock=self.clock, started_at=now,
            retries_left=self.config.max_retries, priority=priority,
        )  # fmt: skip

    async def ask(self, call: Call, prompt: str) -> str:
        """Ask for a whole answer."""
        record = CallRecord(call=call, operation="generate")
        answer = await self.composition.pipeline.run(call, request(prompt), record)
        return str(answer.text)

    async def read(self, call: Call, prompt: str, leave_after: int | None = None) -> str:
        """Read a stream, or leave it after some pieces."""
        record = CallRecord(call=call, operation="stream")
        pieces = self.composition.pipeline.stream(lambda: record, request(prompt))
        text, number = "", 0
        try:
            async for piece in pieces:
                text += piece
                number += 1
                if number == leave_after:
                    return text
        finally:
            await pieces.aclose()  # type: ignore[attr-defined]
        assert record.answer.text == text
        return text

    async def embed(self, call: Call, numbers: list[int]) -> list[float]:
        """Embed texts whose vectors tell which they were."""
        texts = tuple(f"text {number}" for number in numbers)
        record = CallRecord(call=call, operation="embed")
        answer = await self.composition.pipeline.run(call, EmbedRequest(model="", texts=texts), record)
        return [vector[0] for vector in answer.vectors]

    async def at_rest(self, *, all_stayed: bool = True) -> None:
        """Check that nothing is left of the calls made so far, and that the sums are right.

        What a caller that left used, because others went on waiting for it, only the sums tell and no event.
        """
        for _ in range(10):
            await asyncio.sleep(0)
        parts = self.composition
        flights = parts.pipeline.upstream.single_flight
        routes = parts.statistics.snapshot()
        ended = self.sink.of(CallFinished)
        assert [provider.active for provider in self.providers] == [0, 0]
        assert len(parts.pipeline.in_flight) == 0
        assert {route["in_flight"] for route in routes.values()} <= {0}
        assert parts.limiter.queue_depth == 0
        assert flights is None or flights.in_flight == 0
        assert len(ended) == len(self.sink.of(CallStarted)) == len({event.call_id for event in ended})
        assert len(self.sink.of(AttemptFinished)) == sum(provider.asked for provider in self.providers)
        made = [event for event in ended if not event.cached and not event.shared]
        tokens = sum(event.usage.total_tokens for event in made if event.usage is not None)
        tokens += sum(event.given_up_tokens for event in ended)
        late = parts.pipeline.usage.report(None)["tokens"]["total"] - tokens
        assert late == 0 or (late > 0 and not all_stayed)
        assert parts.pipeline.usage.report(None)["calls"] == len(ended)
        for tenant in {event.tenant for event in ended}:
            standings, _ = parts.limiter.foresee(tenant, "one/m", 0)
            self._agree(standings, tenant)

    def _agree(self, standings: Sequence[Standing], tenant: str) -> None:
        """Check that nothing is reserved any more, and that what an hour's limit counts is what was used."""
        usage = self.composition.pipeline.usage
        for each in standings:
            if each.limit is None:
                assert each.used == 0, f"{tenant or 'nobody'} still holds a place"
            elif each.limit.seconds == 3600.0 and each.whose != "budget":
                used = usage.report(tenant if each.whose == "tenant" else None)["tokens"]["total"]
                assert each.used == used, f"{tenant or 'nobody'}: {each.used} tokens counted, {used} used"


def request(prompt: str) -> GenerateRequest:
    return GenerateRequest(model="", messages=(Message(role="user", content=prompt),), max_tokens=20)
