"""The stack of connections in every order of takers, returns, breaks and time: never too many, none lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field
from how_many import MACHINE
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from litellm_gateway.connections import ConnectionPool
from litellm_gateway.errors import DeadlineExceededError
from stepped_loop import ENOUGH, LoopMachine

if TYPE_CHECKING:
    import asyncio

ORIGINS = st.sampled_from((("http", "a", 80), ("http", "b", 80), ("https", "a", 443)))
MAXIMUM, KEEPALIVE = 3, 5.0


@define(eq=False)
class Line:
    """A connection that is open until it is aborted; ``well`` as long as the peer has not closed it."""

    origin: tuple[str, str, int]
    opened: list[Line] = field(repr=False)
    idle_since: float = 0.0
    well: bool = True
    is_open: bool = True

    def is_usable(self) -> bool:
        return self.is_open and self.well

    def abort(self) -> None:
        self.is_open = False
        if self in self.opened:
            self.opened.remove(self)


@define(eq=False)
class Taker:
    """Who asked for a connection, until when, and the one it got."""

    origin: tuple[str, str, int]
    until: float
    task: asyncio.Task[Line]
    through: bool = False


class Pooling(LoopMachine):
    @initialize()
    def begin(self) -> None:
        self.pool: ConnectionPool[Any] = ConnectionPool(self.loop, maximum=MAXIMUM, keepalive=KEEPALIVE)
        self.opened: list[Line] = []
        self.takers: list[Taker] = []

    async def take(self, origin: tuple[str, str, int], until: float) -> Line:
        line: Line | None = await self.pool.acquire(origin, until)
        if line is None:
            line = Line(origin, self.opened)
            self.opened.append(line)
            self.pool.adopt(line)
        return line

    def holding(self) -> list[Taker]:
        return [
            taker
            for taker in self.takers
            if taker.task.done() and not taker.task.cancelled() and taker.task.exception() is None and not taker.through
        ]

    @rule(origin=ORIGINS, seconds=st.sampled_from((0.25, 2.0, 100.0)))
    def ask(self, origin: tuple[str, str, int], seconds: float) -> None:
        until = self.loop.now + seconds
        self.takers.append(Taker(origin, until, self.start(self.take(origin, until))))
        self.loop.turn()

    @rule(pick=st.integers(0, 1000), how=st.sampled_from(("give_back", "give_back", "discard", "forget")))
    def let_go(self, pick: int, how: str) -> None:
        holding = self.holding()
        if not holding:
            return
        taker = holding[pick % len(holding)]
        taker.through = True
        line = taker.task.result()
        if how == "forget":  # a stale one is replaced, then the place is given up
            self.pool.forget(line)
            self.pool.discard(None)
        else:
            getattr(self.pool, how)(line)

    @rule(pick=st.integers(0, 1000))
    def break_one(self, pick: int) -> None:
        if self.opened:
            self.opened[pick % len(self.opened)].well = False

    @invariant()
    def never_too_many_and_none_twice(self) -> None:
        assert len(self.opened) <= MAXIMUM
        lines = [taker.task.result() for taker in self.holding()]
        assert len(lines) == len({id(line) for line in lines})
        for taker in self.holding():
            assert taker.task.result().origin == taker.origin
            assert taker.task.result().is_open

    @invariant()
    def who_waits_in_vain_hears_of_it(self) -> None:
        for taker in self.takers:
            if taker.task.done() and not taker.task.cancelled() and (error := taker.task.exception()) is not None:
                assert isinstance(error, DeadlineExceededError)
                assert self.loop.now >= taker.until

    @rule()
    def settle(self) -> None:
        """Once everything has run, nobody waits while a place is free, or past their time."""
        self.loop.turn(ENOUGH)
        waiting = [taker for taker in self.takers if not taker.task.done()]
        assert not waiting or len(self.holding()) == MAXIMUM
        assert all(self.loop.now < taker.until for taker in waiting)

    def teardown(self) -> None:
        if hasattr(self, "pool"):
            self.end_all()
            for taker in self.holding():
                taker.through = True
                self.pool.give_back(taker.task.result())
            self.everything_is_free()
            self.loop.now += 2 * KEEPALIVE
            self.loop.turn(ENOUGH)
            assert self.opened == [], "an idle connection outlived its time"
            self.pool.close()
        self.close()

    def everything_is_free(self) -> None:
        """As many as may be can be taken at once; that is, no place was lost."""
        first = len(self.takers)
        for _ in range(MAXIMUM):
            self.ask(("http", "a", 80), 1.0)
        self.loop.turn(ENOUGH)
        assert all(taker.task.done() for taker in self.takers[first:])
        for taker in self.holding():
            taker.through = True
            self.pool.give_back(taker.task.result())


TestPooling = Pooling.TestCase
TestPooling.settings = MACHINE
