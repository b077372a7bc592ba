"""Who waits for a place: in order within a line, lines of one pool in fair turns, bounded over all of them.

It keeps order and knows no limits; ``rate_limiter`` decides who gets a place and holds its lock around every step.
"""

from __future__ import annotations

import os
from bisect import bisect_left, insort
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from litellm_gateway.limit_plans import Plan
    from litellm_gateway.reservation import Reservation
    from litellm_gateway.waiter import Waiter

Entry = tuple[int, int, "Waiter"]


@define(eq=False)
class Line:
    """Requests of one tenant that want the same, the most urgent first, else in the order they came."""

    key: str
    tenant: str
    weight: float
    entries: list[Entry] = field(factory=list)

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def first(self) -> Waiter:
        """Who is next."""
        return self.entries[0][2]


@define(eq=False)
class _Turn:
    """How far a tenant has come, at which weight, and how many lines it has."""

    reached: float
    weight: float
    lines: int = 0


@define(eq=False)
class Pool:
    """Lines that wait for the same places. Each tenant's turn comes as often as its weight says.

    Attributes:
        lines: By key.
        asking: Who was let in here and is asking the processes that share the limits; others wait for that.
    """

    key: str
    lines: dict[str, Line] = field(factory=dict)
    asking: Reservation | None = None
    _turns: dict[str, _Turn] = field(factory=dict)
    _now: float = 0.0
    _weights: float = 0.0

    def line(self, plan: Plan) -> Line:
        """Give the line of a plan; a tenant that had none starts as far as everybody in turn has come."""
        line = self.lines.get(plan.line)
        if line is None:
            line = self.lines[plan.line] = Line(plan.line, plan.tenant, plan.weight)
            if plan.tenant not in self._turns:
                self._turns[plan.tenant] = _Turn(self._now, plan.weight)
                self._weights += plan.weight
            self._turns[plan.tenant].lines += 1
        return line

    def remove(self, line: Line) -> None:
        """Take an empty line away."""
        del self.lines[line.key]
        turn = self._turns[line.tenant]
        turn.lines -= 1
        if not turn.lines:
            del self._turns[line.tenant]
            self._weights = self._weights - turn.weight if self._turns else 0.0

    def round(self) -> Round:
        """Give the lines in order of their turns."""
        return Round(self)

    def pass_turn(self, line: Line, cost: float) -> None:
        """Note that the first of a line is served with something of a certain size; it still stands in it."""
        turn = self._turns[line.tenant]
        turn.reached += cost / turn.weight
        self._now += cost / max(self._weights, turn.weight)

    def reached(self, tenant: str) -> float:
        """Give how far a tenant that waits has come; the one least far is next."""
        return self._turns[tenant].reached


