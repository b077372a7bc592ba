from __future__ import annotations

import asyncio
import gc
import os
import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from litellm_gateway.errors import InvalidRequestError, QueueFullError, QueueTimeoutError, RateLimitError
from litellm_gateway.rate_limiter import RateLimitConfig, RateLimiter, Reservation

Clock = Callable[[], float]
Virtually = Callable[[Callable[[Clock], Any]], None]
FAR = 1e12


def limits(requests: int | None = None, tokens: int | None = None, **more: Any) -> RateLimitConfig:
    return RateLimitConfig(requests_per_minute=requests, tokens_per_minute=tokens, **{"queue_timeout": 1e6, **more})


async def settle_down() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def ask(limiter: RateLimiter, tenant: str = "a", tokens: int = 0) -> asyncio.Task[Reservation]:
    return asyncio.create_task(limiter.reserve(tenant, "m", tokens, FAR))


async def cancel(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_a_request_waits_until_there_is_room(virtually: Virtually) -> None:
    """The second of one a minute is let in a minute later, by one timer."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(limits(requests=1), clock=clock)
        first = await limiter.reserve("a", "m", 0, FAR)

        second = await limiter.reserve("a", "m", 0, FAR)

        assert 60 <= second.at - first.at <= 60.26

    virtually(main)


def test_a_tenant_is_served_first_come_first_served(virtually: Virtually) -> None:
    """Places come in the order of asking, and a small request does not overtake a large one."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(limits(tokens=100), clock=clock)
        served: list[int] = []

        async def one(number: int, tokens: int) -> None:
            await limiter.reserve("a", "m", tokens, FAR)
            served.append(number)

        sizes = [80, 90, 5, 50, 5, 100, 1]
        await asyncio.gather(*(one(number, tokens) for number, tokens in enumerate(sizes)))

        assert served == list(range(len(sizes)))

    virtually(main)


def test_a_newcomer_does_not_overtake_the_queue(virtually: Virtually) -> None:
    """Who comes when a place is free but others wait stands behind them."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(limits(tokens=100), clock=clock)
        await limiter.reserve("a", "m", 60, FAR)
        waiting = ask(limiter, tokens=90)
        await settle_down()

        small = ask(limiter, tokens=10)
        await settle_down()

        assert not small.done()
        assert limiter.queue_depth == 2
        assert (await small).at >= (await waiting).at

    virtually(main)


def test_a_refund_lets_the_next_in_at_once(virtually: Virtually) -> None:
    """A place given back goes to the first waiter without time passing."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(limits(requests=1), clock=clock)
        held = await limiter.reserve("a", "m", 0, FAR)
        waiting = ask(limiter)
        await settle_down()
        before = clock()

        held.refund()
        await waiting

        assert clock() == before

    virtually(main)


def test_settling_below_the_estimate_lets_the_next_in_at_once(virtually: Virtually) -> None:
    """Tokens given back go to the first waiters they suffice for."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(limits(tokens=100), clock=clock)
        held = await limiter.reserve("a", "m", 100, FAR)
        waiting = [ask(limiter, tokens=40) for _ in range(3)]
        await settle_down()

        held.settle(10)
        await settle_down()

        assert [task.done() for task in waiting] == [True, True, False]
        await cancel(*waiting)

    virtually(main)


def test_the_queue_timeout_ends_the_wait(virtually: Virtually) -> None:
    """After queue_timeout a QueueTimeoutError says when to try again."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(limits(requests=1, queue_timeout=30.0), clock=clock)
        await limiter.reserve("a", "m", 0, FAR)
        before = clock()

        with pytest.raises(QueueTimeoutError) as refused:
            await limiter.reserve("a", "m", 0, FAR)

        assert clock() - before == pytest.approx(30, abs=0.01)
        assert refused.value.retry_after == pytest.approx(30, abs=0.3)
        assert (refused.value.scope, refused.value.retry_here) == ("gateway", False)
        assert limiter.queue_depth == 0

    virtually(main)


def test_the_deadline_ends_the_wait(virtually: Virtually) -> None:
    """A call's deadline before queue_timeout counts; one that has passed is refused at once."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(limits(requests=1, queue_timeout=30.0), clock=clock)
        await limiter.reserve("a", "m", 0, FAR)
        before = clock()

        with pytest.raises(QueueTimeoutError):
            await limiter.reserve("a", "m", 0, before + 7)
        waited = clock() - before
        with pytest.raises(QueueTimeoutError):
            await limiter.reserve("a", "m", 0, before + 7)

        assert waited == pytest.approx(7, abs=0.01)
        assert clock() - before == waited

    virtually(main)


def test_the_next_is_served_after_the_first_gave_up(virtually: Virtually) -> None:
    """When a large request times out, the small one behind it that fits is let in at that moment."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(limits(tokens=100), clock=clock)
        await limiter.reserve("a", "m", 50, FAR)
        before = clock()
        large = asyncio.create_task(limiter.reserve("a", "m", 90, before + 5))
        await settle_down()

        small = await limiter.reserve("a", "m", 50, FAR)

        assert small.at - before == pytest.approx(5, abs=0.01)
        assert isinstance(large.exception(), QueueTimeoutError)

    virtually(main)


def test_a_full_queue_refuses_at_once(virtually: Virtually) -> None:
    """One more than max_queue_size is a QueueFullError that names the number."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(limits(requests=1, max_queue_size=2), clock=clock)
        await limiter.reserve("a", "m", 0, FAR)
        waiting = [ask(limiter), ask(limiter)]
        await settle_down()

        with pytest.raises(QueueFullError, match="2 requests wait") as refused:
            await limiter.reserve("a", "m", 0, FAR)

        assert refused.value.retry_after is not None
        assert limiter.queue_depth == 2
        await cancel(*waiting)

    virtually(main)


def test_one_tenant_cannot_keep_the_others_out_of_the_queue(virtually: Virtually) -> None:
    """In a full queue a tenant with few waiting takes the last place of the one with most."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(limits(requests=1, max_queue_size=10), clock=clock)
        for tenant in ("crowd", "one"):
            await limiter.reserve(tenant, "m", 0, FAR)
        crowd = [ask(limiter, "crowd") for _ in range(10)]
        await settle_down()

        small = [ask(limiter, "one") for _ in range(3)]
        await settle_down()

        assert not any(task.done() for task in small)
        assert [task.done() for task in crowd] == [False] * 7 + [True] * 3
        assert all(isinstance(task.exception(), QueueFullError) for task in crowd[7:])
        assert limiter.queue_depth == 10
        await cancel(*crowd, *small)

    virtually(main)


def test_equally_long_lines_are_left_alone(virtually: Virtually) -> None:
    """Nobody is sent away for a newcomer that would only make the other line the longest."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(limits(requests=1, max_queue_size=2), clock=clock)
        waiting = []
        for tenant in "ab":
            await limiter.reserve(tenant, "m", 0, FAR)
            waiting.append(ask(limiter, tenant))
        await settle_down()

        with pytest.raises(QueueFullError):
            await limiter.reserve("a", "m", 0, FAR)
        await limiter.reserve("c", "m", 0, FAR)
        with pytest.raises(QueueFullError):
            await limiter.reserve("c", "m", 0, FAR)

        assert not any(task.done() for task in waiting)
        await cancel(*waiting)

    virtually(main)


def test_waiting_tenants_do_not_delay_each_other(virtually: Virtually) -> None:
    """One tenant with 1,000 waiting and nine with 10: the nine wait as long as if they were alone."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(limits(requests=5, max_queue_size=2000), clock=clock)
        started = clock()
        crowd = [ask(limiter, "crowd") for _ in range(1000)]
        small = [ask(limiter, f"tenant {number % 9}") for number in range(90)]

        places = await asyncio.gather(*small)

        assert max(place.at for place in places) - started <= 60.3
        assert Counter(place.tenant for place in places) == {f"tenant {number}": 10 for number in range(9)}
        assert sum(task.done() for task in crowd) == 10
        await cancel(*crowd)
        assert limiter.queue_depth == 0

    virtually(main)


def test_cancelled_waiters_leave_no_hole(virtually: Virtually) -> None:
    """Cancelling any of the line, the first too, lets the rest move up; the place is not lost."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(limits(requests=1), clock=clock)
        held = await limiter.reserve("a", "m", 0, FAR)
        waiting = [ask(limiter) for _ in range(5)]
        await settle_down()

        await cancel(waiting[0], waiting[2])
        held.refund()
        await settle_down()

        assert [task.done() for task in waiting] == [True, True, True, False, False]
        assert waiting[1].result().requests == 1
        assert limiter.queue_depth == 2
        await cancel(*waiting)

    virtually(main)


def test_the_alarm_moves_on_when_the_first_is_cancelled(virtually: Virtually) -> None:
    """The next of the line is let in on time though the one that had the timer is gone."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(limits(requests=1), clock=clock)
        held = await limiter.reserve("a", "m", 0, FAR)
        first, second = ask(limiter), ask(limiter)
        await settle_down()

        await cancel(first)

        assert (await second).at - held.at <= 60.26

    virtually(main)


def test_a_place_given_in_the_moment_of_cancelling_is_given_back(virtually: Virtually) -> None:
    """Granted and cancelled in one step: the place goes to the next."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(limits(requests=1), clock=clock)
        held = await limiter.reserve("a", "m", 0, FAR)
        first, second = ask(limiter), ask(limiter)
        await settle_down()

        held.refund()
        first.cancel()
        await settle_down()

        assert first.cancelled()
        assert second.result().requests == 1

    virtually(main)


def test_a_time_out_overtaken_by_a_cancellation_is_silent(virtually: Virtually) -> None:
    """A refusal that nobody awaits any more does not end up in the loop's exception handler."""

    async def main(clock: Clock) -> None:
        complaints: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        limiter = RateLimiter(limits(tokens=10), clock=clock)
        await limiter.reserve("a", "m", 10, FAR)
        waiting = ask(limiter, tokens=10)
        await settle_down()

        limiter.configure(limits(tokens=5))
        waiting.cancel()
        await asyncio.wait([waiting])
        del waiting
        gc.collect()

        assert complaints == []

    virtually(main)


def test_a_higher_limit_lets_waiters_in_at_once(virtually: Virtually) -> None:
    """Waiting requests survive a change of the limits and are judged by the new ones, in order."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(limits(requests=1), clock=clock)
        await limiter.reserve("a", "m", 0, FAR)
        waiting = [ask(limiter) for _ in range(5)]
        await settle_down()
        before = clock()

        limiter.configure(limits(requests=4))
        await settle_down()

        assert [task.done() for task in waiting] == [True, True, True, False, False]
        assert clock() == before
        await asyncio.gather(*waiting)

    virtually(main)


def test_lifting_the_limits_lets_everybody_in(virtually: Virtually) -> None:
    """No limits, nobody waits."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(limits(requests=1), clock=clock)
        await limiter.reserve("a", "m", 0, FAR)
        waiting = [ask(limiter, tenant) for tenant in "aabab"]
        await settle_down()

        limiter.configure(None)
        await asyncio.gather(*waiting)

        assert limiter.queue_depth == 0

    virtually(main)


def test_who_can_never_fit_any_more_is_told_when_the_limit_sinks(virtually: Virtually) -> None:
    """A lower token limit ends the wait of the request that is too large for it, and of no other."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(limits(tokens=100), clock=clock)
        await limiter.reserve("a", "m", 90, FAR)
        large, small = ask(limiter, tokens=80), ask(limiter, tokens=20)
        await settle_down()

        limiter.configure(limits(tokens=50))
        await settle_down()

        assert isinstance(large.exception(), InvalidRequestError)
        assert (await small).tokens == 20

    virtually(main)


def test_switching_queuing_off_keeps_who_waits(virtually: Virtually) -> None:
    """Only newcomers are refused then."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(limits(requests=1), clock=clock)
        await limiter.reserve("a", "m", 0, FAR)
        waiting = ask(limiter)
        await settle_down()

        limiter.configure(limits(requests=1, enable_queuing=False))
        with pytest.raises(RateLimitError):
            await limiter.reserve("a", "m", 0, FAR)

        assert (await waiting).requests == 1

    virtually(main)


def test_waiting_does_not_poll(virtually: Virtually) -> None:
    """A hundred waiters of one tenant look at the clock a few times per place, not per tick."""

    async def main(clock: Clock) -> None:
        looks = 0

        def counting() -> float:
            nonlocal looks
            looks += 1
            return clock()

        limiter = RateLimiter(limits(requests=10), clock=counting)

        await asyncio.gather(*(limiter.reserve("a", "m", 0, FAR) for _ in range(100)))

        assert looks < 1000

    virtually(main)


def test_no_minute_holds_more_than_the_limit_while_many_wait(virtually: Virtually) -> None:
    """Random arrivals, sizes, refunds, settlements and cancellations: any 60 seconds stay within both limits."""

    async def main(clock: Clock) -> None:
        chance = random.Random(7)
        limiter = RateLimiter(limits(requests=20, tokens=1000, queue_timeout=90.0), clock=clock)
        counted: list[tuple[float, int]] = []

        async def call(tokens: int) -> None:
            place = await limiter.reserve("a", "m", tokens, FAR)
            await asyncio.sleep(chance.random() * 5)
            if chance.random() < 0.2:
                place.refund()
                return
            used = chance.randint(0, tokens)
            place.settle(used)
            counted.append((place.at, used))

        tasks = []
        for _ in range(600):
            await asyncio.sleep(chance.expovariate(0.8))
            tasks.append(asyncio.create_task(call(chance.randint(1, 120))))
            if chance.random() < 0.1:
                chance.choice(tasks).cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

        counted.sort()
        for start, _ in counted:
            window = [used for at, used in counted if start <= at < start + 60]
            assert len(window) <= 20
            assert sum(window) <= 1000
        assert len(counted) > 150
        assert limiter.queue_depth == 0

    virtually(main)


def test_a_cancel_storm_leaves_nothing(virtually: Virtually) -> None:
    """2,000 requests cancelled at random moments hold no place and no place in the queue."""

    async def main(clock: Clock) -> None:
        chance = random.Random(3)
        limiter = RateLimiter(limits(requests=10, max_queue_size=5000), clock=clock)

        async def call() -> None:
            place = await limiter.reserve("a", "m", 0, FAR)
            try:
                await asyncio.sleep(chance.random())
            finally:
                place.refund()

        tasks = [asyncio.create_task(call()) for _ in range(2000)]
        for task in chance.sample(tasks, len(tasks)):
            if chance.random() < 0.3:
                await asyncio.sleep(chance.choice([0, 0, 0.01, 0.3]))
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

        assert limiter.queue_depth == 0
        assert limiter.remaining("a") == 10

    virtually(main)


def test_a_place_given_back_in_one_thread_wakes_the_loop_of_another() -> None:
    """Requests of different event loops stand in one line."""
    limiter = RateLimiter(limits(requests=1))
    held = asyncio.run(limiter.reserve("a", "m", 0, FAR))
    result: list[Reservation] = []
    thread = threading.Thread(target=lambda: result.append(asyncio.run(limiter.reserve("a", "m", 0, FAR))))
    thread.start()
    while not limiter.queue_depth:
        thread.join(0.001)

    held.refund()
    thread.join(10)

    assert result[0].requests == 1


def test_waiters_of_many_loops_pass_one_place_along() -> None:
    """Eight threads with a loop each, ten requests each: one place goes round until all were served."""
    limiter = RateLimiter(limits(requests=1, queue_timeout=30.0))
    holding = 0
    most = 0

    async def call() -> None:
        nonlocal holding, most
        place = await limiter.reserve("a", "m", 0, FAR)
        holding += 1
        most = max(most, holding)
        await asyncio.sleep(0)
        holding -= 1
        place.refund()

    async def several() -> None:
        await asyncio.gather(*(call() for _ in range(10)))

    threads = [threading.Thread(target=asyncio.run, args=(several(),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert most == 1
    assert (limiter.queue_depth, limiter.remaining("a")) == (0, 1)


def test_a_waiter_whose_loop_is_closed_is_passed_over() -> None:
    """A loop that died while one of its requests waited does not hold up the others."""
    limiter = RateLimiter(limits(requests=1, queue_timeout=30.0))
    held = asyncio.run(limiter.reserve("a", "m", 0, FAR))
    dead = asyncio.new_event_loop()
    orphan = dead.create_task(limiter.reserve("a", "m", 0, FAR))
    dead.run_until_complete(asyncio.sleep(0))
    dead.set_exception_handler(lambda *_: None)  # it dies with a task on purpose
    dead.close()
    assert not orphan.done()
    assert limiter.queue_depth == 1

    depths: list[int] = []

    async def main() -> Reservation:
        waiting = ask(limiter)
        await settle_down()
        depths.append(limiter.queue_depth)
        held.refund()
        return await waiting

    assert asyncio.run(main()).requests == 1
    assert [*depths, limiter.queue_depth] == [1, 0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_does_not_stand_behind_its_parents_waiters() -> None:
    """The child's first request that must wait finds an empty line."""
    limiter = RateLimiter(limits(requests=2, queue_timeout=30.0))

    held = [asyncio.run(limiter.reserve("a", "m", 0, FAR)) for _ in range(2)]
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(limiter.reserve("a", "m", 0, FAR))
    loop.run_until_complete(asyncio.sleep(0))

    process = os.fork()
    if process == 0:
        served = False
        try:
            held[0].refund()
            served = asyncio.run(asyncio.wait_for(limiter.reserve("a", "m", 0, FAR), 5)).requests == 1
        finally:
            os._exit(0 if served else 1)
    _, status = os.waitpid(process, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert limiter.queue_depth == 1
    waiting.cancel()
    loop.run_until_complete(asyncio.wait([waiting]))
    loop.close()
