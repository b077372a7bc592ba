"""What every limit store must do, as tests to subclass; the numbers are those of ``docs/reference/contracts.md``.

::

    class TestAcmeLimits(LimitStoreSuite):
        def make_store(self):
            return AcmeLimits("acme://127.0.0.1:7000", timeout=1.0)
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from secrets import token_hex
from typing import TYPE_CHECKING

from litellm_gateway.limit_store import Charge, Demand, Granted, LimitStore, Place, Refused, Settlement

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

_LONG = 3600.0
_AWKWARD = ("", ":", "a", "A", "a b", "*", "\0", "x\ny", "{a}", "ünï", "\x1f", "t" * 500)


class LimitStoreSuite(ABC):
    """Subclass it, name it ``Test...``, and say how to make a store.

    Attributes:
        window: The shortest window, in seconds, the store is to be tried with.
        given_away: Share of a window that may pass before room that came free is seen.
    """

    window: float = 1.0
    given_away: float = 0.05

    @abstractmethod
    def make_store(self) -> LimitStore:
        """Give a store; called inside a running event loop. What is behind it may be shared with others."""

    async def pass_time(self, seconds: float) -> None:
        """Let time go by for the store; override it where the clock is a fake."""
        await asyncio.sleep(seconds)

    def test_p1_all_or_nothing(self) -> None:
        """P1: a demand one part of which finds no room counts nothing, and names that part."""

        async def check(store: LimitStore) -> None:
            wide, narrow, places = _key(), _key(), _key()
            await store.take(_demand((Charge(narrow, _LONG, 5, 5),)))

            refused = await store.take(_demand((Charge(wide, _LONG, 5, 3), Charge(narrow, _LONG, 5, 1))))
            full = await store.take(_demand((Charge(wide, _LONG, 5, 3),), (Place(places, 0),)))

            assert isinstance(refused, Refused)
            assert refused.key == narrow
            assert isinstance(full, Refused)
            assert full.key == places
            assert isinstance(await store.take(_demand((Charge(wide, _LONG, 5, 5),))), Granted)

        self._run(check)

    def test_p2_windows_hold(self) -> None:
        """P2: no more than the limit is let in within a window, and all of it again once that is over."""

        async def check(store: LimitStore) -> None:
            charges = (Charge(_key(), self.window, 3, 1),)

            first = [await store.take(_demand(charges)) for _ in range(5)]
            await self.pass_time(self.window * (1 + self.given_away))
            second = [await store.take(_demand(charges)) for _ in range(5)]

            for answers in (first, second):
                assert [isinstance(answer, Granted) for answer in answers] == [True] * 3 + [False] * 2

        self._run(check)

    def test_p3_a_refusal_says_when(self) -> None:
        """P3: a refusal tells the seconds until there is room, and then there is."""

        async def check(store: LimitStore) -> None:
            charges = (Charge(_key(), self.window, 3, 3),)
            await store.take(_demand(charges))

            refused = await store.take(_demand(charges))

            assert isinstance(refused, Refused)
            assert refused.seconds is not None
            assert 0 < refused.seconds <= self.window * (1 + self.given_away)
            await self.pass_time(refused.seconds)
            assert isinstance(await store.take(_demand(charges)), Granted)

        self._run(check)

    def test_p4_less_is_given_back(self) -> None:
        """P4: what was counted too much makes room at once; settled too late, it takes nothing from others."""

        async def check(store: LimitStore) -> None:
            charges = (Charge(_key(), self.window, 10, 10),)
            demand = _demand(charges)
            granted = await store.take(demand)
            assert isinstance(granted, Granted)

            await store.settle([Settlement(demand=demand, marks=granted.marks, changes=(-4,))])
            small = (Charge(charges[0].key, self.window, 10, 4),)
            assert isinstance(await store.take(_demand(small)), Granted)
            assert isinstance(await store.take(_demand(small)), Refused)

            await self.pass_time(self.window * (1 + self.given_away))
            await store.take(_demand(charges))
            await store.settle([Settlement(demand=demand, marks=granted.marks, changes=(-6,))])
            assert isinstance(await store.take(_demand(small)), Refused)

        self._run(check)

    def test_p5_more_is_a_debt(self) -> None:
        """P5: what was used beyond the demand counts from the settlement on, even beyond the limit."""

        async def check(store: LimitStore) -> None:
            charges = (Charge(_key(), self.window, 10, 1),)
            demand = _demand(charges)
            granted = await store.take(demand)
            assert isinstance(granted, Granted)

            await store.settle([Settlement(demand=demand, marks=granted.marks, changes=(30,))])

            assert isinstance(await store.take(_demand(charges)), Refused)
            await self.pass_time(self.window * (1 + self.given_away))
            assert isinstance(await store.take(_demand(charges)), Granted)

        self._run(check)

    def test_p6_places_are_freed(self) -> None:
        """P6: a place is free again once its demand is settled, or once its lease is over."""

        async def check(store: LimitStore) -> None:
            places = (Place(_key(), 2),)
            first, brief = _demand((), places), _demand((), places, lease=self.window)
            granted = await store.take(first)
            assert isinstance(granted, Granted)
            await store.take(brief)
            assert isinstance(await store.take(_demand((), places)), Refused)

            await store.settle([Settlement(demand=first, marks=granted.marks, changes=())])
            assert isinstance(await store.take(_demand((), places)), Granted)
            assert isinstance(await store.take(_demand((), places)), Refused)
            await self.pass_time(self.window * (1 + self.given_away))
            assert isinstance(await store.take(_demand((), places)), Granted)

        self._run(check)

    def test_p7_keys_never_meet(self) -> None:
        """P7: every key counts by itself, however alike or odd the keys are."""

        async def check(store: LimitStore) -> None:
            run = token_hex(4)
            for name in _AWKWARD:
                answer = await store.take(_demand((Charge(f"{run}{name}", _LONG, 1, 1),)))
                assert isinstance(answer, Granted), name

        self._run(check)

    def test_p8_exact_under_load(self) -> None:
        """P8: of 300 demands at once, from several event loops, exactly as many are granted as the limit says."""

        async def check(store: LimitStore) -> None:
            charges = (Charge(_key(), _LONG, 100, 1), Charge(_key(), _LONG, 10**12, 1000))

            async def many() -> int:
                answers = await asyncio.gather(*(store.take(_demand(charges)) for _ in range(75)))
                return sum(isinstance(answer, Granted) for answer in answers)

            with ThreadPoolExecutor(3) as threads:
                others = [asyncio.wrap_future(threads.submit(lambda: asyncio.run(many()))) for _ in range(3)]
                counts = [await many(), *await asyncio.gather(*others)]

            assert sum(counts) == 100

        self._run(check)

    def test_p9_several_settlements_at_once(self) -> None:
        """P9: settlements sent together each do their work; none at all is no error."""

        async def check(store: LimitStore) -> None:
            charges = (Charge(_key(), _LONG, 500, 1),)
            demands = [_demand(charges) for _ in range(500)]
            answers = [await store.take(demand) for demand in demands]
            await store.settle([])

            await store.settle(_refunds(demands, answers))

            assert isinstance(await store.take(_demand((Charge(charges[0].key, _LONG, 500, 500),))), Granted)

        self._run(check)

    def test_p10_cancelled_calls_leave_it_usable(self) -> None:
        """P10: a call cancelled at any await leaves the store working."""

        async def check(store: LimitStore) -> None:
            charges = (Charge(_key(), _LONG, 100, 1),)
            for steps in range(8):
                asking = asyncio.ensure_future(store.take(_demand(charges)))
                for _ in range(steps):
                    await asyncio.sleep(0)
                asking.cancel()
                with suppress(asyncio.CancelledError):
                    await asking

            answers = await asyncio.gather(*(store.take(_demand(charges)) for _ in range(20)))

            assert all(isinstance(answer, Granted) for answer in answers)

        self._run(check)

    def test_p11_closing(self) -> None:
        """P11: closing works on an unused store, and twice; what was counted stays."""

        async def check(store: LimitStore) -> None:
            assert isinstance(store, LimitStore)
            await store.aclose()

        self._run(check)

    def test_p12_several_at_once(self) -> None:
        """P12: a demand for several requests takes a place for each, or none, and each is settled by itself."""

        async def check(store: LimitStore) -> None:
            places, charges = (Place(_key(), 3),), (Charge(_key(), _LONG, 10, 6),)
            first = _demand(charges, places, further=("a", "b"))
            granted = await store.take(first)
            assert isinstance(granted, Granted)
            assert isinstance(await store.take(_demand((), places)), Refused)

            own = [_demand(charges, places, name=name) for name in (first.id, *first.further)]
            settled = [Settlement(demand=each, marks=granted.marks, changes=(-2,)) for each in own]
            await store.settle(settled[:2])
            assert isinstance(await store.take(_demand(charges, places, further=("c", "d"))), Refused)
            assert isinstance(await store.take(_demand(charges, places, further=("c",))), Granted)
            assert isinstance(await store.take(_demand((), places)), Refused)
            await store.settle(settled[2:])

            assert isinstance(await store.take(_demand((Charge(charges[0].key, _LONG, 10, 4),), places)), Granted)

        self._run(check)

    def _run(self, check: Callable[[LimitStore], Awaitable[None]]) -> None:
        async def run() -> None:
            store = self.make_store()
            try:
                async with asyncio.timeout(60):
                    await check(store)
            finally:
                await store.aclose()

        asyncio.run(run())


def _key() -> str:
    return f"suite/{token_hex(8)}"


def _demand(
    charges: tuple[Charge, ...],
    places: tuple[Place, ...] = (),
    *,
    lease: float = _LONG,
    name: str = "",
    further: tuple[str, ...] = (),
) -> Demand:
    run = token_hex(8)
    return Demand(id=name or run, charges=charges, places=places, lease=lease, further=further)


def _refunds(demands: Sequence[Demand], answers: Sequence[Granted | Refused]) -> list[Settlement]:
    return [
        Settlement(demand=demand, marks=answer.marks, changes=tuple(-charge.amount for charge in demand.charges))
        for demand, answer in zip(demands, answers, strict=True)
        if isinstance(answer, Granted)
    ]
