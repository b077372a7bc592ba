"""Wait for somebody else's coroutine for at most so long; one that answers at once pays for no timer."""

from __future__ import annotations

from types import coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

T = TypeVar("T")


@coroutine
def within(seconds: float | Callable[[], float], waiting: Awaitable[T]) -> Generator[Any, Any, T]:
    """Await something for at most ``seconds``, a number or a function that tells it when it is needed.

    The first step runs at once. Only if it has to wait is a timer armed, which costs more than most answers.

    Raises:
        TimeoutError: The time was up; the coroutine was cancelled.
    """
    step = waiting.__await__()
    try:
        pending = next(step)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    time_left = seconds() if callable(seconds) else seconds
    return (yield from _finish(step, pending, time_left).__await__())


async def _finish(step: Generator[Any, Any, T], pending: Any, seconds: float) -> T:
    import asyncio

    async with asyncio.timeout(seconds):
        return await _go_on(step, pending)


@coroutine
def _go_on(step: Generator[Any, Any, T], pending: Any) -> Generator[Any, Any, T]:
    """Drive a coroutine that has taken its first step and now waits for ``pending``."""
    while True:
        failure: BaseException | None = None
        try:
            sent = yield pending
        except BaseException as error:  # a cancellation belongs to the one who waits inside
            failure = error
        try:
            pending = step.send(sent) if failure is None else step.throw(failure)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
