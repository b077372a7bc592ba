"""Two coroutines, one result: who wins, what becomes of the other, and what is left when all is broken off."""

from __future__ import annotations

import asyncio
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

    async def discard(self, name: str) -> None:
        self.ended.append(f"{name} freed")


def decided(_by_second: bool) -> None:
    return


async def run(first: Any, second: Any, *, delay: float = 0.01, discard: Any = None, tasks: Any = None) -> Any:
    return await race(
        first, delay, second, tasks=tasks or DetachedTasks(), decided=decided, discard=discard
    )  # fmt: skip


async def test_a_quick_one_runs_alone() -> None:
    """The second is not even asked for when the first gives its result in time."""
    runner, asked = Runner(), []

    given = await race(runner.run("first", 0.0), 1.0, lambda: asked.append(1), tasks=DetachedTasks(), decided=decided)  # type: ignore[func-returns-value]

    assert given == "first"
    assert asked == []


async def test_the_second_wins_and_the_first_is_ended() -> None:
    """The slower one is cancelled before the result is given."""
    runner = Runner()

    given = await run(runner.run("first", 30.0), lambda: runner.run("second", 0.01))

    assert given == "second"
    assert runner.ended == ["second done", "first cancelled"]


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


async def test_breaking_off_with_a_result_in_hand_frees_it() -> None:
    """A result that came in the very moment of being cancelled is not lost."""
    runner, tasks = Runner(), DetachedTasks()
    gate: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def first() -> str:
        return await gate

    task = asyncio.create_task(race(first(), 5.0, lambda: None, tasks=tasks, decided=decided, discard=runner.discard))
    await asyncio.sleep(0.01)

    gate.set_result("first")
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.01)

    assert runner.ended == ["first freed"]
    assert len(tasks) == 0
