"""A shared state in memory, for tests: several gateways of one program share it as processes share a server.

::

    state = MemoryState()
    one = create_gateway(provider="echo", shared_state="memory://", plugins=[state.plugin()])
    other = create_gateway(provider="echo", shared_state="memory://", plugins=[state.plugin()])
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from litellm_gateway.contracts import Offer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.shared_state import Entry, Posting, SharedStateSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from litellm_gateway.shared_state import SharedState


class MemoryState:
    """Entries and boards behind one lock.

    Args:
        clock: Monotonic seconds; where it is not the event loop's own, waiting takes real time all the same.

    Attributes:
        error: What every question raises, while it is not None.
        asked: How often each method was asked.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: dict[str, tuple[str, bytes, float]] = {}
        self._boards: dict[str, dict[str, tuple[bytes, float]]] = {}
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._loops: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self.error: Exception | None = None
        self.asked: Counter[str] = Counter()

    def plugin(self) -> MemoryStatePlugin:
        """Give a plugin that offers this very state as ``memory``."""
        return MemoryStatePlugin(self)

    async def put(self, key: str, tag: str, value: bytes, seconds: float) -> Entry | None:
        """Put an entry unless there is one; give the one that is there."""
        self._ask("put")
        with self._lock:
            found = self._find(key)
            if found is None:
                self._entries[key] = (tag, bytes(value), self._clock() + seconds)
            return found

    async def replace(self, key: str, old: str, tag: str, value: bytes, seconds: float) -> bool:
        """Put an entry in the place of one with the tag ``old``."""
        self._ask("replace")
        with self._lock:
            found = self._find(key)
            if found is None or found.tag != old:
                return False
            self._entries[key] = (tag, bytes(value), self._clock() + seconds)
        self._wake(key)
        return True

    async def remove(self, key: str, tag: str) -> bool:
        """Remove the entry if it has this tag."""
        self._ask("remove")
        with self._lock:
            found = self._find(key)
            if found is None or found.tag != tag:
                return False
            del self._entries[key]
        self._wake(key)
        return True

    async def extend(self, claims: Sequence[tuple[str, str]], seconds: float) -> Sequence[bool]:
        """Let entries last so long from now."""
        self._ask("extend")
        with self._lock:
            kept = []
            for key, tag in claims:
                found = self._find(key)
                kept.append(found is not None and found.tag == tag)
                if found is not None and kept[-1]:
                    self._entries[key] = (tag, found.value, self._clock() + seconds)
            return kept

    async def wait(self, key: str, tag: str, seconds: float) -> Entry | None:
        """Wait until no entry with this tag is there."""
        self._ask("wait")
        until = self._clock() + seconds
        change = self._listen_to(key)
        try:
            while (found := self.look(key)) is not None and found.tag == tag and self._clock() < until:
                change.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(until - self._clock()):
                        await change.wait()
                self._ask("")
            return found
        finally:
            self._forget(key, change)

    async def post(self, board: str, name: str, value: bytes, seconds: float) -> None:
        """Write a line on a board."""
        self._ask("post")
        with self._lock:
            lines = self._boards.setdefault(board, {})
            lines.pop(name, None)
            lines[name] = (bytes(value), self._clock() + seconds)
        self._wake(f"board {board}")

    async def listen(self, board: str) -> AsyncIterator[tuple[Posting, ...]]:
        """Give all lines of a board, then each that is written."""
        self._ask("listen")
        change = self._listen_to(f"board {board}")
        try:
            told: dict[str, tuple[bytes, float]] = {}
            first = True
            while True:
                change.clear()
                with self._lock:
                    lines = dict(self._boards.get(board, {}))
                news = {name: line for name, line in lines.items() if told.get(name) is not line}
                told = lines
                if first or news:
                    now = self._clock()
                    yield tuple(
                        Posting(name, value, until - now) for name, (value, until) in news.items() if until > now
                    )
                    first = False
                await change.wait()
                self._ask("")
        finally:
            self._forget(f"board {board}", change)

    async def aclose(self) -> None:
        """Nothing to free; what is kept stays."""

    def break_off(self, error: Exception) -> None:
        """Raise an error from now on, also in whoever waits and listens."""
        self.error = error
        for name in tuple(self._waiting):
            self._wake(name)

    def look(self, key: str) -> Entry | None:
        """Give the entry under a key, without asking."""
        with self._lock:
            return self._find(key)

    def held(self) -> list[str]:
        """Give the keys of all entries that are there."""
        return [key for key in tuple(self._entries) if self.look(key) is not None]

    def _ask(self, method: str) -> None:
        if method:
            self.asked[method] += 1
        if self.error is not None:
            raise self.error

    def _find(self, key: str) -> Entry | None:
        tag, value, until = self._entries.get(key, ("", b"", 0.0))
        now = self._clock()
        if key not in self._entries or until <= now:
            self._entries.pop(key, None)
            return None
        return Entry(tag, value, until - now)

    def _listen_to(self, name: str) -> asyncio.Event:
        change = asyncio.Event()
        with self._lock:
            self._waiting.setdefault(name, set()).add(change)
            self._loops[change] = asyncio.get_running_loop()
        return change

    def _forget(self, name: str, change: asyncio.Event) -> None:
        with self._lock:
            self._waiting[name].discard(change)
            self._loops.pop(change, None)

    def _wake(self, name: str) -> None:
        with self._lock:
            waking = [(change, self._loops[change]) for change in self._waiting.get(name, ())]
        for change, loop in waking:
            with suppress(RuntimeError):  # that event loop is closed
                loop.call_soon_threadsafe(change.set)


class MemoryStatePlugin:
    """Offers one :class:`MemoryState` to every gateway it is handed to."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    @hookimpl
    def gateway_shared_state(self) -> Offer[SharedState]:
        """Offer the state ``memory``."""

        def build(_settings: Any, _context: Any) -> SharedState:
            return self._state

        return Offer(name="memory", summary="Shared within a program", settings=SharedStateSettings, build=build)
