"""Guardrails over streams: blocked text never reaches the reader, everything else keeps its order."""

from __future__ import annotations

import re
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings, strategies as st
from litellm_gateway.contracts import Allow, Block, Call, GuardrailOffer, Modify, Verdict
from litellm_gateway.errors import GuardrailError, ProviderConnectionError
from litellm_gateway.guarding import Guards
from litellm_gateway.messages import ReasoningPart
from litellm_gateway.responses import StreamChunk, TokenUsage, ToolCallDelta

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

WINDOWS = [None, 0, 12]
START = StreamChunk(kind="start", model="m")
TOOL = StreamChunk(kind="tool_call", tool_call=ToolCallDelta(index=0, id="c", name="f"))
USAGE = StreamChunk(kind="usage", usage=TokenUsage(output_tokens=3))
FINISH = StreamChunk(kind="finish", finish_reason="stop")
KINDS = ("start", "tool_call", "usage", "finish")


class Judge:
    """Judges every text with one function, and remembers what it was shown."""

    def __init__(self, verdict: Callable[[str], Verdict]) -> None:
        self.verdict = verdict
        self.shown: list[str] = []

    async def check_input(self, text: str, call: Call) -> Verdict:
        return Allow()

    async def check_output(self, text: str, call: Call) -> Verdict:
        assert type(text) is str
        self.shown.append(text)
        return self.verdict(text)

    async def aclose(self) -> None:
        pass


class Source:
    """A stream of given pieces that counts how far it was read and how often it was closed."""

    def __init__(self, chunks: Iterable[StreamChunk | str | Exception]) -> None:
        self._chunks = iter(chunks)
        self.read = 0
        self.closed = 0

    def __aiter__(self) -> AsyncIterator[StreamChunk]:
        return self

    async def __anext__(self) -> StreamChunk:
        for chunk in self._chunks:
            self.read += 1
            if isinstance(chunk, Exception):
                raise chunk
            return chunk if isinstance(chunk, StreamChunk) else StreamChunk(chunk)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self.closed += 1


def _allow(_: str) -> Verdict:
    return Allow()


def _block(pattern: str) -> Callable[[str], Verdict]:
    return lambda text: Block("a forbidden word") if re.search(pattern, text) else Allow()


def _replace(pattern: str, by: str) -> Callable[[str], Verdict]:
    def verdict(text: str) -> Verdict:
        changed = re.sub(pattern, by, text)
        return Allow() if changed == text else Modify(changed, "replaced")

    return verdict


def _guards(*judges: tuple[Judge, int | None]) -> Guards:
    return Guards(
        [
            (
                GuardrailOffer(name=f"judge-{number}", summary="", build=lambda *_, judge=judge: judge, window=window),
                judge,
            )
            for number, (judge, window) in enumerate(judges)
        ]
    )


def _call() -> Call:
    now = time.monotonic()
    return Call(id="req_1", tenant="t", deadline=now + 60, retries_left=0, clock=time.monotonic, started_at=now)


async def _read(guards: Guards, source: Source) -> tuple[list[StreamChunk], Exception | None]:
    """Give the pieces that reached the reader, and the error that ended the stream."""
    pieces: list[StreamChunk] = []
    try:
        async for piece in guards.guard_stream(source, _call()):
            pieces.append(piece)
    except Exception as error:
        return pieces, error
    return pieces, None


def _cut(text: str, places: Iterable[int]) -> list[str]:
    ends = sorted({place % (len(text) + 1) for place in places} | {0, len(text)})
    return [text[start:end] for start, end in pairwise(ends)]


def test_without_guardrails_the_stream_is_handed_back() -> None:
    """No guardrail that looks at answers: the very same iterator."""
    source = Source([])

    assert Guards().guard_stream(source, _call()) is source


@pytest.mark.parametrize("window", WINDOWS)
async def test_allowed_streams_are_whole_and_in_order(window: int | None) -> None:
    """Every piece arrives, pieces without text between the same characters as before."""
    chunks = [START, "one ", TOOL, "two three ", "four five six", USAGE, " seven", FINISH]
    source = Source(chunks)

    pieces, error = await _read(_guards((Judge(_allow), window)), source)

    assert error is None
    assert _places(pieces) == ("one two three four five six seven", list(zip(KINDS, (0, 4, 27, 33), strict=True)))
    assert source.closed == 1


def _places(pieces: Iterable[StreamChunk]) -> tuple[str, list[tuple[str, int]]]:
    """Give the joined text, and where in it each piece without text stands."""
    text, places = "", []
    for piece in pieces:
        if piece.kind != "text":
            places.append((piece.kind, len(text)))
        text += piece
    return text, places


