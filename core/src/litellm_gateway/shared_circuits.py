"""Let circuits that open or close here do so in other processes too, through a board in a store.

A call never waits for this: each event loop that makes calls listens in the background, and changes are told from
there. While the store is away, each process goes by what it sees itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import weakref
from collections import OrderedDict
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal

from attrs import define

from litellm_gateway.loop_state import LoopLocal
from litellm_gateway.store_reach import ASK_AGAIN, OutOfReachError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    from litellm_gateway.breaker_table import CircuitBreakers
    from litellm_gateway.shared_state import Posting, SharedState
    from litellm_gateway.store_reach import StoreReach

Change = Literal["tripped", "recovered", "opened", "closed"]
"""What became of a circuit; the last two were done by hand."""
BOARD = "circuits/1"
BY_HAND = 30 * 86_400.0
"""Seconds after which newcomers no longer learn of a circuit opened by hand."""
_SHUT = 60.0
_MOST_UNTOLD = 1000
_LONGEST_NAME = 500
_TRIES = 30


@define(eq=False)
class _Ear:
    """The task that listens on one event loop."""

    task: asyncio.Task[None] | None = None


class SharedCircuits:
    """One gateway's part in circuits that several processes share.

    Args:
        store: Where the board is.
        reach: Asks it.
        breakers: The circuits of this process.
        identities: Providers by name, and what tells one that is configured alike elsewhere from any other.
        clock: Monotonic seconds.
        sleep: Waits for so many seconds.
        spawn: Runs a coroutine for a thread that runs no event loop.
    """

    def __init__(
        self,
        store: SharedState,
        reach: StoreReach,
        breakers: CircuitBreakers,
        identities: Mapping[str, str],
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._store = store
        self._reach = reach
        self._breakers = breakers
        self._marks = {name: _mark(identity) for name, identity in identities.items()}
        self._names = {mark: name for name, mark in self._marks.items()}
        self._clock = clock
        self._sleep = sleep
        self._spawn = spawn
        self._origin = os.urandom(8).hex()
        self._lock = threading.RLock()
        self._untold: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._is_called = False  # somebody was sent to tell, and has not begun
        self._tellers: set[asyncio.Task[Any]] = set()
        self._ears = LoopLocal(_Ear)
        self._listeners: set[asyncio.Task[Any]] = set()
        self._closed = False
        weakref.finalize(self, _stop, self._listeners)

    def attend(self) -> None:
        """See to it that the running event loop listens; without one, nothing happens."""
        try:
            ear = self._ears.here()
        except RuntimeError:
            return
        if (ear.task is None or ear.task.done()) and not self._closed:
            listening = _listen(weakref.ref(self), self._store, self._reach, self._sleep)
            ear.task = asyncio.get_running_loop().create_task(listening)
            _keep(self._listeners, ear.task)

    def changed(self, key: str, change: Change, seconds: float) -> None:
        """Have others told that a circuit was ``tripped`` for so long, has ``recovered``, or was changed by hand."""
        provider, _, model = key.partition("/")
        mark = self._marks.get(provider)
        if mark is None or len(model) > _LONGEST_NAME or self._closed:
            return
        until = self._clock() + {"tripped": seconds, "recovered": _SHUT}.get(change, BY_HAND)
        with self._lock:
            if change in ("tripped", "recovered", "closed"):
                self._note(f"trip {mark}/{model}", "open" if change == "tripped" else "shut", until)
            if change in ("opened", "closed"):
                self._note(f"hand {mark}/{model}", "open" if change == "opened" else "shut", until)
        self._tell_soon()

    async def aclose(self) -> None:
        """Tell what is not told yet, and stop listening, here at once and in other event loops soon."""
        self._closed = True
        loop = asyncio.get_running_loop()
        telling = [task for task in tuple(self._tellers) if task.get_loop() is loop]
        if telling:
            _, late = await asyncio.wait(telling, timeout=ASK_AGAIN)
            for task in late:
                task.cancel()
        await loop.create_task(self._tell())
        listening = [task for task in tuple(self._listeners) if task.get_loop() is loop]
        _stop(self._listeners)
        if listening:
            await asyncio.wait(listening)

    def hear(self, postings: tuple[Posting, ...]) -> None:
        """Do as others did."""
        for posting in postings:
            how, _, place = posting.name.partition(" ")
            mark, _, model = place.partition("/")
            word, _, origin = posting.value.partition(b" ")
            provider = self._names.get(mark)
            if provider is None or not model or origin == self._me() or how not in ("trip", "hand"):
                continue
            route = f"{provider}/{model}"
            if word == b"open":
                self._breakers.get(route).follow_opening(None if how == "hand" else posting.seconds)
            elif word == b"shut" and self._breakers.look(route) != "closed":
                self._breakers.get(route).follow_closing(by_hand=how == "hand")

    def tell_again(self) -> None:
        """Tell what could not be told."""
        if self._untold:
            self._tell_soon()

    def _me(self) -> bytes:
        return f"{self._origin}-{os.getpid()}".encode()

    def _note(self, name: str, word: str, until: float) -> None:
        self._untold.pop(name, None)
        self._untold[name] = (word, until)
        if len(self._untold) > _MOST_UNTOLD:
            self._untold.popitem(last=False)

    def _tell_soon(self) -> None:
        with self._lock:
            if self._is_called or any(not task.get_loop().is_closed() for task in tuple(self._tellers)):
                return
            self._is_called = True
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # a thread without an event loop
            self._spawn(self._tell())
            return
        _keep(self._tellers, loop.create_task(self._tell()))

    async def _tell(self) -> None:
        """Tell one change after the other, the last word on each circuit only."""
        task = asyncio.current_task()
        assert task is not None
        _keep(self._tellers, task)
        self._is_called = False
        tries = _TRIES
        while tries > 0:
            with self._lock:
                if not self._untold:
                    self._tellers.discard(task)
                    return
                name, (word, until) = self._untold.popitem(last=False)
            try:
                await self._tell_one(name, word, until)
            except (OutOfReachError, asyncio.CancelledError) as error:
                self._untold.setdefault(name, (word, until))
                if isinstance(error, asyncio.CancelledError):
                    raise
                if self._closed:
                    return
                tries -= 1
                await self._sleep(ASK_AGAIN)

    async def _tell_one(self, name: str, word: str, until: float) -> None:
        seconds = until - self._clock()
        if seconds <= 0:
            return
        value = word.encode() + b" " + self._me()
        await self._reach.ask(lambda: self._store.post(BOARD, name, value, seconds))


async def _listen(
    owner: weakref.ref[SharedCircuits],
    store: SharedState,
    reach: StoreReach,
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    """Listen as long as there is somebody to listen for; this alone keeps no gateway alive."""
    while owner() is not None:
        try:
            async with contextlib.aclosing(store.listen(BOARD)) as heard:  # type: ignore[type-var]
                async for postings in heard:
                    reach.answered()
                    _hand_over(owner, postings)
        except Exception as error:
            reach.failed(error)
        await sleep(ASK_AGAIN)


def _hand_over(owner: weakref.ref[SharedCircuits], postings: tuple[Posting, ...]) -> None:
    circuits = owner()
    if circuits is not None:
        circuits.hear(postings)
        circuits.tell_again()


def _keep(tasks: set[asyncio.Task[Any]], task: asyncio.Task[Any]) -> None:
    tasks.add(task)
    task.add_done_callback(tasks.discard)


def _stop(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tuple(tasks):
        with contextlib.suppress(RuntimeError):  # its loop is closed, and the task gone with it
            task.get_loop().call_soon_threadsafe(task.cancel)


def _mark(identity: str) -> str:
    return blake2b(identity.encode(), digest_size=16, person=b"gateway-circuit").hexdigest()
