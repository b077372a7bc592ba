"""Answers to "which of these?" out of bytes, so that whoever finds a failing example can also make it smaller."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from attrs import define

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

TEXTS = (
    "a", "", " ", "Hello", "\n", "\r\n", "\n\n", "caf\u00e9", "\U0001f600\u200d", "\u2028", "\u2029\x85", "\\", '"',
    "data: [DONE]", "\n\ndata: x\n\n", "[DONE]", ": comment", "event: error", "{}", "\x00", "null", "\ufeff",
    "0123456789" * 4,
)  # fmt: skip
"""What models may say, most of it written like something else."""


@define
class Choices:
    """Each answer uses up a byte; after the last one every answer is the first."""

    data: bytes
    at: int = 0

    def below(self, end: int) -> int:
        """Give a number from 0 to 255 and below ``end``."""
        if self.at >= len(self.data):
            return 0
        self.at += 1
        return self.data[self.at - 1] % end

    def one_of(self, options: Sequence[T]) -> T:
        """Give one of these; the first is the simplest."""
        return options[self.below(len(options))]

    def seldom(self, one_in: int = 8) -> bool:
        """Give True once in so many times."""
        return self.below(one_in) == one_in - 1

    def text(self) -> str:
        """Give a short text."""
        return self.one_of(TEXTS)

    def texts(self, most: int = 4) -> list[str]:
        """Give a few."""
        return [self.text() for _ in range(self.below(most + 1))]

    def place(self, end: int) -> int:
        """Give a number from 0 to ``end``, however large."""
        return ((self.below(256) << 8) | self.below(256)) * (end + 1) >> 16


def cut_anywhere(body: bytes, choices: Choices) -> list[bytes]:
    """Cut bytes as a network may: whole, byte by byte, or at a few places, empty pieces included."""
    kind = choices.below(4)
    if kind == 0:
        return [body]
    if kind == 1 and len(body) < 1500:
        return [body[at : at + 1] for at in range(len(body))]
    places = sorted(choices.place(len(body)) for _ in range(choices.below(7)))
    edges = [0, *places, len(body)]
    return [body[start:end] for start, end in pairwise(edges)]
