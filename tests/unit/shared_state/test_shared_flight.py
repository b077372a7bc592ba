"""Several processes, here several parts that share one store in memory, in virtual time."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from litellm_gateway.contracts import CacheKey
from litellm_gateway.errors import (
    DeadlineExceededError,
    GatewayError,
    InvalidRequestError,
    ProviderOverloadedError,
    QueueFullError,
)
from litellm_gateway.shared_flight import HANDOVER, LARGEST, LEASE, SharedFlight
from litellm_gateway.store_reach import ASK_AGAIN, StoreReach
from litellm_gateway.testing.memory_state import MemoryState

KEY = CacheKey("tenant", "00")


class World:
    """One store, and processes that share calls through it; answers are numbered in the order they were made."""

    def __init__(self, *, ttl: float = 0.0) -> None:
        self.clock = asyncio.get_running_loop().time
        self.state = MemoryState(self.clock)
        self.ttl = ttl
        self.calls = 0
        self.running = 0
        self.seconds = 0.5
        self.error: BaseException | None = None
        self.notes: list[list[str | None]] = []
        self.processes: list[SharedFlight[str]] = []

    def process(self, store: Any = None, **changes: Any) -> SharedFlight[str]:
        self.notes.append([])
        reach = StoreReach("memory", timeout=1.0, clock=self.clock, note=self.notes[-1].append)
        codec = {"encode": lambda _key, text: text.encode(), "decode": lambda _key, data: data.decode()}
        codec |= {"ttl": self.ttl, "sleep": asyncio.sleep, **changes}
        self.processes.append(SharedFlight(store or self.state, reach, **codec))
        return self.processes[-1]

    async def make(self) -> str:
        self.calls += 1
        number = self.calls
        self.running += 1
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.running -= 1
        if self.error is not None:
            raise self.error
        return f"answer {number}"

    async def ask(self, process: SharedFlight[str], *, key: CacheKey = KEY, seconds: float = 60.0) -> Any:
        until = self.clock() + seconds
        return await process.run(key, self.make, lambda: until - self.clock())

    async def close(self) -> None:
        for process in self.processes:
            await process.aclose()


def test_processes_share_one_call(virtually) -> None:
    """Of four that ask alike at once one makes the call, with two questions to the store, and all get its answer."""

    async def check() -> None:
        world = World()
        landed = await asyncio.gather(*(world.ask(world.process()) for _ in range(4)))
        await world.close()

        assert world.calls == 1
        assert {each.answer for each in landed} == {"answer 1"}
        assert sorted(each.elsewhere for each in landed) == [False, True, True, True]
        assert (world.state.asked["put"], world.state.asked["replace"]) == (4, 1)

    virtually(check())


def test_the_leader_asks_twice(virtually) -> None:
    """One question before the call and one after it; none between, unless it lasts."""

    async def check() -> None:
        world = World()
        await world.ask(world.process())
        await world.close()

        assert dict(world.state.asked) == {"put": 1, "replace": 1}

    virtually(check())


def test_a_kept_answer_costs_one_question(virtually) -> None:
    """Within the time to live newcomers get the answer, and how long it may still be given; afterwards not."""

    async def check() -> None:
        world = World(ttl=10.0)
        one, other = world.process(), world.process()
        await world.ask(one)
        await asyncio.sleep(4.0)

        kept = await world.ask(other)
        questions = dict(world.state.asked)
        await asyncio.sleep(6.5)
        late = await world.ask(other)
        await world.close()

        assert (kept.answer, kept.elsewhere) == ("answer 1", True)
        assert kept.fresh_for == pytest.approx(6.0, abs=0.01)
        assert questions == {"put": 2, "replace": 1}
        assert (late.answer, late.elsewhere) == ("answer 2", False)

    virtually(check())


def test_without_a_time_to_live_newcomers_make_their_own(virtually) -> None:
    """An answer that waits to be fetched is only for those who waited for it."""

    async def check() -> None:
        world = World()
        one, other = world.process(), world.process()
        await world.ask(one)

        landed = await world.ask(other)
        await world.close()

        assert (landed.answer, landed.elsewhere) == ("answer 2", False)

    virtually(check())


def test_tenants_do_not_share(virtually) -> None:
    """One digest under two tenants is two calls, and the store's keys tell neither."""

    async def check() -> None:
        world = World(ttl=10.0)
        keys = [CacheKey(tenant, "00") for tenant in ("tenant_a", "tenant_b")]

        await asyncio.gather(*(world.ask(world.process(), key=key) for key in keys))
        await world.close()

        assert world.calls == 2
        assert len(world.state.held()) == 2
        assert not any("tenant" in key for key in world.state.held())

    virtually(check())


