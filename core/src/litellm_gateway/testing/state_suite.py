"""What every shared state must do, as tests to subclass; the numbers are those of ``docs/reference/contracts.md``.

::

    class TestAcmeState(SharedStateSuite):
        def make_state(self):
            return AcmeState("acme://127.0.0.1:7000", timeout=1.0)
"""

from __future__ import annotations

import asyncio
import logging
import pickle
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from secrets import token_hex
from typing import TYPE_CHECKING

from litellm_gateway.shared_state import SharedState
from litellm_gateway.testing.log_ear import heard
from litellm_gateway.testing.state_entries import LONG, VALUES, EntryPromises, new_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from litellm_gateway.shared_state import Posting

_CANARY = b"canary-77ac"
_AWKWARD = ("", ":", "a", "A", "a b", "*", "\0", "x\ny", "{a}", "ünï", "12 3", "t" * 500)


class SharedStateSuite(EntryPromises):
    """Subclass it, name it ``Test...``, and say how to make a state: ``make_state``.

    ``brief`` is the shortest time, in seconds, for which the store can keep something, and ``at_once`` within which
    a change is seen by who waits or listens. Where the clock is a fake, ``pass_time`` lets it run.
    """

    def test_p8_keys_and_tags_are_any_text(self) -> None:
        """P8: keys, tags and names of boards and lines that are alike or odd are not taken for each other."""

        async def check(state: SharedState) -> None:
            run = token_hex(4)
            for name in _AWKWARD:
                assert await state.put(run + name, name, name.encode(), LONG) is None
                await state.post(run + name, name, name.encode(), LONG)

            for name in _AWKWARD:
                there = await state.put(run + name, "new", b"", LONG)
                assert there is not None
                assert (there.tag, there.value) == (name, name.encode())
                async with aclosing(state.listen(run + name)) as heard_lines:  # type: ignore[type-var]
                    (line,) = await anext(heard_lines)
                assert (line.name, line.value) == (name, name.encode())

        self.run_check(check)

    def test_p9_a_board_is_read_whole_and_then_followed(self) -> None:
        """P9: who listens gets the last word on every name first, then each line as it is written; none expired."""

        async def check(state: SharedState) -> None:
            board = new_key()
            await state.post(board, "gone", b"0", self.brief)
            await self.pass_time(self.brief * 1.5)
            for name, value in (("a", b"1"), ("b", b"2"), ("a", b"3")):
                await state.post(board, name, value, LONG)

            async with aclosing(state.listen(board)) as lines:  # type: ignore[type-var]
                first = await anext(lines)
                for value in VALUES:
                    await self.make_state().post(board, "c", value, LONG)
                later = await self._read(lines, VALUES[-1])

            assert {line.name: line.value for line in first} == {"a": b"3", "b": b"2"}
            assert all(LONG - 60 < line.seconds <= LONG for line in first)
            assert later[-1].value == VALUES[-1]
            assert {line.name for line in later} == {"c"}

        self.run_check(check)

    def test_p10_an_empty_board_is_told(self) -> None:
        """P10: who listens to a board nobody has written on is told so at once."""

        async def check(state: SharedState) -> None:
            async with aclosing(state.listen(new_key())) as lines:  # type: ignore[type-var]
                async with asyncio.timeout(self.at_once):
                    first = await anext(lines)

            assert first == ()

        self.run_check(check)

    def test_p11_many_event_loops(self) -> None:
        """P11: one instance serves several threads, each with its event loop, and wakes across them."""

        async def check(state: SharedState) -> None:
            keys = [new_key() for _ in range(8)]
            for key in keys:
                await state.put(key, "one", b"", LONG)

            def wait_in_a_loop(key: str) -> str:
                entry = asyncio.run(state.wait(key, "one", 20.0))
                return "" if entry is None else entry.tag

            with ThreadPoolExecutor(4) as threads:
                waiting = [asyncio.wrap_future(threads.submit(wait_in_a_loop, key)) for key in keys]
                for key in keys:
                    await state.replace(key, "one", f"two {key}", b"", LONG)
                tags = await asyncio.gather(*waiting)

            assert tags == [f"two {key}" for key in keys]

        self.run_check(check)

    def test_p12_cancelled_calls_leave_it_usable(self) -> None:
        """P12: a call cancelled at any await leaves the store working, also for others that wait."""

        async def check(state: SharedState) -> None:
            key = new_key()
            await state.put(key, "one", b"", LONG)
            patient = asyncio.ensure_future(state.wait(key, "one", 20.0))
            for steps in range(8):
                calls = [
                    state.wait(key, "one", 20.0),
                    state.put(new_key(), "one", b"", LONG),
                    _first(state.listen(new_key())),
                ]
                asking = [asyncio.ensure_future(call) for call in calls]
                for _ in range(steps):
                    await asyncio.sleep(0)
                for each in asking:
                    each.cancel()
                    with suppress(asyncio.CancelledError):
                        await each

            assert await state.replace(key, "one", "two", b"", LONG)
            async with asyncio.timeout(self.at_once):
                there = await patient

            assert there is not None
            assert there.tag == "two"

        self.run_check(check)

    def test_p13_bytes_are_never_run_nor_shown(self) -> None:
        """P13: a pickle that would act when loaded comes back as bytes, and no value is in ``repr`` or in a log."""

        async def check(state: SharedState) -> None:
            key, value = new_key(), pickle.dumps(_Trap()) + _CANARY
            with heard(logging.DEBUG) as lines:
                await state.put(key, "one", value, LONG)
                there = await state.wait(key, "", 0.0)

            assert there is not None
            assert there.value == value
            assert _CANARY.decode() not in "\n".join((repr(state), repr(there), *lines))

        self.run_check(check)

    def test_p14_closing(self) -> None:
        """P14: closing works on an unused state, and twice; what is kept in the store stays."""

        async def check(state: SharedState) -> None:
            key, other = new_key(), self.make_state()
            await other.put(key, "one", b"", LONG)
            await other.aclose()
            await other.aclose()

            assert isinstance(state, SharedState)
            assert await state.put(key, "two", b"", LONG) is not None

        self.run_check(check)

    async def _read(self, lines: AsyncIterator[tuple[Posting, ...]], last: bytes) -> list[Posting]:
        read: list[Posting] = []
        async with asyncio.timeout(self.at_once):
            while not read or read[-1].value != last:
                read += await anext(lines)
        return read


class _Trap:
    def __reduce__(self) -> tuple[object, ...]:
        return _spring, ()


def _spring() -> None:
    raise AssertionError("the state unpickled a value")


async def _first(lines: AsyncIterator[tuple[Posting, ...]]) -> tuple[Posting, ...]:
    async with aclosing(lines) as heard_lines:  # type: ignore[type-var]
        return await anext(heard_lines)
