"""Tell sinks what happened: one event when a call starts, one per attempt, one when it ends.

Events carry counts and names, never prompts, answers or keys. Only this room talks to sinks.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

from attrs import define, field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    from litellm_gateway.contracts import Call, Spent, TelemetrySink
    from litellm_gateway.responses import TokenUsage

Operation = Literal[
    "generate", "stream", "embed", "rerank", "moderate", "count_tokens", "list_models",
    "batch_submit", "batch_status", "batch_results", "batch_cancel", "batch_list",
]  # fmt: skip
Outcome = Literal["success", "error", "cancelled", "abandoned"]


@frozen(kw_only=True)
class CallStarted:
    """A call entered the pipeline."""

    call_id: str
    tenant: str
    operation: Operation
    model: str
    at: float


@frozen(kw_only=True)
class AttemptFinished:
    """One request to one route ended.

    Attributes:
        error: Class name of what went wrong, None on success.
        hedge: It was sent beside another one that was slow.
        overtaken: It was given up because the other one was answered first.
    """

    call_id: str
    tenant: str
    provider: str
    model: str
    number: int
    seconds: float
    error: str | None = None
    status_code: int | None = None
    hedge: bool = False
    overtaken: bool = False


@frozen(kw_only=True)
class CallFinished:
    """A call left the pipeline; exactly one of these follows every :class:`CallStarted`.

    Attributes:
        outcome: ``abandoned`` is a stream its reader stopped reading.
        error: Class name of the error, None unless ``outcome`` is ``error``.
        seconds: From entering to leaving the pipeline.
        first_chunk_seconds: For streams: until the first piece of content was handed out.
        cached: The answer came from the response cache.
        shared: The answer was made by an identical call in flight.
        attempts: Requests sent.
        hedges: Requests of these that were sent beside a slow one.
        hedges_won: Requests of these that were answered before the slow one.
        given_up_tokens: About what requests used that were given up because another one was answered.
    """

    call_id: str
    tenant: str
    operation: Operation
    outcome: Outcome
    provider: str | None = None
    model: str | None = None
    error: str | None = None
    status_code: int | None = None
    seconds: float = 0.0
    first_chunk_seconds: float | None = None
    usage: TokenUsage | None = None
    cost: Decimal | None = None
    finish_reason: str | None = None
    cached: bool = False
    shared: bool = False
    attempts: int = 0
    hedges: int = 0
    hedges_won: int = 0
    given_up_tokens: int = 0


@frozen(kw_only=True)
class StoreChanged:
    """A store that several processes have in common went out of reach, or is back.

    Attributes:
        store: Name of its plugin.
        reachable: Whether it can be asked now.
        error: Class name of what went wrong, None when it is back.
    """

    store: str
    reachable: bool
    error: str | None = None


@frozen(kw_only=True)
class LimitStoreChanged(StoreChanged):
    """The store that counts limits; while it is out of reach, ``on_storage_failure`` is followed."""


@frozen(kw_only=True)
class SharedStateChanged(StoreChanged):
    """The store that answers and circuits are shared through; while it is out of reach, each process goes by itself."""


@frozen(kw_only=True)
class BudgetReached:
    """What is spent has reached a soft budget; told once until it is below again.

    Attributes:
        tenant: Whose call it was.
        budget: ``tenant`` of the budget: a pattern, or None for the one over all.
        unit: ``"tokens"`` or ``"money"``.
        window: Seconds the budget looks back.
        used: What is counted in that time.
    """

    tenant: str
    budget: str | None
    unit: str
    window: float
    used: Decimal


@frozen(kw_only=True)
class LateUsage:
    """What an answer used whose call had ended: its caller left while others waited for it, or another overtook it.

    The costs of every :class:`CallFinished` and of every one of these add up to that of ``gateway.usage()``.

    Attributes:
        cost: In US dollars, None when no price is known.
    """

    call_id: str
    tenant: str
    provider: str
    model: str
    usage: TokenUsage
    cost: Decimal | None = None


Event = (
    CallStarted | AttemptFinished | CallFinished | LateUsage | LimitStoreChanged | SharedStateChanged | BudgetReached
)


@define(eq=False)
class CallRecord:
    """What is known of a call while it runs; :meth:`event` makes its last event."""

    call: Call
    operation: Operation
    outcome: Outcome = "success"
    provider: str | None = None
    model: str | None = None
    error: BaseException | None = None
    first_chunk_at: float | None = None
    usage: TokenUsage | None = None
    cost: Decimal | None = None
    finish_reason: str | None = None
    cached: bool = False
    shared: bool = False
    answer: Any = field(default=None, repr=False)

    def failed(self, error: BaseException) -> None:
        """Note how the call ended, when it did not end well."""
        self.error = error
        if isinstance(error, GeneratorExit):
            self.outcome = "abandoned"
        else:
            self.outcome = "error" if isinstance(error, Exception) else "cancelled"

    def latency(self) -> float:
        """Give the seconds since the call began."""
        return self.call.clock() - self.call.started_at

    def event(self) -> CallFinished:
        """Make the event that ends the call."""
        call, first = self.call, self.first_chunk_at
        return CallFinished(
            call_id=call.id,
            tenant=call.tenant,
            operation=self.operation,
            outcome=self.outcome,
            provider=self.provider,
            model=self.model,
            error=type(self.error).__name__ if self.outcome == "error" else None,
            status_code=getattr(self.error, "status_code", None),
            seconds=self.latency(),
            first_chunk_seconds=None if first is None else first - call.started_at,
            usage=self.usage,
            cost=self.cost,
            finish_reason=self.finish_reason,
            cached=self.cached,
            shared=self.shared,
            attempts=call.attempts,
            **(_hedged(call) if call.hedges else {}),
        )


def _hedged(call: Call) -> dict[str, int]:
    return {
        "hedges": len(call.hedges),
        "hedges_won": sum(hedge.answered_by == "second" for hedge in call.hedges),
        "given_up_tokens": sum(hedge.lost.total_tokens for hedge in call.hedges if hedge.lost is not None),
    }


class Telemetry:
    """Fan events out to sinks; a sink that raises is counted, never felt by a call."""

    def __init__(self, sinks: Sequence[tuple[str, TelemetrySink]] = ()) -> None:
        self._sinks: tuple[tuple[str, Callable[[Event], None]], ...] = tuple(
            (name, sink.record) for name, sink in sinks
        )
        self._listening = tuple(getattr(sink, "listening", None) for _, sink in sinks)
        self.sink_errors: dict[str, int] = {name: 0 for name, _ in sinks}
        self._counting = Lock()

    @property
    def active(self) -> bool:
        """Is anybody listening? If not, no event is even built."""
        try:
            for listening in self._listening:  # a plain loop: this is asked several times a call
                if listening is None or listening():
                    return True
        except Exception:  # emitting will count it, if that fails too
            return True
        return False

    def started(self, record: CallRecord, model: str) -> None:
        """A call entered the pipeline; whether anybody listens now decides for all of its events."""
        call = record.call
        call.watched = self.active
        if call.watched:
            self.emit(
                CallStarted(
                    call_id=call.id, tenant=call.tenant, operation=record.operation, model=model, at=call.started_at
                )
            )

    def finished(self, record: CallRecord) -> None:
        """A call left the pipeline."""
        if record.call.watched:
            self.emit(record.event())

    def late(self, call: Call, spent: Spent, cost: Decimal | None) -> None:
        """An answer came whose call had ended."""
        if call.watched:
            route, usage, _ = spent
            self.emit(
                LateUsage(
                    call_id=call.id,
                    tenant=call.tenant,
                    provider=route.provider,
                    model=route.model,
                    usage=usage,
                    cost=cost,
                )
            )

    def emit(self, event: Event) -> None:
        """Hand one event to every sink."""
        for name, record in self._sinks:
            try:
                record(event)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException:  # even a cancellation: a sink has no say in a call
                with self._counting:
                    self.sink_errors[name] += 1
