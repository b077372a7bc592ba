from __future__ import annotations

import asyncio
import contextvars
import gc
import random
import threading
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway.batching import Batcher
from litellm_gateway.errors import GatewayError, MalformedResponseError, ProviderOverloadedError, QueueFullError

if TYPE_CHECKING:
    from collections.abc import Sequence

LONG = 60.0


class Sender:
    """Doubles numbers; remembers what was sent together."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, ...]] = []
        self.cancelled = 0
        self.cleaned_up = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, items: Sequence[int]) -> list[int | BaseException]:
        self.batches.append(tuple(items))
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            await asyncio.sleep(0)
            self.cleaned_up += 1
            raise
        return [ValueError(f"bad {item}") if item < 0 else item * 2 for item in items]


async def settle_down() -> None:
    for _ in range(6):
        await asyncio.sleep(0)


def submit(batcher: Batcher[int, int], send: Sender, *items: int, key: str = "key") -> list[asyncio.Task[int]]:
    return [asyncio.create_task(batcher.submit(key, item, send)) for item in items]


async def test_items_of_one_key_travel_together() -> None:
    """Ten items at once leave as one batch when it is full; each gets its own result."""
    batcher, send = Batcher[int, int](size=10, timeout=LONG), Sender()

    results = await asyncio.gather(*submit(batcher, send, *range(10)))

    assert results == [number * 2 for number in range(10)]
    assert send.batches == [tuple(range(10))]


async def test_items_of_other_keys_do_not_mix() -> None:
    """Each key fills its own batch."""
    batcher, send = Batcher[int, int](size=2, timeout=LONG), Sender()

    await asyncio.gather(*submit(batcher, send, 1, key="a"), *submit(batcher, send, 2, 3, key="b"),
                         *submit(batcher, send, 4, key="a"))  # fmt: skip

    assert sorted(send.batches) == [(1, 4), (2, 3)]


async def test_more_items_than_fit_leave_in_several_batches() -> None:
    """25 items at size 10: two full batches at once, the rest when its time is up."""
    batcher, send = Batcher[int, int](size=10, timeout=0.02), Sender()

    results = await asyncio.gather(*submit(batcher, send, *range(25)))

    assert results == [number * 2 for number in range(25)]
    assert [len(batch) for batch in send.batches] == [10, 10, 5]


async def test_a_batch_leaves_when_its_oldest_item_waited_long_enough() -> None:
    """Items that come later do not prolong the wait of the first."""
    loop = asyncio.get_running_loop()
    batcher, send = Batcher[int, int](size=100, timeout=0.05), Sender()
    started = loop.time()

    tasks = submit(batcher, send, 1)
    await asyncio.sleep(0.03)
    tasks += submit(batcher, send, 2)
    await asyncio.gather(*tasks)

    assert 0.045 <= loop.time() - started < 0.5
    assert send.batches == [(1, 2)]


async def test_a_batch_of_one_leaves_at_once() -> None:
    """Size one means no waiting."""
    batcher, send = Batcher[int, int](size=1, timeout=LONG), Sender()

    result = await batcher.submit("key", 21, send)

    assert (result, send.batches) == (42, [(21,)])


async def test_one_bad_item_fails_alone() -> None:
    """Its own exception goes to it, results to the others."""
    batcher, send = Batcher[int, int](size=3, timeout=LONG), Sender()

    outcomes = await asyncio.gather(*submit(batcher, send, 1, -1, 2), return_exceptions=True)

    assert (outcomes[0], outcomes[2]) == (2, 4)
    assert isinstance(outcomes[1], ValueError)


async def test_an_error_of_sending_goes_to_all() -> None:
    """What `send` raises everybody gets; the next batch is not affected."""
    batcher: Batcher[int, int] = Batcher(size=2, timeout=LONG)

    async def broken(items: Sequence[int]) -> list[int | BaseException]:
        raise ProviderOverloadedError("busy")

    outcomes = await asyncio.gather(*(batcher.submit("key", item, broken) for item in (1, 2)), return_exceptions=True)
    later = await asyncio.gather(*submit(batcher, Sender(), 1, 2))

    assert [type(outcome) for outcome in outcomes] == [ProviderOverloadedError] * 2
    assert later == [2, 4]


@pytest.mark.parametrize("results", [[], [1], [1, 2, 3]])
async def test_a_wrong_number_of_results_is_an_error_for_all(results: list[int | BaseException]) -> None:
    """Nobody gets another one's answer when some are missing or too many came."""
    batcher: Batcher[int, int] = Batcher(size=2, timeout=LONG)

    async def confused(items: Sequence[int]) -> list[int | BaseException]:
        return results

    outcomes = await asyncio.gather(*(batcher.submit("key", item, confused) for item in (1, 2)), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [MalformedResponseError] * 2
    assert f"2 items was answered with {len(results)}" in str(outcomes[0])


@pytest.mark.parametrize(
    ("result", "kind"), [(asyncio.CancelledError(), GatewayError), (StopIteration(), RuntimeError)]
)
async def test_exceptions_no_task_should_get_are_turned_into_errors(
    result: BaseException, kind: type[Exception]
) -> None:
    """A cancellation or a StopIteration among the results is an error of that item, and of no other."""
    batcher: Batcher[int, int] = Batcher(size=2, timeout=LONG)

    async def odd(items: Sequence[int]) -> list[int | BaseException]:
        return [result, 7]

    outcomes = await asyncio.gather(*(batcher.submit("key", item, odd) for item in (1, 2)), return_exceptions=True)

    assert isinstance(outcomes[0], kind)
    assert outcomes[1] == 7


async def test_who_leaves_before_the_batch_takes_its_item_along() -> None:
    """A cancelled submitter's item is not sent."""
    batcher, send = Batcher[int, int](size=3, timeout=LONG), Sender()
    gone, *stay = submit(batcher, send, 1, 2)
    await settle_down()

    gone.cancel()
    await asyncio.wait([gone])
    stay += submit(batcher, send, 3, 4)

    assert await asyncio.gather(*stay) == [4, 6, 8]
    assert send.batches == [(2, 3, 4)]


async def test_when_all_left_before_the_batch_nothing_is_sent() -> None:
    """No timer, no batch, no item stays behind."""
    batcher, send = Batcher[int, int](size=3, timeout=0.01), Sender()
    tasks = submit(batcher, send, 1, 2)
    await settle_down()

    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await asyncio.sleep(0.03)

    assert (send.batches, batcher.waiting) == ([], 0)


async def test_an_abandoned_batch_does_not_keep_newcomers_waiting() -> None:
    """After all of a batch left, the next item of its key starts one of its own, which leaves in time."""
    batcher, send = Batcher[int, int](size=3, timeout=0.02), Sender()
    tasks = submit(batcher, send, 1)
    await settle_down()
    tasks[0].cancel()
    await asyncio.wait(tasks)

    result = await asyncio.wait_for(batcher.submit("key", 5, send), 5)

    assert (result, send.batches) == (10, [(5,)])


async def test_who_leaves_after_the_batch_does_not_disturb_the_others() -> None:
    """The sending goes on while anybody waits for it."""
    batcher, send = Batcher[int, int](size=3, timeout=LONG), Sender()
    send.gate.clear()
    gone, *stay = submit(batcher, send, 1, 2, 3)
    await settle_down()

    gone.cancel()
    await asyncio.wait([gone])
    send.gate.set()

    assert await asyncio.gather(*stay) == [4, 6]
    assert send.cancelled == 0


async def test_when_all_left_a_sent_batch_it_is_cancelled() -> None:
    """And the last one leaves only when it has cleaned up."""
    batcher, send = Batcher[int, int](size=2, timeout=LONG), Sender()
    send.gate.clear()
    tasks = submit(batcher, send, 1, 2)
    await settle_down()

    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)

    assert (send.cancelled, send.cleaned_up) == (1, 1)
    assert (batcher.waiting, asyncio.all_tasks()) == (0, {asyncio.current_task()})


