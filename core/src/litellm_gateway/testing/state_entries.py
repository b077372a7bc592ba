"""The half of the suite of shared states that is about entries: putting, replacing, extending, waiting."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from secrets import token_hex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from litellm_gateway.shared_state import SharedState

LONG = 600.0
VALUES = (b"", b"plain", bytes(range(256)), b"\r\n\0 1 2", b"x" * 1_000_000)


class EntryPromises(ABC):
    """What ``SharedStateSuite`` checks of entries; subclass that one.

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
            for value in VALUES:
                key = new_key()
                putting = (state.put(key, f"tag {number}", value, LONG) for number in range(20))
                there = await asyncio.gather(*putting)

                others = [entry for entry in there if entry is not None]
                assert len(others) == 19
                assert {(entry.tag, entry.value) for entry in others} == {(others[0].tag, value)}
                assert all(LONG - 60 < entry.seconds <= LONG for entry in others)

        self.run_check(check)

    def test_p2_only_who_knows_the_tag_changes(self) -> None:
        """P2: ``replace`` and ``remove`` act on the tag they were given and on no other, and say whether they did."""

        async def check(state: SharedState) -> None:
            key = new_key()
            assert not await state.replace(key, "one", "two", b"2", LONG)
            assert not await state.remove(key, "one")
            await state.put(key, "one", b"1", LONG)

            assert not await state.replace(key, "two", "three", b"3", LONG)
            assert not await state.remove(key, "two")
            assert await state.replace(key, "one", "two", b"2", LONG)
            there = await state.put(key, "four", b"4", LONG)
            assert there is not None
            assert (there.tag, there.value) == ("two", b"2")
            assert await state.remove(key, "two")
            assert await state.put(key, "four", b"4", LONG) is None

        self.run_check(check)

    def test_p3_entries_expire(self) -> None:
        """P3: an entry is gone when its time is over, and somebody else can put one."""

        async def check(state: SharedState) -> None:
            key = new_key()
            await state.put(key, "one", b"1", self.brief)
            await self.pass_time(self.brief * 1.5)

            assert not await state.replace(key, "one", "two", b"2", LONG)
            assert await state.put(key, "two", b"2", LONG) is None

        self.run_check(check)

    def test_p4_extended_entries_last(self) -> None:
        """P4: ``extend`` lets the entries it is given last, those of another tag not, and says which were there."""

        async def check(state: SharedState) -> None:
            mine, others, gone = new_key(), new_key(), new_key()
            await state.put(mine, "me", b"1", self.brief)
            await state.put(others, "other", b"2", self.brief)

            kept = await state.extend([(mine, "me"), (others, "me"), (gone, "me")], LONG)
            await self.pass_time(self.brief * 1.5)

            assert list(kept) == [True, False, False]
            assert await state.put(mine, "new", b"", LONG) is not None
            assert await state.put(others, "new", b"", LONG) is None
            assert list(await state.extend([], LONG)) == []

        self.run_check(check)

    def test_p5_who_waits_is_woken(self) -> None:
        """P5: ``wait`` gives what took an entry's place as soon as it did, None when it was removed."""

        async def check(state: SharedState) -> None:
            replaced, removed = new_key(), new_key()
            for key in (replaced, removed):
                await state.put(key, "one", b"1", LONG)
            waiting = [asyncio.ensure_future(state.wait(key, "one", 20.0)) for key in (replaced, removed) * 5]
            await asyncio.sleep(0.05)
            assert not any(each.done() for each in waiting)

            await self.make_state().replace(replaced, "one", "two", b"2", LONG)
            await self.make_state().remove(removed, "one")
            async with asyncio.timeout(self.at_once):
                there = await asyncio.gather(*waiting)

            assert [None if entry is None else (entry.tag, entry.value) for entry in there] == [("two", b"2"), None] * 5

        self.run_check(check)

    def test_p6_a_wait_ends(self) -> None:
        """P6: ``wait`` gives at once what has another tag or is not there, and after its time what has not changed."""

        async def check(state: SharedState) -> None:
            key = new_key()
            assert await state.wait(key, "one", 20.0) is None
            await state.put(key, "one", b"1", LONG)

            other = await state.wait(key, "two", 20.0)
            waiting = asyncio.ensure_future(state.wait(key, "one", self.brief))
            await asyncio.sleep(0)
            await self.pass_time(self.brief * 1.5)
            same = await waiting

            assert other is not None
            assert same is not None
            assert (other.tag, same.tag) == ("one", "one")

        self.run_check(check)

    def test_p7_no_change_is_missed(self) -> None:
        """P7: a change that comes while ``wait`` begins is not missed."""

        async def check(state: SharedState) -> None:
            for steps in range(12):
                key = new_key()
                await state.put(key, "one", b"", LONG)
                waiting = asyncio.ensure_future(state.wait(key, "one", 20.0))
                for _ in range(steps):
                    await asyncio.sleep(0)
                await state.replace(key, "one", "two", b"", LONG)

                async with asyncio.timeout(self.at_once):
                    there = await waiting
                assert there is not None
                assert there.tag == "two"

        self.run_check(check)

    def run_check(self, check: Callable[[SharedState], Awaitable[None]]) -> None:
        """Run a check in an event loop of its own, with one state; all that were made are closed."""

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


def new_key() -> str:
    """Give a key nobody has used."""
    return f"suite/{token_hex(8)}"


async def _close_all(states: Iterable[SharedState]) -> None:
    for state in states:
        await state.aclose()