@pytest.mark.parametrize("wait", [0.0, 0.3])
def test_errors_are_shared_and_not_kept(virtually, wait) -> None:
    """All who wait get the leader's error as the same class with its fields; the next who asks makes a new call."""

    async def check() -> None:
        world = World(ttl=10.0)
        world.error = ProviderOverloadedError("busy", provider="acme", status_code=529, retry_after=7.0)
        processes = [world.process() for _ in range(3)]

        async def late(process: Any) -> Any:
            await asyncio.sleep(wait)
            return await world.ask(process)

        asked = (world.ask(processes[0]), late(processes[1]), late(processes[2]))
        errors = await asyncio.gather(*asked, return_exceptions=True)
        world.error = None
        after = await world.ask(processes[1])
        await world.close()

        for error in errors:
            assert type(error) is ProviderOverloadedError
            assert (error.message, error.provider, error.status_code, error.retry_after) == ("busy", "acme", 529, 7.0)
        assert world.calls == 2
        assert after.answer == "answer 2"

    virtually(check())


@pytest.mark.parametrize("error", [DeadlineExceededError("time is up"), QueueFullError("full"), ValueError("odd")])
def test_trouble_of_the_leader_alone_is_not_shared(virtually, error) -> None:
    """When the leader's own time or place in line is the matter, one of those who wait takes over at once."""

    async def check() -> None:
        world = World()
        world.error = error
        leading = asyncio.create_task(world.ask(world.process()))
        await asyncio.sleep(0.1)
        following = [asyncio.create_task(world.ask(world.process())) for _ in range(3)]
        with pytest.raises(type(error)):
            await leading
        world.error = None
        before = world.clock()

        landed = await asyncio.gather(*following)
        await world.close()

        assert {each.answer for each in landed} == {"answer 2"}
        assert world.clock() - before < 0.6

    virtually(check())


def test_a_cancelled_leader_is_followed_at_once(virtually) -> None:
    """Its upstream call ends with it; one of those who wait makes the next, for all of them."""

    async def check() -> None:
        world = World()
        leading = asyncio.create_task(world.ask(world.process()))
        await asyncio.sleep(0.1)
        following = [asyncio.create_task(world.ask(world.process())) for _ in range(3)]
        await asyncio.sleep(0.1)
        before = world.clock()

        leading.cancel()
        await asyncio.wait((leading,))
        landed = await asyncio.gather(*following)
        await world.close()

        assert leading.cancelled()
        assert {each.answer for each in landed} == {"answer 2"}
        assert world.clock() - before == pytest.approx(0.5, abs=0.01)

    virtually(check())


def test_a_leader_that_dies_is_followed_when_its_claim_lapses(virtually) -> None:
    """A process that is gone renews nothing; those who wait are answered a lease later."""

    async def check() -> None:
        world = World()
        await world.state.put(await name_of_the_flight(world), "fly:gone-1-1", b"", LEASE)
        before = world.clock()

        landed = await asyncio.gather(*(world.ask(world.process()) for _ in range(4)))
        await world.close()

        assert {each.answer for each in landed} == {"answer 1"}
        assert LEASE <= world.clock() - before < LEASE + 1.0

    virtually(check())


async def name_of_the_flight(world: World) -> str:
    """Find out under which key a flight is claimed."""
    probe = World()
    await probe.ask(probe.process())
    await probe.close()
    (name,) = probe.state.held()
    return name


def test_a_leader_dies_at_each_await(virtually) -> None:
    """Wherever its event loop stops turning for it, the others are answered, by one call more at most."""

    async def check(steps: int) -> int:
        world = World()
        line = Line(world.state)
        leading = asyncio.create_task(world.ask(world.process(line)))
        for _ in range(steps):
            await asyncio.sleep(0)
        line.is_cut = True  # it can say no more, not even on its way out
        leading.cancel()
        with suppress(asyncio.CancelledError):
            await leading
        landed = await asyncio.gather(*(world.ask(world.process()) for _ in range(3)))
        await world.close()

        assert len({each.answer for each in landed}) == 1
        assert world.running == 0
        return world.calls

    calls = {virtually(check(steps)) for steps in range(12)}
    assert calls == {1, 2}


class Line:
    """Leads to a store until it is cut."""

    def __init__(self, state: MemoryState) -> None:
        self.is_cut = False
        self._state = state

    def __getattr__(self, name: str) -> Any:
        if not self.is_cut:
            return getattr(self._state, name)

        async def fail(*arguments: Any) -> Any:
            raise ConnectionError("gone")

        return fail