async def test_a_batch_cancelled_from_inside_is_an_error_for_its_items() -> None:
    """Submitters that were not cancelled get an error of the gateway's."""
    batcher: Batcher[int, int] = Batcher(size=1, timeout=LONG)

    async def given_up(items: Sequence[int]) -> list[int | BaseException]:
        raise asyncio.CancelledError

    with pytest.raises(GatewayError):
        await batcher.submit("key", 1, given_up)


async def test_too_many_waiting_items_are_refused() -> None:
    """One more than max_waiting is a QueueFullError; room comes back as answers do."""
    batcher, send = Batcher[int, int](size=2, timeout=LONG, max_waiting=4), Sender()
    send.gate.clear()
    tasks = submit(batcher, send, 1, 2, 3, 4)
    await settle_down()

    with pytest.raises(QueueFullError, match="4 requests wait"):
        await batcher.submit("key", 5, send)
    send.gate.set()
    await asyncio.gather(*tasks)

    assert batcher.waiting == 0
    assert await asyncio.gather(*submit(batcher, send, 1, 2)) == [2, 4]


async def test_a_batch_is_sent_in_the_context_of_its_first_item() -> None:
    """Context variables of whoever came first are seen by `send`, whether size or time made it leave."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")
    seen: list[str] = []

    async def send(items: Sequence[int]) -> list[int | BaseException]:
        seen.append(variable.get())
        return list(items)

    async def one(batcher: Batcher[int, int], name: str) -> None:
        variable.set(name)
        await batcher.submit("key", 1, send)

    full: Batcher[int, int] = Batcher(size=2, timeout=LONG)
    timed: Batcher[int, int] = Batcher(size=9, timeout=0.01)
    await asyncio.gather(*(one(batcher, name) for batcher in (full, timed) for name in ("first", "second")))

    assert seen == ["first", "first"]


async def test_an_error_overtaken_by_a_cancellation_is_silent() -> None:
    """An error nobody waits for any more does not end up in the loop's exception handler."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    batcher, send = Batcher[int, int](size=1, timeout=LONG), Sender()
    send.gate.clear()
    (task,) = submit(batcher, send, -1)
    await settle_down()

    send.gate.set()
    for _ in range(2):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    del task
    gc.collect()

    assert complaints == []


