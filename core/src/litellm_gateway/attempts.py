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
from litellm_gateway.telemetry import AttemptFinished

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from litellm_gateway.circuit_breaker import CircuitBreaker, CircuitBreakers
    from litellm_gateway.contracts import Call, Capabilities, Provider, ProviderOffer, Route
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


@define(eq=False)
class Attempt:
    """One request to one route; :meth:`ended` settles it with breaker and telemetry, exactly once."""

    call: Call
    route: Route
    target: Target
    number: int
    started: float
    _breaker: CircuitBreaker
    _ticket: int
    _telemetry: Telemetry
    _open: bool = field(default=True, init=False)

    def ended(self, error: BaseException | None = None) -> None:
        """Say how it went; only the first word counts."""
        if not self._open:
            return
        self._open = False
        if error is None:
            self._breaker.succeeded(self._ticket)
        elif getattr(error, "provider_fault", False):
            self._breaker.failed(self._ticket)
        else:
            self._breaker.released(self._ticket)
        if self._telemetry.active:
            self._telemetry.emit(self._event(error))

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
        sleep, random: How to wait and how to jitter.
    """

    def __init__(
        self,
        targets: Mapping[str, Target],
        breakers: CircuitBreakers,
        telemetry: Telemetry,
        *,
        sleep: Callable[[float], Awaitable[None]],
        random: random.Random,
    ) -> None:
        self._targets = targets
        self._breakers = breakers
        self._telemetry = telemetry
        self._sleep = sleep
        self._random = random

    async def run(self, call: Call, routes: Sequence[Route], send: Callable[[Attempt], Awaitable[T]]) -> T:
        """Call ``send`` for each route, and again where the error allows it, until one answers.

        Raises:
            GatewayError: The error of the only route, or the last one no other route can help with.
            AllRoutesFailedError: Several routes were tried and none answered.
            DeadlineExceededError: The call's time ran out between tries.
        """
        others = len(routes)
        for route in routes:
            others -= 1
            tries = 0
            while True:
                try:
                    return await self._once(call, route, send)
                except GatewayError as error:
                    failure = error
                call.errors.append(failure)
                tries += 1
                pause = self._pause(call, failure, tries=tries, others=others)
                if pause is None:
                    break
                call.retries_left -= 1
                await self._sleep(pause)
            if not failure.try_next_route or not others:
                break
        raise _verdict(call, failure, tried=len(routes) - others)

    async def _once(self, call: Call, route: Route, send: Callable[[Attempt], Awaitable[T]]) -> T:
        target = self._targets[route.provider]
        breaker = self._breakers.get(route.id)
        ticket = breaker.admit()
        call.attempts += 1
        attempt = Attempt(
            call=call,
            route=route,
            target=target,
            number=call.attempts,
            started=call.clock(),
            breaker=breaker,
            ticket=ticket,
            telemetry=self._telemetry,
        )
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
        hint = getattr(error, "retry_after", None)
        if not isinstance(hint, int | float) or not hint >= 0.0:  # a plugin's word, which may be no number at all
            hint = self._random.uniform(0.0, min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (tries - 1)))
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


def _verdict(call: Call, failure: GatewayError, *, tried: int) -> Any:
    if tried < 2 or not failure.try_next_route:
        return failure
    names = ", ".join(f"{error.provider or 'gateway'}: {type(error).__name__}" for error in call.errors)
    error = AllRoutesFailedError(
        f"all {tried} routes failed ({names}); attempts holds each error",
        attempts=call.errors,
        provider=failure.provider,
        status_code=failure.status_code,
        model=failure.model,
    )
    error.__cause__ = failure
    return error