class Round:
    """One walk over the lines of a pool; a line that was served comes again in its turn."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._heap = [self._place(line) for line in pool.lines.values()]
        heapify(self._heap)

    def next(self) -> Line | None:
        """Give the line whose turn it is, None when all have been looked at."""
        while self._heap:
            place = heappop(self._heap)
            line = place[-1]
            if not line.entries:
                continue
            if place[0] < self._pool.reached(line.tenant):  # another line of the tenant was served meanwhile
                self.again(line)
                continue
            return line
        return None

    def again(self, line: Line) -> None:
        """Let the line come again."""
        if line.entries:
            heappush(self._heap, self._place(line))

    def _place(self, line: Line) -> tuple[float, int, int, Line]:
        rank, number, _ = line.entries[0]
        return self._pool.reached(line.tenant), rank, number, line


class WaitingQueue:
    """All that wait, in their lines and pools. Leaving costs about the same wherever one stands."""

    def __init__(self) -> None:
        self._pools: dict[str, Pool] = {}
        self._waiting: dict[str, int] = {}
        self._depth = 0
        self._process = os.getpid()

    def __len__(self) -> int:
        return self._depth if self._of_this_process() else 0

    @property
    def is_empty(self) -> bool:
        """Whether nobody waits or asks anywhere."""
        return not self._pools

    def pool(self, key: str) -> Pool | None:
        """Give a pool in which somebody waits or asks."""
        return self._of_this_process().get(key)

    def pools(self) -> tuple[Pool, ...]:
        """Give all pools in which somebody waits or asks."""
        return tuple(self._of_this_process().values())

    def is_before_nobody(self, plan: Plan) -> bool:
        """Tell whether nobody waits in whose turn a newcomer would come."""
        pool = self._pools.get(plan.pool)
        return pool is None or not (pool.lines or pool.asking)

    def join(self, waiter: Waiter) -> Pool:
        """Put a waiter where it belongs in its line."""
        plan = waiter.ask.plan
        pool = self._of_this_process().setdefault(plan.pool, Pool(plan.pool))
        insort(pool.line(plan).entries, (-waiter.ask.priority, waiter.ask.number, waiter))
        self._count(plan.tenant, waiter.ask.amounts[0])
        return pool

    def leave(self, waiter: Waiter) -> bool:
        """Take a waiter out, wherever it stands; False when it is not waiting any more."""
        plan = waiter.ask.plan
        pool = self._pools.get(plan.pool)
        line = pool.lines.get(plan.line) if pool is not None else None
        if pool is None or line is None:
            return False
        index = _index(line, waiter)
        if index is None:
            return False
        del line.entries[index]
        self._count(plan.tenant, -waiter.ask.amounts[0])
        if not line.entries:
            self._remove(pool, line)
        return True

    def lose_one(self, waiter: Waiter) -> bool:
        """Note that one of several requests somebody waits for will be gone; False when it is not waiting any more."""
        plan = waiter.ask.plan
        pool = self._of_this_process().get(plan.pool)
        line = pool.lines.get(plan.line) if pool is not None else None
        if line is None or _index(line, waiter) is None:
            return False
        self._count(plan.tenant, -1)
        return True

    def drop_if_idle(self, pool: Pool) -> None:
        """Forget a pool in which nobody waits or asks."""
        if not pool.lines and pool.asking is None and self._pools.get(pool.key) is pool:
            del self._pools[pool.key]

    def displace(self, tenant: str) -> Waiter | None:
        """Take out whom :meth:`last_of_most` names.

        So a tenant with many waiting requests cannot keep the others out of a full queue.
        """
        last = self.last_of_most(tenant)
        if last is not None:
            self.leave(last)
        return last

    def last_of_most(self, tenant: str) -> Waiter | None:
        """Give the last waiter of the tenant with most waiting, if it has more than ``tenant`` would have."""
        longest = max(self._waiting, key=self._waiting.__getitem__, default=None)
        if longest is None or self._waiting[longest] <= self._waiting.get(tenant, 0) + 1:
            return None
        lines = [line for pool in self._pools.values() for line in pool.lines.values() if line.tenant == longest]
        return max((line.entries[-1] for line in lines), key=lambda entry: entry[:2])[2]

    def empty(self) -> list[Waiter]:
        """Take everybody out, in the order they came."""
        pools = self._of_this_process().values()
        waiters = [entry[2] for pool in pools for line in pool.lines.values() for entry in line.entries]
        self._forget()
        return sorted(waiters, key=lambda waiter: waiter.ask.number)

    def _count(self, tenant: str, requests: int) -> None:
        self._waiting[tenant] = self._waiting.get(tenant, 0) + requests
        self._depth += requests

    def _remove(self, pool: Pool, line: Line) -> None:
        pool.remove(line)
        if not self._waiting[line.tenant]:
            del self._waiting[line.tenant]
        self.drop_if_idle(pool)

    def _of_this_process(self) -> dict[str, Pool]:
        """Give the pools; after a fork they are the parent's, whose loops do not run here, and are dropped."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self._forget()
        return self._pools

    def _forget(self) -> None:
        self._pools = {}
        self._waiting = {}
        self._depth = 0


def _index(line: Line, waiter: Waiter) -> int | None:
    """Find where a waiter stands."""
    place = (-waiter.ask.priority, waiter.ask.number)
    index = bisect_left(line.entries, place, key=lambda known: known[:2])
    return index if index < len(line.entries) and line.entries[index][2] is waiter else None