async def test_nothing_is_held_back_with_a_window_of_zero() -> None:
    """Window 0: each piece is judged alone and passed on before the next is read."""
    source = Source(["a", "b", FINISH])
    judge = Judge(_allow)
    stream = _guards((judge, 0)).guard_stream(source, _call())

    first = await anext(stream)

    assert (first, source.read, judge.shown) == ("a", 1, ["a"])
    await stream.aclose()  # type: ignore[attr-defined]


async def test_a_window_holds_back_its_length() -> None:
    """Window 4: the last four characters wait; what is held is shown again with each new piece."""
    judge = Judge(_allow)
    source = Source(["abcdef", "gh", "i", FINISH])

    pieces, _ = await _read(_guards((judge, 4)), source)

    assert judge.shown == ["abcdef", "cdefgh", "efghi"]
    assert [str(piece) for piece in pieces] == ["ab", "cd", "e", "fghi", ""]


async def test_without_a_window_the_answer_is_judged_once() -> None:
    """Window None: one verdict on the whole, and the pieces go on as they came."""
    judge = Judge(_allow)
    chunks = [START, StreamChunk("a"), TOOL, StreamChunk("b"), FINISH]

    pieces, _ = await _read(_guards((judge, None)), Source(chunks))

    assert judge.shown == ["ab"]
    assert [id(piece) for piece in pieces] == [id(chunk) for chunk in chunks]


@pytest.mark.parametrize("window", [None, 12])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
async def test_blocked_text_never_reaches_the_reader(window: int | None, size: int) -> None:
    """However the forbidden word is cut, none of it is passed on, and the source is closed at once."""
    text = "harmless words, then FORBIDDEN and more that nobody reads"
    source = Source([text[at : at + size] for at in range(0, len(text), size)] + [FINISH])

    pieces, error = await _read(_guards((Judge(_block("FORBIDDEN")), window)), source)

    assert isinstance(error, GuardrailError)
    assert (error.stage, error.guardrail) == ("output", "judge-0")
    assert "harmless words, then ".startswith("".join(pieces))
    assert source.closed == 1


@given(
    before=st.text("ab FO", max_size=30),
    after=st.text("ab EN", max_size=30),
    places=st.lists(st.integers(0, 80), max_size=12),
    window=st.sampled_from([None, 9, 12, 40]),
)
@settings(max_examples=300, deadline=None)
async def test_no_cut_smuggles_a_blocked_word(before: str, after: str, places: list[int], window: int | None) -> None:
    """For any text and any cuts, what the reader has seen is the text before the word at most."""
    text = f"{before}FORBIDDEN{after}"

    pieces, error = await _read(_guards((Judge(_block("FORBIDDEN")), window)), Source([*_cut(text, places), FINISH]))

    assert isinstance(error, GuardrailError)
    assert text[: text.index("FORBIDDEN")].startswith("".join(pieces))


@given(
    words=st.lists(st.sampled_from(["4111222233334444", "ok ", "x", " ", "12 ", "me@you.org "]), max_size=12),
    places=st.lists(st.integers(0, 200), max_size=30),
    window=st.sampled_from([None, 20, 64]),
)
@settings(max_examples=300, deadline=None)
async def test_redaction_does_not_depend_on_the_cuts(words: list[str], places: list[int], window: int | None) -> None:
    """A streamed answer is redacted exactly as the whole one, wherever it is cut, and shows no digit too many."""
    text = " ".join(words)
    verdict = _replace(r"\d{13,16}|\w+@\w+\.org", "[gone]")
    whole = verdict(text)
    expected = whole.text if isinstance(whole, Modify) else text

    pieces, error = await _read(_guards((Judge(verdict), window)), Source([*_cut(text, places), FINISH]))

    assert error is None
    assert "".join(pieces) == expected


@given(
    kinds=st.lists(st.sampled_from(["word ", "secret ", "s", "ecret", TOOL, USAGE]), max_size=14),
    window=st.sampled_from([None, 0, 7, 30]),
)
@settings(max_examples=300, deadline=None)
async def test_other_pieces_are_never_lost_or_swapped(kinds: list[StreamChunk | str], window: int | None) -> None:
    """Whatever is changed around them, pieces without text all arrive, in their order, before the finish."""
    chunks = [StreamChunk(kind) if type(kind) is str else kind for kind in kinds]

    pieces, _ = await _read(_guards((Judge(_replace("secret", "*")), window)), Source([*chunks, FINISH]))

    assert [p.kind for p in pieces if not p] == [c.kind for c in (*chunks, FINISH) if not c]  # type: ignore[union-attr]


