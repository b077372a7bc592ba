"""Single flight in every order of callers, answers, failures, cancellations and time: no hang, no mix-up, no leak."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from attrs import define, field
from how_many import MACHINE
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from litellm_gateway.contracts import CacheKey
from litellm_gateway.errors import DeadlineExceededError
from litellm_gateway.responses import StreamChunk
from litellm_gateway.single_flight import SingleFlight
from stepped_loop import ENOUGH, LoopMachine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEYS = st.sampled_from([CacheKey(tenant, digest) for tenant in ("", "one", "two") for digest in ("a" * 64, "b" * 64)])


class UpstreamFault(Exception):
    """What upstream may fail with."""


@define(eq=False)
class Upstream:
    """One upstream call: what it waits for, and how it ended."""

    key: CacheKey
    number: int
    gate: asyncio.Future[Any]
    pieces: list[str] = field(factory=list)
    end: str = ""


@define(eq=False)
class Caller:
    """One caller, and the time by which it must have its answer."""

    key: CacheKey
    task: asyncio.Task[Any]
    until: float | None = None


class Sharing(LoopMachine):
    """Whole answers."""

    @initialize(ttl=st.sampled_from((0.0, 5.0)))
    def begin(self, ttl: float) -> None:
        self.ttl = ttl
        self.flight = SingleFlight(ttl=ttl, max_entries=3, clock=self.loop.time)
        self.upstreams: list[Upstream] = []
        self.callers: list[Caller] = []

    async def make(self, key: CacheKey) -> tuple[CacheKey, int]:
        upstream = Upstream(key, len(self.upstreams), self.loop.create_future())
        self.upstreams.append(upstream)
        try:
            await upstream.gate
        except asyncio.CancelledError:
            upstream.end = "cancelled"
            await asyncio.sleep(0)  # cleaning up takes a moment
            raise
        except UpstreamFault:
            upstream.end = "failed"
            raise
        upstream.end = "answered"
        return key, upstream.number

    @rule(key=KEYS, patience=st.sampled_from((None, None, 0.375, 2.0)))
    def ask(self, key: CacheKey, patience: float | None) -> None:
        until = None if patience is None else self.loop.now + patience
        remaining = None if until is None else lambda: max(0.0, until - self.loop.now)
        task = self.start(self.flight.run(key, lambda: self.make(key), remaining))
        self.callers.append(Caller(key, task, until))
        self.loop.turn()

    @rule(pick=st.integers(0, 1000), well=st.booleans())
    def land(self, pick: int, well: bool) -> None:
        running = [upstream for upstream in self.upstreams if not upstream.gate.done()]
        if not running:
            return
        gate = running[pick % len(running)].gate
        gate.set_result(None) if well else gate.set_exception(UpstreamFault())

    @invariant()
    def one_call_for_each_key(self) -> None:
        running = [upstream.key for upstream in self.upstreams if not upstream.gate.done()]
        assert len(running) == len(set(running))

    @invariant()
    def nobody_gets_what_is_not_theirs(self) -> None:
        for caller in self.callers:
            if not caller.task.done() or caller.task.cancelled():
                continue
            error = caller.task.exception()
            if error is None:
                (key, number), _shared = caller.task.result()
                assert key == caller.key == self.upstreams[number].key
                assert self.upstreams[number].end == "answered"
            elif isinstance(error, DeadlineExceededError):
                assert caller.until is not None
                assert self.loop.now >= caller.until
            else:
                assert isinstance(error, UpstreamFault)

    @rule()
    def settle(self) -> None:
        """Once everything has run, a call goes on for as long as somebody waits for it, and nobody waits for none."""
        self.loop.turn(ENOUGH)
        waited_for = {caller.key for caller in self.callers if not caller.task.done()}
        assert {upstream.key for upstream in self.upstreams if not upstream.gate.done()} == waited_for

    def teardown(self) -> None:
        if hasattr(self, "flight"):
            self.end_all()
            assert self.call(self.count()) == 0
            made = len(self.upstreams)
            self.loop.now += 2 * self.ttl  # what was kept is over
            self.ask(CacheKey("one", "a" * 64), None)
            self.loop.turn(ENOUGH)
            assert len(self.upstreams) == made + 1, "a call that has ended was joined"
            self.end_all()
        self.close()

    async def count(self) -> int:
        return self.flight.in_flight


class SharingStreams(LoopMachine):
    """Streams."""

    @initialize(ttl=st.sampled_from((0.0, 5.0)), replay=st.sampled_from((150, 1_000_000)))
    def begin(self, ttl: float, replay: int) -> None:
        self.ttl = ttl
        self.replay = replay
        self.flight = SingleFlight(ttl=ttl, replay_limit=replay, clock=self.loop.time)
        self.upstreams: list[Upstream] = []
        self.readers: list[tuple[CacheKey, list[str], asyncio.Task[Any]]] = []
        self.too_late: dict[int, set[int]] = {}  # by reader: the streams that were too long to be joined

    async def make(self, key: CacheKey) -> AsyncIterator[StreamChunk]:
        upstream = Upstream(key, len(self.upstreams), self.loop.create_future())
        self.upstreams.append(upstream)
        try:
            while True:
                word = await upstream.gate
                upstream.gate = self.loop.create_future()
                if word is None:
                    upstream.end = "answered"
                    return
                upstream.pieces.append(word)
                yield StreamChunk(word)
        except UpstreamFault:
            upstream.end = "failed"
            raise
        finally:
            upstream.end = upstream.end or "cancelled"
            await asyncio.sleep(0)  # cleaning up takes a moment
            await asyncio.sleep(0)

    async def read(self, key: CacheKey, got: list[str], most: int) -> str:
        stream = self.flight.stream(key, lambda: self.make(key))
        try:
            async for piece in stream:
                got.append(str(piece))
                if len(got) == most:
                    return "left"
        except UpstreamFault:
            return "failed"
        finally:
            await stream.aclose()
        return "ended"

    @rule(key=KEYS, most=st.sampled_from((1, 2, 1000, 1000)))
    def open(self, key: CacheKey, most: int) -> None:
        got: list[str] = []
        long = {one.number for one in self.upstreams if sum(100 + len(word) for word in one.pieces) > self.replay}
        self.too_late[len(self.readers)] = long
        self.readers.append((key, got, self.start(self.read(key, got, most))))
        self.loop.turn()

    @rule(pick=st.integers(0, 1000), what=st.sampled_from(("piece", "piece", "piece", "end", "fault")))
    def go_on(self, pick: int, what: str) -> None:
        running = [one for one in self.upstreams if not one.end and not one.gate.done()]
        if not running:
            return
        upstream = running[pick % len(running)]
        if what == "fault":
            upstream.gate.set_exception(UpstreamFault())
        else:
            tenant_and_place = (
                f"{upstream.key.tenant}/{upstream.key.digest[0]}/{upstream.number}/{len(upstream.pieces)}"
            )
            upstream.gate.set_result(None if what == "end" else tenant_and_place)

    @invariant()
    def readers_see_one_stream_from_its_start(self) -> None:
        for number, (key, got, task) in enumerate(self.readers):
            assert not task.done() or task.cancelled() or task.exception() is None
            if not got:
                continue
            upstream = self.upstreams[int(got[0].split("/")[2])]
            assert upstream.number not in self.too_late[number]
            assert upstream.key == key
            assert got == upstream.pieces[: len(got)]
            if task.done() and not task.cancelled() and task.result() == "ended":
                assert upstream.end == "answered"
                assert got == upstream.pieces

    @rule()
    def settle(self) -> None:
        """Once everything has run, every reader has all there is, and what nobody reads is closed."""
        self.loop.turn(ENOUGH)
        reading = {key for key, _, task in self.readers if not task.done()}
        assert {one.key for one in self.upstreams if not one.end} == reading
        for _key, got, task in self.readers:
            if not task.done() and got:
                assert got == self.upstreams[int(got[0].split("/")[2])].pieces

    def teardown(self) -> None:
        if hasattr(self, "flight"):
            self.end_all()
            assert self.call(self.count()) == 0
            assert all(upstream.end for upstream in self.upstreams)
        self.close()

    async def count(self) -> int:
        return self.flight.in_flight


TestSharing = Sharing.TestCase
TestSharingStreams = SharingStreams.TestCase
TestSharing.settings = TestSharingStreams.settings = MACHINE
