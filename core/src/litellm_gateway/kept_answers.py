"""Keep finished answers for a short while: bounded in number and bytes, for every thread and event loop."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

MISSING: Any = object()
"""What ``get`` gives when there is nothing; answers may be None."""


class KeptAnswers:
    """Answers by key, each for the same time. The oldest go first when there are too many or they are too large.

    Args:
        ttl: Seconds an answer is kept; 0 keeps none.
        max_entries, max_bytes: Most kept at once.
        clock: Monotonic seconds.
    """

    def __init__(self, *, ttl: float, max_entries: int, max_bytes: int, clock: Callable[[], float]) -> None:
        self.active = ttl > 0
        self._ttl = ttl
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._clock = clock
        self._lock = threading.RLock()
        self._entries: OrderedDict[Hashable, tuple[float, int, Any]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable) -> Any:
        """Give the answer, or ``MISSING``."""
        entry = self._entries.get(key)
        if entry is None or entry[0] <= self._clock():
            return MISSING
        return entry[2]

    def keep(self, key: Hashable, answer: Any, seconds: float | None = None) -> None:
        """Keep an answer from now on; one larger than all the room there is, is not kept.

        Args:
            key: What it answers.
            answer: The answer.
            seconds: How long, if not as long as any.
        """
        if not self.active:
            return
        weight = weigh(answer)
        now = self._clock()
        with self._lock:
            self._drop(key)
            if weight <= self._max_bytes:
                self._entries[key] = (now + (self._ttl if seconds is None else seconds), weight, answer)
                self._bytes += weight
            while self._entries and self._is_due(now):
                self._drop(next(iter(self._entries)))

    def _is_due(self, now: float) -> bool:
        oldest = next(iter(self._entries.values()))
        return oldest[0] <= now or len(self._entries) > self._max_entries or self._bytes > self._max_bytes

    def _drop(self, key: Hashable) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry[1]


_SMALL = frozenset({int, float, bool, type(None)})


def weigh(value: Any) -> int:
    """Estimate the bytes a value takes, by the texts, vectors and objects in it."""
    kind: Any = type(value)
    if kind in _SMALL:
        return 32
    if kind is str or kind is bytes:
        return 60 + len(value)
    if isinstance(value, str):
        return 100 + len(value) + (weigh(value.__dict__) if value.__dict__ else 0)
    if isinstance(value, Mapping):
        return 100 + sum(60 + len(str(name)) + weigh(item) for name, item in value.items())
    if isinstance(value, tuple | list):
        numbers = bool(value) and type(value[0]) in _SMALL
        return 100 + (32 * len(value) if numbers else sum(map(weigh, value)))
    if isinstance(item_size := getattr(value, "itemsize", None), int):
        return 100 + item_size * len(value)
    return 100 + sum(map(weigh, _contents(kind)(value)))


@lru_cache(maxsize=64)
def _contents(kind: Hashable) -> Callable[[Any], tuple[Any, ...]]:
    """Give what reads all fields of an object of this class, nothing for a class that is not one of attrs."""
    names = tuple(attrs.fields_dict(kind)) if isinstance(kind, type) and attrs.has(kind) else ()
    if not names:
        return lambda _value: ()
    return attrgetter(*names) if len(names) > 1 else lambda value: (getattr(value, names[0]),)
