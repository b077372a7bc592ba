"""Several requests that come together: one place in line, one turn, one step; nobody refused for being one of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway import Budget, BudgetExceededError, InvalidRequestError, QueueFullError, QueueTimeoutError
from litellm_gateway.errors import GatewayError, RateLimitError
from litellm_gateway.limit_store import Granted, Refused
from litellm_gateway.party import Guest
from litellm_gateway.party_limiter import PartyLimiter
from litellm_gateway.rate_limiter import RateLimitConfig
from litellm_gateway.shared_limits import SharedLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from litellm_gateway.limit_store import Demand, Settlement

FAR = 1e9


def limiter(clock: Callable[[], float], budgets: Sequence[Budget] = (), **limits: Any) -> PartyLimiter:
    return PartyLimiter(RateLimitConfig(heed_provider_limits=False, **limits), budgets, clock=clock)


async def join(doors: PartyLimiter, guests: list[Guest], *, tenant: str = "", priority: int = 0) -> list[Any]:
    """Come together, wait, and give each guest's reservation or error."""
    party = doors.come(tenant, "p/m", guests, priority=priority)
    if party is not None:
        await doors.admit(party)
    return await asyncio.gather(*(doors.place(guest) for guest in guests), return_exceptions=True)


def guests(count: int, tokens: int = 1, *, money: int = 0, deadline: float = FAR) -> list[Guest]:
    return [Guest(tokens, money, deadline) for _ in range(count)]


def used(doors: PartyLimiter, tenant: str = "") -> dict[str, int]:
    each = doors.foresee(tenant, "p/m", 0)[0]
    return {"concurrency" if one.limit is None else ("requests", "tokens", "money")[one.limit.metric]: one.used
            for one in each}  # fmt: skip


async def turns(count: int = 8) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_all_are_let_in_at_once_and_settled_one_by_one(virtually) -> None:
    """Requests, tokens and places of all are counted in one step; each gives back its own, once."""

    async def main(clock: Callable[[], float]) -> None:
        doors = limiter(clock, requests_per_minute=5, tokens_per_minute=100, concurrency=3)

        given = await join(doors, guests(3, 10))
        reserved = used(doors)
        given[0].settle(4)
        given[0].refund()
        given[1].refund()
        given[1].settle(10)

        assert reserved == {"requests": 3, "tokens": 30, "concurrency": 3}
        assert used(doors) == {"requests": 2, "tokens": 14, "concurrency": 1}
        given[2].settle(25)
        assert used(doors) == {"requests": 2, "tokens": 29, "concurrency": 0}

    virtually(main)


def test_a_party_waits_as_one_and_is_let_in_as_a_whole(virtually) -> None:
    """While its time is foreseen nobody of it is let in early, and nobody passes it."""

    async def main(clock: Callable[[], float]) -> None:
        doors = limiter(clock, requests_per_second=4)
        (await join(doors, guests(2)))[0].settle(1)
        order: list[str] = []

        async def come(name: str, count: int) -> None:
            await join(doors, guests(count))
            order.append(f"{name} at {clock() - 1000:.0f}")

        waiting = [asyncio.create_task(come("party", 3)), asyncio.create_task(come("single", 1))]
        await turns()
        depth, left = doors.queue_depth, doors.remaining()
        await asyncio.gather(*waiting)

        assert (depth, left) == (4, 2)
        assert order == ["party at 1", "single at 1"]

    virtually(main)


@pytest.mark.parametrize(
    "limits",
    [{"requests_per_second": 3}, {"tokens_per_second": 30}, {"concurrency": 3}, {"shared": {"concurrency": 3}}],
    ids=["requests", "tokens", "places", "shared places"],
)
def test_a_party_no_limit_lets_through_as_a_whole_goes_one_by_one(virtually, limits: dict[str, Any]) -> None:
    """Five where three fit at once: three go in, and the two others as soon as there is room, in order."""

    async def main(clock: Callable[[], float]) -> None:
        doors = limiter(clock, **limits)
        order: list[int] = []
        crowd = guests(5, 10)
        party = doors.come("", "p/m", crowd)
        assert party is not None

        async def call(number: int) -> None:
            reservation = await doors.place(crowd[number])
            order.append(number)
            await asyncio.sleep(0.5)
            reservation.settle(10)

        await doors.admit(party)
        waiting = [asyncio.create_task(call(number)) for number in range(5)]
        await turns()
        at_once = list(order)
        await asyncio.gather(*waiting)

        assert at_once == [0, 1, 2]
        assert order == [0, 1, 2, 3, 4]
        assert doors.queue_depth == 0

    virtually(main)


