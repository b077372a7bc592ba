"""One upstream call for identical requests of several processes: one leads, the others wait for its answer.

The leader's claim in the store lapses unless it is renewed, so that another takes over from a process that died.
What is in flight within one process is ``single_flight``'s, which comes first; streams are not shared here.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from hashlib import blake2b
from itertools import count
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import define, field, frozen

from litellm_gateway import error_codec
from litellm_gateway.bounded_wait import within
from litellm_gateway.errors import (
    BudgetExceededError,
    CircuitOpenError,
    ConfigurationError,
    DeadlineExceededError,
    GatewayError,
    PluginError,
    RateLimitError,
)
from litellm_gateway.loop_state import DetachedTasks, LoopLocal
from litellm_gateway.store_reach import OutOfReachError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from litellm_gateway.contracts import CacheKey
    from litellm_gateway.shared_state import Entry, SharedState
    from litellm_gateway.store_reach import StoreReach

T = TypeVar("T")
A = TypeVar("A")

LEASE = 3.0
"""Seconds a claim lasts when nobody renews it."""
BEAT = 1.0
"""Seconds between renewals; all claims of an event loop are renewed with one question."""
HANDOVER = 5.0
"""Seconds beyond its time to live for which an answer can be fetched by those who waited for it, and nobody else."""
LARGEST = 1024 * 1024
"""Bytes of the largest answer that travels; who waits for a larger one makes a call of its own."""
_FORMAT = 1
_LATE = 0.05
_MOST_PENDING = 1000
_OWN_TROUBLE = (BudgetExceededError, CircuitOpenError, ConfigurationError, DeadlineExceededError, PluginError)


@frozen
class Landed(Generic[T]):
    """An answer, and where it was made.

    Attributes:
        elsewhere: Another process made it.
        fresh_for: Seconds it may still be given to others; None when it was made here, just now.
    """

    answer: T
    elsewhere: bool = False
    fresh_for: float | None = None


@define(eq=False)
class _Claims:
    """What one event loop leads, by key, and its questions nobody waits for."""

    held: dict[str, str] = field(factory=dict)
    heart: asyncio.Task[None] | None = None
    questions: DetachedTasks = field(factory=DetachedTasks)


class SharedFlight(Generic[T]):
    """One gateway's part in calls that several processes share.

    A leader that is cancelled, or whose trouble is its own (its time, limits, budget or circuits), gives its claim
    back, and one of those who wait takes over at once. Any other error goes to all who wait, and is not kept.

    Args:
        store: Where claims and answers are.
        reach: Asks it; without it each process makes its own calls.
        ttl: Seconds an answer goes on being given to newcomers.
        encode, decode: Write an answer, and read one; ``ValueError`` for what cannot be.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        store: SharedState,
        reach: StoreReach,
        *,
        ttl: float,
        encode: Callable[[CacheKey, T], bytes],
        decode: Callable[[CacheKey, bytes], T],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._store = store
        self._reach = reach
        self._lasting = ttl + HANDOVER
        self._encode = encode
        self._decode = decode
        self._sleep = sleep
        self._claims = LoopLocal(_Claims)
        self._prefix = os.urandom(8).hex()
        self._numbers = count(1)

    async def run(self, key: CacheKey, make: Callable[[], Awaitable[T]], remaining: Callable[[], float]) -> Landed[T]:
        """Give an answer: that of another process, or one made here for all of them.

        Args:
            key: Equal for identical requests of one tenant, and for nothing else.
            make: Makes the answer.
            remaining: Tells the seconds this caller has left to wait for another process.

        Raises:
            DeadlineExceededError: They passed while another process was at it.
            GatewayError: What ``make`` raised, here or there.
        """
        name = _name(key)
        try:
            flight, entry = await within(remaining, self._join(name, remaining))
        except OutOfReachError:
            return Landed(await make())
        except TimeoutError:
            raise DeadlineExceededError(
                "the call's time is up while an identical one was on its way in another process; "
                "raise timeout if it needs more",
                phase="shared",
            ) from None
        if flight is not None:
            return Landed(await self._lead(name, flight, key, make))
        state = "" if entry is None else entry.tag.partition(":")[0]
        try:
            if state == "done" and entry is not None:
                answer = self._decode(key, entry.value)
                return Landed(answer, elsewhere=True, fresh_for=max(0.0, entry.seconds - HANDOVER))
            failure = error_codec.decode(entry.value) if state == "fail" and entry is not None else None
        except ValueError:  # damaged, or of a version that is not ours
            failure = None
        if failure is not None:
            raise failure
        return Landed(await make())

    async def aclose(self) -> None:
        """Wait a moment until what was made in this event loop is handed over, and stop renewing."""
        here = self._claims.here()
        if here.heart is not None:
            here.heart.cancel()
            await asyncio.wait((here.heart,))
        await here.questions.finish()

    async def _join(self, name: str, remaining: Callable[[], float]) -> tuple[str | None, Entry | None]:
        """Claim the flight and give its tag, or follow whose it is and give the entry that ends it."""
        mine = f"fly:{self._prefix}-{os.getpid()}-{next(self._numbers)}"
        followed = None
        entry = await self._put(name, mine)
        while entry is not None:
            state, _, flight = entry.tag.partition(":")
            if state == "fly":
                followed = flight
                entry = await self._wait(name, entry, remaining) or await self._put(name, mine)
            elif state == "apart" or flight == followed or (state == "done" and entry.seconds > HANDOVER):
                return None, entry
            elif await self._ask(self._replace(name, entry.tag, mine, b"", LEASE), undo=(name, mine)):
                return mine, None
            else:
                entry = await self._put(name, mine)
        return mine, None

    async def _put(self, name: str, mine: str) -> Entry | None:
        return await self._ask(self._reach.ask(lambda: self._store.put(name, mine, b"", LEASE)), undo=(name, mine))

    async def _wait(self, name: str, entry: Entry, remaining: Callable[[], float]) -> Entry | None:
        left = remaining()
        if left <= 0:
            raise TimeoutError
        seconds = min(entry.seconds + _LATE, left)
        return await self._reach.ask(lambda: self._store.wait(name, entry.tag, seconds), patience=seconds)

    async def _ask(self, question: Coroutine[Any, Any, A], *, undo: tuple[str, str]) -> A:
        """Ask what is not to be interrupted; a claim whose caller is gone is given back."""
        here = self._claims.here()
        asking = here.questions.start(question)
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            asking.add_done_callback(lambda done: None if _failed(done) else self._send(here, *undo, None))
            raise

    async def _lead(self, name: str, mine: str, key: CacheKey, make: Callable[[], Awaitable[T]]) -> T:
        here = self._claims.here()
        here.held[name] = mine
        if here.heart is None or here.heart.done():
            here.heart = asyncio.get_running_loop().create_task(self._renew(here))
        outcome: tuple[str, bytes] | None = None
        try:
            answer = await make()
            outcome = _written("done", lambda: self._encode(key, answer))
            return answer
        except GatewayError as error:
            failure = error
            if not _is_own_trouble(failure):
                outcome = _written("fail", lambda: error_codec.encode(failure))
            raise
        finally:
            here.held.pop(name, None)
            self._send(here, name, mine, outcome)

    def _send(self, here: _Claims, name: str, mine: str, outcome: tuple[str, bytes] | None) -> None:
        """Hand an outcome over without waiting for it; when too much waits already, the claim is left to lapse."""
        if len(here.questions) < _MOST_PENDING:
            here.questions.start(self._land(name, mine, outcome))

    async def _land(self, name: str, mine: str, outcome: tuple[str, bytes] | None) -> None:
        with contextlib.suppress(OutOfReachError):
            if outcome is None:
                await self._reach.ask(lambda: self._store.remove(name, mine))
                return
            state, value = outcome
            lasting = HANDOVER if state == "fail" else self._lasting
            await self._replace(name, mine, mine.replace("fly", state, 1), value, lasting)

    async def _replace(self, name: str, old: str, tag: str, value: bytes, seconds: float) -> bool:
        return await self._reach.ask(lambda: self._store.replace(name, old, tag, value, seconds))

    async def _renew(self, here: _Claims) -> None:
        """Renew all claims together, until there are none."""
        while here.held:
            await self._sleep(BEAT)
            claims = tuple(here.held.items())
            if not claims:
                return
            try:
                kept = await self._reach.ask(lambda claims=claims: self._store.extend(claims, LEASE))  # type: ignore[misc]
            except OutOfReachError:
                continue
            for (name, mine), is_kept in zip(claims, kept, strict=True):
                if not is_kept and here.held.get(name) == mine:
                    del here.held[name]  # it lapsed, and may be another's by now


def _name(key: CacheKey) -> str:
    """Name a flight: nothing of tenant or request can be read from it."""
    tenant = key.tenant.encode("utf-8", "surrogatepass")
    digest = blake2b(digest_size=32, person=b"gateway-flight")
    digest.update(len(tenant).to_bytes(8, "big") + tenant + key.digest.encode())
    return f"flight/{_FORMAT}/{digest.hexdigest()}"


def _is_own_trouble(error: GatewayError) -> bool:
    """Tell what went wrong for the leader alone, and may go well for another."""
    return isinstance(error, _OWN_TROUBLE) or (isinstance(error, RateLimitError) and error.scope == "gateway")


def _failed(asked: asyncio.Task[Any]) -> bool:
    return asked.cancelled() or asked.exception() is not None


def _written(state: str, write: Callable[[], bytes]) -> tuple[str, bytes]:
    """Give what is handed over; what cannot travel sends those who wait their own ways."""
    try:
        value = write()
    except ValueError:
        value = b""
    return (state, value) if 0 < len(value) <= LARGEST else ("apart", b"")
