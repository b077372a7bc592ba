"""One upstream call for identical requests at the same time, and for a while after it if asked.

The call runs in a task of its own that no caller owns: any of them may be cancelled without disturbing the
others, and when the last has left the call is cancelled. Errors go to everybody who waits, and are not kept.
Calls in flight are shared within one event loop; kept answers by all threads and loops.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import define, field

from litellm_gateway.bounded_wait import within
from litellm_gateway.errors import DeadlineExceededError, GatewayError
from litellm_gateway.kept_answers import MISSING, KeptAnswers
from litellm_gateway.loop_state import DetachedTasks, LoopLocal, cancelled_midway, cleaned_up
from litellm_gateway.stream_fanout import KeptStream, SharedStream, StreamFlight

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from litellm_gateway.contracts import CacheKey
    from litellm_gateway.responses import StreamChunk

T = TypeVar("T")


class _Flight(Generic[T]):
    """A call on its way, and the callers waiting for it.

    It stands among the flights of its loop until it is there, or nobody waits; one that nobody waits for any more is
    left to the tasks of the loop.

    Args:
        here: The flights.
        key: Its place among them.
        apart: Makes each caller an answer of its own.
        keep: Told of the answer.
    """

    __slots__ = ("_apart", "_here", "_keep", "_key", "_waiters", "task")

    def __init__(
        self, here: _Flights, key: CacheKey, apart: Callable[[T], T], keep: Callable[[CacheKey, T], None] | None
    ) -> None:
        self.task: asyncio.Task[None] | None = None
        self._here, self._key, self._apart, self._keep = here, key, apart, keep
        self._waiters: set[asyncio.Future[T]] = set()

    async def fly(self, make: Callable[[], Awaitable[T]]) -> None:
        """Make the answer and hand it out; a failure goes to those who wait, not to the task that runs this."""
        try:
            answer = await make()
        except asyncio.CancelledError:
            self._fail(cancelled_midway())
            raise
        except Exception as error:
            self._fail(error)
        except BaseException as error:
            self._fail(error)
            raise
        else:
            self._landed()
            waiting = [waiter for waiter in self._waiters if not waiter.done()]
            for number, waiter in enumerate(waiting):
                waiter.set_result(self._apart(answer) if number else answer)
            if self._keep is not None:  # before any of them goes on
                self._keep(self._key, answer)

    async def join(self) -> T:
        """Wait for the answer."""
        waiter: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            return await waiter
        except BaseException as error:
            stopped = self._leave(waiter)
            if stopped is not None and isinstance(error, asyncio.CancelledError):
                await cleaned_up(stopped)
            raise

    def _leave(self, waiter: asyncio.Future[T]) -> asyncio.Task[None] | None:
        """Take a caller away; the last one stops the call, and gets its task to wait for."""
        self._waiters.discard(waiter)
        if self._waiters or self.task is None or self.task.done():
            return None
        self._landed()
        self.task.cancel()
        return self._here.tasks.hold(self.task)

    def _landed(self) -> None:
        if self._here.answers.get(self._key) is self:
            del self._here.answers[self._key]

    def _fail(self, error: BaseException) -> None:
        self._landed()
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(error)


async def _follow(flight: _Flight[T], remaining: Callable[[], float] | None) -> T:
    if remaining is None:
        return await flight.join()
    try:
        return await within(remaining, flight.join())
    except GatewayError:
        raise
    except TimeoutError as error:
        raise DeadlineExceededError(
            "the call's time is up while an identical one was on its way; raise timeout if it needs more",
            phase="shared",
        ) from error


@define(eq=False)
class _Flights:
    """What is on its way on one event loop."""

    answers: dict[CacheKey, _Flight[Any]] = field(factory=dict)
    streams: dict[CacheKey, StreamFlight] = field(factory=dict)
    tasks: DetachedTasks = field(factory=DetachedTasks)


class SingleFlight:
    """Makes one call of several identical ones.

    Args:
        ttl: Seconds an answer goes on being given to identical requests after it came; 0 for not at all.
        max_entries, max_bytes: Most answers kept.
        replay_limit: Bytes of a stream that late joiners can replay; once it is longer, newcomers start a call of
            their own.
        clock: Monotonic seconds.
        fresh_for: Tells the seconds an answer made by ``run`` may be kept; None for ``ttl``.
        apart: Gives an answer again, sharing nothing with it that whoever has it could change; never raises.
    """

    def __init__(
        self,
        *,
        ttl: float = 0.0,
        max_entries: int = 10_000,
        max_bytes: int = 64 * 1024 * 1024,
        replay_limit: int = 1024 * 1024,
        clock: Callable[[], float] = time.monotonic,
        fresh_for: Callable[[Any], float | None] = lambda _answer: None,
        apart: Callable[[Any], Any] = lambda answer: answer,
    ) -> None:
        self._apart = apart
        self._fresh_for = fresh_for
        self._kept = KeptAnswers(ttl=ttl, max_entries=max_entries, max_bytes=max_bytes, clock=clock)
        self._replay_limit = replay_limit
        self._flights = LoopLocal(_Flights)

    @property
    def in_flight(self) -> int:
        """Upstream calls running on this event loop, those still cleaning up included."""
        here = self._flights.here()
        return len(here.answers) + len(here.tasks)

    async def run(
        self, key: CacheKey, make: Callable[[], Awaitable[T]], remaining: Callable[[], float] | None = None
    ) -> tuple[T, bool]:
        """Give the answer, and whether it was made by another caller.

        Args:
            key: Equal for identical requests of one tenant, and for nothing else.
            make: Makes the answer; runs in the context of the first caller.
            remaining: Tells the seconds this caller has left to follow another's call; None for any number.

        Raises:
            DeadlineExceededError: They passed; the call goes on for others.
        """
        if self._kept.active:
            kept = self._kept.get(("answer", key))
            if kept is not MISSING:
                return self._apart(kept), True
        here = self._flights.here()
        flight: _Flight[T] | None = here.answers.get(key)
        if flight is not None:
            return await _follow(flight, remaining), True

        flight = here.answers[key] = _Flight(here, key, self._apart, self._keep if self._kept.active else None)
        flight.task = asyncio.get_running_loop().create_task(flight.fly(make), name="litellm_gateway shared call")
        return await flight.join(), False

    def _keep(self, key: CacheKey, answer: Any) -> None:
        self._kept.keep(("answer", key), self._apart(answer), self._fresh_for(answer))

    def stream(self, key: CacheKey, make: Callable[[], AsyncIterator[StreamChunk]]) -> SharedStream | KeptStream:
        """Give a stream to read or close; its ``shared`` says whether another caller opened it.

        Late callers get what came so far at once, then follow; see ``stream_fanout`` for what is held in memory.

        Args:
            key: Equal for identical requests of one tenant, and for nothing else.
            make: Opens the stream; runs in the context of the first caller.
        """
        if self._kept.active:
            kept = self._kept.get(("stream", key))
            if kept is not MISSING:
                return KeptStream(kept)
        here = self._flights.here()
        flight = here.streams.get(key)
        if flight is not None:
            return flight.join(shared=True)

        def closed(flight: StreamFlight, record: tuple[StreamChunk, ...] | None) -> None:
            if here.streams.get(key) is flight:
                del here.streams[key]
            if record is not None and self._kept.active:
                self._kept.keep(("stream", key), record)

        flight = StreamFlight(here.tasks.start, make, replay_limit=self._replay_limit, closed=closed)
        here.streams[key] = flight
        return flight.join(shared=False)
