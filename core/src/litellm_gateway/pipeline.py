"""A request's way through the gateway, step by step, whole and streaming. This page knows the order, nothing else.

 1 telemetry         the call has started
 2 guarding          input guardrails: allow, modify, block
 3 routing           routes for the model
 4 cache_mechanism   a cached answer goes to 8
 5 upstream          single_flight: an identical request in flight is followed
 6                   reserving: reserve requests, tokens and money, wait in the queue if allowed
 7                   attempts: for each route, for each try: breaker, provider; settle what was reserved
 8 guarding          output guardrails, on cached answers too
 9 ledger            price it
10 cache_mechanism   store a whole, unmodified answer that was just made
11 telemetry         the call has ended: exactly one event, whatever happened
"""

from __future__ import annotations

from copy import copy
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from litellm_gateway.answer_builder import AnswerBuilder
from litellm_gateway.attempts import failures_of
from litellm_gateway.dialects import as_chunks
from litellm_gateway.errors import GatewayError
from litellm_gateway.requests import EmbedRequest, GenerateRequest
from litellm_gateway.responses import GenerateResponse, StreamChunk
from litellm_gateway.streaming import close
from litellm_gateway.token_usage import TokenUsage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from litellm_gateway.cache_mechanism import CacheMechanism
    from litellm_gateway.contracts import CacheKey, Call, Route, Spent
    from litellm_gateway.guarding import Guards
    from litellm_gateway.health_check import HealthChecks
    from litellm_gateway.ledger import Ledger
    from litellm_gateway.provider_table import RouteTable
    from litellm_gateway.requests import AnyRequest, OnUnsupported
    from litellm_gateway.responses import EmbedResponse
    from litellm_gateway.routing import RoutePlan
    from litellm_gateway.telemetry import CallRecord, Telemetry
    from litellm_gateway.upstream import Upstream
    from litellm_gateway.usage_book import UsageBook

    Response = GenerateResponse | EmbedResponse