def test_a_party_that_lacks_places_takes_those_that_are_free(virtually) -> None:
    """Nobody can tell when a long call ends: two of three places are free, and two of the three go in."""

    async def main(clock: Callable[[], float]) -> None:
        doors = limiter(clock, concurrency=3, queue_timeout=5.0)
        long = await doors.reserve("", "p/m", 1, FAR)

        given = await join(doors, guests(3))
        long.refund()

        assert [type(each).__name__ for each in given] == ["Reservation", "Reservation", "QueueTimeoutError"]
        assert used(doors)["concurrency"] == 2

    virtually(main)


def test_with_queuing_off_each_is_let_in_or_refused_by_itself(virtually) -> None:
    """As many as fit are let in; who is not gets an error of its own."""

    async def main(clock: Callable[[], float]) -> None:
        doors = limiter(clock, requests_per_minute=3, enable_queuing=False)

        given = await join(doors, guests(5))

        assert [type(each).__name__ for each in given] == ["Reservation"] * 3 + ["RateLimitError"] * 2
        assert given[3] is not given[4]
        assert doors.remaining() == 0

    virtually(main)


def test_one_that_never_fits_is_refused_alone(virtually) -> None:
    """Too many tokens for any limit is that request's fault only."""

    async def main(clock: Callable[[], float]) -> None:
        doors = limiter(clock, tokens_per_minute=100)

        given = await join(doors, [*guests(1, 10), *guests(1, 101), *guests(1, 10)])

        assert isinstance(given[1], InvalidRequestError)
        assert not any(isinstance(given[number], GatewayError) for number in (0, 2))
        assert used(doors)["tokens"] == 20

    virtually(main)


def test_a_hard_budget_lets_in_as_many_as_it_has_money_for(virtually) -> None:
    """Three of ten are too much for a budget of twenty: two go in, one is refused; all is given back by itself."""

    async def main(clock: Callable[[], float]) -> None:
        doors = limiter(clock, [Budget(money="0.00000002", window="day")])

        given = await join(doors, guests(3, 1, money=10))
        given[0].settle(1, money=5)
        given[1].refund()

        assert isinstance(given[2], BudgetExceededError)
        assert used(doors)["money"] == 5

    virtually(main)


def test_a_guest_that_leaves_the_line_takes_its_part_along(virtually) -> None:
    """The others are let in as soon as what is left of them fits, and nothing of it stays counted."""

    async def main(clock: Callable[[], float]) -> None:
        doors = limiter(clock, tokens_per_second=100)
        (await join(doors, guests(1, 50)))[0].settle(50)
        crowd = [*guests(2, 20), *guests(1, 60)]
        party = doors.come("", "p/m", crowd)
        assert party is not None
        waiting = asyncio.create_task(doors.admit(party))
        await turns()
        depth = doors.queue_depth

        doors.leave(crowd[2])
        doors.leave(crowd[2])
        await waiting
        given = [await doors.place(guest) for guest in crowd[:2]]

        assert (depth, doors.queue_depth) == (3, 0)
        assert clock() == 1000.0
        assert used(doors)["tokens"] == 90
        for reservation in given:
            reservation.refund()
        assert used(doors)["tokens"] == 50

    virtually(main)


def test_whoever_is_given_a_place_and_left_gives_it_back(virtually) -> None:
    """Between being let in and being told lies a moment: who leaves in it holds nothing."""

    async def main(clock: Callable[[], float]) -> None:
        doors = limiter(clock, requests_per_minute=5, concurrency=3)
        crowd = guests(3)
        party = doors.come("", "p/m", crowd)
        assert party is not None

        doors.leave(crowd[1])
        await doors.admit(party)
        doors.leave(crowd[2])

        assert used(doors) == {"requests": 1, "concurrency": 1}

    virtually(main)


def test_a_party_nobody_waits_for_any_more_holds_nothing(virtually) -> None:
    """Cancelled at each of its awaits in turn, in line and let in, it leaves neither a place nor a waiter."""

    async def main(clock: Callable[[], float]) -> None:
        for steps in range(1, 7):
            doors = limiter(clock, requests_per_second=2)
            await join(doors, guests(1))
            crowd = guests(2)
            party = doors.come("", "p/m", crowd)
            assert party is not None
            waiting = asyncio.create_task(doors.admit(party))
            await turns(steps)

            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            for guest in crowd:
                doors.leave(guest)

            assert doors.queue_depth == 0
            assert doors.remaining() == 1
            await asyncio.sleep(2)

    virtually(main)


def test_the_least_patient_leaves_and_the_others_go_on(virtually) -> None:
    """Whose time to wait is over is told so; the party waits on without it."""

    async def main(clock: Callable[[], float]) -> None:
        doors = limiter(clock, requests_per_second=3)
        (await join(doors, guests(2)))[0].settle(1)
        hasty = Guest(1, 0, clock() + 1.5)
        crowd = [hasty, *guests(2)]
        party = doors.come("", "p/m", crowd)
        assert party is not None
        assert party.stands_in_line
        waiting = asyncio.create_task(doors.admit(party))
        await turns()

        error = doors.time_is_up(hasty)
        again = doors.time_is_up(hasty)
        await waiting

        assert isinstance(error, QueueTimeoutError)
        assert again is None
        assert [type(await doors.place(guest)).__name__ for guest in crowd[1:]] == ["Reservation"] * 2
        assert doors.time_is_up(crowd[1]) is None
        assert doors.remaining() == 1

    virtually(main)


