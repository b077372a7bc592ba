"""Circuits of several processes, here several sets of breakers on one board, in virtual time."""

from __future__ import annotations

import asyncio
import gc
import random
import weakref
from typing import Any

import pytest
from litellm_gateway.breaker_table import CircuitBreakers
from litellm_gateway.errors import CircuitOpenError
from litellm_gateway.route_config import CircuitBreakerConfig
from litellm_gateway.shared_circuits import BOARD, SharedCircuits
from litellm_gateway.store_reach import StoreReach
from litellm_gateway.testing.memory_state import MemoryState

CONFIG = CircuitBreakerConfig(minimum_calls=2, recovery_timeout=10.0)
ROUTE = "acme/large"


class Process:
    """The breakers of one process, shared through a store."""

    def __init__(self, state: Any, identity: str = "acme:1234", config: CircuitBreakerConfig | None = CONFIG) -> None:
        clock = asyncio.get_running_loop().time
        self.notes: list[str | None] = []
        self.breakers = CircuitBreakers(config, clock=clock, random=random.Random(1))
        reach = StoreReach("memory", timeout=1.0, clock=clock, note=self.notes.append)
        self.sharing = SharedCircuits(
            state, reach, self.breakers, {"acme": identity}, clock=clock, sleep=asyncio.sleep, spawn=self.spawned
        )
        self.breakers.sharing = self.sharing

    def spawned(self, work: Any) -> None:
        work.close()
        raise AssertionError("there is an event loop here")

    def trip(self, route: str = ROUTE) -> None:
        for _ in range(2):
            self.breakers.get(route).failed()

    def look(self, route: str = ROUTE) -> str:
        return self.breakers.look(route)


async def listening(state: MemoryState, number: int, **changes: Any) -> list[Process]:
    """Give so many processes that listen."""
    processes = [Process(state, **changes) for _ in range(number)]
    for process in processes:
        process.breakers.get("acme/other")
    await asyncio.sleep(0.01)
    return processes


async def close(*processes: Process) -> None:
    for process in processes:
        await process.sharing.aclose()
    assert asyncio.all_tasks() == {asyncio.current_task()}


def on_a_board(check: Any) -> Any:
    async def run() -> None:
        await check(MemoryState(asyncio.get_running_loop().time))

    return run()


def test_a_circuit_that_trips_opens_in_all(virtually) -> None:
    """The others refuse calls for the time that is left, and then probe like the first."""

    async def check(state: MemoryState) -> None:
        one, other = await listening(state, 2)

        one.trip()
        await asyncio.sleep(1.0)

        assert (one.look(), other.look()) == ("open", "open")
        left = [process.breakers.get(ROUTE).snapshot()["retry_after"] for process in (one, other)]
        assert left[0] == pytest.approx(left[1], abs=0.1)
        with pytest.raises(CircuitOpenError):
            other.breakers.get(ROUTE).admit()
        await asyncio.sleep(left[0] + 0.2)
        assert (one.look(), other.look()) == ("half_open", "half_open")
        await close(one, other)

    virtually(on_a_board(check))


def test_a_circuit_that_recovers_closes_in_all(virtually) -> None:
    """One process's probe is enough for all; one that fails opens it for all again."""

    async def check(state: MemoryState) -> None:
        one, other = await listening(state, 2)
        one.trip()
        await asyncio.sleep(13.0)

        failing = one.breakers.get(ROUTE)
        failing.failed(failing.admit())
        await asyncio.sleep(1.0)
        again = (one.look(), other.look())
        await asyncio.sleep(13.0)
        probing = other.breakers.get(ROUTE)
        probing.succeeded(probing.admit())
        await asyncio.sleep(1.0)

        assert again == ("open", "open")
        assert (one.look(), other.look()) == ("closed", "closed")
        await close(one, other)

    virtually(on_a_board(check))


def test_by_hand_spreads_and_lasts(virtually) -> None:
    """Opened by hand it stays open everywhere, whatever recovers, until it is closed by hand anywhere."""

    async def check(state: MemoryState) -> None:
        one, other, third = await listening(state, 3)

        one.breakers.get(ROUTE).open()
        await asyncio.sleep(1.0)
        third.breakers.sharing.changed(ROUTE, "recovered", 0.0)  # a probe that was under way
        await asyncio.sleep(100.0)
        opened = [process.look() for process in (one, other, third)]
        other.breakers.get(ROUTE).reset()
        await asyncio.sleep(1.0)

        assert opened == ["open"] * 3
        assert [process.look() for process in (one, other, third)] == ["closed"] * 3
        await close(one, other, third)

    virtually(on_a_board(check))


def test_newcomers_learn_what_is_open(virtually) -> None:
    """A process that starts later opens the circuits that are open, for the time that is left; old ones it does not."""

    async def check(state: MemoryState) -> None:
        (one,) = await listening(state, 1)
        one.trip("acme/old")
        await asyncio.sleep(15.0)
        one.trip()
        one.breakers.get("acme/hand").open()
        await asyncio.sleep(5.0)

        (late,) = await listening(state, 1)

        assert [late.look(route) for route in (ROUTE, "acme/hand", "acme/old")] == ["open", "open", "closed"]
        assert late.breakers.get(ROUTE).snapshot()["retry_after"] < 7.1
        await close(one, late)

    virtually(on_a_board(check))