@pytest.mark.parametrize("steps", range(10))
def test_a_caller_cancelled_at_each_await_leaves_nothing(virtually, steps) -> None:
    """No claim, no call and no task stays, and the next who asks is answered without waiting for a lease."""

    async def check() -> None:
        world = World()
        asking = asyncio.create_task(world.ask(world.process()))
        for _ in range(steps):
            await asyncio.sleep(0)
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking
        before = world.clock()

        landed = await world.ask(world.process())
        await world.close()

        assert landed.answer == f"answer {world.calls}"
        assert world.clock() - before < 0.6
        assert world.running == 0
        assert [key for key in world.state.held() if world.state.look(key).tag.startswith("fly")] == []
        assert asyncio.all_tasks() == {asyncio.current_task()}

    virtually(check())


def test_followers_may_leave(virtually) -> None:
    """A cancelled follower disturbs neither the leader nor the others."""

    async def check() -> None:
        world = World()
        asking = [asyncio.create_task(world.ask(world.process())) for _ in range(5)]
        await asyncio.sleep(0.1)
        for each in asking[1:4]:
            each.cancel()

        landed = await asyncio.gather(*asking, return_exceptions=True)
        await world.close()

        assert [isinstance(each, asyncio.CancelledError) for each in landed] == [False, True, True, True, False]
        assert world.calls == 1

    virtually(check())


def test_when_all_leave_nothing_runs_on(virtually) -> None:
    """The last one's cancellation ends the upstream call."""

    async def check() -> None:
        world = World()
        asking = [asyncio.create_task(world.ask(world.process())) for _ in range(5)]
        await asyncio.sleep(0.1)
        for each in asking:
            each.cancel()
        await asyncio.wait(asking)
        await world.close()

        assert world.running == 0
        assert world.state.held() == []

    virtually(check())


def test_a_follower_s_time_is_its_own(virtually) -> None:
    """It ends with its own deadline, and says what it waited for."""

    async def check() -> None:
        world = World()
        world.seconds = 20.0
        leading = asyncio.create_task(world.ask(world.process()))
        await asyncio.sleep(0.1)
        before = world.clock()

        with pytest.raises(DeadlineExceededError) as late:
            await world.ask(world.process(), seconds=2.0)
        waited = world.clock() - before
        landed = await leading
        await world.close()

        assert late.value.phase == "shared"
        assert waited == pytest.approx(2.0, abs=0.01)
        assert landed.answer == "answer 1"

    virtually(check())


def test_a_long_call_keeps_its_claim(virtually) -> None:
    """Claims are renewed together, about once a second however many there are; nobody takes over."""

    async def check() -> None:
        world = World()
        world.seconds = 20.0
        leader, follower = world.process(), world.process()
        keys = [CacheKey("tenant", f"{number:02x}") for number in range(50)]

        asked = [world.ask(process, key=key) for process in (leader, follower) for key in keys]
        landed = await asyncio.gather(*asked)
        await world.close()

        assert world.calls == 50
        assert sum(each.elsewhere for each in landed) == 50
        assert world.state.asked["extend"] <= 21
        assert world.state.asked["wait"] <= 50 * 12

    virtually(check())


@pytest.mark.parametrize("method", ["put", "replace", "remove", "extend", "wait"])
def test_a_store_that_fails_at_each_question(virtually, method) -> None:
    """Whichever fails, every caller is answered; that the store is away is told once, and once that it is back."""

    async def check() -> None:
        world = World()
        world.seconds = 2.0
        processes = [world.process() for _ in range(3)]
        whole = getattr(world.state, method)

        async def failing(*arguments: Any) -> Any:
            raise ConnectionError("no route to host")

        setattr(world.state, method, failing)
        asking = [asyncio.create_task(world.ask(process)) for process in processes]
        await asyncio.sleep(1.5)
        if method == "remove":
            asking.pop(0).cancel()
        landed = await asyncio.gather(*asking)
        setattr(world.state, method, whole)
        await asyncio.sleep(ASK_AGAIN + LEASE)
        again = await asyncio.gather(*(world.ask(process) for process in processes))
        await world.close()

        assert all(each.answer.startswith("answer") for each in landed)
        assert len({each.answer for each in again}) == 1
        assert any(world.notes)
        assert all(notes in ([], ["ConnectionError", None]) for notes in world.notes)

    virtually(check())


def test_a_store_that_hangs_costs_its_time_once(virtually) -> None:
    """A question is given up after its time; in the next second nobody asks at all."""

    async def check() -> None:
        world = World()
        world.seconds = 0.1

        async def hang(*arguments: Any) -> Any:
            world.state.asked["put"] += 1
            await asyncio.sleep(3600)

        world.state.put = hang  # type: ignore[method-assign]
        process = world.process()
        before = world.clock()
        for _ in range(5):
            await world.ask(process)
        await world.close()

        assert world.clock() - before == pytest.approx(1.0 + 5 * 0.1, abs=0.01)
        assert world.state.asked["put"] == 1

    virtually(check())


