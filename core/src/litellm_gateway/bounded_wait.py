"""Wait for somebody else's coroutine for at most so long; one that answers at once pays for no timer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

T = TypeVar("T")


class within(Generic[T]):  # noqa: N801 - reads as a verb: await within(seconds, backend.get(key))
    """Await something for at most ``seconds``, a number or a function that tells it when it is needed.

    The first step runs at once. Only if it has to wait is a timer armed, which costs more than most answers.

    Raises:
        TimeoutError: The time was up; the coroutine was cancelled.
    """

    __slots__ = ("_seconds", "_waiting")

    def __init__(self, seconds: float | Callable[[], float], waiting: Awaitable[T]) -> None:
        self._seconds = seconds
        self._waiting = waiting

    def __await__(self) -> Generator[Any, Any, T]:
        step = self._waiting.__await__()
        try:
            pending = next(step)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
        seconds = self._seconds() if callable(self._seconds) else self._seconds
        return (yield from _finish(_Begun(step, pending), seconds).__await__())


async def _finish(begun: _Begun[T], seconds: float) -> T:
    import asyncio

    async with asyncio.timeout(seconds):
        return await begun


class _Begun(Generic[T]):
    """A coroutine that has taken its first step and now waits for ``pending``."""

    __slots__ = ("_pending", "_step")

    def __init__(self, step: Generator[Any, Any, T], pending: Any) -> None:
        self._step = step
        self._pending = pending

    def __await__(self) -> Generator[Any, Any, T]:
        pending = self._pending
        while True:
            failure: BaseException | None = None
            try:
                sent = yield pending
            except BaseException as error:  # a cancellation belongs to the one who waits inside
                failure = error
            try:
                pending = self._step.send(sent) if failure is None else self._step.throw(failure)
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]
