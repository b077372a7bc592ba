"""Ask a store that may be away: a question has its time, and after a failure nobody asks for a moment.

It tells when the store goes out of reach and when it is back; what is done without it is the asker's to say.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")
ASK_AGAIN = 1.0
"""Seconds after a failure in which nobody asks."""


class OutOfReachError(Exception):
    """The store gave no answer, or was not asked because it gave none a moment ago."""


class StoreReach:
    """Whether a store can be asked; one for all who use it, in all threads and event loops.

    Args:
        name: What the store is called in health and events.
        timeout: Seconds a question may take.
        clock: Monotonic seconds.
        note: Told when the store goes out of reach (with the class of the error) or is back (with None).
    """

    def __init__(
        self, name: str, *, timeout: float, clock: Callable[[], float], note: Callable[[str | None], None]
    ) -> None:
        self.name = name
        self._timeout = timeout
        self._clock = clock
        self._note = note
        self._ask_at = 0.0
        self.failures = 0
        self.error: str | None = None

    async def ask(self, question: Callable[[], Awaitable[T]], *, patience: float = 0.0) -> T:
        """Give the store's answer.

        Args:
            question: Asks the store; not called while it is left alone.
            patience: Seconds the answer may take beyond a round trip.

        Raises:
            OutOfReachError: There is none.
        """
        if self.error is not None:
            now = self._clock()
            if now < self._ask_at:
                raise OutOfReachError(self.error)
            self._ask_at = now + ASK_AGAIN  # one asks for all
        try:
            async with asyncio.timeout(self._timeout + patience):
                answer = await question()
        except Exception as error:
            self.failed(error)
            raise OutOfReachError(type(error).__name__) from error
        self.answered()
        return answer

    def failed(self, error: Exception) -> None:
        """Note that the store gave no answer."""
        self.failures += 1
        self._ask_at = self._clock() + ASK_AGAIN
        was_reachable, self.error = self.error is None, type(error).__name__
        if was_reachable:
            self._note(self.error)

    def answered(self) -> None:
        """Note that the store gave an answer."""
        if self.error is not None:
            self.error = None
            self._note(None)

    def snapshot(self) -> dict[str, Any]:
        """Give ``name``, ``reachable``, ``failures`` and ``error``, the class of the last one or None."""
        return {"name": self.name, "reachable": self.error is None, "failures": self.failures, "error": self.error}