def test_providers_configured_otherwise_are_not_concerned(virtually) -> None:
    """Another key or address under the same name is another route."""

    async def check(state: MemoryState) -> None:
        (one,) = await listening(state, 1)
        (other,) = await listening(state, 1, identity="acme:5678")

        one.trip()
        await asyncio.sleep(1.0)

        assert (one.look(), other.look()) == ("open", "closed")
        await close(one, other)

    virtually(on_a_board(check))


def test_no_call_asks_the_store(virtually) -> None:
    """Ten thousand calls through a closed circuit are no question beyond the one that listens."""

    async def check(state: MemoryState) -> None:
        (one,) = await listening(state, 1)

        for _ in range(10_000):
            breaker = one.breakers.get(ROUTE)
            breaker.succeeded(breaker.admit())
        await asyncio.sleep(1.0)

        assert dict(state.asked) == {"listen": 1}
        await close(one)

    virtually(on_a_board(check))


def test_changes_are_told_when_the_store_is_back(virtually) -> None:
    """While it is away each goes by itself; then they agree again, and only the last word counts."""

    async def check(state: MemoryState) -> None:
        one, other = await listening(state, 2)
        state.break_off(ConnectionError("reset"))
        await asyncio.sleep(0.5)

        one.trip()
        one.breakers.get("acme/hand").open()
        one.breakers.get("acme/hand").close()
        one.breakers.get("acme/hand").open()
        await asyncio.sleep(3.0)
        apart = (one.look(), other.look())
        state.error = None
        await asyncio.sleep(2.5)

        assert apart == ("open", "closed")
        assert (other.look(), other.look("acme/hand")) == ("open", "open")
        assert one.notes == other.notes == ["ConnectionError", None]
        await close(one, other)

    virtually(on_a_board(check))


def test_a_store_that_is_gone_for_good_is_given_up(virtually) -> None:
    """What cannot be told is tried for half a minute, and is bounded in number."""

    async def check(state: MemoryState) -> None:
        (one,) = await listening(state, 1)
        state.break_off(ConnectionError("reset"))

        for number in range(3000):
            one.breakers.get(f"acme/{number}").open()
        await asyncio.sleep(60.0)
        posted = state.asked["post"]
        await asyncio.sleep(60.0)

        assert 0 < posted <= 31
        assert state.asked["post"] == posted
        state.error = None
        await close(one)
        assert state.asked["post"] <= posted + 1000

    virtually(on_a_board(check))


@pytest.mark.parametrize("name", ["", "trip", "trip x/y", "hand  /", "what 12/34", "trip \ud800/x"])
def test_strange_lines_are_passed_over(virtually, name) -> None:
    """Whatever stands on the board, only a known word on a known provider changes anything."""

    async def check(state: MemoryState) -> None:
        one, other = await listening(state, 2)
        for value in (b"", b"open", b"open x", b"shut", b"\xff\0", b"explode x"):
            await state.post(BOARD, name, value, 60.0)
            await asyncio.sleep(0.1)

        one.trip()
        await asyncio.sleep(0.1)

        assert other.breakers.state() == "open"
        assert set(other.breakers.snapshot()) == {"acme/other", ROUTE}
        await close(one, other)

    virtually(on_a_board(check))


def test_closing_tells_what_is_left(virtually) -> None:
    """A change made just before the end is told on the way out."""

    async def check(state: MemoryState) -> None:
        one, other = Process(state), (await listening(state, 1))[0]

        one.breakers.get(ROUTE).open()
        await one.sharing.aclose()
        await asyncio.sleep(0.1)

        assert other.look() == "open"
        await close(other)

    virtually(on_a_board(check))


def test_a_gateway_given_up_stops_listening(virtually) -> None:
    """Listening keeps nothing alive: when nobody holds the breakers any more, the task ends."""

    async def check(state: MemoryState) -> None:
        (one,) = await listening(state, 1)
        gone = weakref.ref(one.sharing)

        del one
        gc.collect()
        await asyncio.sleep(0.1)

        assert gone() is None
        assert asyncio.all_tasks() == {asyncio.current_task()}

    virtually(on_a_board(check))


def test_circuits_without_a_configuration_are_opened_by_hand_only(virtually) -> None:
    """A breaker that never opens by itself follows what is done by hand, and what trips elsewhere."""

    async def check(state: MemoryState) -> None:
        (one,) = await listening(state, 1)
        (other,) = await listening(state, 1, config=None)

        one.trip()
        other.breakers.get("acme/hand").open()
        await asyncio.sleep(1.0)

        assert (other.look(), one.look("acme/hand")) == ("open", "open")
        await close(one, other)

    virtually(on_a_board(check))
