from __future__ import annotations

import asyncio
import contextvars
import gc
import random
from typing import TYPE_CHECKING

import pytest
from litellm_gateway.contracts import CacheKey
from litellm_gateway.errors import GatewayError, StreamInterruptedError
from litellm_gateway.responses import StreamChunk
from litellm_gateway.single_flight import SingleFlight
from litellm_gateway.stream_fanout import AHEAD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEY = CacheKey("tenant", "00")


class Upstream:
    """A stream that gives a chunk each time it is told to; counts openings and clean ends."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts
        self.opened = self.given = self.closed = 0
        self.allowed = asyncio.Semaphore(0)
        self.error: BaseException | None = None

    def allow(self, count: int) -> None:
        for _ in range(count):
            self.allowed.release()

    async def __call__(self) -> AsyncIterator[StreamChunk]:
        self.opened += 1
        try:
            for text in self.texts:
                await self.allowed.acquire()
                self.given += 1
                yield StreamChunk(text)
            await self.allowed.acquire()
            if self.error is not None:
                raise self.error
        finally:
            await asyncio.sleep(0)
            self.closed += 1


async def settle_down() -> None:
    for _ in range(6):
        await asyncio.sleep(0)


async def read(stream: AsyncIterator[StreamChunk]) -> list[str]:
    return [chunk.text async for chunk in stream]


async def take(stream: AsyncIterator[StreamChunk], count: int) -> list[str]:
    return [(await anext(stream)).text for _ in range(count)]


async def test_readers_share_one_stream() -> None:
    """A hundred readers at once open upstream once; each gets every chunk in order; one is the leader."""
    flights, upstream = SingleFlight(), Upstream("a", "b", "c")
    upstream.allow(4)
    streams = [flights.stream(KEY, upstream) for _ in range(100)]

    texts = await asyncio.gather(*(read(stream) for stream in streams))

    assert texts == [["a", "b", "c"]] * 100
    assert (upstream.opened, upstream.closed) == (1, 1)
    assert [stream.shared for stream in streams] == [False] + [True] * 99
    assert flights.in_flight == 0


async def test_a_late_reader_replays_then_follows() -> None:
    """Who joins after two chunks gets these at once, and the rest as they come."""
    flights, upstream = SingleFlight(), Upstream("a", "b", "c", "d")
    first = flights.stream(KEY, upstream)
    upstream.allow(2)
    await take(first, 2)

    late = flights.stream(KEY, upstream)
    replayed = await take(late, 2)
    upstream.allow(3)
    rest = list(await asyncio.gather(read(first), read(late)))

    assert replayed == ["a", "b"]
    assert rest == [["c", "d"], ["c", "d"]]
    assert upstream.opened == 1


async def test_chunks_keep_all_they_carry() -> None:
    """Every reader gets the very same chunk objects."""
    chunk = StreamChunk("", kind="finish", finish_reason="stop")

    async def upstream() -> AsyncIterator[StreamChunk]:
        yield chunk

    flights = SingleFlight()
    streams = [flights.stream(KEY, upstream) for _ in range(2)]

    for stream in streams:
        assert await anext(stream) is chunk
        assert await read(stream) == []


async def test_an_ended_stream_is_not_joined() -> None:
    """The next reader opens a new one."""
    flights, upstream = SingleFlight(), Upstream("a")
    upstream.allow(10)
    await read(flights.stream(KEY, upstream))

    again = flights.stream(KEY, upstream)

    assert not again.shared
    assert await read(again) == ["a"]
    assert upstream.opened == 2


async def test_the_leader_may_leave() -> None:
    """Closing the first reader's stream does not disturb the second."""
    flights, upstream = SingleFlight(), Upstream("a", "b", "c")
    leader, follower = flights.stream(KEY, upstream), flights.stream(KEY, upstream)
    upstream.allow(1)
    await take(leader, 1)

    await leader.aclose()
    upstream.allow(3)

    assert await read(follower) == ["a", "b", "c"]
    assert await read(leader) == []
    assert (upstream.opened, upstream.closed) == (1, 1)


