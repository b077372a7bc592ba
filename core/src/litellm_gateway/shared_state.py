"""The contract of stores that several processes share: small entries that expire, and boards they all read.

It knows nothing of what is kept: who shares answers or circuits through a store decides that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from litellm_gateway.secrets import Secret


@frozen
class Entry:
    """What is kept under a key.

    Attributes:
        tag: Short text that says whose it is and what became of it; only who knows it may change the entry.
        value: Any bytes.
        seconds: Until it is gone, if nobody extends it.
    """

    tag: str
    value: bytes = field(repr=False)
    seconds: float


@frozen
class Posting:
    """One line of a board.

    Attributes:
        name: What it is about; a later posting of that name takes its place.
        value: Any bytes.
        seconds: Until it is gone.
    """

    name: str
    value: bytes = field(repr=False)
    seconds: float


@runtime_checkable
class SharedState(Protocol):
    """Entries and boards of all processes that name the same place; from any thread and event loop.

    Each method but ``wait`` and ``listen`` is one round trip and one indivisible step. Any error means that the
    store is out of reach; the gateway then goes on without it, and asks again after a moment.
    """

    async def put(self, key: str, tag: str, value: bytes, seconds: float) -> Entry | None:
        """Put an entry unless there is one; give the one that is there, None when it was put."""
        ...

    async def replace(self, key: str, old: str, tag: str, value: bytes, seconds: float) -> bool:
        """Put an entry in the place of one with the tag ``old``, and wake who waits; say whether that was there."""
        ...

    async def remove(self, key: str, tag: str) -> bool:
        """Remove the entry if it has this tag, and wake who waits; say whether it had."""
        ...

    async def extend(self, claims: Sequence[tuple[str, str]], seconds: float) -> Sequence[bool]:
        """Let entries last so long from now, each given by key and tag; say which were there."""
        ...

    async def wait(self, key: str, tag: str, seconds: float) -> Entry | None:
        """Wait for at most so long until no entry with this tag is there; give what is there then, None for nothing.

        It is woken by changes, at once; an entry whose time is over may be noticed at the end of the wait only.
        """
        ...

    async def post(self, board: str, name: str, value: bytes, seconds: float) -> None:
        """Write a line on a board and tell all who listen."""
        ...

    def listen(self, board: str) -> AsyncIterator[tuple[Posting, ...]]:
        """Give all lines of a board first, in one piece, then each that is written; it ends only with an error."""
        ...

    async def aclose(self) -> None:
        """Free what is held here; what is kept in the store stays."""
        ...


@frozen(kw_only=True)
class SharedStateSettings:
    """What a store is built from.

    Attributes:
        uri: ``shared_state`` of the gateway without ``async+``; hidden, as it may hold a password.
        timeout: Seconds one round trip may take.
    """

    uri: Secret
    timeout: float
