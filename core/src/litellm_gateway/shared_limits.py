"""Keep limits together with other processes through a store: agree on each request, settle in the background.

While the store is out of reach it follows the configured policy, asks again every second, and says so. The counts
of this process alone are ``admission``'s, which come first in any case.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from typing import TYPE_CHECKING

from attrs import define, evolve, field, frozen

from litellm_gateway.limit_refusals import out_of_reach
from litellm_gateway.limit_store import Charge, Demand, Granted, Place, Refused, Settlement
from litellm_gateway.loop_state import DetachedTasks, LoopLocal

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_gateway.limit_plans import Amounts, Ask, Plan
    from litellm_gateway.limit_store import LimitStore

_ASK_AGAIN = 1.0
_GRACE = 5.0
_UNLIMITED = 2**53 - 1
_MOST_UNSETTLED = 10_000


@define(eq=False)
class _Outbox:
    """Of one event loop: how many grants are not settled, and the settlements not sent yet."""

    loop: asyncio.AbstractEventLoop = field(factory=asyncio.get_running_loop)
    open: int = 0
    waiting: deque[Settlement] = field(factory=lambda: deque(maxlen=_MOST_UNSETTLED))
    news: asyncio.Event = field(factory=asyncio.Event)
    sender: asyncio.Task[None] | None = None
    questions: DetachedTasks = field(factory=DetachedTasks)


@frozen(eq=False)
class Ticket:
    """What was granted to one request, or to several at once, and where the settlement goes out."""

    demand: Demand
    plan: Plan
    marks: tuple[int, ...]
    outbox: _Outbox

    def settle(self, changes: Amounts) -> None:
        """Have it sent soon how much more or less was used than counted; from any thread."""
        each = tuple(changes[limit.metric] for limit in self.plan.limits)
        settlement = Settlement(demand=self.demand, marks=self.marks, changes=each)
        if _runs_here(self.outbox.loop):
            _post(self.outbox, settlement)
            return
        try:
            self.outbox.loop.call_soon_threadsafe(_post, self.outbox, settlement)
        except RuntimeError:  # its loop is gone: the window and the lease forget it
            return

    def split(self) -> list[Ticket]:
        """Give each of several requests a ticket of its own, to be settled instead of this one."""
        own = [evolve(self.demand, id=name, further=()) for name in (self.demand.id, *self.demand.further)]
        return [evolve(self, demand=demand) for demand in own]


class SharedLimits:
    """One gateway's part in limits that several processes keep.

    Args:
        name: What the store is called in health and events.
        store: Where they count.
        clock: Monotonic seconds.
        timeout: Seconds one question may take.
        refuses: Whether requests are refused while the store is out of reach; else this process counts alone.
        note: Told when the store goes out of reach (with the class of the error) or is back (with None).
    """

    def __init__(
        self,
        name: str,
        store: LimitStore,
        *,
        clock: Callable[[], float],
        timeout: float,
        refuses: bool,
        note: Callable[[str | None], None],
    ) -> None:
        self.name = name
        self._store = store
        self._clock = clock
        self._timeout = timeout
        self._refuses = refuses
        self._note = note
        self._outboxes = LoopLocal(_Outbox)
        self._prefix = os.urandom(8).hex()
        self._number = 0
        self._ask_at = 0.0
        self.failures = 0
        self.error: str | None = None

    @property
    def reachable(self) -> bool:
        """Whether the last question was answered."""
        return self.error is None

    async def take(self, ask: Ask, seconds: float) -> Ticket | Refused | None:
        """Have a request counted for all processes; None when there is nothing to count or nobody to ask.

        A caller that is cancelled leaves nothing counted.

        Args:
            ask: What to count.
            seconds: How long the request may last at most.

        Raises:
            RateLimitError: The store is out of reach and must not be done without.
        """
        demand = self._demand(ask, seconds)
        if not demand.charges and not demand.places:
            return None
        if self.error is not None and self._clock() < self._ask_at:
            self._check_alone(ask)
            return None
        outbox = self._outboxes.here()
        question = outbox.questions.start(self._question(demand, ask.plan, outbox))
        try:
            answer = await asyncio.shield(question)
        except asyncio.CancelledError:
            question.add_done_callback(_give_back)
            raise
        if answer is None:
            self._check_alone(ask)
        return answer

    async def aclose(self) -> None:
        """Send what is left to be settled in this event loop, and close the store."""
        outbox = self._outboxes.here()
        if outbox.sender is not None:
            outbox.sender.cancel()
            await asyncio.wait((outbox.sender,))
        await self._store.aclose()

    def _demand(self, ask: Ask, seconds: float) -> Demand:
        scopes, several = ask.plan.scopes, ask.amounts[0] > 1
        return Demand(
            id=self._name(),
            further=tuple(self._name() for _ in range(ask.amounts[0] - 1)) if several else (),
            charges=tuple(
                Charge(limit.key, limit.seconds, _UNLIMITED if limit.soft else limit.amount, ask.amounts[limit.metric])
                for limit in ask.plan.limits
            ),
            places=tuple(Place(scope.key, scope.concurrency) for scope in scopes if scope.concurrency is not None),
            lease=seconds + _GRACE,
        )

    def _name(self) -> str:
        self._number += 1
        return f"{self._prefix}-{os.getpid()}-{self._number}"

    def _check_alone(self, ask: Ask) -> None:
        if self._refuses:
            raise out_of_reach(ask.plan, max(0.0, self._ask_at - self._clock()))

    async def _question(self, demand: Demand, plan: Plan, outbox: _Outbox) -> Ticket | Refused | None:
        """Ask the store. It is not interrupted: an answer nobody reads would count for ever."""
        self._ask_at = self._clock() + _ASK_AGAIN
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._store.take(demand)
        except Exception as error:
            self._failed(error)
            return None
        self._answered()
        if not isinstance(answer, Granted):
            return answer
        outbox.open += 1 + len(demand.further)
        if outbox.sender is None or outbox.sender.done():
            outbox.sender = outbox.loop.create_task(self._send_settlements(outbox))
        return Ticket(demand, plan, answer.marks, outbox)

    async def _send_settlements(self, outbox: _Outbox) -> None:
        """Send settlements together as they come, until none is to come; what is left goes out on cancelling."""
        try:
            while outbox.open > 0 or outbox.waiting:
                await outbox.news.wait()
                outbox.news.clear()
                if not await self._send(outbox):
                    await asyncio.sleep(_ASK_AGAIN)
                    outbox.news.set()
        finally:
            if outbox.waiting:
                await self._send(outbox)

    async def _send(self, outbox: _Outbox) -> bool:
        settlements = tuple(outbox.waiting)
        if not settlements:
            return True
        outbox.waiting.clear()
        try:
            async with asyncio.timeout(self._timeout * 4):
                await self._store.settle(settlements)
        except Exception as error:
            outbox.waiting.extendleft(reversed(settlements))
            self._failed(error)
            return False
        self._answered()
        return True

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        self._ask_at = self._clock() + _ASK_AGAIN
        was_reachable, self.error = self.error is None, type(error).__name__
        if was_reachable:
            self._note(self.error)

    def _answered(self) -> None:
        if self.error is not None:
            self.error = None
            self._note(None)


def _give_back(question: asyncio.Task[Ticket | Refused | None]) -> None:
    """Settle a grant whose caller is gone."""
    if question.cancelled() or question.exception() is not None:
        return
    ticket = question.result()
    if isinstance(ticket, Ticket):
        changes = tuple(-charge.amount for charge in ticket.demand.charges)
        for own in ticket.split():  # what was counted for all goes with the first, the places with each
            _post(own.outbox, Settlement(demand=own.demand, marks=own.marks, changes=changes))
            changes = tuple(0 for _ in changes)


def _post(outbox: _Outbox, settlement: Settlement) -> None:
    outbox.open -= 1
    if any(settlement.changes) or settlement.demand.places:
        outbox.waiting.append(settlement)
    outbox.news.set()


def _runs_here(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