async def test_a_cancelled_reader_leaves() -> None:
    """Cancelling the task that reads is as good as closing."""
    flights, upstream = SingleFlight(), Upstream("a", "b")
    tasks = [asyncio.create_task(read(flights.stream(KEY, upstream))) for _ in range(2)]
    await settle_down()

    tasks[0].cancel()
    await asyncio.wait([tasks[0]])
    upstream.allow(3)

    assert await tasks[1] == ["a", "b"]


async def test_the_last_reader_leaving_stops_upstream_and_waits_for_its_end() -> None:
    """After the close returns, upstream has cleaned up; the same by cancellation."""
    flights, closed, cancelled = SingleFlight(), Upstream("a", "b"), Upstream("a", "b")
    stream = flights.stream(KEY, closed)
    closed.allow(1)
    await take(stream, 1)
    task = asyncio.create_task(read(flights.stream(CacheKey("other", ""), cancelled)))
    await settle_down()

    await stream.aclose()
    after_close = closed.closed
    task.cancel()
    await asyncio.wait([task])

    assert (after_close, cancelled.closed) == (1, 1)
    assert flights.in_flight == 0


async def test_a_stream_left_before_its_first_chunk_never_reaches_upstream() -> None:
    """Opened and closed at once: upstream is not called."""
    flights, upstream = SingleFlight(), Upstream("a")
    stream = flights.stream(KEY, upstream)

    await stream.aclose()
    await stream.aclose()

    assert (upstream.opened, flights.in_flight) == (0, 0)


async def test_a_forgotten_reader_is_collected() -> None:
    """A stream that is dropped without closing it stops upstream."""
    flights, upstream = SingleFlight(), Upstream("a", "b")
    stream = flights.stream(KEY, upstream)
    upstream.allow(1)
    await take(stream, 1)

    del stream
    gc.collect()
    await settle_down()

    assert (upstream.closed, flights.in_flight) == (1, 0)


async def test_a_newcomer_does_not_join_a_stream_that_is_being_stopped() -> None:
    """While the old one cleans up, the same key opens a new one."""
    flights, upstream = SingleFlight(), Upstream("a")
    old = flights.stream(KEY, upstream)
    await settle_down()
    closing = asyncio.create_task(old.aclose())
    await asyncio.sleep(0)

    new = flights.stream(KEY, upstream)
    upstream.allow(2)

    assert not new.shared
    assert await read(new) == ["a"]
    await closing


async def test_errors_come_after_the_chunks_and_reach_everybody() -> None:
    """Each reader gets what came, then the error; nobody can join it any more, nothing is kept."""
    flights, upstream = SingleFlight(ttl=100), Upstream("a", "b")
    upstream.error = StreamInterruptedError("broke")
    upstream.allow(10)
    streams = [flights.stream(KEY, upstream) for _ in range(3)]

    for stream in streams:
        assert await take(stream, 2) == ["a", "b"]
        with pytest.raises(StreamInterruptedError):
            await anext(stream)
        with pytest.raises(StopAsyncIteration):
            await anext(stream)

    assert not flights.stream(KEY, upstream).shared


