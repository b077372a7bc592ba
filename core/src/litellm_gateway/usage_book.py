"""Add up what each tenant has used since the gateway was made: calls, tokens by bucket, money. Bounded."""

from __future__ import annotations

import threading
from collections import OrderedDict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import define, fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_gateway.contracts import Call, Spent
    from litellm_gateway.telemetry import CallRecord
    from litellm_gateway.token_usage import TokenUsage

_TENANTS = 10_000


@define
class _Sums:
    calls: int = 0
    errors: int = 0
    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    cost: Decimal = Decimal(0)

    def add(self, record: CallRecord) -> None:
        self.calls += 1
        self.errors += record.outcome == "error"
        usage = record.usage
        if usage is not None and not record.cached and not record.shared:
            self._add_tokens(usage)
        for hedge in record.call.hedges:
            if hedge.lost is not None:
                self._add_tokens(hedge.lost)
        if record.cost is not None:
            self.cost += record.cost

    def add_late(self, usage: TokenUsage, cost: Decimal | None) -> None:
        self._add_tokens(usage)
        self.cost += cost or Decimal(0)

    def merge(self, other: _Sums) -> None:
        for name in _NAMES:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def _add_tokens(self, usage: TokenUsage) -> None:
        self.input += usage.input_tokens
        self.cache_read += usage.cache_read_tokens
        self.cache_write += usage.cache_write_tokens
        self.output += usage.output_tokens
        self.reasoning += usage.reasoning_tokens

    def report(self) -> dict[str, Any]:
        tokens = {
            "input": self.input,
            "cache_read": self.cache_read,
            "cache_write": self.cache_write,
            "output": self.output,
            "reasoning": self.reasoning,
        }
        tokens["total"] = sum(tokens.values())
        return {"calls": self.calls, "errors": self.errors, "tokens": tokens, "cost": self.cost}


_NAMES = tuple(field.name for field in fields(_Sums))


def _unknown(*_: Any, **__: Any) -> Decimal | None:
    return None


class UsageBook:
    """Sums per tenant, and over all.

    Args:
        cost: Gives what the usage of a provider's model costs.
        late: Told of what was used for a call that had ended, and its cost.
        max_tenants: Tenants kept apart; beyond that the one that called longest ago is forgotten, the sum over
            all stays right.
    """

    def __init__(
        self,
        cost: Callable[..., Decimal | None] = _unknown,
        *,
        late: Callable[[Call, Spent, Decimal | None], object] = _unknown,
        max_tenants: int = _TENANTS,
    ) -> None:
        self._cost = cost
        self._late = late
        self._most = max_tenants
        # Reentrant: a garbage-collected call may report in the middle of a locked step.
        self._lock = threading.RLock()
        self._forgotten = _Sums()
        self._tenants: OrderedDict[str, _Sums] = OrderedDict()

    def note(self, record: CallRecord) -> None:
        """Take in a call that has ended; an answer from the cache or another call costs nothing."""
        tenant = record.call.tenant
        with self._lock:
            sums = self._tenants.get(tenant)
            if sums is None:
                sums = self._tenants[tenant] = _Sums()
                if len(self._tenants) > self._most:
                    self._forgotten.merge(self._tenants.popitem(last=False)[1])
            else:
                self._tenants.move_to_end(tenant)
            sums.add(record)

    def spent(self, call: Call, spent: Spent) -> None:
        """Take in what an answer used; if its caller has left, nobody else tells of it."""
        if not call.ended:
            call.spent += (spent,)
            return
        route, usage, named = spent
        cost = self._cost(route.provider, route.model, usage, named=named)
        with self._lock:
            self._tenants.get(call.tenant, self._forgotten).add_late(usage, cost)
        self._late(call, spent, cost)

    def report(self, tenant: str | None) -> dict[str, Any]:
        """Give the sums of one tenant, or over all with None."""
        with self._lock:
            if tenant is not None:
                return self._tenants.get(tenant, _Sums()).report()
            every = _Sums()
            for sums in (self._forgotten, *self._tenants.values()):
                every.merge(sums)
            return every.report()
