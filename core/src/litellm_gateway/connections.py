"""A bounded stack of whole connections for one event loop: handed out in O(1), thrown away when doubtful.

It opens nothing and speaks no protocol. A place is either a connection or the right to open one.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from litellm_gateway.errors import DeadlineExceededError, GatewayError, QueueFullError

if TYPE_CHECKING:
    import asyncio

Origin = tuple[str, str, int]
"""Scheme, host and port."""

_MOST_WAITING = 10_000


class Poolable(Protocol):
    """What the stack needs to know of a connection."""

    origin: Origin
    idle_since: float

    def is_usable(self) -> bool:
        """May another request be sent on it?"""
        ...

    def abort(self) -> None:
        """Close it at once."""
        ...


C = TypeVar("C", bound=Poolable)


class ConnectionPool(Generic[C]):
    """At most ``maximum`` connections over all origins; who finds all of them busy waits in line.

    Args:
        loop: The event loop everything here belongs to.
        maximum: Most connections open at once.
        keepalive: Seconds a connection may stay idle.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, maximum: int, keepalive: float) -> None:
        self.loop = loop
        self.closed = False
        self._maximum = maximum
        self._keepalive = keepalive
        self._taken = 0
        self._busy: set[C] = set()
        self._idle: dict[Origin, deque[C]] = {}
        self._by_age: OrderedDict[C, None] = OrderedDict()
        self._line: OrderedDict[asyncio.Future[C | None], Origin] = OrderedDict()
        self._sweeper: asyncio.TimerHandle | None = None

    async def acquire(self, origin: Origin, deadline: float) -> C | None:
        """Take a place: an idle connection to the origin, or None for the right to open one.

        Every place taken is given back by exactly one of :meth:`give_back` and :meth:`discard`.

        Raises:
            DeadlineExceededError: All places stayed taken until ``deadline`` on the loop's clock.
            QueueFullError: Too many wait already.
        """
        if self.closed:
            raise closed_error()
        if not self._line:
            idle = self._pop_idle(origin)
            if idle is not None:
                self._busy.add(idle)
                return idle
            if self._taken < self._maximum or self._evict_oldest():
                self._taken += 1
                return None
        return await self._wait_in_line(origin, deadline)

    def adopt(self, connection: C) -> None:
        """Know a connection opened in a place taken before."""
        self._busy.add(connection)
        if self.closed:
            connection.abort()

    def forget(self, connection: C) -> None:
        """Throw a connection away and keep its place, for another one to be opened in it."""
        self._busy.discard(connection)
        connection.abort()

    def give_back(self, connection: C) -> None:
        """Return a connection whose request is through; it goes to whoever waits first."""
        if self.closed or self._keepalive <= 0 or not connection.is_usable():
            self.discard(connection)
            return
        waiting = self._next_in_line()
        if waiting is None:
            self._busy.discard(connection)
            self._push_idle(connection)
        elif waiting[1] == connection.origin:
            waiting[0].set_result(connection)
        else:
            self.forget(connection)
            waiting[0].set_result(None)

    def discard(self, connection: C | None) -> None:
        """Give up a place, and throw away the connection in it if there is one."""
        if connection is not None:
            self.forget(connection)
        waiting = self._next_in_line()
        if waiting is None:
            self._taken -= 1
        else:
            waiting[0].set_result(None)

    def close(self) -> None:
        """Close every connection, idle or busy, and send everybody away."""
        self.closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        while (waiting := self._next_in_line()) is not None:
            waiting[0].set_exception(closed_error())
        for connection in (*self._by_age, *self._busy):
            connection.abort()
        self._taken -= len(self._by_age)
        self._by_age.clear()
        self._idle.clear()

    async def aclose(self) -> None:
        """Close, and give the sockets the loop's next turn to be gone."""
        import asyncio

        self.close()
        await asyncio.sleep(0)

    async def _wait_in_line(self, origin: Origin, deadline: float) -> C | None:
        import asyncio

        if len(self._line) >= _MOST_WAITING:
            raise QueueFullError(f"{_MOST_WAITING} calls wait for a connection already; raise max_connections")
        future: asyncio.Future[C | None] = self.loop.create_future()
        self._line[future] = origin
        timer = self.loop.call_at(deadline, _give_up, future, self._maximum)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self._pass_on(future.result())
            raise
        finally:
            timer.cancel()
            self._line.pop(future, None)

    def _pass_on(self, place: C | None) -> None:
        """Whoever was handed this place has left in the same moment."""
        if place is None:
            self.discard(None)
        else:
            self.give_back(place)

    def _next_in_line(self) -> tuple[asyncio.Future[C | None], Origin] | None:
        while self._line:
            future, origin = self._line.popitem(last=False)
            if not future.done():
                return future, origin
        return None

    def _pop_idle(self, origin: Origin) -> C | None:
        stack = self._idle.get(origin)
        oldest = self.loop.time() - self._keepalive
        while stack:
            connection = stack.pop()
            del self._by_age[connection]
            if not stack:
                del self._idle[origin]
            if connection.idle_since > oldest and connection.is_usable():
                return connection
            connection.abort()
            self._taken -= 1
        return None

    def _push_idle(self, connection: C) -> None:
        connection.idle_since = self.loop.time()
        self._idle.setdefault(connection.origin, deque()).append(connection)
        self._by_age[connection] = None
        if self._sweeper is None:
            self._sweeper = self.loop.call_later(self._keepalive, self._sweep)

    def _evict_oldest(self) -> bool:
        """Close the connection idle for longest; it is the oldest of its own stack too."""
        if not self._by_age:
            return False
        connection, _ = self._by_age.popitem(last=False)
        stack = self._idle[connection.origin]
        stack.popleft()
        if not stack:
            del self._idle[connection.origin]
        connection.abort()
        self._taken -= 1
        return True

    def _sweep(self) -> None:
        self._sweeper = None
        now = self.loop.time()
        while self._by_age:
            due = next(iter(self._by_age)).idle_since + self._keepalive
            if due > now:
                self._sweeper = self.loop.call_at(due, self._sweep)
                return
            self._evict_oldest()


def _give_up(future: asyncio.Future[Any], maximum: int) -> None:
    if not future.done():
        future.set_exception(
            DeadlineExceededError(
                f"the call's time was up while all {maximum} connections were busy; raise max_connections",
                phase="connect",
            )
        )


def closed_error() -> GatewayError:
    """Give the error of a call that came after closing."""
    return GatewayError("the transport is closed; create a new gateway")