def test_items_of_two_loops_do_not_meet() -> None:
    """Two threads with a loop each send their own batches."""
    batcher: Batcher[str, str] = Batcher(size=5, timeout=LONG)
    batches: list[tuple[str, ...]] = []

    async def send(items: Sequence[str]) -> list[str | BaseException]:
        batches.append(tuple(items))
        await asyncio.sleep(0.001)
        return list(items)

    async def main(name: str) -> None:
        for _ in range(10):
            assert await asyncio.gather(*(batcher.submit("key", name, send) for _ in range(5))) == [name] * 5

    threads = [threading.Thread(target=asyncio.run, args=(main(name),)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(batches) == [("a",) * 5] * 10 + [("b",) * 5] * 10


def test_a_loop_that_ends_leaves_nothing_behind() -> None:
    """Items collected at the end of `asyncio.run` are gone with it; the next run starts clean."""
    batcher: Batcher[int, int] = Batcher(size=5, timeout=LONG)
    sent: list[int] = []

    async def send(items: Sequence[int]) -> list[int | BaseException]:
        sent.append(len(items))
        return list(items)

    async def abandon() -> None:
        tasks = [asyncio.ensure_future(batcher.submit("key", item, send)) for item in range(3)]
        await settle_down()
        assert not any(task.done() for task in tasks)

    async def complete() -> int:
        await asyncio.gather(*(batcher.submit("key", item, send) for item in range(5)))
        return batcher.waiting

    asyncio.run(abandon())

    assert asyncio.run(complete()) == 0
    assert sent == [5]


@pytest.mark.parametrize("seed", range(20))
async def test_anybody_may_leave_at_any_await(seed: int) -> None:
    """Random items, errors and cancellations: who stays gets its own result, and nothing is left."""
    chance = random.Random(seed)
    batcher: Batcher[int, int] = Batcher(size=chance.choice([1, 4, 10]), timeout=0.001)

    async def send(items: Sequence[int]) -> list[int | BaseException]:
        for _ in range(chance.randint(0, 4)):
            await asyncio.sleep(0)
        if chance.random() < 0.1:
            raise ProviderOverloadedError("busy")
        return [ValueError(str(item)) if item % 7 == 0 else item * 2 for item in items]

    tasks = [asyncio.create_task(batcher.submit(item % 3, item, send)) for item in range(100)]
    doomed = set(chance.sample(tasks, 40))
    for task in doomed:
        if chance.random() < 0.4:
            await asyncio.sleep(chance.choice([0, 0, 0.001]))
        task.cancel()
    await asyncio.wait(tasks)

    for item, task in enumerate(tasks):
        assert task in doomed or not task.cancelled()
        if task.cancelled() or isinstance(task.exception(), ProviderOverloadedError):
            continue
        if item % 7 == 0:
            assert str(task.exception()) == str(item)
        else:
            assert task.result() == item * 2
    await settle_down()
    assert batcher.waiting == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
