"""Count what was admitted in the last minute, per key, in memory: a storage for the ``limits`` library.

Time is cut into slots of 1/240 of the window and a slot is forgotten once all of it is older than the window.
So no window ever holds more than its limit, and at most 1/240 of the limit is given away. It starts no thread
and takes no lock: ``rate_limiter`` holds its own around every step.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import OrderedDict
from typing import TYPE_CHECKING

from limits.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Callable

SLOTS = 240
"""Slots per window: the finer, the less is given away, and the more a busy key weighs."""


class _Window:
    """What one key was admitted lately: the slot of now, and former ones, oldest first, with the amount of each."""

    __slots__ = ("_amounts", "_begins", "_current", "_ends", "_here", "_slots", "_width", "total")

    def __init__(self, expiry: float) -> None:
        self._width = expiry / SLOTS
        self._current, self._begins, self._ends = -1, math.inf, -math.inf
        self._here = 0
        self._slots: list[int] = []
        self._amounts: list[int] = []
        self.total = 0

    def advance(self, now: float) -> None:
        """Go on to the slot of now, forget those that are over; time that goes back stays in the slot it was."""
        slot = math.floor(now / self._width)
        if slot <= self._current:
            return
        if self._here:
            self._slots.append(self._current)
            self._amounts.append(self._here)
            self._here = 0
        self._current, self._begins, self._ends = slot, slot * self._width, (slot + 1) * self._width
        over = bisect_right(self._slots, slot - SLOTS - 1)
        if over:
            gone = sum(self._amounts[:over])
            self.total -= gone
            del self._slots[:over], self._amounts[:over]

    def add(self, now: float, amount: int, limit: float = math.inf) -> bool:
        """Count an amount in the current slot, if there is room for it."""
        if not self._begins <= now < self._ends:
            self.advance(now)
        total = self.total + amount
        if total > limit:
            return False
        self.total = total
        self._here += amount
        return True

    def give_back(self, now: float, at: float, amount: int) -> None:
        """Take an amount off the slot it was counted in at time ``at``, and off older ones if that holds less."""
        if not self._begins <= now < self._ends:
            self.advance(now)
        slot = math.floor(at / self._width)
        if slot >= self._current:
            share = amount if amount < self._here else self._here
            self._here -= share
            self.total -= share
            amount -= share
            if not amount:
                return
        index = bisect_right(self._slots, slot) - 1
        while amount > 0 and index >= 0:
            share = min(amount, self._amounts[index])
            self._amounts[index] -= share
            self.total -= share
            amount -= share
            index -= 1

    def room_at(self, limit: int, amount: int) -> float:
        """Give the time from which on ``amount`` fits if nothing else happens; infinity if it never does."""
        excess = self.total + amount - limit
        if excess <= 0:
            return 0.0
        # No copies: a garbage-collected call may settle in between, and go on to another slot.
        for slot, share in zip(self._slots, self._amounts, strict=False):
            excess -= share
            if excess <= 0:
                return (slot + SLOTS + 1) * self._width
        return math.inf if excess > self._here else (self._current + SLOTS + 1) * self._width


class SlidingWindows(Storage):
    """Memory storage of ``limits`` with a bounded number of keys.

    It has the methods of the library's ``SlidingWindowCounterSupport`` without naming it as a base, which would put a
    function around each of them that translates errors; memory has none.

    Keys nobody used for a whole window are dropped first. Only when more than ``max_keys`` are in use at once
    is the least recently used one forgotten, and with it what it was admitted.

    Args:
        clock: Monotonic seconds.
        max_keys: Most keys kept.
    """

    STORAGE_SCHEME = None

    def __init__(self, clock: Callable[[], float], *, max_keys: int = 20_000) -> None:
        super().__init__()
        self._clock = clock
        self._max_keys = max_keys
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    def __len__(self) -> int:
        return len(self._windows)

    @property
    def base_exceptions(self) -> type[Exception]:
        """What a failing storage raises; memory does not fail."""
        return MemoryError

    def acquire_sliding_window_entry(self, key: str, limit: int, expiry: float, amount: int = 1) -> bool:
        """Count ``amount`` if the window still has room for it; a negative amount is given back."""
        window, now = self._windows.get(key) or self._add_window(key, expiry), self._clock()
        self._windows.move_to_end(key)
        if amount >= 0:
            return window.add(now, amount, limit)
        window.give_back(now, now, -amount)
        return True

    def charge(self, key: str, expiry: float, amount: int) -> None:
        """Count what was already spent, even beyond the limit."""
        window = self._windows.get(key) or self._add_window(key, expiry)
        self._windows.move_to_end(key)
        window.add(self._clock(), amount)

    def give_back(self, key: str, amount: int, at: float) -> None:
        """Take back what was counted at time ``at``; nothing is left to take once that left the window."""
        window = self._windows.get(key)
        if window is not None:
            window.give_back(self._clock(), at, amount)

    def room_at(self, key: str, limit: int, amount: int) -> float:
        """Give the time from which on ``amount`` fits under ``limit``, infinity when it never can."""
        window = self._windows.get(key)
        if window is None:
            return 0.0 if amount <= limit else math.inf
        window.advance(self._clock())
        return window.room_at(limit, amount)

    def get_sliding_window(
        self,
        key: str,
        expiry: int,
    ) -> tuple[int, float, int, float]:
        """Give (0, 0.0, amount in the window, seconds until all of it is out), without adding the key."""
        window = self._windows.get(key)
        if window is None:
            return 0, 0.0, 0, 0.0
        now = self._clock()
        window.advance(now)
        return 0, 0.0, window.total, max(0.0, window.room_at(0, 0) - now)

    def clear_sliding_window(self, key: str, expiry: int) -> None:
        """Forget the key."""
        self._windows.pop(key, None)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count ``amount`` and give the amount in the window."""
        self.charge(key, expiry, amount)
        return self._windows[key].total

    def get(self, key: str) -> int:
        """Give the amount in the window."""
        return self.get_sliding_window(key, 0)[2]

    def get_expiry(self, key: str) -> float:
        """Give the time at which the window of the key is empty again."""
        return self._clock() + self.get_sliding_window(key, 0)[3]

    def check(self) -> bool:
        """Memory is always there."""
        return True

    def reset(self) -> int | None:
        """Forget every key, give how many there were."""
        count = len(self._windows)
        self._windows.clear()
        return count

    def clear(self, key: str) -> None:
        """Forget the key."""
        self._windows.pop(key, None)

    def _add_window(self, key: str, expiry: float) -> _Window:
        self._make_room()
        window = self._windows[key] = _Window(expiry)
        return window

    def _make_room(self) -> None:
        """Drop up to two keys that are out of use, so that idle ones go as fast as new ones come."""
        now = self._clock()
        for _ in range(2):
            oldest = next(iter(self._windows), None)
            if oldest is None:
                return
            window = self._windows[oldest]
            window.advance(now)
            if window.total and len(self._windows) < self._max_keys:
                return
            del self._windows[oldest]
