from __future__ import annotations

import asyncio
import contextvars
import gc
import random
import threading
from typing import Any

import pytest
from litellm_gateway.contracts import CacheKey
from litellm_gateway.errors import GatewayError, ProviderOverloadedError
from litellm_gateway.single_flight import SingleFlight

KEY = CacheKey("tenant", "00")


class Upstream:
    """Answers when told to; counts calls, and those that were cancelled and have cleaned up."""

    def __init__(self) -> None:
        self.calls = 0
        self.cancelled = 0
        self.cleaned_up = 0
        self.gate = asyncio.Event()
        self.error: BaseException | None = None

    async def __call__(self) -> str:
        self.calls += 1
        number = self.calls
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            await asyncio.sleep(0)
            self.cleaned_up += 1
            raise
        if self.error is not None:
            raise self.error
        return f"answer {number}"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def settle_down() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_identical_calls_share_one_upstream_call() -> None:
    """A thousand at once make one call; all get its answer, and one of them is the leader."""
    flights, upstream = SingleFlight(), Upstream()
    callers = [asyncio.create_task(flights.run(KEY, upstream)) for _ in range(1000)]
    await settle_down()

    upstream.gate.set()
    answers = await asyncio.gather(*callers)

    assert upstream.calls == 1
    assert {answer for answer, _ in answers} == {"answer 1"}
    assert [shared for _, shared in answers].count(False) == 1
    assert flights.in_flight == 0


async def test_other_keys_and_other_tenants_do_not_share() -> None:
    """Each key has its own call."""
    flights, upstream = SingleFlight(), Upstream()
    upstream.gate.set()
    keys = [CacheKey(tenant, digest) for tenant in "ab" for digest in ("00", "01")]

    answers = await asyncio.gather(*(flights.run(key, upstream) for key in keys))

    assert upstream.calls == 4
    assert not any(shared for _, shared in answers)


async def test_later_calls_are_made_anew() -> None:
    """Without a ttl nothing outlives the flight."""
    flights, upstream = SingleFlight(), Upstream()
    upstream.gate.set()

    first = await flights.run(KEY, upstream)
    second = await flights.run(KEY, upstream)

    assert (first, second) == (("answer 1", False), ("answer 2", False))


async def test_the_leaders_cancellation_does_not_disturb_the_followers() -> None:
    """Who came first may leave; the call goes on for the others."""
    flights, upstream = SingleFlight(), Upstream()
    leader, *followers = [asyncio.create_task(flights.run(KEY, upstream)) for _ in range(3)]
    await settle_down()

    leader.cancel()
    await asyncio.wait([leader])
    upstream.gate.set()

    assert await asyncio.gather(*followers) == [("answer 1", True)] * 2
    assert (upstream.calls, upstream.cancelled) == (1, 0)


async def test_the_last_one_leaving_cancels_the_call_and_waits_for_its_end() -> None:
    """When the last caller's cancellation is over, upstream has let go of everything."""
    flights, upstream = SingleFlight(), Upstream()
    callers = [asyncio.create_task(flights.run(KEY, upstream)) for _ in range(3)]
    await settle_down()

    for caller in callers:
        caller.cancel()
    await asyncio.wait(callers)

    assert all(caller.cancelled() for caller in callers)
    assert (upstream.cancelled, upstream.cleaned_up) == (1, 1)
    assert flights.in_flight == 0


async def test_a_newcomer_does_not_join_a_call_that_is_being_cancelled() -> None:
    """While the old call cleans up, the same key starts a new one."""
    flights, upstream = SingleFlight(), Upstream()
    old = asyncio.create_task(flights.run(KEY, upstream))
    await settle_down()

    old.cancel()
    await asyncio.sleep(0)
    new = asyncio.create_task(flights.run(KEY, upstream))
    await settle_down()
    upstream.gate.set()

    assert await new == ("answer 2", False)
    assert old.cancelled()