def test_a_wait_the_least_patient_would_not_see_the_end_of_parts_them(virtually) -> None:
    """Room for all in a minute, and one who waits a second: it goes in at once, by itself."""

    async def main(clock: Callable[[], float]) -> None:
        doors = limiter(clock, requests_per_minute=3)
        await join(doors, guests(2))

        given = await join(doors, [Guest(1, 0, clock() + 1.0), *guests(1)])

        assert [type(each).__name__ for each in given] == ["Reservation", "QueueTimeoutError"]

    virtually(main)


def test_a_party_counts_its_requests_in_the_queue(virtually) -> None:
    """Where three may wait, a party of two leaves room for one; a party there is no room for goes one by one."""

    async def main(clock: Callable[[], float]) -> None:
        doors = limiter(clock, requests_per_second=2, max_queue_size=3)
        await join(doors, guests(2))
        first = asyncio.create_task(join(doors, guests(2)))
        await turns()
        second = asyncio.create_task(join(doors, guests(2)))
        await turns()
        depth = doors.queue_depth
        given = [*await first, *await second]

        assert depth == 3
        assert [type(each).__name__ for each in given] == ["Reservation"] * 3 + ["QueueFullError"]

    virtually(main)


def test_a_full_queue_takes_one_of_a_party_away_for_another_tenant(virtually) -> None:
    """A tenant with three waiting makes room for one of another tenant: the last of the party goes, not all."""

    async def main(clock: Callable[[], float]) -> None:
        doors = limiter(clock, shared={"requests_per_second": 3}, max_queue_size=3)
        await join(doors, guests(3), tenant="a")
        many = asyncio.create_task(join(doors, guests(3), tenant="a"))
        await turns()

        other = asyncio.create_task(join(doors, guests(1), tenant="b"))
        given = await many

        assert [type(each) is QueueFullError for each in given] == [False, False, True]
        assert not isinstance((await other)[0], GatewayError)

    virtually(main)


def test_a_turn_of_a_party_weighs_as_much_as_its_requests(virtually) -> None:
    """A tenant gets no more of what is shared by asking for several at once."""

    async def main(clock: Callable[[], float]) -> None:
        doors = limiter(clock, shared={"requests_per_second": 4}, queue_timeout=100.0, max_queue_size=1000)
        await join(doors, guests(4), tenant="a")
        served: list[str] = []

        async def come(tenant: str, count: int) -> None:
            await join(doors, guests(count), tenant=tenant)
            served.extend([tenant] * count)

        waiting = [asyncio.create_task(come("parties", 4)) for _ in range(6)]
        waiting += [asyncio.create_task(come("singles", 1)) for _ in range(24)]
        await asyncio.sleep(6.5)
        shares = served.count("parties"), served.count("singles")
        await asyncio.gather(*waiting)

        assert abs(shares[0] - shares[1]) <= 4

    virtually(main)


def test_new_limits_judge_a_waiting_party_again(virtually) -> None:
    """More room lets it in at once, no limits do as well, and less parts it."""

    async def main(clock: Callable[[], float]) -> None:
        for config in (RateLimitConfig(requests_per_minute=10), None, RateLimitConfig(requests_per_minute=1)):
            doors = limiter(clock, requests_per_minute=4, queue_timeout=200.0)
            await join(doors, guests(3))
            waiting = asyncio.create_task(join(doors, guests(2)))
            await turns()

            doors.configure(config)
            given = await waiting
            for reservation in given:
                reservation.settle(1)

            assert not any(isinstance(each, GatewayError) for each in given)
            assert doors.queue_depth == 0
            await asyncio.sleep(200)

    virtually(main)


def test_the_higher_priority_goes_first(virtually) -> None:
    """A party of a higher priority passes one that came before it."""

    async def main(clock: Callable[[], float]) -> None:
        doors = limiter(clock, requests_per_second=2)
        await join(doors, guests(2))
        order: list[int] = []

        async def come(priority: int) -> None:
            await join(doors, guests(2), priority=priority)
            order.append(priority)

        await asyncio.gather(come(0), come(5))

        assert order == [5, 0]

    virtually(main)


