"""A large request body on its way to the socket: cut into slices without being copied."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SLICE = 256 * 1024
"""Bytes the event loop is handed at once; what is smaller goes as it is."""


class Backlog(deque[memoryview]):
    """What is still to be sent, in order."""

    def add(self, pieces: Iterable[bytes]) -> None:
        """Put pieces behind the rest."""
        for piece in pieces:
            view = memoryview(piece)
            self.extend(view[start : start + SLICE] for start in range(0, len(view), SLICE))
