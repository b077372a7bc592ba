"""Hold a streamed answer back as far as its guardrails need; pieces without text keep their place in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from litellm_gateway.responses import StreamChunk
from litellm_gateway.verdicts import approve, approved

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from litellm_gateway.contracts import Call
    from litellm_gateway.verdicts import Check

_LEAST_HELD = 4096
_WINDOWS_HELD = 4


async def guard_pieces(
    checks: Sequence[Check], chunks: AsyncIterator[StreamChunk], call: Call
) -> AsyncIterator[StreamChunk]:
    """Nobody wants anything held back: judge each piece as it comes."""
    try:
        async for chunk in chunks:
            if chunk:
                text = str.__str__(chunk)
                passed = approve(checks, text, call)
                if not isinstance(passed, str):
                    passed = await passed
                if passed != text:
                    if not passed and chunk.kind == "text":
                        continue
                    yield StreamChunk(passed, **chunk.__dict__)
                    continue
            yield chunk
    finally:
        await _close(chunks)


async def guard_held_back(
    checks: Sequence[Check], chunks: AsyncIterator[StreamChunk], call: Call
) -> AsyncIterator[StreamChunk]:
    """Send every piece through one holder per guardrail; the end of the answer empties them in order."""
    holders = [holder_for(check.window, _judge_for(check, call)) for check in checks]
    try:
        async for chunk in chunks:
            pieces = _split(chunk)
            if chunk.kind == "finish":
                for piece in await _empty(holders, pieces[:-1]):
                    yield piece
                yield pieces[-1]
                continue
            for piece in await _send_through(holders, pieces):
                yield piece
        for piece in await _empty(holders, ()):
            yield piece
    finally:
        await _close(chunks)


def _judge_for(check: Check, call: Call) -> Callable[[str], Awaitable[str]]:
    return lambda text: approved((check,), text, call)


def _split(chunk: StreamChunk) -> tuple[StreamChunk, ...]:
    """Part the text of a piece from what else it carries, so that no text travels unseen."""
    if chunk.kind == "text" or not chunk:
        return (chunk,)
    return StreamChunk(str.__str__(chunk)), StreamChunk("", **chunk.__dict__)


async def _send_through(holders: Sequence[Holder], pieces: Sequence[StreamChunk]) -> Sequence[StreamChunk]:
    for holder in holders:
        passed: list[StreamChunk] = []
        for piece in pieces:
            passed += await holder.feed(piece)
        pieces = passed
    return pieces


async def _empty(holders: Sequence[Holder], pieces: Sequence[StreamChunk]) -> Sequence[StreamChunk]:
    """Feed the last pieces and let each holder give all it has to the next."""
    for holder in holders:
        pieces = [*await _send_through((holder,), pieces), *await holder.flush()]
    return pieces


async def _close(chunks: AsyncIterator[StreamChunk]) -> None:
    close = getattr(chunks, "aclose", None)
    if close is not None:
        await close()


class Holder(Protocol):
    """Stands between a stream and its reader for one guardrail and one answer."""

    async def feed(self, chunk: StreamChunk) -> Sequence[StreamChunk]:
        """Take one piece (text only in pieces of kind ``text``), give those that may go on."""
        ...

    async def flush(self) -> Sequence[StreamChunk]:
        """Give all that is left and may go on, since the answer has ended."""
        ...


def holder_for(window: int | None, judge: Callable[[str], Awaitable[str]]) -> Holder:
    """Give a fresh holder.

    Args:
        window: Characters held back at least; None holds back the whole answer, 0 nothing.
        judge: Gives the text to go on with, or raises.
    """
    return WholeHolder(judge) if window is None else WindowHolder(window, judge)


class WholeHolder:
    """Holds everything back until the end and has it judged once."""

    def __init__(self, judge: Callable[[str], Awaitable[str]]) -> None:
        self._judge = judge
        self._chunks: list[StreamChunk] = []
        self._has_text = False

    async def feed(self, chunk: StreamChunk) -> Sequence[StreamChunk]:
        """Keep the piece, unless no text stands before it."""
        self._has_text = self._has_text or bool(chunk)
        if not self._has_text:
            return (chunk,)
        self._chunks.append(chunk)
        return ()

    async def flush(self) -> Sequence[StreamChunk]:
        """Give the pieces as they came, or with the changed text where the first text was."""
        chunks, self._chunks, self._has_text = self._chunks, [], False
        text = "".join(chunks)
        approved = await self._judge(text) if text else text
        if approved == text:
            return chunks
        without_text = [chunk for chunk in chunks if not chunk]
        return [StreamChunk(approved), *without_text] if approved else without_text


class WindowHolder:
    """Holds the last ``window`` characters back, and judges them again with each piece that joins them.

    A text the guardrail changes is held back unchanged for as long as more of the answer may still belong to
    the changed place: a card number cut in two must not have its second half pass because the first is gone.
    """

    def __init__(self, window: int, judge: Callable[[str], Awaitable[str]]) -> None:
        self._judge = judge
        self._window = window
        self._most = max(_LEAST_HELD, _WINDOWS_HELD * window)
        self._raw = ""
        self._approved = ""
        self._waiting: list[tuple[int, StreamChunk]] = []

    async def feed(self, chunk: StreamChunk) -> Sequence[StreamChunk]:
        """Judge what is held together with the new text, and give what has left the window."""
        if not chunk:
            if not self._raw:
                return (chunk,)
            self._waiting.append((len(self._raw), chunk))
            return ()
        self._raw += str.__str__(chunk)
        self._approved = await self._judge(self._raw)
        return self._release(self._window)

    async def flush(self) -> Sequence[StreamChunk]:
        """Give the rest, which has been judged already."""
        return self._release(0)

    def _release(self, keep: int) -> Sequence[StreamChunk]:
        raw, approved = self._raw, self._approved
        if raw == approved and not self._waiting:  # nearly always: spare it the bookkeeping
            cut = len(raw) - keep
            self._raw = self._approved = raw[max(0, cut) :]
            return (StreamChunk(raw[:cut]),) if cut > 0 else ()
        start, end = _changed(raw, approved)
        if end <= len(raw) - keep:  # nothing changed, or the change has left the window: settled
            return self._emit(len(raw) - keep, start, end)
        if len(raw) - start + keep <= self._most:  # the changed place may still grow: keep it as it came
            return self._emit(start - keep, start, end)
        self._waiting = [(self._moved(at, start, end), chunk) for at, chunk in self._waiting]
        self._raw = approved
        return self._emit(len(approved) - keep, len(approved), 0)

    def _emit(self, cut: int, start: int, end: int) -> Sequence[StreamChunk]:
        """Give the approved form of the first ``cut`` raw characters, and the pieces that stand among it."""
        if cut < 0 or not self._raw:
            return ()
        text = self._approved[: self._moved(cut, start, end)]
        pieces: list[StreamChunk] = []
        told = 0
        passed = [(at, chunk) for at, chunk in self._waiting if at <= cut]
        for at, chunk in passed:
            upto = self._moved(at, start, end)
            if upto > told:
                pieces.append(StreamChunk(text[told:upto]))
                told = upto
            pieces.append(chunk)
        if told < len(text):
            pieces.append(StreamChunk(text[told:]))
        self._waiting = [(at - cut, chunk) for at, chunk in self._waiting[len(passed) :]]
        self._approved = self._approved[len(text) :]
        self._raw = self._raw[cut:]
        return pieces

    def _moved(self, at: int, start: int, end: int) -> int:
        """Tell where a place in the raw text is in the approved one; inside the change: behind it."""
        if at < start or at == start < end:
            return at
        return max(at, end) + len(self._approved) - len(self._raw)


def _changed(raw: str, approved: str) -> tuple[int, int]:
    """Give the part of ``raw`` that differs, as start and end; ``(len(raw), 0)`` when nothing does."""
    if raw == approved:
        return len(raw), 0
    start = _shared(raw, approved)
    return start, len(raw) - _shared(raw[start:][::-1], approved[start:][::-1])


def _shared(one: str, other: str) -> int:
    """Count the characters two texts begin with alike."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low
