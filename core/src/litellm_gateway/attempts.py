"""Try routes in order, and each again where that may help: one deadline and one retry budget for all of it.

Nobody else waits between tries. What an error allows, it says itself: ``retry_here`` and ``try_next_route``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define, field, frozen

from litellm_gateway.errors import (
    AllRoutesFailedError,
    DeadlineExceededError,
    GatewayError,
    MalformedResponseError,
    PluginContractError,
    RateLimitError,
)
from litellm_gateway.routing import RoutePlan
from litellm_gateway.telemetry import AttemptFinished

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from litellm_gateway.circuit_breaker import CircuitBreaker, CircuitBreakers
    from litellm_gateway.contracts import Call, Capabilities, Provider, ProviderOffer, Route
    from litellm_gateway.retry_budget import RetryBudget
    from litellm_gateway.route_statistics import RouteRecord, RouteStatistics
    from litellm_gateway.telemetry import Telemetry

T = TypeVar("T")
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0


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
    """One request to one route; :meth:`ended` settles it with breaker, statistics and telemetry, exactly once."""

    call: Call
    route: Route
    target: Target
    number: int
    started: float
    _breaker: CircuitBreaker
    _ticket: int
    _record: RouteRecord
    _owner: Attempts
    _first_content: float | None = field(default=None, init=False)
    _open: bool = field(default=True, init=False)

    def answering(self) -> None:
        """Note that the first content of a stream is there: from here on, how long it takes is the model's choice."""
        self._first_content = self.call.clock() - self.started

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
        if error is None:
            self._breaker.succeeded(self._ticket, seconds)
            self._owner.statistics.answered(self.route, record, average, seconds, now)
        elif getattr(error, "provider_fault", False):
            self._breaker.failed(self._ticket, seconds, hint_of(error))
            self._owner.statistics.failed(record, seconds, now)
        else:
            self._breaker.released(self._ticket)
        if self._owner.telemetry.active:
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
        )


class Attempts:
    """Runs the tries of a call.

    Args:
        targets: Composed providers by name.
        breakers: Circuit breaker per route.
        telemetry: Told of every attempt.
        statistics: Told of every attempt, and asked which routes to leave alone.
        budget: How many retries all calls together may make.
        sleep, random: How to wait and how to jitter.
    """

    def __init__(
        self,
        targets: Mapping[str, Target],
        breakers: CircuitBreakers,
        telemetry: Telemetry,
        *,
        statistics: RouteStatistics,
        budget: RetryBudget,
        sleep: Callable[[float], Awaitable[None]],
        random: random.Random,
    ) -> None:
        self._targets = targets
        self._breakers = breakers
        self.telemetry = telemetry
        self.statistics = statistics
        self._budget = budget
        self._sleep = sleep
        self._random = random

    async def run(
        self,
        call: Call,
        routes: Sequence[Route],
        send: Callable[[Attempt], Awaitable[T]],
        *,
        streamed: bool = False,
    ) -> T:
        """Call ``send`` for each route, and again where the error allows it, until one answers.

        Args:
            call: The call all this belongs to.
            routes: A :class:`~litellm_gateway.routing.RoutePlan`, or plain routes that are tried as they stand.
            send: Sends one request.
            streamed: A stream is asked for.

        Raises:
            GatewayError: The error of the only route, or the last one no other route can help with.
            AllRoutesFailedError: Several routes were tried and none answered.
            DeadlineExceededError: The call's time ran out between tries.
        """
        waiting = self.in_order(call.tenant, routes, streamed=streamed)
        tried: list[Route] = []
        while True:
            route, waiting = waiting[0], waiting[1:]
            tries = 0
            while True:
                try:
                    return await self._once(call, route, send, again=tries > 0)
                except GatewayError as error:
                    failure = error
                tries += 1
                pause = self._failed(call, route, failure, tries=tries, others=len(waiting))
                if pause is None:
                    break
                await self._sleep(pause)
            tried.append(route)
            self.statistics.leave_alone(route, failure)
            waiting = _further(routes, failure, tried, waiting)
            if not waiting:
                raise _verdict(call, failure, tried=len(tried))

    def in_order(self, tenant: str, routes: Sequence[Route], *, streamed: bool = False) -> Sequence[Route]:
        """Give the routes as a call would try them now."""
        if not isinstance(routes, RoutePlan):
            return routes
        if len(routes.routes) == 1:
            return routes.routes
        ordered = routes.in_order(tenant=tenant, streamed=streamed)
        return ordered if routes.fixed else self.statistics.awake(ordered)

    def _failed(self, call: Call, route: Route, error: GatewayError, *, tries: int, others: int) -> float | None:
        """Note a failure; give the seconds to wait before the same route is asked again, None when it is not."""
        error.provider = error.provider or route.provider
        error.model = error.model or route.model
        call.errors.append(error)
        pause = self._pause(call, error, tries=tries, others=others)
        if pause is None or not self._budget.take():
            return None
        call.retries_left -= 1
        return pause

    async def _once(self, call: Call, route: Route, send: Callable[[Attempt], Awaitable[T]], *, again: bool) -> T:
        target = self._targets[route.provider]
        key = route.id
        breaker = self._breakers.get(key)
        ticket = breaker.admit()
        call.attempts += 1
        now = call.clock()
        if not again:
            self._budget.sent(now)
        record = self.statistics.get(key)
        attempt = Attempt(call, route, target, call.attempts, now, breaker, ticket, record, self)
        record.running.add(attempt)
        try:
            if target.keeps_deadline:
                return await send(attempt)
            return await within_deadline(call, send(attempt))
        except GatewayError as error:
            attempt.ended(error)
            raise
        except Exception as error:
            failure = foreign(route.provider, error)
            attempt.ended(failure)
            raise failure from error
        except BaseException as error:
            attempt.ended(error)
            raise

    def _pause(self, call: Call, error: GatewayError, *, tries: int, others: int) -> float | None:
        """Give the seconds to wait before the same route is tried again, None when it is not."""
        if not error.retry_here or call.retries_left <= 0:
            return None
        if others and isinstance(error, RateLimitError):
            return None
        if isinstance(error, MalformedResponseError) and tries > 1:
            return None
        hint = hint_of(error)
        if hint is None:
            hint = self._random.uniform(0.0, min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (tries - 1)))
        return None if hint >= call.remaining() else float(hint)