def test_a_store_that_hangs_does_not_outlast_the_call(virtually) -> None:
    """A call whose time is shorter than the store's ends with its own."""

    async def check() -> None:
        world = World()

        async def hang(*arguments: Any) -> Any:
            await asyncio.sleep(3600)

        world.state.put = hang  # type: ignore[method-assign]
        before = world.clock()
        with pytest.raises(DeadlineExceededError):
            await world.ask(world.process(), seconds=0.3)
        waited = world.clock() - before
        await world.close()

        assert waited == pytest.approx(0.3, abs=0.01)

    virtually(check())


def test_followers_go_their_own_ways_when_the_store_breaks_off(virtually) -> None:
    """Those who wait make their own calls at once."""

    async def check() -> None:
        world = World()
        world.seconds = 5.0
        asking = [asyncio.create_task(world.ask(world.process())) for _ in range(3)]
        await asyncio.sleep(0.1)

        world.state.break_off(ConnectionError("reset"))
        before = world.clock()
        landed = await asyncio.gather(*asking)
        await world.close()

        assert world.calls == 3
        assert sorted(each.answer for each in landed) == ["answer 1", "answer 2", "answer 3"]
        assert world.clock() - before == pytest.approx(5.0, abs=0.01)

    virtually(check())


@pytest.mark.parametrize("value", [b"\xff", b"", b'{"error":"SystemExit","message":"x"}', b"[]", b"null"])
@pytest.mark.parametrize("state", ["done", "fail"])
def test_wrong_data_in_the_store(virtually, state, value) -> None:
    """What cannot be read is left alone: the caller makes its own call."""

    async def check() -> None:
        world = World()
        name = await name_of_the_flight(world)

        def decode(_key: CacheKey, data: bytes) -> str:
            raise ValueError("damaged")

        process = world.process(decode=decode)
        await world.state.put(name, "fly:other-1-1", b"", LEASE)
        asking = asyncio.create_task(world.ask(process))
        await asyncio.sleep(0.1)
        await world.state.replace(name, "fly:other-1-1", f"{state}:other-1-1", value, 100.0)
        landed = await asking
        await world.close()

        assert (landed.answer, landed.elsewhere) == ("answer 1", False)

    virtually(check())


def test_an_unknown_tag_is_taken_over(virtually) -> None:
    """An entry of no known sort is replaced by a claim."""

    async def check() -> None:
        world = World()
        await world.state.put(await name_of_the_flight(world), "what is this", b"?", 100.0)

        landed = await world.ask(world.process())
        await world.close()

        assert landed.answer == "answer 1"

    virtually(check())


@pytest.mark.parametrize("size", [LARGEST + 1, 0])
def test_what_cannot_travel_is_made_by_each(virtually, size) -> None:
    """Followers of an answer that is too large, or cannot be written, make their own calls side by side."""

    async def check() -> None:
        world = World()

        def encode(_key: CacheKey, _text: str) -> bytes:
            if not size:
                raise ValueError("not JSON")
            return b"x" * size

        before = world.clock()
        landed = await asyncio.gather(*(world.ask(world.process(encode=encode)) for _ in range(4)))
        await world.close()

        assert sorted(each.answer for each in landed) == [f"answer {number}" for number in range(1, 5)]
        assert world.clock() - before == pytest.approx(1.0, abs=0.01)
        assert all(len(world.state.look(key).value) == 0 for key in world.state.held())

    virtually(check())


def test_two_questions_at_least_for_a_taken_over_flight(virtually) -> None:
    """An answer nobody may use any more is replaced by a new claim with one more question."""

    async def check() -> None:
        world = World()
        await world.ask(world.process())
        await asyncio.sleep(HANDOVER / 2)

        await world.ask(world.process())
        await world.close()

        assert dict(world.state.asked) == {"put": 2, "replace": 3}

    virtually(check())


def test_errors_of_the_request_are_shared(virtually) -> None:
    """A request the provider refuses is refused for all who sent it."""

    async def check() -> None:
        world = World()
        world.error = InvalidRequestError("no such parameter", parameter="top_k")
        asked = (world.ask(world.process()) for _ in range(3))
        errors = await asyncio.gather(*asked, return_exceptions=True)
        await world.close()

        assert world.calls == 1
        assert all(isinstance(error, GatewayError) and error.parameter == "top_k" for error in errors)

    virtually(check())
