"""Collect similar items for a moment and send them as one; each gets its own result or error.

Items meet within one event loop. It knows neither what the items are nor how they are sent.
"""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import define, field

from litellm_gateway.errors import GatewayError, MalformedResponseError, QueueFullError
from litellm_gateway.loop_state import DetachedTasks, LoopLocal, cleaned_up, outcome_error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Sequence

I = TypeVar("I")  # noqa: E741 - an item
R = TypeVar("R")


class _Batch(Generic[I, R]):
    """Items that travel together, and who waits for each."""

    def __init__(self, send: Callable[[Sequence[I]], Awaitable[Sequence[R | BaseException]]]) -> None:
        self.waiting: dict[asyncio.Future[R], I] = {}
        self.timer: asyncio.TimerHandle | None = None
        self.task: asyncio.Task[Sequence[R | BaseException]] | None = None
        self._send = send
        self._sent: tuple[asyncio.Future[R], ...] = ()
        self._context = contextvars.copy_context()

    def depart(self, tasks: DetachedTasks) -> None:
        """Send what is there, in the context of whoever came first."""
        if self.timer is not None:
            self.timer.cancel()
        self._sent = tuple(self.waiting)
        items = tuple(self.waiting.values())
        self.task = self._context.run(tasks.start, self._deliver(items))
        self.task.add_done_callback(self._arrived)

    async def _deliver(self, items: tuple[I, ...]) -> Sequence[R | BaseException]:
        results = await self._send(items)
        if len(results) != len(items):
            raise MalformedResponseError(
                f"a batch of {len(items)} items was answered with {len(results)} results; "
                "switch request batching off for this provider"
            )
        return results

    def _arrived(self, task: asyncio.Task[Sequence[R | BaseException]]) -> None:
        error = outcome_error(task)
        results: Sequence[R | BaseException] = [error] * len(self._sent) if error is not None else task.result()
        for place, result in zip(self._sent, results, strict=True):
            if place.done():
                continue
            if isinstance(result, BaseException):
                place.set_exception(_raisable(result))
            else:
                place.set_result(result)


@define(eq=False)
class _Collection:
    """The batches of one event loop."""

    open: dict[Hashable, _Batch[Any, Any]] = field(factory=dict)
    waiting: int = 0
    tasks: DetachedTasks = field(factory=DetachedTasks)


class Batcher(Generic[I, R]):
    """Sends items of equal key together.

    Args:
        size: Items sent together at most; a batch leaves as soon as it is full.
        timeout: Seconds the oldest item of a batch waits at most before it leaves.
        max_waiting: Items without an answer at once, per event loop; one more is refused.
    """

    def __init__(self, *, size: int, timeout: float, max_waiting: int = 10_000) -> None:
        self._size = size
        self._timeout = timeout
        self._max_waiting = max_waiting
        self._collections = LoopLocal(_Collection)

    @property
    def waiting(self) -> int:
        """Items of this event loop without an answer."""
        return self._collections.here().waiting

    async def submit(
        self, key: Hashable, item: I, send: Callable[[Sequence[I]], Awaitable[Sequence[R | BaseException]]]
    ) -> R:
        """Send the item with others of its key, give its own result or raise its own error.

        Whoever is cancelled takes its item along if that was not sent yet; when nobody waits for a sent batch
        any more, the sending is cancelled.

        Args:
            key: Items of equal key may travel together; holds the tenant.
            item: What to send.
            send: Sends several items, gives a result or an exception for each, in order. What it raises goes to
                all of them. The one that came with the first item of a batch is used, in that caller's context.

        Raises:
            QueueFullError: Too many items wait.
            MalformedResponseError: ``send`` gave another number of results than it was given items.
        """
        here = self._collections.here()
        if here.waiting >= self._max_waiting:
            raise QueueFullError(f"{here.waiting} requests wait for their batch, as many as may; try again later")
        batch: _Batch[I, R] | None = here.open.get(key)
        if batch is None:
            batch = self._open(here, key, send)
        place: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        batch.waiting[place] = item
        here.waiting += 1
        if len(batch.waiting) >= self._size:
            self._depart(here, key, batch)
        try:
            return await place
        except BaseException as error:
            await self._leave(here, key, batch, place, error)
            raise
        finally:
            here.waiting -= 1

    def _open(
        self,
        here: _Collection,
        key: Hashable,
        send: Callable[[Sequence[I]], Awaitable[Sequence[R | BaseException]]],
    ) -> _Batch[I, R]:
        batch: _Batch[I, R] = _Batch(send)
        here.open[key] = batch
        if self._size > 1:
            loop = asyncio.get_running_loop()
            batch.timer = loop.call_later(self._timeout, self._depart, here, key, batch)
        return batch

    def _depart(self, here: _Collection, key: Hashable, batch: _Batch[I, R]) -> None:
        if here.open.get(key) is batch:
            del here.open[key]
            batch.depart(here.tasks)

    async def _leave(
        self, here: _Collection, key: Hashable, batch: _Batch[I, R], place: asyncio.Future[R], error: BaseException
    ) -> None:
        """Take one item away; stop what nobody waits for any more."""
        batch.waiting.pop(place, None)
        if batch.waiting:
            return
        if batch.task is None:
            if batch.timer is not None:
                batch.timer.cancel()
            if here.open.get(key) is batch:
                del here.open[key]
        elif not batch.task.done():
            batch.task.cancel()
            if isinstance(error, asyncio.CancelledError):
                await cleaned_up(batch.task)


def _raisable(error: BaseException) -> BaseException:
    """Turn a cancellation within the batch into an error: the one who waits for the item was not cancelled."""
    if isinstance(error, asyncio.CancelledError):
        return GatewayError("the request was cancelled while its batch was sent; send it again")
    if isinstance(error, StopIteration):  # which no future takes
        return RuntimeError("sending the batch raised StopIteration")
    return error
