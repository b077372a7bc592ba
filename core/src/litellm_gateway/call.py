"""One call while it lives: whose it is, until when, what may still be tried, and what was used for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from litellm_gateway.contracts import Route
    from litellm_gateway.errors import GatewayError
    from litellm_gateway.hedging import Hedge
    from litellm_gateway.requests import OnUnsupported
    from litellm_gateway.token_usage import TokenUsage

Spent = tuple["Route", "TokenUsage", "str | None"]


@define(eq=False)
class Call:
    """One call's life: who asks, until when, and how many retries are left.

    Attributes:
        id: ``req_`` and 24 hex digits, made by the gateway.
        tenant: Tenant the call belongs to; ``""`` when none was named.
        deadline: Point on ``clock`` when the call must have ended, in seconds.
        retries_left: Requests that may still be sent again after a failure, over all routes; the first
            request to each route is not counted.
        clock: Monotonic clock, in seconds.
        errors: Errors of the attempts made so far, in order.
        attempts: Requests sent so far.
        on_unsupported: What to do with a parameter the model does not take.
        priority: The higher, the earlier among the tenant's own calls that wait for a limit.
        provider_headers: Headers of the answer to the newest request, names in lower case; None before it came.
        mixes_headers: Several of its requests are on their way to several routes: nobody knows whose headers these are.
        hedges: Requests that were sent a second time while they were on their way.
        spent: What answers to it used, each with its route and the model as the provider named it.
        ended: Whether its caller has its answer, or has left; others may still wait for what it asked.
        notes: What plugins keep of this call and nothing else, each under an object of its own; gone with the call.
        watched: Whether anybody listened to telemetry when it began; if not, no event of it is built.
    """

    id: str
    tenant: str
    deadline: float
    retries_left: int
    clock: Callable[[], float]
    started_at: float
    errors: list[GatewayError] = field(factory=list, repr=False)
    attempts: int = 0
    on_unsupported: OnUnsupported = "error"
    priority: int = 0
    provider_headers: Mapping[str, str] | None = field(default=None, repr=False)
    mixes_headers: bool = False
    hedges: tuple[Hedge, ...] = field(default=(), repr=False)
    spent: tuple[Spent, ...] = field(default=(), repr=False)
    ended: bool = False
    watched: bool = True
    notes: dict[object, Any] = field(factory=dict, repr=False)

    def remaining(self) -> float:
        """Give the seconds left until the deadline, never below zero."""
        return max(0.0, self.deadline - self.clock())
