"""The stack of connections stays within its bound, whoever comes, waits or leaves."""

from __future__ import annotations

import asyncio
import random

import pytest
from attrs import define, field
from litellm_gateway.connections import ConnectionPool
from litellm_gateway.errors import DeadlineExceededError, GatewayError

A = ("http", "a", 80)
B = ("http", "b", 80)


@define(eq=False)
class FakeConnection:
    """A connection that is open until it is aborted."""

    origin: tuple[str, str, int]
    opened: set[FakeConnection] = field(repr=False)
    idle_since: float = 0.0
    is_open: bool = True

    def __attrs_post_init__(self) -> None:
        self.opened.add(self)

    def is_usable(self) -> bool:
        return self.is_open

    def abort(self) -> None:
        self.is_open = False
        self.opened.discard(self)


class Opener:
    """Takes places of a pool and opens fake connections in them."""

    def __init__(self, maximum: int = 2, keepalive: float = 30.0) -> None:
        self.pool: ConnectionPool[FakeConnection] = ConnectionPool(
            asyncio.get_running_loop(), maximum=maximum, keepalive=keepalive
        )
        self.opened: set[FakeConnection] = set()

    async def take(self, origin: tuple[str, str, int], seconds: float = 5.0) -> FakeConnection:
        connection = await self.pool.acquire(origin, self.pool.loop.time() + seconds)
        if connection is None:
            connection = FakeConnection(origin, self.opened)
            self.pool.adopt(connection)
        return connection


async def test_the_last_one_back_goes_out_first() -> None:
    """Idle connections form a stack, so that the surplus grows old and is closed."""
    opener = Opener()
    first, second = await opener.take(A), await opener.take(A)
    opener.pool.give_back(first)
    opener.pool.give_back(second)

    again = await opener.take(A)

    assert again is second


async def test_another_origin_takes_the_oldest_idle_place() -> None:
    """Idle connections count as open: a new origin closes the one idle for longest."""
    opener = Opener()
    first, second = await opener.take(A), await opener.take(A)
    opener.pool.give_back(first)
    opener.pool.give_back(second)

    other = await opener.take(B)

    assert opener.opened == {second, other}


async def test_who_waits_is_served_in_order() -> None:
    """Places are handed over in the order of asking, over all origins."""
    opener = Opener(maximum=1)
    served: list[str] = []

    async def one(name: str, origin: tuple[str, str, int]) -> None:
        connection = await opener.take(origin)
        served.append(name)
        await asyncio.sleep(0)
        opener.pool.give_back(connection)

    await asyncio.gather(one("1", A), one("2", B), one("3", A), one("4", B))

    assert served == ["1", "2", "3", "4"]
    assert len(opener.opened) == 1


async def test_a_place_handed_to_one_who_left_is_not_lost() -> None:
    """Who is cancelled in the moment of being served passes the place on."""
    opener = Opener(maximum=1)
    held = await opener.take(A)
    leaving = asyncio.create_task(opener.take(A))
    staying = asyncio.create_task(opener.take(A))
    await asyncio.sleep(0)

    opener.pool.give_back(held)
    leaving.cancel()
    served = await asyncio.wait_for(staying, 1)

    assert leaving.cancelled()
    assert served is held


async def test_waiting_ends_at_the_deadline() -> None:
    """Nobody waits longer than the deadline."""
    opener = Opener(maximum=1)
    await opener.take(A)

    with pytest.raises(DeadlineExceededError):
        await opener.take(A, seconds=0.01)


async def test_closing_sends_everybody_away() -> None:
    """A closed pool has nothing open, nobody waiting, and takes nobody."""
    opener = Opener(maximum=1)
    held = await opener.take(A)
    waiting = asyncio.create_task(opener.take(A))
    await asyncio.sleep(0)

    await opener.pool.aclose()
    opener.pool.discard(held)

    assert opener.opened == set()
    with pytest.raises(GatewayError, match="closed"):
        await waiting
    with pytest.raises(GatewayError, match="closed"):
        await opener.take(A)


async def test_idle_connections_grow_old() -> None:
    """What is idle for longer than ``keepalive`` is closed without anybody asking."""
    opener = Opener(keepalive=0.02)
    opener.pool.give_back(await opener.take(A))

    await asyncio.sleep(0.06)

    assert opener.opened == set()


@pytest.mark.parametrize("seed", range(5))
async def test_a_random_day_leaves_nothing_behind(seed: int) -> None:
    """Whatever users do, cancels included, the bound holds and every place comes back."""
    chance = random.Random(seed)
    opener = Opener(maximum=3)
    in_use = 0
    most = 0

    async def user() -> None:
        nonlocal in_use, most
        connection = await opener.take(chance.choice((A, B)))
        in_use += 1
        most = max(most, in_use)
        try:
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            opener.pool.discard(connection)
            raise
        else:
            if chance.random() < 0.3:
                connection.abort()
            opener.pool.give_back(connection)
        finally:
            in_use -= 1

    for _ in range(20):
        users = [asyncio.create_task(user()) for _ in range(30)]
        for _ in range(chance.randrange(8)):
            await asyncio.sleep(0)
        for task in chance.sample(users, 12):
            task.cancel()
        await asyncio.gather(*users, return_exceptions=True)

    held = [await opener.take(A, seconds=0.5) for _ in range(3)]

    assert most <= 3
    assert len(held) == 3
    assert len(opener.opened) == 3
