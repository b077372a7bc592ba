"""Several processes, one server: they make one call of many, and open their circuits together."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway import create_gateway

if TYPE_CHECKING:
    from collections.abc import Callable

FIFTY_CALLS = """
say(ready=True)
await asyncio.to_thread(input)
answers = await asyncio.gather(*(gateway.generate_async("What is AI?", tenant_id="t") for _ in range(50)))
say(texts=sorted({each.text for each in answers}), free=sum(each.metadata["cost"] == 0 for each in answers))
"""
ONE_CALL = """
say(ready=True)
await asyncio.to_thread(input)
answer = await gateway.generate_async("What is AI?", tenant_id="t")
say(text=answer.text)
"""
TRIPPED = """
for _ in range(3):
    try:
        await gateway.generate_async("hi", model="gpt-4")
    except GatewayError as error:
        pass
say(state=gateway.circuits["openai/gpt-4"].state)
await asyncio.to_thread(input)
"""
WATCHING = """
await gateway.generate_async("hi", model="gpt-3.5-turbo")
say(state=gateway.circuits["openai/gpt-4"].state)
while gateway.circuits["openai/gpt-4"].state == "closed":
    await asyncio.sleep(0.01)
circuit = gateway.circuits["openai/gpt-4"].snapshot()
say(state=circuit["state"], left=circuit["retry_after"])
"""
DEDUPLICATED = {"enable_request_deduplication": True, "timeout": 30.0}


def test_two_hundred_calls_of_four_processes_make_one(start, provider) -> None:
    """All get one answer, which is paid for once."""
    processes = [start(FIFTY_CALLS, **DEDUPLICATED) for _ in range(4)]
    for process in processes:
        process.heard()
    for process in processes:
        process.go()

    told = [process.heard() for process in processes]

    assert provider.calls == 1
    assert [each["texts"] for each in told] == [["answer 1"]] * 4
    assert sum(each["free"] for each in told) == 199
    assert [process.end() for process in processes] == [0] * 4


def test_when_the_leading_process_is_killed_the_others_are_answered(start, provider) -> None:
    """Nobody waits longer than its lease and a call; one of them makes the call again."""
    provider.seconds = 1.0
    leader = start(ONE_CALL, **DEDUPLICATED)
    followers = [start(ONE_CALL, **DEDUPLICATED) for _ in range(3)]
    for process in (leader, *followers):
        process.heard()
    leader.go()
    _wait_until(lambda: provider.calls == 1)
    for process in followers:
        process.go()
    time.sleep(0.3)
    before = time.monotonic()

    leader.kill()
    texts = {process.heard()["text"] for process in followers}

    assert texts == {"answer 2"}
    assert provider.calls == 2
    assert time.monotonic() - before < 8


def test_a_circuit_opens_in_all_processes(start, provider) -> None:
    """Tripped in one it is open in the other within 1.5 s for the time that is left."""
    breaker = {"minimum_calls": 3, "failure_rate": 0.5, "recovery_timeout": 60.0}
    watcher = start(WATCHING, circuit_breaker=breaker, max_retries=0)
    provider.seconds = 0.0
    assert watcher.heard() == {"state": "closed"}
    provider.status = 500
    failing = start(TRIPPED, circuit_breaker=breaker, max_retries=0)
    assert failing.heard() == {"state": "open"}

    before = time.monotonic()
    opened = watcher.heard()
    seconds = time.monotonic() - before

    assert opened["state"] == "open"
    assert 50 < opened["left"] <= 72
    assert seconds < 1.5


async def test_circuits_changed_by_hand_spread_to_gateways_of_now_and_later(redis_server, provider) -> None:
    """One that starts afterwards learns of it too; closing by hand is heard by all."""
    redis_server.forget()
    settings = {"provider": "openai", "api_key": "key-of-a-test-account", "base_url": provider.url, "telemetry": ()}
    settings |= {"shared_state": redis_server.uri, "shared_state_timeout": 5.0}
    provider.seconds = 0.0

    async def seen(gateway: Any, state: str) -> None:
        async with asyncio.timeout(1.5):
            while gateway.circuits["openai/gpt-4"].state != state:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async with create_gateway(**settings) as one, create_gateway(**settings) as other:
        await other.generate_async("hi", model="gpt-3.5-turbo")
        one.circuits["openai/gpt-4"].open()
        await seen(other, "open")
        async with create_gateway(**settings) as late:
            await seen(late, "open")

            other.circuits["openai/gpt-4"].close()
            await seen(one, "closed")
            await seen(late, "closed")


def test_a_thread_without_an_event_loop_is_heard(redis_server, start, provider) -> None:
    """Opened by hand where no call was ever made, a circuit opens elsewhere all the same."""
    script = """
