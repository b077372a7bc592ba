"""The contract of stores that count limits for several processes at once, and what is said to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Sequence


@frozen
class Charge:
    """An amount to be counted under a key, as far as ``limit`` in any ``seconds`` leaves room for it.

    Attributes:
        key: What is counted; begins with the scope and never holds a secret or a prompt.
        seconds: Length of the window.
        limit, amount: Whole numbers below 2**53.
    """

    key: str
    seconds: float
    limit: int
    amount: int


@frozen
class Place:
    """One of ``limit`` places under a key that requests under way hold."""

    key: str
    limit: int


@frozen(kw_only=True)
class Demand:
    """What one request asks for, or several ask for together: all of it or nothing.

    Attributes:
        id: Name of the request, unique over all processes.
        further: Names of those it asks for as well. Each of them takes one of each of the ``places`` too, under its
            own name, and is settled by a demand of its own; the amounts are those of all of them.
        lease: Seconds after which its places are free again should nobody give them back.
    """

    id: str
    charges: tuple[Charge, ...]
    places: tuple[Place, ...]
    lease: float
    further: tuple[str, ...] = ()


@frozen
class Granted:
    """All was counted; ``marks`` say when, for each charge, and are handed back with its settlement."""

    marks: tuple[int, ...]


@frozen
class Refused:
    """Nothing was counted.

    Attributes:
        key: Key of the charge or place that found no room.
        seconds: Until there is room if nothing else comes or goes, None when that is not known.
    """

    key: str
    seconds: float | None


@frozen(kw_only=True)
class Settlement:
    """What became of a granted demand.

    Attributes:
        demand: What was granted; its places are free now.
        marks: From the grant.
        changes: For each charge what to count more or, negative, less. Less is taken off where it was counted, as
            long as that is within the window; more counts from now on, even beyond the limit.
    """

    demand: Demand
    marks: tuple[int, ...]
    changes: tuple[int, ...]


@runtime_checkable
class LimitStore(Protocol):
    """Counts for all processes that name the same place. Every method is one round trip, from any event loop.

    Any error means that the store is out of reach; the gateway then follows ``on_storage_failure``, and asks again
    after a moment.
    """

    async def take(self, demand: Demand) -> Granted | Refused:
        """Count all of a demand or nothing of it, in one indivisible step."""
        ...

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """Correct what was counted and free the places."""
        ...

    async def aclose(self) -> None:
        """Free what the store holds here; what was counted stays."""
        ...


@frozen(kw_only=True)
class LimitStoreSettings:
    """What a store is built from.

    Attributes:
        uri: ``storage`` of the rate limits, without ``async+``; may hold a password.
        timeout: Seconds one round trip may take.
    """

    uri: str = field(repr=False)
    timeout: float