async def test_cancelling_again_ends_the_wait_for_a_call_that_will_not_end() -> None:
    """A caller cannot be held for ever by an upstream call that ignores its cancellation."""
    flights = SingleFlight()
    release = asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await release.wait()

    caller = asyncio.create_task(flights.run(KEY, stubborn))
    await settle_down()
    caller.cancel()
    await settle_down()
    waiting = not caller.done()

    caller.cancel()
    await asyncio.wait([caller])

    assert waiting
    assert flights.in_flight == 1
    release.set()
    await settle_down()
    assert flights.in_flight == 0


async def test_cancelling_before_the_call_began_leaves_nothing() -> None:
    """A caller cancelled before its first step never reaches upstream."""
    flights, upstream = SingleFlight(), Upstream()
    caller = asyncio.create_task(flights.run(KEY, upstream))

    caller.cancel()
    await asyncio.wait([caller])

    assert (upstream.calls, flights.in_flight) == (0, 0)


async def test_errors_reach_everybody_and_are_not_kept() -> None:
    """All who wait get the error; the next call is made anew, even with a ttl."""
    flights, upstream = SingleFlight(ttl=100), Upstream()
    upstream.error = ProviderOverloadedError("busy")
    callers = [asyncio.create_task(flights.run(KEY, upstream)) for _ in range(5)]
    await settle_down()

    upstream.gate.set()
    outcomes = await asyncio.gather(*callers, return_exceptions=True)
    upstream.error = None
    later = await flights.run(KEY, upstream)

    assert all(isinstance(outcome, ProviderOverloadedError) for outcome in outcomes)
    assert later == ("answer 2", False)


