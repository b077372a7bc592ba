"""The reader of a blocking stream and its producer on another thread: whoever stops first, nobody is left waiting."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway import GatewayError
from litellm_gateway.blocking import BlockingIterator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


class Source:
    """Gives numbers, notes when it is closed, and fails where it is told to."""

    def __init__(self, count: int = 10**9, *, fail: BaseException | None = None, fail_closing: bool = False) -> None:
        self.given = 0
        self.closed = threading.Event()
        self._count = count
        self._fail = fail
        self._fail_closing = fail_closing

    def __aiter__(self) -> AsyncIterator[int]:
        return self

    async def __anext__(self) -> int:
        await asyncio.sleep(0)
        if self.given >= self._count:
            if self._fail is not None:
                raise self._fail
            raise StopAsyncIteration
        self.given += 1
        return self.given

    async def aclose(self) -> None:
        self.closed.set()
        if self._fail_closing:
            raise ValueError("cannot close")


def in_time(work: Callable[[], Any]) -> Any:
    """Give what ``work`` gives, or fail the test if it hangs."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(10)
    assert outcome, "nothing came within ten seconds"
    return outcome[0]


def test_dropping_the_reader_closes_the_source() -> None:
    """A stream nobody holds any more is closed, though its producer waits for room."""
    source = Source()
    reader = BlockingIterator(source)
    assert next(reader) == 1

    del reader
    gc.collect()

    assert source.closed.wait(10)


def test_leaving_the_loop_closes_the_source() -> None:
    """``break`` out of a bare ``for`` is enough."""
    source = Source()

    for number in BlockingIterator(source):
        if number == 3:
            break
    gc.collect()

    assert source.closed.wait(10)


def test_a_slow_reader_keeps_the_producer_within_bounds() -> None:
    """The producer runs a few hundred items ahead at most, and goes on once there is room."""
    source = Source()
    reader = BlockingIterator(source)
    next(reader)
    time.sleep(0.1)

    ahead = source.given
    read = [next(reader) for _ in range(2000)]
    reader.close()

    assert ahead <= 300
    assert read == list(range(2, 2002))


def test_several_threads_share_one_stream() -> None:
    """Each item goes to one of them, and each of them sees the end."""
    reader = BlockingIterator(Source(5000))
    taken: list[list[int]] = [[] for _ in range(8)]
    threads = [threading.Thread(target=lambda own=own: own.extend(reader), daemon=True) for own in taken]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert not any(thread.is_alive() for thread in threads)
    assert sorted(number for own in taken for number in own) == list(range(1, 5001))


def test_closing_wakes_a_reader_in_another_thread() -> None:
    """``close()`` from elsewhere ends the wait of whoever reads."""

    async def silent() -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(60)

    reader = BlockingIterator(silent())
    assert next(reader) == 1
    timer = threading.Timer(0.05, reader.close)
    timer.start()

    rest = in_time(lambda: list(reader))

    assert rest == []


def test_a_closed_stream_gives_nothing_more() -> None:
    """What had been read ahead is not handed out after ``close()``."""
    reader = BlockingIterator(Source())
    next(reader)
    time.sleep(0.05)

    reader.close()

    assert list(reader) == []


def test_a_source_that_cannot_be_closed_ends_all_the_same() -> None:
    """An error on closing neither hangs the reader nor spoils what was read."""
    reader = BlockingIterator(Source(3, fail_closing=True))

    assert in_time(lambda: list(reader)) == [1, 2, 3]


@pytest.mark.parametrize("error", [ValueError("broken"), SystemExit(3), asyncio.CancelledError()])
def test_a_failing_source_is_never_a_plain_end(error: BaseException) -> None:
    """Whatever the source ends with, its reader hears of it; a cancellation nobody here asked for is an error."""
    reader = BlockingIterator(Source(2, fail=error))
    assert [next(reader), next(reader)] == [1, 2]

    end = in_time(lambda: next(reader))

    assert isinstance(end, GatewayError if isinstance(error, asyncio.CancelledError) else type(error))


def test_the_end_stays_the_end() -> None:
    """After its last word the stream is over, however often it is asked."""
    reader = BlockingIterator(Source(1, fail=ValueError("broken")))
    next(reader)
    with pytest.raises(ValueError, match="broken"):
        next(reader)

    assert in_time(lambda: list(reader)) == []
