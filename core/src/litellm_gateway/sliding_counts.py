"""Counts over a sliding window in constant time and memory; it has no clock and no lock of its own."""

from __future__ import annotations

SLICES = 10
"""Parts the window is counted in: what is older leaves it one part at a time."""


class SlidingCounts:
    """Several counts that look back over the same window, in a ring of slices.

    Args:
        window: Seconds looked back.
        kinds: Number of counts.

    Attributes:
        totals: What the window holds now, one number per kind.
        slice: What of it was counted in the current slice.
        until: Point of the clock at which the current slice ends.
    """

    __slots__ = ("_number", "_slices", "_width", "slice", "totals", "until")

    def __init__(self, window: float, kinds: int) -> None:
        self._width = window / SLICES
        self._number = 0
        self.until = self._width
        self.totals = [0] * kinds
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        kinds = len(self.totals)
        self.totals = [0] * kinds
        self._slices = [[0] * kinds for _ in range(SLICES)]
        self.slice = self._slices[self._number % SLICES]

    def advance(self, now: float) -> None:
        """Forget the slices that left the window by ``now``, in seconds."""
        if now < self.until:
            return
        current = int(now // self._width)
        passed = current - self._number
        self._number, self.until = current, (current + 1) * self._width
        if passed >= SLICES:
            self.reset()
            return
        for number in range(current - passed + 1, current + 1):
            gone = self._slices[number % SLICES]
            for kind, amount in enumerate(gone):
                self.totals[kind] -= amount
                gone[kind] = 0
        self.slice = self._slices[current % SLICES]

    def add(self, kind: int) -> None:
        """Count one in the current slice."""
        self.slice[kind] += 1
        self.totals[kind] += 1