@frozen(kw_only=True, eq=False)
class Pipeline:
    """The rooms a request passes, in place; a room that is switched off is None or not ``active``."""

    routes: RouteTable
    identities: Callable[[RoutePlan], str]
    guards: Guards
    keys: CacheMechanism
    cache: CacheMechanism | None
    cache_ttl: float | None
    upstream: Upstream
    ledger: Ledger
    usage: UsageBook
    telemetry: Telemetry
    checks: HealthChecks | None = None
    in_flight: set[Call] = field(factory=set, repr=False)

    async def run(self, call: Call, request: AnyRequest, record: CallRecord) -> Any:
        """Answer a request whole; other abilities than text and embeddings pass by guardrails, cache and sharing."""
        self.in_flight.add(call)
        try:
            self.telemetry.started(record, request.model)
            if self.checks is not None:
                self.checks.used()
            if self.guards.active and isinstance(request, (GenerateRequest, EmbedRequest)):
                judged = self.guards.judge_request(request, call)
                request = judged if isinstance(judged, (GenerateRequest, EmbedRequest)) else await judged
            routes = self.routes(request)
            key = self.key(call.tenant, request, routes, call.on_unsupported)
            cache, answer = self.cache, None
            if cache is not None and key is not None:
                answer = _found(cache.find(key) if cache.is_local else await cache.look_up(key), record)
            if answer is None:
                made, record.shared = await self.upstream.make(call, request, routes, key)
                record.provider, record.model = made.route.provider, made.route.model
                answer = made.answer
            checked = answer
            if self.guards.active and isinstance(answer, GenerateResponse):
                verdict = self.guards.judge_response(answer, call)
                checked = verdict if isinstance(verdict, GenerateResponse) else await verdict
            signed = self._signed(checked, call, record)
            is_news = checked is answer and not record.cached and not record.shared
            if cache is not None and key is not None and is_news:
                is_kept = cache.is_local and cache.keep(key, signed, self.cache_ttl)
                if not is_kept:
                    await cache.store(key, signed, self.cache_ttl)
            return signed
        except BaseException as error:
            record.failed(error)
            raise
        finally:
            self._end(call, record)

    async def stream(self, begin: Callable[[], CallRecord], request: GenerateRequest) -> AsyncIterator[StreamChunk]:
        """Answer a request piece by piece; ``record.answer`` is the whole answer once the stream has ended.

        The call begins when the first piece is asked for.
        """
        record = begin()
        call = record.call
        self.in_flight.add(call)
        shown = AnswerBuilder()
        pieces: AsyncIterator[StreamChunk] | None = None
        broken: GatewayError | None = None
        try:
            self.telemetry.started(record, request.model)
            if self.checks is not None:
                self.checks.used()
            if self.guards.active:
                checked = await self.guards.check_request(request, call)
                assert not isinstance(checked, EmbedRequest)
                request = checked
            routes = self.routes(request)
            key = self.key(call.tenant, request, routes, call.on_unsupported)
            made, pieces = await self._pieces(call, request, routes, key, record)
            if self.guards.active:
                pieces = self.guards.guard_stream(pieces, call)
            elif made is not None:  # nobody comes between the provider and the reader: one builder sees all
                shown = made
            take = shown.take if shown is not made else None
            async for piece in pieces:
                if take is not None:
                    take(piece)
                if record.first_chunk_at is None:
                    _note_start(record, piece, call)
                yield piece
            answer = shown.build(model=record.model or request.model, metadata={})
            signed = record.answer = self._signed(answer, call, record)
            if self.cache is not None and key is not None and made is not None and made.text == answer.text:
                await self.cache.store(key, signed, self.cache_ttl)
        except BaseException as error:
            record.failed(error)
            if not isinstance(error, GatewayError) or not (self.guards.active or error.partial is None):
                raise
            if error.partial is None and record.first_chunk_at is None:
                raise
            broken = _as_shown(error, record, request, shown)
        finally:
            try:
                if pieces is not None:
                    await close(pieces)
            finally:
                self._end(call, record)
        if broken is not None:  # raised out here, so that the error it replaces is not its context
            raise broken from broken.__cause__

    def _end(self, call: Call, record: CallRecord) -> None:
        """Note how a call ended, and what was used of it though its caller has no answer."""
        self.in_flight.discard(call)
        call.ended = True
        if call.spent and (record.usage is None or len(call.spent) > 1):  # of several, some may be in no answer
            record.usage = sum((usage for _, usage, _ in call.spent), TokenUsage())
            record.cost = self._cost_of(call.spent)
            if call.hedges and record.cost is not None:
                record.cost += self._given_up(call)
        self.usage.note(record)
        self.telemetry.finished(record)

    def _cost_of(self, spent: Sequence[Spent]) -> Decimal | None:
        costs = [self.ledger.cost(route.provider, route.model, usage, named=named) for route, usage, named in spent]
        known = [cost for cost in costs if cost is not None]
        return sum(known, Decimal(0)) if known else None

    def key(self, tenant: str, request: AnyRequest, routes: RoutePlan, rule: OnUnsupported) -> CacheKey | None:
        """Name what may be kept of a request or shared with others, None when nothing is."""
        if self.cache is None and self.upstream.single_flight is None:
            return None
        if not isinstance(request, (GenerateRequest, EmbedRequest)):
            return None
        identity = self.identities(routes)
        if rule != "error":  # an answer to less than was asked for is none for who wants all of it
            identity = f"lenient {identity}"
        return self.keys.key(tenant, identity, request)

    async def _pieces(
        self, call: Call, request: GenerateRequest, routes: Sequence[Route], key: CacheKey | None, record: CallRecord
    ) -> tuple[AnswerBuilder | None, AsyncIterator[StreamChunk]]:
        """Give the pieces, and for a fresh stream the builder that has seen them before any guardrail did."""
        if self.cache is not None and key is not None:
            cached = _found(await self.cache.look_up(key), record)
            if isinstance(cached, GenerateResponse):
                return None, _replay(cached)
        pieces, made = self.upstream.open(call, request, routes, key)
        record.shared = made is None
        return made, pieces

    def _given_up(self, call: Call) -> Decimal:
        """Give about what those requests cost that were given up because another one was answered."""
        costs = (
            self.ledger.cost(hedge.given_up.provider, hedge.given_up.model, hedge.lost)
            for hedge in call.hedges
            if hedge.given_up is not None and hedge.lost is not None
        )
        return sum((cost for cost in costs if cost is not None), Decimal(0))

    def _signed(self, answer: Any, call: Call, record: CallRecord) -> Any:
        """Write who answered, how long it took and what it cost into the answer's metadata."""
        record.usage = answer.usage
        record.finish_reason = getattr(answer, "finish_reason", None)
        provider = record.provider or ""
        record.cost = self.ledger.cost(provider, record.model or answer.model, answer.usage, named=answer.model)
        if (record.cached or record.shared) and record.cost is not None:
            record.cost *= 0
        if call.hedges and record.cost is not None:
            record.cost += self._given_up(call)
        metadata = {
            **answer.metadata,
            "provider": provider,
            "route": (record.cached and answer.metadata.get("route")) or f"{provider}/{record.model}",
            "request_id": call.id,
            "latency": record.latency(),
            "cost": record.cost,
            "cached": record.cached,
            "attempts": call.attempts,
            "hedged": call.hedges[-1].answered_by if call.hedges else None,
            "failures": failures_of(call) if call.errors else (),
        }
        if isinstance(answer, GenerateResponse):
            return answer.with_metadata(metadata)
        return evolve(answer, metadata=metadata)


def _found(answer: Response | None, record: CallRecord) -> Response | None:
    """Note that the cache had the answer, if it had."""
    if answer is not None:
        record.cached = True
        record.provider, record.model = answer.metadata.get("provider"), answer.model
    return answer


def _note_start(record: CallRecord, piece: StreamChunk, call: Call) -> None:
    if piece.kind == "start":
        data = piece.data or {}
        record.provider = data.get("provider", record.provider)
        record.model = data.get("model", record.model)
    else:
        record.first_chunk_at = call.clock()


def _as_shown(error: GatewayError, record: CallRecord, request: GenerateRequest, shown: AnswerBuilder) -> GatewayError:
    """Give an error of a reader's own, with that part of the answer that was shown to it."""
    own = copy(error)
    metadata = {"provider": record.provider, "partial": True}
    own.partial = shown.build(model=record.model or request.model, metadata=metadata)
    own.__cause__ = error.__cause__
    return own


async def _replay(answer: GenerateResponse) -> AsyncIterator[StreamChunk]:
    for piece in as_chunks(answer):
        yield piece
