"""Hear everything that is logged while a test runs, from whichever logger."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Ear(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(f"{self.format(record)} {record.__dict__}")


@contextmanager
def heard(level: int) -> Iterator[list[str]]:
    """Give a list that fills with every record of that level or above: its line, and its fields behind it."""
    lines: list[str] = []
    ear, root = _Ear(lines), logging.getLogger()
    level_before = root.level
    root.addHandler(ear)
    root.setLevel(level)
    try:
        yield lines
    finally:
        root.setLevel(level_before)
        root.removeHandler(ear)