def hint_of(error: BaseException) -> float | None:
    """Give the seconds a provider asks to wait; None when it does not, or its plugin gave no such number."""
    hint = getattr(error, "retry_after", None)
    return float(hint) if isinstance(hint, int | float) and hint >= 0.0 else None


async def within_deadline(call: Call, awaitable: Awaitable[T]) -> T:
    """Await with a timer on the call's deadline, for providers that keep none by themselves."""
    import asyncio

    timer = asyncio.timeout(call.remaining())
    try:
        async with timer:
            return await awaitable
    except GatewayError:
        raise
    except TimeoutError as error:
        if not timer.expired():
            raise
        raise DeadlineExceededError("the call's time is up; raise timeout if it needs more", phase="total") from error


def foreign(provider: str, error: Exception) -> GatewayError:
    """Wrap what a provider plugin raised against its contract."""
    return PluginContractError(
        f"provider '{provider}' raised {type(error).__name__}, which is not a GatewayError; "
        "this is a fault of its plugin",
        plugin=provider,
        provider=provider,
    )


def failures_of(call: Call) -> tuple[str, ...]:
    """Name the failed attempts of a call in order, as ``provider/model: class of the error``."""
    return tuple(f"{error.provider or 'gateway'}/{error.model}: {type(error).__name__}" for error in call.errors)


def _further(
    routes: Sequence[Route], failure: GatewayError, tried: Sequence[Route], waiting: Sequence[Route]
) -> Sequence[Route]:
    """Give the routes that may still answer."""
    if isinstance(routes, RoutePlan):
        further = routes.after(failure, tried[-1], waiting)
    else:
        further = waiting if failure.try_next_route else ()
    return [route for route in further if route not in tried]


def _verdict(call: Call, failure: GatewayError, *, tried: int) -> Any:
    if tried < 2 or not failure.try_next_route:
        return failure
    error = AllRoutesFailedError(
        f"all {tried} routes failed ({', '.join(failures_of(call))}); attempts holds each error",
        attempts=call.errors,
        provider=failure.provider,
        status_code=failure.status_code,
        model=failure.model,
    )
    error.__cause__ = failure
    return error
