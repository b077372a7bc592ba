"""Scripts and channels on a real server."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress

import pytest
import redis
from litellm_gateway_client_redis import RedisClient, Script

COUNT = Script("return redis.call('INCR', KEYS[1])")
TELL = Script("return redis.call('PUBLISH', KEYS[1], ARGV[1])")


@pytest.fixture(autouse=True)
def _fresh(redis_server) -> None:
    redis_server.forget()


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
async def test_a_script_is_one_round_trip_once_it_is_known(redis_server, scheme) -> None:
    """The first time it is sent, then only its name; a server that forgot it gets it again."""
    client = RedisClient(redis_server.uri.replace("redis", scheme, 1), timeout=5.0)
    await client.run(COUNT, ["n"], [])
    before = redis_server.questions()
    await client.run(COUNT, ["n"], [])
    asked = redis_server.questions() - before
    with redis.Redis(port=redis_server.port) as direct:
        direct.script_flush()

    counted = await client.run(COUNT, ["n"], [])
    await client.aclose()

    assert (asked, counted) == (1, 3)


async def test_a_channel_is_heard_from_when_it_is_entered(redis_server) -> None:
    """In order, by everybody who listens, each channel apart; all over one connection."""
    client = RedisClient(redis_server.uri, timeout=5.0)
    async with client.hear("a") as one, client.hear("a") as two, client.hear("b") as other:
        with redis.Redis(port=redis_server.port) as direct:
            connections = [each for each in direct.client_list() if int(each["sub"]) > 0]
        for number in range(3):
            await client.run(TELL, ["a"], [str(number)])
        await client.run(TELL, ["b"], ["x"])

        heard = [[await ear.next() for _ in range(3)] for ear in (one, two)]
        last = await other.next()
    await client.aclose()

    assert heard == [[b"0", b"1", b"2"]] * 2
    assert last == b"x"
    assert len(connections) == 1


async def test_channels_nobody_hears_are_given_up(redis_server) -> None:
    """A thousand channels one after the other leave about a hundred at the server."""
    client = RedisClient(redis_server.uri, timeout=5.0)
    for number in range(1000):
        async with client.hear(f"channel {number}"):
            pass
    await asyncio.sleep(0.05)
    with redis.Redis(port=redis_server.port) as direct:
        left = len(direct.pubsub_channels())
    async with client.hear("channel 3") as ear:
        await client.run(TELL, ["channel 3"], ["again"])
        heard = await ear.next()
    await client.aclose()

    assert left <= 110
    assert heard == b"again"


async def test_a_broken_connection_is_told(own_redis_server) -> None:
    """Who listens gets an error at once; the next who listens is connected anew."""
    client = RedisClient(own_redis_server.uri, timeout=5.0)
    async with client.hear("a") as ear:
        waiting = asyncio.create_task(ear.next())
        await asyncio.sleep(0)
        own_redis_server.kill()

        with pytest.raises(redis.exceptions.ConnectionError):
            await asyncio.wait_for(waiting, 5)
    with pytest.raises(redis.exceptions.ConnectionError):
        async with client.hear("a"):
            pass
    own_redis_server.start()
    async with client.hear("a") as again:
        with redis.Redis(port=own_redis_server.port) as direct:
            direct.publish("a", "back")
        heard = await asyncio.wait_for(again.next(), 5)
    await client.aclose()

    assert heard == b"back"


async def test_who_is_cancelled_disturbs_no_other(redis_server) -> None:
    """Cancelled while it begins to listen, at any await, it leaves the connection to the others."""
    client = RedisClient(redis_server.uri, timeout=5.0)

    async def listen(channel: str) -> None:
        async with client.hear(channel) as ear:
            await ear.next()

    async with client.hear("a") as ear:
        for steps in range(12):
            listening = asyncio.create_task(listen(f"b{steps}"))
            for _ in range(steps):
                await asyncio.sleep(0)
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening
        await client.run(TELL, ["a"], ["still here"])
        heard = await asyncio.wait_for(ear.next(), 5)
    await client.aclose()

    assert heard == b"still here"


async def test_a_flood_is_bounded(redis_server) -> None:
    """Who does not read what it hears gets an error in the end, and memory stays bounded."""
    client = RedisClient(redis_server.uri, timeout=5.0)
    flood = Script("for i = 1, 3000 do redis.call('PUBLISH', KEYS[1], i) end return 1")
    async with client.hear("a") as ear:
        await client.run(flood, ["a"], [])
        await asyncio.sleep(0.2)
        read = 0
        with pytest.raises(redis.exceptions.ConnectionError, match="faster than they are read"):
            while True:
                await ear.next()
                read += 1
    await client.aclose()

    assert read == 1000


def test_loops_one_after_the_other(redis_server) -> None:
    """Each has connections of its own, closed with it."""
    client = RedisClient(redis_server.uri, timeout=5.0)

    async def count_and_listen() -> int:
        async with client.hear("a"):
            counted: int = await client.run(COUNT, ["n"], [])
            return counted

    counted = [asyncio.run(count_and_listen()) for _ in range(3)]

    assert counted == [1, 2, 3]
    with redis.Redis(port=redis_server.port) as direct:
        assert [each for each in direct.client_list() if int(each["sub"]) > 0] == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_makes_its_own(redis_server) -> None:
    """It counts over connections of its own."""
    client = RedisClient(redis_server.uri, timeout=5.0)
    assert asyncio.run(client.run(COUNT, ["n"], [])) == 1
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if asyncio.run(client.run(COUNT, ["n"], [])) == 2 else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert asyncio.run(client.run(COUNT, ["n"], [])) == 3


def test_nothing_is_shown() -> None:
    """No address and no password in ``repr``."""
    assert repr(RedisClient("redis://:hush-hush@127.0.0.1/0", timeout=1.0)) == "RedisClient()"
