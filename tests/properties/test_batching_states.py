"""Batching in every order of items, answers, failures, cancellations and time: each item gets its own, or an error."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from attrs import define, field
from how_many import MACHINE
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from litellm_gateway.batching import Batcher
from litellm_gateway.errors import GatewayError, MalformedResponseError, QueueFullError
from stepped_loop import ENOUGH, LoopMachine

if TYPE_CHECKING:
    from collections.abc import Sequence

KEYS = st.sampled_from((("", "m"), ("one", "m"), ("two", "m"), ("one", "n")))
SIZE, TIMEOUT, MOST = 3, 1.0, 8


class SendingFault(Exception):
    """What sending a batch may fail with."""


class ItemFault(Exception):
    """What one item may be answered with."""


@define(eq=False)
class Sent:
    """A batch on its way."""

    items: tuple[Any, ...]
    gate: asyncio.Future[str]
    end: str = ""


@define(eq=False)
class Place:
    """An item, whoever waits for it, and since when."""

    key: Any
    number: int
    at: float
    task: asyncio.Task[Any] = field(repr=False)


class Batching(LoopMachine):
    @initialize()
    def begin(self) -> None:
        self.batcher: Batcher[Any, Any] = Batcher(size=SIZE, timeout=TIMEOUT, max_waiting=MOST)
        self.sent: list[Sent] = []
        self.places: list[Place] = []
        self.refused = 0

    async def send(self, items: Sequence[Any]) -> Sequence[Any]:
        batch = Sent(tuple(items), self.loop.create_future())
        self.sent.append(batch)
        try:
            how = await batch.gate
        except asyncio.CancelledError:
            batch.end = "cancelled"
            await asyncio.sleep(0)
            raise
        batch.end = how
        if how == "fault":
            raise SendingFault
        if how == "too few":
            return [("answer", item) for item in items[1:]]
        if how == "one fault":
            return [ItemFault(items[0]), *(("answer", item) for item in items[1:])]
        return [("answer", item) for item in items]

    @rule(key=KEYS)
    def submit(self, key: Any) -> None:
        number = len(self.places)
        task = self.start(self.batcher.submit(key, (key, number), self.send))
        self.places.append(Place(key, number, self.loop.now, task))
        self.loop.turn()

    @rule(pick=st.integers(0, 1000), how=st.sampled_from(("well", "well", "fault", "one fault", "too few")))
    def answer(self, pick: int, how: str) -> None:
        running = [batch for batch in self.sent if not batch.gate.done()]
        if running:
            running[pick % len(running)].gate.set_result(how)

    @invariant()
    def batches_hold_what_belongs_together(self) -> None:
        seen = [item for batch in self.sent for item in batch.items]
        assert len(seen) == len(set(seen)), "an item was sent twice"
        for batch in self.sent:
            assert len({key for key, _ in batch.items}) == 1
            assert 1 <= len(batch.items) <= SIZE

    @invariant()
    def everybody_gets_their_own(self) -> None:
        for place in self.places:
            if not place.task.done() or place.task.cancelled():
                continue
            item = (place.key, place.number)
            error = place.task.exception()
            if error is None:
                assert place.task.result() == ("answer", item)
                continue
            if isinstance(error, QueueFullError):
                continue
            ends = [batch.end for batch in self.sent if item in batch.items]
            assert len(ends) == 1
            expected = {"fault": SendingFault, "too few": MalformedResponseError, "one fault": ItemFault}
            assert type(error) is expected.get(ends[0], GatewayError)
            assert not isinstance(error, ItemFault) or error.args == (item,)

    @rule()
    def settle(self) -> None:
        """Once everything has run, nobody has waited longer than a batch may, and no batch goes on for nobody."""
        self.loop.turn(ENOUGH)
        waiting = [place for place in self.places if not place.task.done()]
        on_their_way = {item for batch in self.sent if not batch.gate.done() for item in batch.items}
        for place in waiting:
            assert (place.key, place.number) in on_their_way or self.loop.now - place.at < TIMEOUT
        alive = {(place.key, place.number) for place in waiting}
        assert all(alive & set(batch.items) for batch in self.sent if not batch.gate.done())
        assert len(waiting) <= MOST

    def teardown(self) -> None:
        if hasattr(self, "batcher"):
            self.end_all()
            assert self.call(self.count()) == 0
            before = len(self.sent)
            self.loop.now += 2 * TIMEOUT
            self.loop.turn(ENOUGH)
            assert len(self.sent) == before, "a batch nobody waits for was sent"
        self.close()

    async def count(self) -> int:
        return self.batcher.waiting


TestBatching = Batching.TestCase
TestBatching.settings = MACHINE
