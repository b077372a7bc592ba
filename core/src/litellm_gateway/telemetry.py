"""Tell sinks what happened: one event when a call starts, one per attempt, one when it ends.

Events carry counts and names, never prompts, answers or keys. Only this room talks to sinks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    from litellm_gateway.contracts import Call, TelemetrySink
    from litellm_gateway.responses import TokenUsage

Operation = Literal["generate", "stream", "embed"]
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
    """One request to one route ended; ``error`` is the class name of what went wrong, None on success."""

    call_id: str
    tenant: str
    provider: str
    model: str
    number: int
    seconds: float
    error: str | None = None
    status_code: int | None = None


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


Event = CallStarted | AttemptFinished | CallFinished


class Telemetry:
    """Fan events out to sinks; a sink that raises is counted, never felt by a call."""

    def __init__(self, sinks: Sequence[tuple[str, TelemetrySink]] = ()) -> None:
        self._sinks: tuple[tuple[str, Callable[[Event], None]], ...] = tuple(
            (name, sink.record) for name, sink in sinks
        )
        self.sink_errors: dict[str, int] = {name: 0 for name, _ in sinks}

    @property
    def active(self) -> bool:
        """Is anybody listening? Without sinks no event is even built."""
        return bool(self._sinks)

    def emit(self, event: Event) -> None:
        """Hand one event to every sink."""
        for name, record in self._sinks:
            try:
                record(event)
            except Exception:
                self.sink_errors[name] += 1
