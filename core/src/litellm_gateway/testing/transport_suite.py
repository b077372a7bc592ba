"""What every transport must do, as tests to subclass; the numbers are those of ``docs/reference/contracts.md``.

::

    class TestFastTransport(TransportSuite):
        plugin = litellm_gateway_transport_fast.plugin
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import threading
import time
import warnings
from typing import TYPE_CHECKING

import pytest

from litellm_gateway.contracts import PLUGIN_API, TransportOffer
from litellm_gateway.errors import DeadlineExceededError, GatewayError, MalformedResponseError
from litellm_gateway.testing.loopback import Exchange, LoopbackServer, in_thread
from litellm_gateway.testing.transport_answers import AnswerPromises
from litellm_gateway.testing.transport_faults import FaultPromises
from litellm_gateway.testing.transport_fixture import CANARY, answer_ok, ask, caught, drained, fetch, in_a_loop, serve
from litellm_gateway.wire import Limits

if TYPE_CHECKING:
    from litellm_gateway.contracts import Transport

__all__ = ["CANARY", "TransportSuite"]


class TransportSuite(AnswerPromises, FaultPromises):
    """Subclass it, name it ``Test...``, and set ``plugin``; P21 to P29 are about connections and their lives."""

    def test_p21_offer_is_whole(self) -> None:
        """P21: the offer names itself, is made for this interface, and ranks its speed."""
        offer = self.offer

        assert isinstance(offer, TransportOffer)
        assert offer.name
        assert offer.summary
        assert "\n" not in offer.summary
        assert offer.api == PLUGIN_API
        assert offer.speed > 0

    @in_a_loop
    async def test_p22_connections_are_kept(self) -> None:
        """P22: a body read to its end gives the connection back by itself, for the next request."""
        async with serve() as server, self.transport() as transport:
            for _ in range(3):
                opened = await ask(transport, server.url)
                await opened.read()
            for _ in range(3):
                await drained(await ask(transport, server.url))

        assert server.connections == 1

    @in_a_loop
    async def test_p22_idle_connections_end(self) -> None:
        """P22: an idle connection is closed when its time is up, without another request."""
        async with serve() as server, self.transport(keepalive=0.1) as transport:
            await fetch(transport, server.url)
            await asyncio.sleep(0.2)
            still_open = await server.settled(0, seconds=2.0)

        assert still_open == 0

    @in_a_loop
    async def test_p23_breaking_off_closes_at_once(self) -> None:
        """P23: closing, cancelling or dropping an answer before its end closes its connection at once."""

        async def script(exchange: Exchange) -> None:
            if exchange.path != "/silent":
                await exchange.start()
                await exchange.chunk(b"one")
            await exchange.wait_closed(10)

        async with serve(script) as server, self.transport() as transport:
            closed = await ask(transport, server.url)
            await anext(closed.chunks())
            await closed.aclose()
            await closed.aclose()
            after_closing = await server.settled(0, seconds=1.0)

            waiting = asyncio.create_task(fetch(transport, server.url + "/silent"))
            reading = asyncio.create_task(fetch(transport, server.url))
            await asyncio.sleep(0.05)
            waiting.cancel()
            reading.cancel()
            await asyncio.gather(waiting, reading, return_exceptions=True)
            after_cancelling = await server.settled(0, seconds=1.0)

            dropped = await ask(transport, server.url)
            await anext(dropped.chunks())
            del dropped
            gc.collect()
            after_dropping = await server.settled(0, seconds=1.0)

        assert (after_closing, after_cancelling, after_dropping) == (0, 0, 0)

    @in_a_loop
    async def test_p24_connections_are_bounded(self) -> None:
        """P24: no more than ``max_connections`` are in use at once; who finds them busy waits in line."""

        async def script(exchange: Exchange) -> None:
            await asyncio.sleep(0.01)
            await exchange.respond()

        async with serve(script) as server, serve(script) as other, self.transport(max_connections=5) as transport:
            urls = (server.url, other.url)
            answers = await asyncio.gather(*(fetch(transport, urls[number % 2]) for number in range(60)))

        assert [answer.status for answer in answers] == [200] * 60
        assert server.most_open <= 5
        assert other.most_open <= 5

    @in_a_loop
    async def test_p24_waiting_ends_with_the_deadline(self) -> None:
        """P24: the deadline ends the wait for a connection too, and one who left the line leaves no hole."""
        free = asyncio.Event()

        async def script(exchange: Exchange) -> None:
            await free.wait()
            await exchange.respond()

        async with serve(script) as server, self.transport(max_connections=1) as transport:
            first = asyncio.create_task(fetch(transport, server.url))
            await asyncio.sleep(0.02)
            too_late = await caught(fetch(transport, server.url, seconds=0.05))
            leaving = [asyncio.create_task(fetch(transport, server.url)) for _ in range(20)]
            last = asyncio.create_task(fetch(transport, server.url))
            await asyncio.sleep(0.02)
            for task in leaving:
                task.cancel()
            free.set()
            answers = await asyncio.gather(first, last)

        assert isinstance(too_late, DeadlineExceededError)
        assert [answer.status for answer in answers] == [200, 200]
        assert len(server.requests) == 2

    @in_a_loop
    async def test_p25_a_storm_of_cancels_does_no_harm(self) -> None:
        """P25: after 2,000 requests cancelled at random moments 50 of 50 succeed, and nothing is held."""
        chance = random.Random(1093)  # noqa: S311 - chance for tests

        async def script(exchange: Exchange) -> None:
            await asyncio.sleep(0.001 if exchange.path == "/slow" else 0)
            await exchange.start()
            await exchange.chunk(b"x" * 100)
            await exchange.finish()

        async def cancelled(transport: Transport, url: str) -> None:
            task = asyncio.create_task(fetch(transport, url))
            for _ in range(chance.randrange(12)):
                await asyncio.sleep(0)
            await asyncio.sleep(chance.choice((0, 0, 0.001, 0.003)))
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, GatewayError):
                await task

        async with serve(script) as server, self.transport(max_connections=10) as transport:
            for _ in range(50):
                await asyncio.gather(*(cancelled(transport, server.url + "/slow") for _ in range(40)))
            answers = await asyncio.gather(*(fetch(transport, server.url) for _ in range(50)))
            open_at_the_end = await server.settled(10)
            tasks = [task for task in asyncio.all_tasks() if "_serve" not in repr(task)]
        after_closing = server.open

        assert [answer.body for answer in answers] == [b"x" * 100] * 50
        assert open_at_the_end <= 10
        assert len(tasks) == 1, tasks
        assert after_closing == 0

    @in_a_loop
    async def test_p26_a_thousand_at_once(self) -> None:
        """P26: 1,000 requests at once against a server that takes 50 ms all succeed, each with its own answer."""

        async def script(exchange: Exchange) -> None:
            await asyncio.sleep(0.05)
            await exchange.respond(exchange.body)

        async with serve(script) as server, self.transport() as transport:
            bodies = [b'{"n":%d}' % number for number in range(1000)]
            answers = await asyncio.gather(*(fetch(transport, server.url, body=body, seconds=25) for body in bodies))

        assert [answer.body for answer in answers] == bodies
        assert server.most_open <= 200

    def test_p27_one_transport_serves_many_loops(self) -> None:
        """P27: one transport serves loops one after the other and side by side; nothing is left for the collector."""
        failures: list[BaseException] = []

        async def some(transport: Transport, url: str) -> None:
            answers = await asyncio.gather(*(fetch(transport, url) for _ in range(5)))
            assert [answer.status for answer in answers] == [200] * 5

        def in_own_thread(transport: Transport, url: str) -> None:
            try:
                for _ in range(3):
                    asyncio.run(some(transport, url))
            except BaseException as error:
                failures.append(error)

        with in_thread(LoopbackServer(answer_ok)) as server, warnings.catch_warnings():
            warnings.simplefilter("error")
            transport = self.make_transport()
            for _ in range(3):
                asyncio.run(some(transport, server.url))
            threads = [threading.Thread(target=in_own_thread, args=(transport, server.url)) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(20)
            gc.collect()
            still_open = _settled(server)
            asyncio.run(transport.aclose())

        assert failures == []
        assert still_open == 0

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
    def test_p28_a_forked_child_starts_anew(self) -> None:
        """P28: a forked child opens connections of its own; the parent's stay open and usable."""

        async def parent(transport: Transport, url: str) -> int:
            await asyncio.gather(*(fetch(transport, url) for _ in range(3)))
            status = await asyncio.to_thread(_in_child, transport, url)
            for _ in range(3):
                await fetch(transport, url)
            await transport.aclose()
            return status

        with in_thread(LoopbackServer(answer_ok)) as server:
            status = asyncio.run(parent(self.make_transport(), server.url))

        by_child = {seen.connection for seen in server.requests if seen.path == "/child"}
        by_parent = {seen.connection for seen in server.requests if seen.path != "/child"}
        assert status == 0
        assert by_child
        assert not by_child & by_parent

    @in_a_loop
    async def test_p29_closing_closes_everything(self) -> None:
        """P29: ``aclose`` closes idle and busy connections, twice is once, and no request can be sent after it."""

        async def script(exchange: Exchange) -> None:
            if exchange.path == "/silent":
                await exchange.wait_closed(10)
            else:
                await exchange.respond()

        async with serve(script) as server:
            transport = self.make_transport()
            await fetch(transport, server.url)
            busy = asyncio.create_task(fetch(transport, server.url + "/silent"))
            await asyncio.sleep(0.05)
            await transport.aclose()
            await transport.aclose()
            still_open = await server.settled(0, seconds=1.0)
            broken = await caught(busy)
            refused = await caught(fetch(transport, server.url))

        assert still_open == 0
        assert isinstance(broken, GatewayError)
        assert isinstance(refused, GatewayError)
        assert len(server.requests) == 2

    @in_a_loop
    async def test_p31_a_request_has_a_limit_of_its_own(self) -> None:
        """P31: ``answer_limit`` of a request takes the place of ``Limits.body`` for its answer."""

        async def script(exchange: Exchange) -> None:
            await exchange.respond(bytes(2_000_000))

        async with serve(script) as server, self.transport(limits=Limits(body=1_000_000)) as transport:
            larger = await fetch(transport, server.url, answer_limit=3_000_000)
            refused = await caught(fetch(transport, server.url, answer_limit=1000))

        assert len(larger.body) == 2_000_000
        assert isinstance(refused, MalformedResponseError)


def _settled(server: LoopbackServer) -> int:
    until = time.monotonic() + 3
    while server.open and time.monotonic() < until:
        time.sleep(0.01)
    return server.open


def _in_child(transport: Transport, url: str) -> int:
    """Send from a forked child; give its exit code."""
    with warnings.catch_warnings():
        # Newer Pythons warn about any fork while threads run; the child does nothing but send.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        answer = asyncio.run(fetch(transport, url + "/child"))
        code = 0 if answer.status == 200 else 2
    finally:
        os._exit(code)
