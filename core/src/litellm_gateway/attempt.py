"""One request to one route: what it is sent with, and how its end is told to breaker, statistics and telemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field, frozen

from litellm_gateway.telemetry import AttemptFinished

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_gateway.attempts import Attempts
    from litellm_gateway.circuit_breaker import CircuitBreaker
    from litellm_gateway.contracts import Call, Capabilities, Provider, ProviderOffer, Route
    from litellm_gateway.hedging import Hedge
    from litellm_gateway.route_statistics import RouteRecord


@frozen(kw_only=True, eq=False)
class Target:
    """A provider as composed: its offer, the object it built, and what of it shapes an answer."""

    offer: ProviderOffer
    provider: Provider
    identity: str
    keeps_deadline: bool
    capabilities: Callable[[str], Capabilities] | None = None
    first_token_timeout: float | None = None


@define(eq=False)
class Attempt:
    """One request to one route; :meth:`ended` settles it with breaker, statistics and telemetry, exactly once.

    Attributes:
        hedge: Leave for a second request at the same time, and what came of it; None without.
        beside: It is the second of two.
        is_silent: Its request was that of another attempt as well, which tells breaker and statistics how it went.
    """

    call: Call
    route: Route
    target: Target
    number: int
    started: float
    _breaker: CircuitBreaker
    _ticket: int
    _record: RouteRecord
    _owner: Attempts
    hedge: Hedge | None = None
    beside: bool = False
    is_silent: bool = field(default=False, init=False)
    _first_content: float | None = field(default=None, init=False)
    _open: bool = field(default=True, init=False)

    @property
    def is_open(self) -> bool:
        """Whether it is not settled yet."""
        return self._open

    def answering(self) -> None:
        """Note that the first content of a stream is there: from here on, how long it takes is the model's choice."""
        self._first_content = self.call.clock() - self.started
        self._took(self._first_content)

    def ended(self, error: BaseException | None = None) -> None:
        """Say how it went; only the first word counts."""
        if not self._open:
            return
        self._open = False
        now, record, seconds = self.call.clock(), self._record, self._first_content
        record.running.discard(self)
        average = record.first_content
        if seconds is None:
            seconds, average = now - self.started, record.whole
        is_fault = getattr(error, "provider_fault", False)
        if self.is_silent:
            self._breaker.released(self._ticket)
        elif error is None or (self._first_content is not None and not is_fault):  # a reader may leave in the middle
            self._breaker.succeeded(self._ticket, seconds)
            self._owner.statistics.answered(self.route, record, average, seconds, now)
            if self._first_content is None:
                self._took(seconds)
        elif is_fault:
            self._breaker.failed(self._ticket, seconds, hint_of(error))
            self._owner.statistics.failed(record, seconds, now)
        else:
            self._breaker.released(self._ticket)
            if self._is_overtaken():
                self._took(seconds)  # at least: leaving it out would make the route look fast
        if self.call.watched:
            self._owner.telemetry.emit(self._event(error))

    def _event(self, error: BaseException | None) -> AttemptFinished:
        return AttemptFinished(
            call_id=self.call.id,
            tenant=self.call.tenant,
            provider=self.route.provider,
            model=self.route.model,
            number=self.number,
            seconds=self.call.clock() - self.started,
            error=None if error is None else type(error).__name__,
            status_code=getattr(error, "status_code", None),
            hedge=self.beside,
            overtaken=error is not None and self._is_overtaken(),
        )

    def _is_overtaken(self) -> bool:
        """Whether the other of two requests was answered first."""
        by = self.hedge.answered_by if self.hedge is not None else None
        return by is not None and self.beside != (by == "second")

    def _took(self, seconds: float) -> None:
        if self.hedge is not None:
            self.hedge.took(self.route, seconds)


def hint_of(error: BaseException) -> float | None:
    """Give the seconds a provider asks to wait; None when it does not, or its plugin gave no such number."""
    hint = getattr(error, "retry_after", None)
    return float(hint) if isinstance(hint, int | float) and hint >= 0.0 else None
