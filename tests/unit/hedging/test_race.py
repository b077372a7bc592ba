"""Two coroutines, one result: who wins, what becomes of the other, and what is left when all is broken off."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest
from attrs import define, field
from litellm_gateway.loop_state import DetachedTasks
from litellm_gateway.race import race


@define
class Runner:
    """Waits, then gives or raises something; notes how it ended."""

    ended: list[str] = field(factory=list)

    async def run(self, name: str, seconds: float, error: Exception | None = None, *, deaf: bool = False) -> str:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.ended.append(f"{name} cancelled")
            if not deaf:
                raise
        if error is not None:
            raise error
        self.ended.append(f"{name} done")
        return name

    async def slow_to_end(self, name: str, seconds: float = 0.05) -> str:
        """Run for long; take some time to end when cancelled."""
        try:
            return await self.run(name, 30.0)
        finally:
            await asyncio.sleep(seconds)
            self.ended.append(f"{name} cleaned up")

    async def discard(self, name: str) -> None:
        self.ended.append(f"{name} freed")


@define
class Noting:
    """Makes what runs beside, and notes what a race told."""

    told: list[Any] = field(factory=list)

    _tasks: DetachedTasks = field(factory=DetachedTasks)
    _make: Any = None
    _free: Any = None

    @property
    def tasks(self) -> DetachedTasks:
        return self._tasks

    def second(self) -> Any:
        return self._make()

    def discard(self, result: Any) -> Any:
        return None if self._free is None else self._free(result)

    def decided(self, by_second: bool) -> None:
        self.told.append("second" if by_second else "first")

    def unheard(self, error: Exception) -> None:
        self.told.append(repr(error))


async def run(
    first: Any, second: Any, *, delay: float = 0.01, discard: Any = None, tasks: Any = None, report: Any = None
) -> Any:
    report = report or Noting()
    report._make, report._free = second, discard
    if tasks is not None:
        report._tasks = tasks
    return await race(first, delay, report)


def ending(task: asyncio.Task[Any] | None) -> int:
    """How often a task was asked to end."""
    return -1 if task is None else task.cancelling()


async def test_a_quick_one_runs_alone() -> None:
    """The second is not even asked for when the first gives its result in time."""
    runner, asked = Runner(), []

    given = await run(runner.run("first", 0.0), lambda: asked.append(1), delay=1.0)  # type: ignore[func-returns-value]

    assert given == "first"
    assert asked == []


async def test_the_second_wins_and_the_first_is_ended() -> None:
    """The slower one is cancelled before the result is given."""
    runner = Runner()

    given = await run(runner.run("first", 30.0), lambda: runner.run("second", 0.01))

    assert given == "second"
    assert runner.ended == ["second done", "first cancelled"]
    assert ending(asyncio.current_task()) == 0


async def test_the_first_may_still_win() -> None:
    """The second is cancelled then."""
    runner = Runner()

    given = await run(runner.run("first", 0.03), lambda: runner.run("second", 30.0))

    assert given == "first"
    assert runner.ended == ["first done", "second cancelled"]


async def test_one_failure_waits_for_the_other() -> None:
    """An error of either is no end while the other is on its way."""
    runner = Runner()

    one = await run(runner.run("first", 0.02, ValueError("a")), lambda: runner.run("second", 0.04))
    other = await run(runner.run("first", 0.05), lambda: runner.run("second", 0.01, ValueError("b")))

    assert (one, other) == ("second", "first")


async def test_when_both_fail_the_first_ones_error_is_raised() -> None:
    """Whichever failed last."""
    runner = Runner()

    with pytest.raises(ValueError, match="a"):
        await run(runner.run("first", 0.02, ValueError("a")), lambda: runner.run("second", 0.04, ValueError("b")))


async def test_a_result_nobody_takes_is_freed() -> None:
    """One that comes in spite of being cancelled is handed to discard."""
    runner, tasks = Runner(), DetachedTasks()

    given = await run(
        runner.run("first", 30.0, deaf=True), lambda: runner.run("second", 0.0), discard=runner.discard, tasks=tasks
    )  # fmt: skip
    await asyncio.sleep(0.01)

    assert given == "second"
    assert runner.ended[-1] == "first freed"
    assert len(tasks) == 0


@pytest.mark.parametrize("after", [0.0, 0.005, 0.02])
async def test_breaking_off_ends_both(after: float) -> None:
    """Cancelled before, at or after the second starts, nothing goes on."""
    runner, tasks = Runner(), DetachedTasks()
    task = asyncio.create_task(run(runner.run("first", 30.0), lambda: runner.run("second", 30.0), tasks=tasks))
    second = after > 0.01
    await asyncio.sleep(after)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert len(tasks) == 0
    assert ("second cancelled" in runner.ended) is second


async def test_breaking_off_with_the_firsts_result_in_hand_frees_it() -> None:
    """It waited for the second to end."""
    runner, tasks = Runner(), DetachedTasks()

    task = asyncio.create_task(
        run(runner.run("first", 0.03), lambda: runner.slow_to_end("second"), discard=runner.discard, tasks=tasks),
    )
    await asyncio.sleep(0.05)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.1)

    assert runner.ended == ["first done", "second cancelled", "first freed", "second cleaned up"]
    assert len(tasks) == 0


async def test_breaking_off_with_the_seconds_result_in_hand_frees_it() -> None:
    """Whoever cancels while the first is being ended means the whole race."""
    runner, tasks = Runner(), DetachedTasks()

    task = asyncio.create_task(
        run(runner.slow_to_end("first"), lambda: runner.run("second", 0.0), discard=runner.discard, tasks=tasks)
    )
    await asyncio.sleep(0.03)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.01)

    assert runner.ended == ["second done", "first cancelled", "second freed"]
    assert len(tasks) == 0


async def test_the_second_stops_waiting_for_one_that_does_not_end() -> None:
    """Not so the first, whose end comes before the result."""
    runner, tasks = Runner(), DetachedTasks()

    given = await asyncio.wait_for(
        run(runner.run("first", 0.03), lambda: runner.slow_to_end("second", 1.0), tasks=tasks), 0.8
    )

    assert given == "first"
    assert len(tasks) == 1
    await tasks.finish()


@pytest.mark.parametrize("where", ["around", "inside"])
async def test_timeouts_keep_their_meaning(where: str) -> None:
    """One around the race ends it as a timeout; one inside the first is not taken for it."""
    runner, report = Runner(), Noting()

    async def timed() -> str:
        async with asyncio.timeout(0.04 if where == "inside" else None):
            return await runner.run("first", 30.0)

    async def both() -> Any:
        async with asyncio.timeout(0.04 if where == "around" else None):
            return await run(timed(), lambda: runner.run("second", 0.08), report=report)

    if where == "around":
        with pytest.raises(TimeoutError):
            await both()
        assert runner.ended == ["first cancelled", "second cancelled"]
        assert report.told == []
    else:
        assert await both() == "second"
        assert report.told == ["TimeoutError()", "second"]
    assert ending(asyncio.current_task()) == 0


async def test_who_won_is_told_before_the_other_ends() -> None:
    """And what went wrong with the first in that moment as well, since nobody else hears of it."""
    runner, report = Runner(), Noting()

    async def first() -> str:
        try:
            return await runner.run("first", 30.0)
        finally:
            report.told.append("first ends")
            raise ValueError("broke on being ended")

    given = await run(first(), lambda: runner.run("second", 0.0), report=report)

    assert given == "second"
    assert report.told == ["second", "first ends", "ValueError('broke on being ended')"]


async def test_a_first_that_cancels_itself_waits_for_the_second() -> None:
    """A plugin that lets a cancellation of its own out has failed like any other."""

    async def first() -> str:
        await asyncio.sleep(0.02)
        raise asyncio.CancelledError

    given = await run(first(), lambda: Runner().run("second", 0.03))

    assert given == "second"


async def test_a_second_that_cannot_be_made_leaves_the_first_alone(caplog: pytest.LogCaptureFixture) -> None:
    """The loop is told of it."""

    def second() -> None:
        raise ValueError("no second")

    given = await run(Runner().run("first", 0.03), second)

    assert given == "first"
    assert "no second" in caplog.text


async def test_a_race_that_is_broken_off_starts_no_second() -> None:
    """However long the first takes to clean up; nor does one that began in a task that was to end."""
    runner = Runner()

    async def doomed() -> Any:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        return await run(runner.slow_to_end("first"), lambda: runner.run("second", 0.0))

    late = asyncio.create_task(run(runner.slow_to_end("first"), lambda: runner.run("second", 0.0), delay=0.02))
    before = asyncio.create_task(doomed())
    await asyncio.sleep(0.005)
    late.cancel()
    ended = await asyncio.gather(late, before, return_exceptions=True)

    assert [type(each) for each in ended] == [asyncio.CancelledError] * 2
    assert "second done" not in runner.ended


async def test_a_second_does_not_win_what_was_broken_off() -> None:
    """The first is left to clean up in peace, and nobody is told of a winner."""
    runner, report, tasks = Runner(), Noting(), DetachedTasks()

    task = asyncio.create_task(
        run(
            runner.slow_to_end("first"),
            lambda: runner.run("second", 0.03),
            report=report,
            discard=runner.discard,
            tasks=tasks,
        )
    )
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.01)

    assert report.told == []
    assert runner.ended == ["first cancelled", "second done", "first cleaned up", "second freed"]
    assert len(tasks) == 0


async def test_both_a_second_and_a_caller_that_end_the_first() -> None:
    """The caller's word counts, whichever came first; what the second has is freed."""
    runner, tasks = Runner(), DetachedTasks()
    gate: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def second() -> str:
        return await gate

    task = asyncio.create_task(run(runner.run("first", 30.0), second, discard=runner.discard, tasks=tasks))
    await asyncio.sleep(0.03)
    gate.set_result("second")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.01)

    assert runner.ended == ["first cancelled", "second freed"]


