"""Try routes in order, and each again where that may help: one deadline and one retry budget for all of it.

Nobody else waits between tries. What an error allows, it says itself: ``retry_here`` and ``try_next_route``.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from litellm_gateway.attempt import Attempt as Attempt, Target as Target, hint_of
from litellm_gateway.errors import (
    AllRoutesFailedError,
    DeadlineExceededError,
    GatewayError,
    MalformedResponseError,
    PluginContractError,
    RateLimitError,
)
from litellm_gateway.hedged_attempt import note_failure, race_a_second
from litellm_gateway.routing import RoutePlan

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence

    from litellm_gateway.breakers import CircuitBreakers
    from litellm_gateway.company import Company, JointFailure
    from litellm_gateway.contracts import Call, Route
    from litellm_gateway.hedging import Hedge
    from litellm_gateway.retry_budget import RetryBudget
    from litellm_gateway.route_statistics import RouteStatistics
    from litellm_gateway.telemetry import Telemetry

T = TypeVar("T")
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0


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
        self.breakers = breakers
        self.telemetry = telemetry
        self.statistics = statistics
        self.budget = budget
        self._sleep = sleep
        self._random = random

    async def run(
        self,
        call: Call,
        routes: Sequence[Route],
        send: Callable[[Attempt], Awaitable[T]],
        *,
        streamed: bool = False,
        hedge: Hedge | None = None,
        discard: Callable[[T], Coroutine[Any, Any, None]] | None = None,
        company: Company | None = None,
    ) -> T:
        """Call ``send`` for each route, and again where the error allows it, until one answers.

        Args:
            call: The call all this belongs to.
            routes: A :class:`~litellm_gateway.routing.RoutePlan`, or plain routes that are tried as they stand.
            send: Sends one request.
            streamed: A stream is asked for.
            hedge: Leave to send a slow request to each route's neighbour as well; None for one at a time.
            discard: Frees what ``send`` gave when another answer was taken.
            company: Calls that may have had one request with this one; they are tried again as one.

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
                    delay = hedge.delay(call, route) if hedge is not None and not tries else None
                    if hedge is None or delay is None:
                        return await self.once(call, route, send, again=tries > 0, hedge=hedge)
                    near = partial(_near, routes, waiting)
                    return await race_a_second(self, call, route, near, send, hedge, delay, discard)
                except GatewayError as error:
                    failure = error
                tries += 1
                joint = company.failure(failure) if company is not None else None
                pause = self._failed(call, route, failure, joint, tries=tries, others=len(waiting))
                if pause is None:
                    break
                await (self._sleep(pause) if joint is None else joint.rest(self._sleep, call.clock, pause))
            if hedge is not None and hedge.beside is not None and hedge.beside in waiting:
                tried.append(hedge.beside)  # it had its try already
                waiting = [each for each in waiting if each != hedge.beside]
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

    def probes(self, route: Route) -> bool:
        """Say whether a route lets single requests through only, to find out whether it works again."""
        return self.breakers.look(route.id) == "half_open"

    def _failed(
        self, call: Call, route: Route, error: GatewayError, joint: JointFailure | None, *, tries: int, others: int
    ) -> float | None:
        """Note a failure; give the seconds to wait before the same route is asked again, None when it is not."""
        note_failure(call, route, error)
        pause = self._pause(call, error, joint, tries=tries, others=others)
        take = self.budget.take
        if pause is None or not (take() if joint is None else joint.pay(take)):
            return None
        call.retries_left -= 1
        return pause

    async def once(
        self,
        call: Call,
        route: Route,
        send: Callable[[Attempt], Awaitable[T]],
        *,
        again: bool,
        hedge: Hedge | None = None,
        beside: bool = False,
    ) -> T:
        """Call ``send`` for a route, once; how it ended is told to breaker, statistics and telemetry."""
        target = self._targets[route.provider]
        key = route.id
        breaker = self.breakers.get(key)
        ticket = breaker.admit()
        call.attempts += 1
        call.provider_headers = None
        now = call.clock()
        if not again:
            self.budget.sent(now)
        record = self.statistics.get(key)
        attempt = Attempt(call, route, target, call.attempts, now, breaker, ticket, record, self, hedge, beside)
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

    def _pause(
        self, call: Call, error: GatewayError, joint: JointFailure | None, *, tries: int, others: int
    ) -> float | None:
        """Give the seconds to wait before the same route is tried again, None when it is not."""
        if not error.retry_here or call.retries_left <= 0 or (others and isinstance(error, RateLimitError)):
            return None
        if isinstance(error, MalformedResponseError) and tries > 1:
            return None
        hint = hint_of(error)
        if hint is None:
            draw = partial(self._random.uniform, 0.0, min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (tries - 1)))
            hint = draw() if joint is None else joint.pause(draw)
        return None if hint >= call.remaining() else float(hint)


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


def _near(routes: Sequence[Route], waiting: Sequence[Route]) -> Sequence[Route]:
    """Give the waiting routes that answer the same name: a second request never goes to another model's."""
    if not isinstance(routes, RoutePlan):
        return ()
    pool = routes.routes[: routes.pool]
    return [route for route in waiting if route in pool]


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