async def test_an_error_when_making_the_call_reaches_everybody() -> None:
    """`make` itself may fail, before there is anything to await."""
    flights = SingleFlight()

    def broken() -> Any:
        raise ValueError("no")

    outcomes = await asyncio.gather(*(flights.run(KEY, broken) for _ in range(3)), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [ValueError] * 3


async def test_a_call_cancelled_from_inside_is_an_error_for_its_callers() -> None:
    """Callers that were not cancelled themselves are not treated as if they were."""
    flights, upstream = SingleFlight(), Upstream()
    upstream.error = asyncio.CancelledError()
    upstream.gate.set()

    outcomes = await asyncio.gather(*(flights.run(KEY, upstream) for _ in range(2)), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [GatewayError] * 2


async def test_an_error_overtaken_by_a_cancellation_is_silent() -> None:
    """An error nobody waits for any more does not end up in the loop's exception handler."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    flights, upstream = SingleFlight(), Upstream()
    upstream.error = ValueError("no")
    caller = asyncio.create_task(flights.run(KEY, upstream))
    await settle_down()

    upstream.gate.set()
    for _ in range(2):
        await asyncio.sleep(0)
    caller.cancel()
    await asyncio.wait([caller])
    del caller
    gc.collect()

    assert complaints == []


async def test_the_call_runs_in_the_context_of_the_first_caller() -> None:
    """Context variables of the leader, tracing for one, are seen upstream."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")
    flights = SingleFlight()

    async def make() -> str:
        return variable.get()

    async def caller(name: str) -> tuple[str, bool]:
        variable.set(name)
        return await flights.run(KEY, make)

    answers = list(await asyncio.gather(caller("first"), caller("second")))

    assert answers == [("first", False), ("first", True)]


async def test_answers_are_given_again_until_their_time_is_up() -> None:
    """Within the ttl there is one call; then the next."""
    clock = Clock()
    flights, upstream = SingleFlight(ttl=300, clock=clock), Upstream()
    upstream.gate.set()
    answers = [await flights.run(KEY, upstream)]

    clock.now += 299
    answers.append(await flights.run(KEY, upstream))
    clock.now += 1
    answers.append(await flights.run(KEY, upstream))

    assert answers == [("answer 1", False), ("answer 1", True), ("answer 2", False)]


async def test_an_answer_of_none_is_kept_too() -> None:
    """What is kept is told apart from nothing."""
    flights = SingleFlight(ttl=300)

    async def nothing() -> None:
        return None

    await flights.run(KEY, nothing)

    assert await flights.run(KEY, nothing) == (None, True)


async def test_an_abandoned_call_is_not_kept() -> None:
    """An answer that was never made is not given to anybody."""
    flights, upstream = SingleFlight(ttl=300), Upstream()
    caller = asyncio.create_task(flights.run(KEY, upstream))
    await settle_down()
    caller.cancel()
    await asyncio.wait([caller])
    upstream.gate.set()

    assert await flights.run(KEY, upstream) == ("answer 2", False)


def test_answers_are_kept_for_all_threads_and_loops() -> None:
    """A second `asyncio.run`, and another thread, get the answer of the first."""
    flights = SingleFlight(ttl=300)
    calls: list[int] = []

    async def make() -> str:
        calls.append(1)
        return "answer"

    outcomes: list[tuple[str, bool]] = []

    def ask() -> None:
        outcomes.append(asyncio.run(flights.run(KEY, make)))

    ask()
    ask()
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()

    assert len(calls) == 1
    assert outcomes == [("answer", False), ("answer", True), ("answer", True)]


def test_calls_in_flight_of_two_loops_do_not_mix() -> None:
    """Each loop makes its own call and answers its own callers."""
    flights = SingleFlight()
    both = threading.Barrier(2)
    outcomes: list[Any] = []

    async def make() -> str:
        both.wait(10)
        await asyncio.sleep(0.01)
        return threading.current_thread().name

    async def several() -> None:
        outcomes.append(await asyncio.gather(*(flights.run(KEY, make) for _ in range(20))))

    threads = [threading.Thread(target=asyncio.run, args=(several(),), name=name) for name in "xy"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted({answer for answer, _ in outcome}.pop() for outcome in outcomes) == ["x", "y"]
    assert all(len({answer for answer, _ in outcome}) == 1 for outcome in outcomes)


def test_a_loop_that_ends_leaves_no_follower_behind() -> None:
    """Callers still waiting at the end of `asyncio.run` are cancelled, the call with them; the next run is clean."""
    flights = SingleFlight()
    states: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            states.append("ended")

    async def main() -> None:
        for _ in range(3):
            task = asyncio.ensure_future(flights.run(KEY, endless))
            task.add_done_callback(lambda task: states.append("cancelled" if task.cancelled() else "?"))
        await settle_down()

    async def count() -> int:
        return flights.in_flight

    asyncio.run(main())

    assert sorted(states) == ["cancelled"] * 3 + ["ended"]
    assert asyncio.run(count()) == 0


@pytest.mark.parametrize("seed", range(20))
async def test_any_subset_may_be_cancelled_at_any_await(seed: int) -> None:
    """Random callers cancelled at random moments: the rest are answered, nothing is left, and calls are shared."""
    chance = random.Random(seed)
    flights = SingleFlight()
    calls = 0

    async def make() -> str:
        nonlocal calls
        calls += 1
        for _ in range(chance.randint(0, 6)):
            await asyncio.sleep(0)
        if chance.random() < 0.1:
            raise ProviderOverloadedError("busy")
        return "answer"

    keys = [CacheKey("tenant", str(number)) for number in range(3)]
    callers = [asyncio.create_task(flights.run(chance.choice(keys), make)) for _ in range(60)]
    doomed = set(chance.sample(callers, 30))
    for caller in doomed:
        if chance.random() < 0.4:
            await asyncio.sleep(0)
        caller.cancel()
    await asyncio.wait(callers)

    for caller in callers:
        assert caller in doomed or not caller.cancelled()
        if not caller.cancelled() and caller.exception() is None:
            assert caller.result()[0] == "answer"
    assert calls < 60
    await settle_down()
    assert flights.in_flight == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_caller_given_up_by_the_garbage_collector_stops_the_call() -> None:
    """A coroutine that is closed rather than cancelled still leaves."""
    flights, upstream = SingleFlight(), Upstream()
    caller = flights.run(KEY, upstream)
    waiting_for = caller.send(None)
    assert waiting_for is not None
    await settle_down()

    caller.close()
    await settle_down()

    assert (upstream.cancelled, upstream.cleaned_up, flights.in_flight) == (1, 1, 0)