async def test_a_first_that_missed_its_cancellation_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer of the second does not wait until it ends by itself."""
    monkeypatch.setattr("litellm_gateway.race.INSISTENCE", 0.03)
    runner = Runner()

    async def misses_one() -> str:
        try:
            await asyncio.sleep(30.0)
        except asyncio.CancelledError:
            await asyncio.sleep(30.0)
        return "first"

    given = await asyncio.wait_for(run(misses_one(), lambda: runner.run("second", 0.0)), 5.0)

    assert given == "second"
    assert ending(asyncio.current_task()) == 0


async def test_an_error_out_of_a_group_of_tasks_waits_for_the_second() -> None:
    """Python 3.11 leaves a cancellation behind in the task that left such a group."""

    async def fail() -> None:
        await asyncio.sleep(0.02)
        raise ConnectionError("no")

    async def grouped() -> str:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
        return "first"

    given = await asyncio.create_task(run(grouped(), lambda: Runner().run("second", 0.03)))

    assert given == "second"


async def test_what_breaks_off_a_race_leaves_no_cycle() -> None:
    """Neither request nor answer waits for the collector of garbage."""

    class Body:
        pass

    bodies: list[weakref.ref[Body]] = []

    async def first() -> str:
        body = Body()
        bodies.append(weakref.ref(body))
        await asyncio.sleep(0.02)
        raise ValueError("first")

    gc.disable()
    try:
        for second in (lambda: None, lambda: Runner().run("second", 0.02, ValueError("second"))):
            task = asyncio.create_task(run(first(), second))
            await asyncio.wait((task,))
            assert isinstance(task.exception(), ValueError)
            del task
        await asyncio.sleep(0)
        left = [each() for each in bodies]
    finally:
        gc.enable()

    assert left == [None, None]


async def test_a_cancellation_that_becomes_an_error_breaks_the_race_off_as_well() -> None:
    """Whoever waits no longer than a time does not wait for the second either."""
    runner = Runner()

    async def fails_to_clean_up() -> str:
        try:
            return await runner.run("first", 30.0)
        finally:
            raise OSError("not closed")

    with pytest.raises(OSError, match="not closed"):
        async with asyncio.timeout(0.04):
            await run(fails_to_clean_up(), lambda: runner.run("second", 30.0))

    assert runner.ended == ["first cancelled", "second cancelled"]


async def test_a_ring_of_errors_ends() -> None:
    """A plugin may chain an error to itself."""

    async def first() -> str:
        ring = ValueError("ring")
        try:
            await asyncio.sleep(30.0)
        except asyncio.CancelledError:
            ring.__context__ = ring
        raise ring

    task = asyncio.create_task(run(first(), lambda: Runner().run("second", 0.05)))
    await asyncio.sleep(0.03)
    task.cancel()

    assert await asyncio.wait_for(task, 5.0) == "second"
