"""The cache backend ``memory``: answers kept in this process, bounded in number and in bytes."""

from __future__ import annotations

import os
from operator import itemgetter
from threading import Lock
from typing import TYPE_CHECKING

from attrs import field, frozen
from attrs.validators import ge, instance_of

from litellm_gateway import answer_codec
from litellm_gateway.contracts import Offer
from litellm_gateway.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable

    from cachetools import LRUCache

    from litellm_gateway.contracts import BuildContext, CacheBackend, CacheKey
    from litellm_gateway.kept_form import KeptAnswer

ENTRY_OVERHEAD = 512
"""Bytes an entry takes beside its value and its tenant's name: key, digest, bookkeeping (measured, rounded up)."""


@frozen(kw_only=True)
class MemoryCacheSettings:
    """How much to keep.

    Attributes:
        max_entries: Most answers.
        max_bytes: Most bytes, all answers and their keys together.
    """

    max_entries: int = field(default=10_000, validator=[instance_of(int), ge(1)])
    max_bytes: int = field(default=64 * 1024 * 1024, validator=[instance_of(int), ge(1)])


_Entry = tuple["bytes | KeptAnswer", float, int]
"""Value, point on the clock when it expires, size; a tuple, as there are many of them and each call makes one."""


class MemoryCache:
    """Keeps the most recently used answers.

    An LRU cache with the expiry in the entry stays within its bounds at any moment, and throws away by use; what
    has expired is dropped when it is asked for, or when it has become the least recently used.

    Args:
        settings: How much to keep.
        clock: Monotonic clock, in seconds.
    """

    def __init__(self, settings: MemoryCacheSettings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._start_empty()

    def __repr__(self) -> str:
        return f"MemoryCache({len(self._entries)} entries)"

    async def get(self, key: CacheKey) -> bytes | None:
        """Give the bytes stored under the key, None when there are none or their time is up."""
        value = self._find(key)
        return value if value is None or isinstance(value, bytes) else answer_codec.encode(key, value.answer())

    async def set(self, key: CacheKey, value: bytes, ttl: float) -> None:
        """Store bytes for ``ttl`` seconds; a value over ``max_bytes`` is not kept, nor is the one before it."""
        self._put(key, bytes(value), len(value), ttl)

    async def delete(self, key: CacheKey) -> None:
        """Forget the entry; none there is no error."""
        with self._guarded():
            self._entries.pop(key, None)

    async def clear(self, tenant: str) -> None:
        """Forget all entries of one tenant."""
        with self._guarded():
            for key in [key for key in self._entries if key.tenant == tenant]:
                del self._entries[key]

    async def aclose(self) -> None:
        """Forget everything."""
        with self._guarded():
            self._entries.clear()

    def _find(self, key: CacheKey) -> bytes | KeptAnswer | None:
        with self._guarded():
            entry = self._entries.get(key)
            if entry is None:
                return None
            value, expires_at, _ = entry
            if expires_at > self._clock():
                return value
            del self._entries[key]
            return None

    def _put(self, key: CacheKey, value: bytes | KeptAnswer, size: int, ttl: float) -> None:
        size += len(key.tenant) + ENTRY_OVERHEAD
        with self._guarded():
            entries = self._entries
            if size > self._settings.max_bytes:
                entries.pop(key, None)
                return
            if len(entries) >= self._settings.max_entries and key not in entries:
                entries.popitem()
            entries[key] = (value, self._clock() + ttl, size)

    def _guarded(self) -> Lock:
        """Give the lock; a forked child starts anew, as another thread may have held it in mid-change."""
        if os.getpid() != self._process:
            self._start_empty()
        return self._lock

    def _start_empty(self) -> None:
        from cachetools import LRUCache

        self._entries: LRUCache[CacheKey, _Entry] = LRUCache(self._settings.max_bytes, getsizeof=itemgetter(2))
        self._lock = Lock()
        self._process = os.getpid()


class MemoryAnswers(MemoryCache):
    """A memory cache that also keeps answers themselves; see ``LocalCache``. The one that ``memory`` names."""

    def keep(self, key: CacheKey, answer: KeptAnswer, ttl: float) -> None:
        """Keep an answer for ``ttl`` seconds; one over ``max_bytes`` is not kept, nor is what was there before."""
        self._put(key, answer, answer.size, ttl)

    def find(self, key: CacheKey) -> bytes | KeptAnswer | None:
        """Give what was kept or set under the key, None when there is nothing or its time is up."""
        return self._find(key)


def build(settings: MemoryCacheSettings, context: BuildContext) -> CacheBackend:
    """Build the backend."""
    return MemoryAnswers(settings, context.clock)


@hookimpl
def gateway_cache_backend() -> Offer[CacheBackend]:
    """Offer the cache."""
    return Offer(
        name="memory",
        summary="Answers kept in this process, bounded in number and in bytes",
        settings=MemoryCacheSettings,
        build=build,
    )