async def test_an_error_when_opening_reaches_everybody() -> None:
    """A stream that cannot even be made fails on the first read."""
    flights = SingleFlight()

    def broken() -> AsyncIterator[StreamChunk]:
        raise ValueError("no")

    outcomes = await asyncio.gather(*(read(flights.stream(KEY, broken)) for _ in range(3)), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [ValueError] * 3


async def test_a_stream_cancelled_from_inside_is_an_error_for_its_readers() -> None:
    """Readers that were not cancelled themselves get an error of the gateway's."""
    flights, upstream = SingleFlight(), Upstream("a")
    upstream.error = asyncio.CancelledError()
    upstream.allow(2)

    with pytest.raises(GatewayError):
        await read(flights.stream(KEY, upstream))


async def test_upstream_waits_for_the_fastest_reader() -> None:
    """A reader that stops reading stops upstream after a bounded number of bytes; reading on moves it again."""
    flights = SingleFlight()
    given = 0

    async def upstream() -> AsyncIterator[StreamChunk]:
        nonlocal given
        for _ in range(3000):
            given += 1
            yield StreamChunk("x" * 1000)

    stream = flights.stream(KEY, upstream)
    await settle_down()
    before = given

    await take(stream, 1000)
    await settle_down()
    middle = given
    rest = await read(stream)

    assert before * 1000 <= AHEAD + 1100
    assert middle - 1000 <= AHEAD / 1000 + 2
    assert len(rest) == 2000


async def test_a_slow_reader_does_not_hold_up_a_fast_one() -> None:
    """Upstream follows the fastest; the slow one still gets everything, also after the fast one has left."""
    flights = SingleFlight(replay_limit=10_000_000)
    total = 4 * AHEAD // 1000

    async def upstream() -> AsyncIterator[StreamChunk]:
        for number in range(total):
            yield StreamChunk(f"{number:<1000}")

    slow, fast = flights.stream(KEY, upstream), flights.stream(KEY, upstream)
    head = await take(slow, 1)
    some = await take(fast, total // 2)
    await fast.aclose()

    rest = await read(slow)

    assert len(some) == total // 2
    assert [int(text) for text in head + rest] == list(range(total))


async def test_nobody_joins_a_stream_that_is_too_long_to_replay() -> None:
    """Past the limit a newcomer opens its own; those who read already are not disturbed."""
    flights = SingleFlight(replay_limit=2000)
    upstream = Upstream(*["x" * 1000] * 4)
    early = flights.stream(KEY, upstream)
    upstream.allow(1)
    await take(early, 1)
    in_time = flights.stream(KEY, upstream)
    upstream.allow(1)
    await take(early, 1)

    late = flights.stream(KEY, upstream)
    after = flights.stream(KEY, upstream)
    upstream.allow(20)

    assert (in_time.shared, late.shared, after.shared) == (True, False, True)
    texts = await asyncio.gather(*(read(stream) for stream in (early, in_time, late, after)))
    assert [len(text) for text in texts] == [2, 4, 4, 4]
    assert upstream.opened == 2
    assert flights.in_flight == 0


async def test_chunks_all_have_read_are_freed_when_nobody_can_join() -> None:
    """A long stream does not pile up in memory: past the replay limit only what is unread is held."""
    flights = SingleFlight(replay_limit=1000)
    alive = 0

    class Counted(StreamChunk):
        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    async def upstream() -> AsyncIterator[StreamChunk]:
        nonlocal alive
        for _ in range(500):
            alive += 1
            yield Counted("x" * 100)
            await asyncio.sleep(0)

    most = 0
    async for _ in flights.stream(KEY, upstream):
        most = max(most, alive)

    assert most <= 20


async def test_a_very_long_record_is_let_go_without_trouble() -> None:
    """A hundred thousand chunks nobody read are dropped at once."""
    flights = SingleFlight(replay_limit=1_000_000_000)

    async def upstream() -> AsyncIterator[StreamChunk]:
        for _ in range(100_000):
            yield StreamChunk("x")

    idle = flights.stream(KEY, upstream)
    await read(flights.stream(KEY, upstream))

    await idle.aclose()
    gc.collect()

    assert flights.in_flight == 0


async def test_a_finished_stream_is_given_again_within_its_time() -> None:
    """With a ttl the whole stream is replayed from memory, on any loop, and can be closed early."""
    now = 100.0
    flights, upstream = SingleFlight(ttl=60, clock=lambda: now), Upstream("a", "b")
    upstream.allow(10)
    await read(flights.stream(KEY, upstream))

    again = flights.stream(KEY, upstream)
    texts = await read(again)
    cut = flights.stream(KEY, upstream)
    await take(cut, 1)
    await cut.aclose()
    now += 60
    later = flights.stream(KEY, upstream)

    assert (again.shared, texts, await read(cut)) == (True, ["a", "b"], [])
    assert (later.shared, await read(later), upstream.opened) == (False, ["a", "b"], 2)


async def test_whole_answers_and_streams_of_one_key_are_kept_apart() -> None:
    """A whole answer is never given as a stream, nor the other way round."""
    flights, upstream = SingleFlight(ttl=60), Upstream("a")
    upstream.allow(10)

    async def whole() -> str:
        return "whole"

    await read(flights.stream(KEY, upstream))
    answer = await flights.run(KEY, whole)

    assert answer == ("whole", False)
    assert await read(flights.stream(KEY, upstream)) == ["a"]


async def test_the_stream_runs_in_the_context_of_the_first_reader() -> None:
    """Context variables of the leader are seen upstream."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")
    flights = SingleFlight()

    async def upstream() -> AsyncIterator[StreamChunk]:
        yield StreamChunk(variable.get())

    async def reader(name: str) -> list[str]:
        variable.set(name)
        return await read(flights.stream(KEY, upstream))

    texts = list(await asyncio.gather(reader("first"), reader("second")))

    assert texts == [["first"], ["first"]]


def test_a_loop_that_ends_leaves_no_reader_behind() -> None:
    """Readers at the end of `asyncio.run` are cancelled and upstream is closed; later runs are not disturbed."""
    flights = SingleFlight()
    ends: list[str] = []

    async def upstream() -> AsyncIterator[StreamChunk]:
        try:
            yield StreamChunk("a")
            await asyncio.Event().wait()
        finally:
            ends.append("closed")

    async def main() -> None:
        tasks = [asyncio.ensure_future(read(flights.stream(KEY, upstream))) for _ in range(3)]
        await settle_down()
        assert not any(task.done() for task in tasks)

    async def count() -> int:
        return flights.in_flight

    asyncio.run(main())
    asyncio.run(main())

    assert ends == ["closed", "closed"]
    assert asyncio.run(count()) == 0


@pytest.mark.parametrize("seed", range(20))
async def test_any_reader_may_leave_at_any_await(seed: int) -> None:
    """Readers that come late, stop early or are cancelled anywhere: the rest get every chunk, nothing is left."""
    chance = random.Random(seed)
    flights = SingleFlight(replay_limit=chance.choice([300, 1_000_000]))
    opened = closed = 0

    async def upstream() -> AsyncIterator[StreamChunk]:
        nonlocal opened, closed
        opened += 1
        try:
            for number in range(8):
                for _ in range(chance.randint(0, 2)):
                    await asyncio.sleep(0)
                yield StreamChunk(str(number))
        finally:
            closed += 1

    async def reader(stop_after: int) -> str:
        for _ in range(chance.randint(0, 10)):
            await asyncio.sleep(0)
        stream = flights.stream(KEY, upstream)
        text = ""
        try:
            async for chunk in stream:
                text += chunk
                if len(text) >= stop_after:
                    break
                if chance.random() < 0.2:
                    await asyncio.sleep(0)
        finally:
            await stream.aclose()
        return text

    lengths = [chance.choice([1, 3, 8, 8]) for _ in range(40)]
    tasks = [asyncio.create_task(reader(length)) for length in lengths]
    doomed = set(chance.sample(tasks, 15))
    for task in doomed:
        if chance.random() < 0.5:
            await asyncio.sleep(0)
        task.cancel()
    await asyncio.wait(tasks)

    for task, length in zip(tasks, lengths, strict=True):
        assert task in doomed or not task.cancelled()
        if not task.cancelled():
            assert task.result() == "01234567"[:length]
    await settle_down()
    assert opened == closed
    assert flights.in_flight == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
