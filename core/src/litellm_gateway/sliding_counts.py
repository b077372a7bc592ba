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
        totals: What the window holds now, one number per kind; only to be read.
    """

    __slots__ = ("_rings", "_slice", "_width", "totals")

    def __init__(self, window: float, kinds: int) -> None:
        self._width = window / SLICES
        self._slice = 0
        self.totals = [0] * kinds
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        kinds = len(self.totals)
        self._rings = [[0] * kinds for _ in range(SLICES)]
        self.totals = [0] * kinds

    def advance(self, now: float) -> None:
        """Forget the slices that left the window by ``now``, in seconds."""
        current = int(now // self._width)
        passed = current - self._slice
        if passed <= 0:
            return
        self._slice = current
        if passed >= SLICES:
            self.reset()
            return
        for number in range(current - passed + 1, current + 1):
            gone = self._rings[number % SLICES]
            for kind, amount in enumerate(gone):
                self.totals[kind] -= amount
                gone[kind] = 0

    def add(self, kind: int, amount: int = 1) -> None:
        """Count in the current slice."""
        self._rings[self._slice % SLICES][kind] += amount
        self.totals[kind] += amount
