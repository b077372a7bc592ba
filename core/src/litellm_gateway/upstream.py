"""Get a fresh answer from a provider: by following an identical request, with a batch, in parts, or alone.

It reserves before it sends and settles after; it knows neither cache nor guardrails.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, frozen

from litellm_gateway.abilities import ask
from litellm_gateway.answer_builder import AnswerBuilder
from litellm_gateway.attempts import within_deadline
from litellm_gateway.contracts import CacheKey, Route
from litellm_gateway.embedding_parts import MOST_AT_ONCE, parts_of, send_parts
from litellm_gateway.errors import DeadlineExceededError, RateLimitError
from litellm_gateway.ledger import estimate_prompt_tokens
from litellm_gateway.made import Made
from litellm_gateway.requests import EmbedRequest, GenerateRequest
from litellm_gateway.reserving import Hold
from litellm_gateway.streaming import OpenStream, close, estimated_usage, in_time, open_stream, with_usage
from litellm_gateway.token_usage import TokenUsage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence

    from litellm_gateway.attempts import Attempt, Attempts
    from litellm_gateway.batch_slot import BatchSlot
    from litellm_gateway.company import Company
    from litellm_gateway.contracts import Call, EmbedLimits, Spent
    from litellm_gateway.hedging import Hedge, Hedging
    from litellm_gateway.prompts_together import PromptsTogether
    from litellm_gateway.request_batching import RequestBatching
    from litellm_gateway.requests import AnyRequest
    from litellm_gateway.reserving import Reserving
    from litellm_gateway.responses import EmbedResponse, StreamChunk
    from litellm_gateway.shared_flight import SharedFlight
    from litellm_gateway.single_flight import SingleFlight


@frozen(kw_only=True, eq=False)
class Upstream:
    """The rooms between the cache and the providers; one that is switched off is None or not ``active``."""

    embed_limits: Callable[[Route], EmbedLimits]
    single_flight: SingleFlight | None
    batching: RequestBatching | None
    reserving: Reserving
    attempts: Attempts
    spent: Callable[[Call, Spent], None]
    hedging: Hedging | None = None
    slot: BatchSlot | None = None
    together: PromptsTogether | None = None
    shared_flight: SharedFlight[Made] | None = None

    async def make(
        self, call: Call, request: AnyRequest, routes: Sequence[Route], key: CacheKey | None
    ) -> tuple[Made, bool]:
        """Give the answer, and whether an identical call made it, here or in another process; nothing without a key.

        A call follows another within its own time; if the other runs out of its own before that, it asks again.
        """
        if self.single_flight is None or key is None:
            return await self.submit(call, request, routes), False
        lead = _Lead(self, call, request, routes, _apart(call, key))
        while True:
            try:
                made, shared = await self.single_flight.run(lead.key, lead, call.remaining)
                return made, shared or made.elsewhere
            except DeadlineExceededError:
                if lead.taken or call.remaining() <= 0:
                    raise

    def open(
        self, call: Call, request: GenerateRequest, routes: Sequence[Route], key: CacheKey | None
    ) -> tuple[AsyncIterator[StreamChunk], AnswerBuilder | None]:
        """Give the pieces of a stream, and the builder that sees them all; None if another call opened the stream."""
        made = AnswerBuilder()
        if self.single_flight is None or key is None:
            return self._stream(call, request, routes, made), made
        shared = self.single_flight.stream(_apart(call, key), lambda: self._stream(call, request, routes, made))
        return (in_time(shared, call), None) if shared.shared else (shared, made)

    def submit(self, call: Call, request: AnyRequest, routes: Sequence[Route]) -> Awaitable[Made]:
        """Send a request of its own: with a batch, in parts, or alone."""
        if isinstance(request, GenerateRequest):
            return self._send(call, request, routes, slot=self.slot)
        if self.batching is None or not isinstance(request, EmbedRequest):
            return self._send_whole(call, request, routes)
        batched: Awaitable[Made] = self.batching.submit(call, request, routes, self._send_whole, self._spent)
        return within_deadline(call, batched)  # the batch has the time of its most patient request

    def _send_whole(
        self, call: Call, request: AnyRequest, routes: Sequence[Route], *, merged: bool = False
    ) -> Coroutine[Any, Any, Made]:
        """Send a request, or as many as the provider's limits make of it; what is ``merged`` is others' as well."""
        if isinstance(request, EmbedRequest):
            return self._send_in_parts(call, request, routes, merged=merged)
        return self._send(call, request, routes)

    async def _send_in_parts(self, call: Call, request: EmbedRequest, routes: Sequence[Route], *, merged: bool) -> Made:
        parts = parts_of(request, self.embed_limits(routes[0]))
        if len(parts) == 1:
            return await self._send(call, request, routes, merged=merged)
        made: list[Made] = []
        call.mixes_headers = len(routes) > 1

        async def send(part: EmbedRequest) -> EmbedResponse:
            made.append(await self._send(call, part, routes, merged=merged))
            answer: EmbedResponse = made[-1].answer
            return answer

        # A circuit that is to be probed lets one part through: were the others refused at once, they would stop it.
        at_once = 1 if self.attempts.probes(routes[0]) else MOST_AT_ONCE
        try:
            answer = await send_parts(parts, send, at_once=at_once)
        except BaseException:
            for each in made if merged else ():  # nobody gets a share of what was made, and it was used all the same
                self._spent(call, each)
            raise
        return Made(answer=answer, route=made[-1].route)

    async def _send(
        self,
        call: Call,
        request: AnyRequest,
        routes: Sequence[Route],
        *,
        merged: bool = False,
        slot: BatchSlot | None = None,
    ) -> Made:
        """Reserve, with others if there is a slot for them, try the routes, settle."""
        company = None
        hedge = self.hedging.plan(request) if self.hedging is not None else None
        hold = None
        if slot is not None:
            hold, company = await slot.hold(call, request, routes)
        elif self.reserving.limiter.active:
            held = self.reserving.take(call, request, routes)
            hold = held if isinstance(held, Hold) else await held
        try:
            send = partial(self._attempt, request, company)
            made = await self.attempts.run(call, routes, send, hedge=hedge, company=company)
            if hedge is not None:
                self._overtook(call, hedge, made.answer.usage)
            route, usage, named = spent = made.spent()
            if hold is not None:
                hold.answered(route, usage, named, hedge)
            if not merged:
                self.spent(call, spent)
            return made
        finally:
            if hold is not None:
                hold.close()

    async def _attempt(self, request: AnyRequest, company: Company | None, attempt: Attempt) -> Made:
        """Ask one route, and tell the limiter what it said of its own limits."""
        try:
            answer = await (ask(attempt, request) if company is None else self._ask(attempt, request, company))
        except RateLimitError as error:
            self.reserving.heed(attempt, error)
            raise
        attempt.ended()
        self.reserving.heed(attempt)
        if not answer.usage.output_tokens and not answer.usage.total_tokens:
            answer = with_usage(answer, request)
        return Made(answer=answer, route=attempt.route)

    def _spent(self, call: Call, made: Made) -> None:
        """Note what an answer used, whoever still waits for it."""
        self.spent(call, made.spent())

    def _ask(self, attempt: Attempt, request: AnyRequest, company: Company) -> Awaitable[Any]:
        """Ask together with those that left together, where that may be."""
        if self.together is None or not isinstance(request, GenerateRequest):
            return ask(attempt, request)
        return self.together.ask(attempt, request, company)

    async def _stream(
        self, call: Call, request: GenerateRequest, routes: Sequence[Route], made: AnswerBuilder
    ) -> AsyncIterator[StreamChunk]:
        """Reserve, open a stream on one of the routes, follow it, settle."""

        async def attempt_stream(attempt: Attempt) -> OpenStream:
            try:
                opened = await open_stream(attempt, request, made)
            except RateLimitError as error:
                self.reserving.heed(attempt, error)
                raise
            self.reserving.heed(attempt)
            return opened

        hedge = self.hedging.plan(request, streamed=True) if self.hedging is not None else None
        hold = await self.reserving.hold(call, request, routes)
        opened = pieces = None
        try:
            opened = await self.attempts.run(
                call, routes, attempt_stream, streamed=True, hedge=hedge, discard=OpenStream.discard
            )
            if hedge is not None:
                self._overtook(call, hedge, TokenUsage(input_tokens=estimate_prompt_tokens(request)))
            pieces = opened.pieces()
            async for piece in pieces:
                yield piece
        finally:
            try:
                if pieces is not None:
                    await close(pieces)
            finally:
                self._settle(call, request, hold, opened, made, hedge)

    def _overtook(self, call: Call, hedge: Hedge, usage: TokenUsage) -> None:
        """Note about what a request used that was given up; the end of a call that is over already cannot tell it."""
        hedge.overtook(usage)
        if call.ended and hedge.given_up is not None and hedge.lost is not None:
            self.spent(call, (hedge.given_up, hedge.lost, None))

    def _settle(
        self,
        call: Call,
        request: GenerateRequest,
        hold: Hold | None,
        opened: OpenStream | None,
        made: AnswerBuilder,
        hedge: Hedge | None,
    ) -> None:
        """A stream that was never opened cost nothing; one that broke cost about what came."""
        try:
            if opened is not None:
                route, usage = opened.attempt.route, made.told_usage
                if hold is not None:
                    usage = hold.streamed(route, usage, made.said if usage is None else "", made.model, hedge)
                self.spent(call, (route, usage or estimated_usage(request, made.said), made.model))
        finally:
            if hold is not None:
                hold.close()


@define(eq=False)
class _Lead:
    """Makes the answer for all who ask alike, when it is called.

    Attributes:
        key: What equal requests share.
        taken: It was called: nobody else makes the answer.
    """

    upstream: Upstream
    call: Call
    request: AnyRequest
    routes: Sequence[Route]
    key: CacheKey
    taken: bool = False

    def __call__(self) -> Awaitable[Made]:
        self.taken = True
        shared = self.upstream.shared_flight
        return self._submit() if shared is None else self._across(shared)

    def _submit(self) -> Awaitable[Made]:
        return self.upstream.submit(self.call, self.request, self.routes)

    async def _across(self, shared: SharedFlight[Made]) -> Made:
        """Make it for all in this process, or take the one another process makes."""
        landed = await shared.run(self.key, self._submit, self.call.remaining)
        if not landed.elsewhere:
            return landed.answer
        return evolve(landed.answer, elsewhere=True, fresh_for=landed.fresh_for)


def _apart(call: Call, key: CacheKey) -> CacheKey:
    """Calls in flight are never shared between tenants, even where their cache is."""
    return key if key.tenant == call.tenant else CacheKey(call.tenant, key.digest)