await gateway.generate_async("hi", model="gpt-3.5-turbo")
say(ready=True)
while gateway.circuits["openai/gpt-4"].state != "open":
    await asyncio.sleep(0.01)
say(state="open")
"""
    watcher = start(script)
    watcher.heard()
    settings = {"shared_state": redis_server.uri, "base_url": provider.url, "telemetry": ()}

    with create_gateway(provider="openai", api_key="key-of-a-test-account", **settings) as gateway:
        gateway.circuits["openai/gpt-4"].open()
        told = watcher.heard()

    assert told == {"state": "open"}


async def test_a_call_takes_at_most_two_round_trips(redis_server, provider) -> None:
    """One question before the upstream call, one after it."""
    redis_server.forget()
    provider.seconds = 0.0
    settings = {"provider": "openai", "api_key": "key-of-a-test-account", "base_url": provider.url, "telemetry": ()}
    settings |= {"shared_state": redis_server.uri, "shared_state_timeout": 5.0, **DEDUPLICATED}
    async with create_gateway(**settings) as gateway:
        await gateway.generate_async("the first")
        await asyncio.sleep(0.1)
        before = redis_server.questions()

        for number in range(50):
            await gateway.generate_async(f"number {number}")
        await asyncio.sleep(0.1)

        assert redis_server.questions() - before <= 100


async def test_away_and_back(own_redis_server, provider) -> None:
    """Without the server each call is answered, and health says so; it mends by itself within moments."""
    provider.seconds = 0.0
    settings = {"provider": "openai", "api_key": "key-of-a-test-account", "base_url": provider.url, "telemetry": ()}
    async with create_gateway(shared_state=own_redis_server.uri, **DEDUPLICATED, **settings) as gateway:
        await gateway.generate_async("one")
        assert gateway.get_health()["shared_state"]["reachable"]
        own_redis_server.kill()

        answers = await asyncio.gather(*(gateway.generate_async(f"hi {number}") for number in range(20)))
        health = gateway.get_health()
        own_redis_server.start()
        async with asyncio.timeout(10):
            while not gateway.get_health()["shared_state"]["reachable"]:
                await gateway.generate_async("again")
                await asyncio.sleep(0.05)

    assert len(answers) == 20
    assert (health["status"], health["shared_state"]["reachable"]) == ("degraded", False)


def test_blocking_calls_and_other_event_loops(redis_server, provider) -> None:
    """One gateway, its own loop and others: each has connections of its own, and all share."""
    redis_server.forget()
    provider.seconds = 0.0
    settings = {"base_url": provider.url, "telemetry": (), "shared_state": redis_server.uri, **DEDUPLICATED}
    with (
        create_gateway(provider="openai", api_key="key-of-a-test-account", deduplication_ttl=30.0, **settings) as one,
        create_gateway(provider="openai", api_key="key-of-a-test-account", deduplication_ttl=30.0, **settings) as other,
    ):
        texts = {one.generate("hi").text, asyncio.run(other.generate_async("hi")).text, other.generate("hi").text}

    assert texts == {"answer 1"}
    assert provider.calls == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_has_connections_of_its_own(redis_server, provider) -> None:
    """The child asks over sockets of its own, and the parent's go on working."""
    redis_server.forget()
    provider.seconds = 0.0
    settings = {"base_url": provider.url, "telemetry": (), "shared_state": redis_server.uri, **DEDUPLICATED}
    with create_gateway(
        provider="openai", api_key="key-of-a-test-account", deduplication_ttl=30.0, **settings
    ) as gateway:
        gateway.generate("before")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = 0 if gateway.generate("hi").text == "answer 2" else 2
                gateway.close()  # what it made is handed over before it ends
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        again = gateway.generate("hi")

    assert os.waitstatus_to_exitcode(status) == 0
    assert again.text == "answer 2"
    assert provider.calls == 2


def test_no_password_is_shown(redis_server) -> None:
    """The URI's password is in no description, no health report and no repr."""
    uri = redis_server.uri.replace("redis://", "redis://:hush-hush@")
    with create_gateway(provider="echo", shared_state=uri, **DEDUPLICATED) as gateway:
        gateway.generate("hi")

        shown = f"{gateway.get_health()} {gateway.describe()} {gateway!r} {gateway.config!r}"

    assert "hush-hush" not in shown


def _wait_until(told: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not told():
        assert time.monotonic() < until
        time.sleep(0.01)
