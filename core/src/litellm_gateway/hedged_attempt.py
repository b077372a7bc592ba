"""One request of a call and, when it is slow, a second beside it: which route that goes to, and what is noted of both.

Whether there may be a second ``hedging`` says, who wins ``race``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import define

from litellm_gateway.errors import GatewayError
from litellm_gateway.race import race

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from litellm_gateway.attempt import Attempt
    from litellm_gateway.attempts import Attempts
    from litellm_gateway.contracts import Call, Route
    from litellm_gateway.hedging import Hedge
    from litellm_gateway.loop_state import DetachedTasks

T = TypeVar("T")


def race_a_second(
    attempts: Attempts,
    call: Call,
    route: Route,
    near: Callable[[], Sequence[Route]],
    send: Callable[[Attempt], Awaitable[T]],
    hedge: Hedge,
    delay: float,
    discard: Callable[[T], Coroutine[Any, Any, None]] | None,
) -> Coroutine[Any, Any, T]:
    """Send one request and, if it is slow and there is leave, a second beside it; the first answer is taken.

    Args:
        attempts: Sends both.
        call: The call they belong to.
        route: Where the first goes.
        near: Gives the other routes the second may go to; the same one where there is none.
        send: Sends one request.
        hedge: Leave for the second, and what came of it.
        delay: Seconds the first has alone.
        discard: Frees what ``send`` gave when the other answer was taken.
    """
    pair = _Pair(attempts, call, route, near, send, hedge, discard)
    return race(attempts.once(call, route, send, again=False, hedge=hedge), delay, pair)


@define(eq=False)
class _Pair(Generic[T]):
    """The two, as a race asks for them."""

    _attempts: Attempts
    _call: Call
    _route: Route
    _near: Callable[[], Sequence[Route]]
    _send: Callable[[Attempt], Awaitable[T]]
    _hedge: Hedge
    _discard: Callable[[T], Coroutine[Any, Any, None]] | None

    @property
    def tasks(self) -> DetachedTasks:
        return self._hedge.tasks

    def second(self) -> Coroutine[Any, Any, T] | None:
        call, hedge, look = self._call, self._hedge, self._attempts.breakers.look
        other = next((each for each in self._near() if look(each.id) == "closed"), self._route)
        if call.retries_left <= 0 or look(other.id) != "closed" or not hedge.take(other):
            return None
        if not self._attempts.budget.take():
            hedge.give_back()
            return None
        call.retries_left -= 1
        hedge.sent(call, self._route, other)
        return self._ask(other)

    def decided(self, by_second: bool) -> None:
        self._hedge.decided(by_second)

    def unheard(self, error: Exception) -> None:
        if isinstance(error, GatewayError):
            self._hedge.failed = "first"
            self._note(self._route, error)

    def discard(self, result: T) -> Coroutine[Any, Any, None] | None:
        return None if self._discard is None else self._discard(result)

    async def _ask(self, other: Route) -> T:
        attempts, hedge = self._attempts, self._hedge
        try:
            return await attempts.once(self._call, other, self._send, again=True, hedge=hedge, beside=True)
        except GatewayError as error:
            hedge.failed = "second"
            self._note(other, error)
            raise

    def _note(self, route: Route, error: GatewayError) -> None:
        """Note the error of one of two requests; the other one may be answered."""
        note_failure(self._call, route, error)
        self._attempts.statistics.leave_alone(route, error)


def note_failure(call: Call, route: Route, error: GatewayError) -> None:
    """Write into an error where it came from, and into its call that it happened."""
    error.provider = error.provider or route.provider
    error.model = error.model or route.model
    call.errors.append(error)
