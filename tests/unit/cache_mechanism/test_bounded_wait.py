"""Waiting ends in time, and costs no timer when there is nothing to wait for."""

from __future__ import annotations

import asyncio

import pytest
from litellm_gateway.bounded_wait import within


async def _later(value: int, steps: int = 3) -> int:
    for _ in range(steps):
        await asyncio.sleep(0)
    return value


async def test_an_answer_at_once_comes_back() -> None:
    """A coroutine that never waits is awaited as it is, and is asked for no time."""

    def never() -> float:
        raise AssertionError("no timer is needed")

    assert await within(never, _later(1, steps=0)) == 1


async def test_a_later_answer_comes_back() -> None:
    """A coroutine that waits now and then still gives its answer."""
    assert await within(5, _later(2)) == 2


async def test_a_future_can_be_awaited() -> None:
    """Anything awaitable will do."""
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, 3)

    assert await within(5, future) == 3


@pytest.mark.parametrize("steps", [0, 2])
async def test_errors_come_through(steps: int) -> None:
    """An error raised before or after waiting is the caller's."""

    async def fail() -> None:
        await _later(0, steps)
        raise KeyError("x")

    with pytest.raises(KeyError):
        await within(5, fail())


async def test_time_is_up() -> None:
    """A coroutine that takes too long is cancelled and cleans up."""
    ended: list[str] = []

    async def hang() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append("cleaned")

    with pytest.raises(TimeoutError):
        await within(0.01, hang())
    assert ended == ["cleaned"]


async def test_cancelling_goes_inside() -> None:
    """A cancelled waiter cancels what it waits for."""
    seen: list[str] = []

    async def hang() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def wait() -> None:
        await within(5, hang())

    waiting = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert seen == ["cancelled"]
