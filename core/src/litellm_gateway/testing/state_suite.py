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
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from secrets import token_hex
from typing import TYPE_CHECKING

from litellm_gateway.shared_state import SharedState
from litellm_gateway.testing.log_ear import heard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from litellm_gateway.shared_state import Posting

_LONG = 600.0
_CANARY = b"canary-77ac"
_VALUES = (b"", b"plain", bytes(range(256)), b"\r\n\0 1 2", b"x" * 1_000_000)
_AWKWARD = ("", ":", "a", "A", "a b", "*", "\0", "x\ny", "{a}", "ünï", "12 3", "t" * 500)


class SharedStateSuite(ABC):
    """Subclass it, name it ``Test...``, and say how to make a state.

    Attributes:
        brief: The shortest time, in seconds, for which the store can keep something.
        at_once: Seconds within which a change is seen by who waits or listens.
    """

    brief: float = 0.3
    at_once: float = 2.0

    @abstractmethod
    def make_state(self) -> SharedState:
        """Give a state; called inside a running event loop. All made in one test stand for one store."""

    async def pass_time(self, seconds: float) -> None:
        """Let time go by for the store; override it where the clock is a fake."""
        await asyncio.sleep(seconds)

    def test_p1_the_first_to_put_wins(self) -> None:
        """P1: of many who put at once one succeeds, and all others get what that one put, byte by byte."""

        async def check(state: SharedState) -> None:
            for value in _VALUES:
                key = _key()
                putting = (state.put(key, f"tag {number}", value, _LONG) for number in range(20))
                there = await asyncio.gather(*putting)

                others = [entry for entry in there if entry is not None]
                assert len(others) == 19
                assert {(entry.tag, entry.value) for entry in others} == {(others[0].tag, value)}
                assert all(_LONG - 60 < entry.seconds <= _LONG for entry in others)

        self._run(check)

    def test_p2_only_who_knows_the_tag_changes(self) -> None:
        """P2: ``replace`` and ``remove`` act on the tag they were given and on no other, and say whether they did."""

        async def check(state: SharedState) -> None:
            key = _key()
            assert not await state.replace(key, "one", "two", b"2", _LONG)
            assert not await state.remove(key, "one")
            await state.put(key, "one", b"1", _LONG)

            assert not await state.replace(key, "two", "three", b"3", _LONG)
            assert not await state.remove(key, "two")
            assert await state.replace(key, "one", "two", b"2", _LONG)
            there = await state.put(key, "four", b"4", _LONG)
            assert there is not None
            assert (there.tag, there.value) == ("two", b"2")
            assert await state.remove(key, "two")
            assert await state.put(key, "four", b"4", _LONG) is None

        self._run(check)

    def test_p3_entries_expire(self) -> None:
        """P3: an entry is gone when its time is over, and somebody else can put one."""

        async def check(state: SharedState) -> None:
            key = _key()
            await state.put(key, "one", b"1", self.brief)
            await self.pass_time(self.brief * 1.5)

            assert not await state.replace(key, "one", "two", b"2", _LONG)
            assert await state.put(key, "two", b"2", _LONG) is None

        self._run(check)

    def test_p4_extended_entries_last(self) -> None:
        """P4: ``extend`` lets the entries it is given last, those of another tag not, and says which were there."""

        async def check(state: SharedState) -> None:
            mine, others, gone = _key(), _key(), _key()
            await state.put(mine, "me", b"1", self.brief)
            await state.put(others, "other", b"2", self.brief)

            kept = await state.extend([(mine, "me"), (others, "me"), (gone, "me")], _LONG)
            await self.pass_time(self.brief * 1.5)

            assert list(kept) == [True, False, False]
            assert await state.put(mine, "new", b"", _LONG) is not None
            assert await state.put(others, "new", b"", _LONG) is None
            assert list(await state.extend([], _LONG)) == []

        self._run(check)

    def test_p5_who_waits_is_woken(self) -> None:
        """P5: ``wait`` gives what took an entry's place as soon as it did, None when it was removed."""

        async def check(state: SharedState) -> None:
            replaced, removed = _key(), _key()
            for key in (replaced, removed):
                await state.put(key, "one", b"1", _LONG)
            waiting = [asyncio.ensure_future(state.wait(key, "one", 20.0)) for key in (replaced, removed) * 5]
            await asyncio.sleep(0.05)
            assert not any(each.done() for each in waiting)

            await self.make_state().replace(replaced, "one", "two", b"2", _LONG)
            await self.make_state().remove(removed, "one")
            async with asyncio.timeout(self.at_once):
                there = await asyncio.gather(*waiting)

            assert [None if entry is None else (entry.tag, entry.value) for entry in there] == [("two", b"2"), None] * 5

        self._run(check)

    def test_p6_a_wait_ends(self) -> None:
        """P6: ``wait`` gives at once what has another tag or is not there, and after its time what has not changed."""

        async def check(state: SharedState) -> None:
            key = _key()
            assert await state.wait(key, "one", 20.0) is None
            await state.put(key, "one", b"1", _LONG)

            other = await state.wait(key, "two", 20.0)
            waiting = asyncio.ensure_future(state.wait(key, "one", self.brief))
            await asyncio.sleep(0)
            await self.pass_time(self.brief * 1.5)
            same = await waiting

            assert other is not None
            assert same is not None
            assert (other.tag, same.tag) == ("one", "one")

        self._run(check)

    def test_p7_no_change_is_missed(self) -> None:
        """P7: a change that comes while ``wait`` begins is not missed."""

        async def check(state: SharedState) -> None:
            for steps in range(12):
                key = _key()
                await state.put(key, "one", b"", _LONG)
                waiting = asyncio.ensure_future(state.wait(key, "one", 20.0))
                for _ in range(steps):
                    await asyncio.sleep(0)
                await state.replace(key, "one", "two", b"", _LONG)

                async with asyncio.timeout(self.at_once):
                    there = await waiting
                assert there is not None
                assert there.tag == "two"

        self._run(check)

    def test_p8_keys_and_tags_are_any_text(self) -> None:
        """P8: keys, tags and names of boards and lines that are alike or odd are not taken for each other."""

        async def check(state: SharedState) -> None:
            run = token_hex(4)
            for name in _AWKWARD:
                assert await state.put(run + name, name, name.encode(), _LONG) is None
                await state.post(run + name, name, name.encode(), _LONG)

            for name in _AWKWARD:
                there = await state.put(run + name, "new", b"", _LONG)
                assert there is not None
                assert (there.tag, there.value) == (name, name.encode())
                async with aclosing(state.listen(run + name)) as heard_lines:  # type: ignore[type-var]
                    (line,) = await anext(heard_lines)
                assert (line.name, line.value) == (name, name.encode())

        self._run(check)

    def test_p9_a_board_is_read_whole_and_then_followed(self) -> None:
        """P9: who listens gets the last word on every name first, then each line as it is written; none expired."""

        async def check(state: SharedState) -> None:
            board = _key()
            await state.post(board, "gone", b"0", self.brief)
            await self.pass_time(self.brief * 1.5)
            for name, value in (("a", b"1"), ("b", b"2"), ("a", b"3")):
                await state.post(board, name, value, _LONG)

            async with aclosing(state.listen(board)) as lines:  # type: ignore[type-var]
                first = await anext(lines)
                for value in _VALUES:
                    await self.make_state().post(board, "c", value, _LONG)
                later = await self._read(lines, _VALUES[-1])

            assert {line.name: line.value for line in first} == {"a": b"3", "b": b"2"}
            assert all(_LONG - 60 < line.seconds <= _LONG for line in first)
            assert later[-1].value == _VALUES[-1]
            assert {line.name for line in later} == {"c"}

        self._run(check)

    def test_p10_an_empty_board_is_told(self) -> None:
        """P10: who listens to a board nobody has written on is told so at once."""

        async def check(state: SharedState) -> None:
            async with aclosing(state.listen(_key())) as lines:  # type: ignore[type-var]
                async with asyncio.timeout(self.at_once):
                    first = await anext(lines)

            assert first == ()

        self._run(check)

    def test_p11_many_event_loops(self) -> None:
        """P11: one instance serves several threads, each with its event loop, and wakes across them."""

        async def check(state: SharedState) -> None:
            keys = [_key() for _ in range(8)]
            for key in keys:
                await state.put(key, "one", b"", _LONG)

            def wait_in_a_loop(key: str) -> str:
                entry = asyncio.run(state.wait(key, "one", 20.0))
                return "" if entry is None else entry.tag

            with ThreadPoolExecutor(4) as threads:
                waiting = [asyncio.wrap_future(threads.submit(wait_in_a_loop, key)) for key in keys]
                for key in keys:
                    await state.replace(key, "one", f"two {key}", b"", _LONG)
                tags = await asyncio.gather(*waiting)

            assert tags == [f"two {key}" for key in keys]

        self._run(check)

    def test_p12_cancelled_calls_leave_it_usable(self) -> None:
        """P12: a call cancelled at any await leaves the store working, also for others that wait."""

        async def check(state: SharedState) -> None:
            key = _key()
            await state.put(key, "one", b"", _LONG)
            patient = asyncio.ensure_future(state.wait(key, "one", 20.0))
            for steps in range(8):
                calls = [
                    state.wait(key, "one", 20.0),
                    state.put(_key(), "one", b"", _LONG),
                    _first(state.listen(_key())),
                ]
                asking = [asyncio.ensure_future(call) for call in calls]
                for _ in range(steps):
                    await asyncio.sleep(0)
                for each in asking:
                    each.cancel()
                    with suppress(asyncio.CancelledError):
                        await each

            assert await state.replace(key, "one", "two", b"", _LONG)
            async with asyncio.timeout(self.at_once):
                there = await patient

            assert there is not None
            assert there.tag == "two"

        self._run(check)

    def test_p13_bytes_are_never_run_nor_shown(self) -> None:
        """P13: a pickle that would act when loaded comes back as bytes, and no value is in ``repr`` or in a log."""

        async def check(state: SharedState) -> None:
            key, value = _key(), pickle.dumps(_Trap()) + _CANARY
            with heard(logging.DEBUG) as lines:
                await state.put(key, "one", value, _LONG)
                there = await state.wait(key, "", 0.0)

            assert there is not None
            assert there.value == value
            assert _CANARY.decode() not in "\n".join((repr(state), repr(there), *lines))

        self._run(check)

    def test_p14_closing(self) -> None:
        """P14: closing works on an unused state, and twice; what is kept in the store stays."""

        async def check(state: SharedState) -> None:
            key, other = _key(), self.make_state()
            await other.put(key, "one", b"", _LONG)
            await other.aclose()
            await other.aclose()

            assert isinstance(state, SharedState)
            assert await state.put(key, "two", b"", _LONG) is not None

        self._run(check)

    async def _read(self, lines: AsyncIterator[tuple[Posting, ...]], last: bytes) -> list[Posting]:
        read: list[Posting] = []
        async with asyncio.timeout(self.at_once):
            while not read or read[-1].value != last:
                read += await anext(lines)
        return read

    def _run(self, check: Callable[[SharedState], Awaitable[None]]) -> None:
        async def run() -> None:
            made: list[SharedState] = []
            make = self.make_state

            def make_and_note() -> SharedState:
                made.append(make())
                return made[-1]

            self.make_state = make_and_note  # type: ignore[method-assign]
            try:
                async with asyncio.timeout(60):
                    await check(make_and_note())
            finally:
                del self.make_state
                await _close_all(made)

        asyncio.run(run())


class _Trap:
    def __reduce__(self) -> tuple[object, ...]:
        return _spring, ()


def _spring() -> None:
    raise AssertionError("the state unpickled a value")


def _key() -> str:
    return f"suite/{token_hex(8)}"


async def _first(lines: AsyncIterator[tuple[Posting, ...]]) -> tuple[Posting, ...]:
    async with aclosing(lines) as heard_lines:  # type: ignore[type-var]
        return await anext(heard_lines)


async def _close_all(states: Iterable[SharedState]) -> None:
    for state in states:
        await state.aclose()
