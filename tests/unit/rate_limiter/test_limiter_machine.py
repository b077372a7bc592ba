"""Every order of taking, waiting, cancelling, settling and changing limits keeps the limiter's books straight."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path
from typing import Any

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from litellm_gateway.errors import GatewayError, InvalidRequestError
from litellm_gateway.party import Guest
from litellm_gateway.party_limiter import PartyLimiter
from litellm_gateway.rate_limiter import RateLimitConfig, Reservation

FAR = 1e12
WINDOW = 60.0
_spec = importlib.util.spec_from_file_location("virtual_loops", Path(__file__).with_name("conftest.py"))
assert _spec is not None
assert _spec.loader is not None
virtual_loops = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(virtual_loops)


def limits(requests: int, tokens: int, places: int) -> RateLimitConfig:
    return RateLimitConfig(
        concurrency=places,
        shared={"requests_per_minute": requests, "tokens_per_minute": tokens},
        weights={"b": 3},
        queue_timeout=1e9,
        heed_provider_limits=False,
    )


class Call:
    def __init__(self, tenant: str, tokens: int, task: asyncio.Task[Reservation]) -> None:
        self.tenant = tenant
        self.tokens = tokens
        self.task = task
        self.seen = False
        self.over = False

    @property
    def waits(self) -> bool:
        return not self.task.done()

    @property
    def holds(self) -> bool:
        return self.task.done() and not self.task.cancelled() and self.task.exception() is None and not self.over


class Limiting(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = virtual_loops.VirtualLoop()
        self.shape = (5, 100, 2)
        self.limiter = PartyLimiter(limits(*self.shape), clock=self.loop.time)
        self.calls: list[Call] = []
        self.counted: list[list[Any]] = []  # when, tokens, whether it counts as a request

    def run(self, seconds: float = 0.0) -> None:
        async def pass_by() -> None:
            for _ in range(12):
                await asyncio.sleep(0)
            if seconds:
                await asyncio.sleep(seconds)

        self.loop.run_until_complete(pass_by())
        fresh = [call for call in self.calls if call.holds and not call.seen]
        for call in fresh:
            call.seen = True
            self.counted.append([call.task.result().at, call.tokens, 1, call])
        if fresh:
            latest = max(call.task.result().at for call in fresh)
            window = [each for each in self.counted if each[0] > latest - WINDOW]
            assert sum(each[2] for each in window) <= self.shape[0]
            assert sum(each[1] for each in window) <= self.shape[1]

    @rule(tenant=st.sampled_from("abc"), tokens=st.integers(0, 60), priority=st.integers(-1, 1))
    def take(self, tenant: str, tokens: int, priority: int) -> None:
        asked = self.limiter.reserve(tenant, "m", tokens, FAR, priority=priority)
        call = Call(tenant, tokens, self.loop.create_task(asked))
        self.calls.append(call)
        self.run()
        if not call.waits and not call.holds:
            assert isinstance(call.task.exception(), InvalidRequestError)
            assert tokens > self.shape[1]

    @rule(
        tenant=st.sampled_from("abc"),
        tokens=st.lists(st.integers(0, 60), min_size=2, max_size=4),
        priority=st.integers(-1, 1),
    )
    def take_together(self, tenant: str, tokens: list[int], priority: int) -> None:
        guests = [Guest(each, 0, FAR) for each in tokens]
        left: list[Guest] = []

        async def arrive() -> None:
            party = self.limiter.come(tenant, "m", guests, priority=priority)
            assert party is not None
            await self.limiter.admit(party)

        admitted = self.loop.create_task(arrive())

        async def sit_down(guest: Guest) -> Reservation:
            try:
                await asyncio.shield(admitted)
                return await self.limiter.place(guest)
            except BaseException:
                left.append(guest)
                if len(left) == len(guests):
                    admitted.cancel()
                self.limiter.leave(guest)
                raise

        calls = [Call(tenant, guest.tokens, self.loop.create_task(sit_down(guest))) for guest in guests]
        self.calls += calls
        self.run()
        for call in calls:
            if not call.waits and not call.holds:
                assert isinstance(call.task.exception(), InvalidRequestError)
                assert call.tokens > self.shape[1]

    @precondition(lambda self: any(call.waits for call in self.calls))
    @rule(number=st.integers(0, 50), once_more=st.booleans())
    def cancel(self, number: int, once_more: bool) -> None:
        waiting = [call for call in self.calls if call.waits]
        waiting[number % len(waiting)].task.cancel()
        if once_more:
            waiting[(number + 1) % len(waiting)].task.cancel()
        self.run()

    @precondition(lambda self: any(call.holds for call in self.calls))
    @rule(number=st.integers(0, 50), share=st.floats(0, 1), refunds=st.booleans())
    def end(self, number: int, share: float, refunds: bool) -> None:
        holding = [call for call in self.calls if call.holds]
        call = holding[number % len(holding)]
        if refunds:
            self.give_up(call)
        else:
            (entry,) = (each for each in self.counted if each[3] is call)
            entry[1] = int(call.tokens * share)
            call.task.result().settle(entry[1])
            call.task.result().refund()  # only the first word counts
            call.over = True
        self.run()

    def give_up(self, call: Call) -> None:
        (entry,) = (each for each in self.counted if each[3] is call)
        entry[1] = entry[2] = 0
        call.task.result().refund()
        call.over = True

    @rule(seconds=st.sampled_from([0.1, 1.0, 15.0, 61.0]))
    def wait(self, seconds: float) -> None:
        self.run(seconds)

    @rule(shape=st.sampled_from([(5, 100, 2), (2, 50, 1), (8, 200, 4)]))
    def reconfigure(self, shape: tuple[int, int, int]) -> None:
        self.shape = shape
        self.limiter.configure(limits(*shape))
        self.run()

    @invariant()
    def held_places_are_live_calls(self) -> None:
        for tenant in "abc":
            held = sum(call.holds for call in self.calls if call.tenant == tenant)
            (places,) = (each for each in self.limiter.foresee(tenant, "m", 0)[0] if each.limit is None)
            assert places.used == held

    @invariant()
    def who_waits_is_in_the_queue(self) -> None:
        assert self.limiter.queue_depth == sum(call.waits for call in self.calls)

    @invariant()
    def what_is_counted_is_what_was_used(self) -> None:
        """At most a 240th of the window is counted longer than a window."""
        now = self.loop.time()
        standings = [each for each in self.limiter.foresee("a", "m", 0)[0] if each.limit is not None]
        for each, column in zip(standings, (2, 1), strict=True):
            least = sum(entry[column] for entry in self.counted if entry[0] > now - WINDOW)
            most = sum(entry[column] for entry in self.counted if entry[0] > now - WINDOW * 242 / 240)
            assert least <= each.used <= most

    def teardown(self) -> None:
        try:
            self.serve_all()
        finally:
            for call in self.calls:
                call.task.cancel()
            self.loop.run_until_complete(asyncio.sleep(0))
            self.loop.close()

    def serve_all(self) -> None:
        """Nobody is forgotten: when calls end and time passes, all who wait are served or told why not."""
        for _ in range(400):
            if not any(call.waits or call.holds for call in self.calls):
                break
            for call in self.calls:
                if call.holds:
                    self.give_up(call)
            self.run(31.0)
        lost = [call for call in self.calls if call.waits]
        failed = [call.task.exception() for call in self.calls if not call.waits and not call.task.cancelled()]
        assert lost == []
        assert all(error is None or isinstance(error, GatewayError) for error in failed)


TestLimiting = Limiting.TestCase
TestLimiting.settings = settings(max_examples=120, stateful_step_count=50, deadline=None)