async def test_a_long_change_is_settled_in_bounded_space() -> None:
    """A guardrail that changes everything, always, does not make the holder keep the whole answer."""
    judge = Judge(lambda text: Modify(text.upper()) if text != text.upper() else Allow())
    source = Source(["lower case all the way "] * 2000 + [FINISH])

    pieces, error = await _read(_guards((judge, 50)), source)

    assert error is None
    assert "".join(pieces) == "LOWER CASE ALL THE WAY " * 2000
    assert max(map(len, judge.shown)) < 5000


@pytest.mark.parametrize("window", WINDOWS)
async def test_an_insertion_at_the_very_end_arrives(window: int | None) -> None:
    """Text a guardrail adds behind the last character is part of the answer."""
    judge = Judge(lambda text: Allow() if text.endswith("!") else Modify(text + "!"))

    pieces, _ = await _read(_guards((judge, window)), Source(["hello", FINISH]))

    assert "".join(pieces) == "hello!"


@pytest.mark.parametrize("window", WINDOWS)
async def test_text_taken_away_leaves_no_empty_piece(window: int | None) -> None:
    """A text that is removed altogether is no piece of kind text at all."""
    pieces, _ = await _read(_guards((Judge(_replace(".+", "")), window)), Source([START, "gone", USAGE, FINISH]))

    assert [piece.kind for piece in pieces] == ["start", "usage", "finish"]


@pytest.mark.parametrize("window", WINDOWS)
async def test_text_in_other_kinds_of_pieces_is_judged(window: int | None) -> None:
    """Text that rides on a piece of another kind, the finish too, is seen, changed, and the piece kept."""
    riding = StreamChunk("a secret", kind="reasoning", reasoning=ReasoningPart(text="hm"))
    last = StreamChunk(" secret", kind="finish", finish_reason="length")

    pieces, _ = await _read(_guards((Judge(_replace("secret", "***")), window)), Source([riding, last]))

    assert "".join(pieces) == "a *** ***"
    assert [piece.reasoning for piece in pieces if piece.kind == "reasoning"] == [ReasoningPart(text="hm")]
    assert (pieces[-1].kind, pieces[-1].finish_reason) == ("finish", "length")


@pytest.mark.parametrize("windows", [(0, 0), (0, 8), (8, None), (None, 0), (8, 16), (None, None)])
async def test_several_guardrails_feed_each_other(windows: tuple[int | None, int | None]) -> None:
    """Each guardrail sees what the one before it let pass, whatever their windows."""
    first, second = Judge(_replace("cat", "dog")), Judge(_replace("dog", "cow"))
    guards = _guards((first, windows[0]), (second, windows[1]))

    pieces, error = await _read(guards, Source([START, "my cat ", "saw a dog", TOOL, FINISH]))

    assert error is None
    assert "".join(pieces) == "my cow saw a cow"
    assert not any("cat" in text for text in second.shown)
    assert [piece.kind for piece in pieces if not piece] == ["start", "tool_call", "finish"]


@pytest.mark.parametrize("window", WINDOWS)
async def test_a_broken_stream_stays_broken(window: int | None) -> None:
    """An error of the source comes through, what was held back does not, and the source is closed."""
    source = Source(["hello", ProviderConnectionError("gone")])

    pieces, error = await _read(_guards((Judge(_allow), window)), source)

    assert isinstance(error, ProviderConnectionError)
    assert "".join(pieces) == ("hello" if window == 0 else "")
    assert source.closed == 1


@pytest.mark.parametrize("window", WINDOWS)
async def test_a_stream_without_finish_gives_what_was_judged(window: int | None) -> None:
    """An end without finish makes no finish, and passes on only what a guardrail let pass."""
    judge = Judge(_allow)

    pieces, error = await _read(_guards((judge, window)), Source(["hello"]))

    assert (error, [piece.kind for piece in pieces]) == (None, ["text"])
    assert judge.shown == ["hello"]


@pytest.mark.parametrize("window", WINDOWS)
async def test_stopping_early_closes_the_source(window: int | None) -> None:
    """A reader that stops closes the source at once."""
    source = Source([START, "a" * 50, "b", FINISH])
    stream = _guards((Judge(_allow), window)).guard_stream(source, _call())
    await anext(stream)

    await stream.aclose()  # type: ignore[attr-defined]

    assert source.closed == 1


@pytest.mark.parametrize("window", WINDOWS)
async def test_a_failing_guardrail_ends_the_stream(window: int | None) -> None:
    """A guardrail that raises blocks the stream, and nothing unjudged is shown."""

    def fail(text: str) -> Verdict:
        raise ValueError(text)

    source = Source(["hello", FINISH])

    pieces, error = await _read(_guards((Judge(fail), window)), source)

    assert isinstance(error, GuardrailError)
    assert "hello" not in str(error)
    assert "".join(pieces) == ""
    assert source.closed == 1