class Store:
    """A limit store that answers as it is told, then grants everything."""

    def __init__(self, *answers: Refused | Exception) -> None:
        self.answers = list(answers)
        self.demands: list[Demand] = []
        self.settled: list[Settlement] = []

    async def take(self, demand: Demand) -> Granted | Refused:
        self.demands.append(demand)
        await asyncio.sleep(0)
        answer = self.answers.pop(0) if self.answers else Granted(tuple(range(len(demand.charges))))
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        self.settled += settlements

    async def aclose(self) -> None:
        pass


def shared(clock: Callable[[], float], store: Store, *, refuses: bool = False, **limits: Any) -> PartyLimiter:
    sharing = SharedLimits("s", store, clock=clock, timeout=5.0, refuses=refuses, note=lambda _error: None)
    config = RateLimitConfig(heed_provider_limits=False, **limits)
    return PartyLimiter(config, clock=clock, share=lambda _config: sharing)


def test_other_processes_are_asked_once_for_all(virtually) -> None:
    """One demand with a name for each; each is settled under its own name with its own change."""

    async def main(clock: Callable[[], float]) -> None:
        store = Store()
        doors = shared(clock, store, tokens_per_minute=100, concurrency=5)

        given = await join(doors, guests(3, 10))
        given[0].settle(4)
        given[1].refund()
        given[2].settle(12)
        await asyncio.sleep(1)

        (demand,) = store.demands
        names = {demand.id, *demand.further}
        assert len(names) == 3
        assert [charge.amount for charge in demand.charges] == [30]
        assert {settlement.demand.id for settlement in store.settled} == names
        assert [settlement.changes for settlement in store.settled] == [(-6,), (-10,), (2,)]

    virtually(main)


def test_a_party_cancelled_while_others_are_asked_gives_all_places_back(virtually) -> None:
    """Each name is settled once, and what was counted for all is given back once."""

    async def main(clock: Callable[[], float]) -> None:
        store = Store()
        doors = shared(clock, store, tokens_per_minute=100, concurrency=5)
        crowd = guests(3, 10)
        party = doors.come("", "p/m", crowd)
        assert party is not None
        asking = asyncio.create_task(doors.admit(party))
        await turns(2)

        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await asyncio.sleep(1)

        assert used(doors) == {"tokens": 0, "concurrency": 0}
        assert sorted(settlement.demand.id for settlement in store.settled) == sorted(
            (store.demands[0].id, *store.demands[0].further)
        )
        assert sum(settlement.changes[0] for settlement in store.settled) == -30

    virtually(main)


def test_a_party_others_leave_no_room_for_waits_if_that_ends(virtually) -> None:
    """The store says when: all are asked for again then, at once."""

    async def main(clock: Callable[[], float]) -> None:
        store = Store(Refused("tokens/60/tenant/\x1f", 0.5))
        doors = shared(clock, store, tokens_per_minute=100)

        given = await join(doors, guests(3, 10))

        assert not any(isinstance(each, GatewayError) for each in given)
        assert [len(demand.further) for demand in store.demands] == [2, 2]
        assert clock() >= 1000.5
        for reservation in given:
            reservation.refund()
        await asyncio.sleep(1)

    virtually(main)


@pytest.mark.parametrize("waits", [True, False], ids=["queuing", "no queuing"])
def test_a_party_others_leave_too_few_places_for_asks_one_by_one(virtually, waits: bool) -> None:
    """Nobody can tell when places come free: each asks for itself, and who finds none waits or is refused."""

    async def main(clock: Callable[[], float]) -> None:
        full = Refused("tenant/\x1f", None)
        store = Store(full)
        doors = shared(clock, store, concurrency=5, enable_queuing=waits)
        crowd = guests(2)
        party = doors.come("", "p/m", crowd)
        assert party is not None
        await doors.admit(party)
        first = await doors.place(crowd[0])
        store.answers.append(full)

        second = await asyncio.gather(doors.place(crowd[1]), return_exceptions=True)

        assert [len(demand.further) for demand in store.demands][:3] == [1, 0, 0]
        assert isinstance(second[0], RateLimitError) is not waits
        first.refund()
        for each in second:
            if not isinstance(each, BaseException):
                each.refund()
        await asyncio.sleep(1)
        assert used(doors)["concurrency"] == 0

    virtually(main)


def test_a_storage_out_of_reach_refuses_all_or_none(virtually) -> None:
    """Where it must be there nobody passes and nothing stays reserved; else this process counts alone."""

    async def main(clock: Callable[[], float]) -> None:
        strict = shared(clock, Store(OSError()), refuses=True, concurrency=5)
        lenient = shared(clock, Store(OSError()), concurrency=5)
        party = strict.come("", "p/m", guests(3))
        assert party is not None

        with pytest.raises(RateLimitError):
            await strict.admit(party)
        given = await join(lenient, guests(3))

        assert used(strict)["concurrency"] == 0
        assert used(lenient)["concurrency"] == 3
        for reservation in given:
            reservation.refund()

    virtually(main)
