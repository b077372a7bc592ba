"""Readers cut a body into the same events wherever the network cut it."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given, settings, strategies as st
from litellm_gateway.errors import MalformedResponseError
from litellm_gateway.framing import ServerEvent, reader_for
from litellm_gateway.wire import Limits

PIECES = st.sampled_from(
    [
        b"data: one", b"data:two", b"data", b"data:", b"data:  spaced ", b": comment", b":", b"event: named",
        b"event:x", b"event", b"id: 7", b"retry: 10", b"unknown: field", b"no colon", b"data: {\"a\":1}",
        "data: caf\u00e9 \u2028 \u0085 \U0001f600".encode(), b"data: a:b", b"\xef\xbb\xbfdata: late mark", b"dat",
        b"data: \xff\xfe", b" data: indented", b"error: {\"a\":1}", b"error:{}", b"error: no object", b"error",
    ]
)  # fmt: skip
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\r", b"\n\n\n", b"\n\r\n"])
BODIES = st.builds(
    lambda mark, lines, tail: mark + b"".join(piece + end for piece, end in lines) + tail,
    st.sampled_from([b"", b"\xef\xbb\xbf", b"\xef\xbb", b"\n", b"\r\n\r\n"]),
    st.lists(st.tuples(PIECES, ENDS), max_size=25),
    PIECES | st.just(b""),
)


def read(framing: str, pieces: list[bytes], limits: Limits | None = None) -> list[ServerEvent]:
    reader = reader_for(framing, limits or Limits())  # type: ignore[arg-type]
    events = [event for piece in pieces for event in reader.feed(piece)]
    return events + reader.close()


def cut(body: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(body) + 1) for place in places), len(body)]
    return [body[start:end] for start, end in itertools.pairwise(edges)]


def reference(body: bytes) -> list[ServerEvent]:
    """Read a whole stream by the letter of the HTML standard, one line after the other.

    But for one thing: where there is no data, an object in the field ``error`` is an event of that name.
    """
    body = body.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    events, name, data, error = [], "", [], b""
    for line in [*body.split(b"\n"), b""]:
        if not line:
            if data:
                events.append(ServerEvent(name, b"\n".join(data)))
            elif error:
                events.append(ServerEvent("error", error))
            name, data, error = "", [], b""
            continue
        field, colon, value = line.partition(b":")
        value = value.removeprefix(b" ") if colon else b""
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value.decode("utf-8", "replace")
        elif field == b"error" and value.startswith(b"{"):
            error = value
    return events


@settings(max_examples=400, deadline=None)
@given(BODIES, st.lists(st.integers(0, 10_000), max_size=30))
def test_any_cut_gives_the_events_of_the_standard(body: bytes, places: list[int]) -> None:
    """However a stream is cut, its events are those the standard names."""
    events = read("sse", cut(body, places))

    assert events == reference(body)


@settings(max_examples=100, deadline=None)
@given(BODIES)
def test_single_bytes_give_the_events_of_the_standard(body: bytes) -> None:
    """One byte at a time gives the same events."""
    events = read("sse", [body[at : at + 1] for at in range(len(body))])

    assert events == reference(body)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.lists(st.integers(0, 1000), max_size=10))
def test_garbage_is_read_the_same_however_cut(body: bytes, places: list[int]) -> None:
    """Random bytes raise nothing, and their events do not depend on the cuts."""
    assert read("sse", cut(body, places)) == reference(body)
    assert read("ndjson", cut(body, places)) == read("ndjson", [body])


@settings(max_examples=100, deadline=None)
@given(BODIES, st.lists(st.integers(0, 10_000), max_size=30))
def test_limits_hold_however_cut(body: bytes, places: list[int]) -> None:
    """Whether a stream is refused for its size does not depend on the cuts."""
    limits = Limits(line=14, event=40)

    def outcome(pieces: list[bytes]) -> str:
        try:
            read("sse", pieces, limits)
        except MalformedResponseError:
            return "refused"
        return "read"

    assert outcome(cut(body, places)) == outcome([body])


@pytest.mark.parametrize(
    ("body", "events"),
    [
        (b"data: a\n\n", [("", b"a")]),
        (b"data:a\r\n\r\n", [("", b"a")]),
        (b"data: a\r\r", [("", b"a")]),
        (b"\xef\xbb\xbfdata: a\n\n", [("", b"a")]),
        (b"data: a\ndata: b\n\n", [("", b"a\nb")]),
        (b"event: x\ndata: a\n\n", [("x", b"a")]),
        (b"event: x\n\ndata: a\n\n", [("", b"a")]),
        (b": ping\n\n: ping\n\ndata: a\n\n", [("", b"a")]),
        (b"id: 1\nretry: 5\nfoo: bar\ndata: a\n\n", [("", b"a")]),
        (b"data: a\n\ndata: b\n\ndata: [DONE]\n\n", [("", b"a"), ("", b"b"), ("", b"[DONE]")]),
        (b"data: unfinished", [("", b"unfinished")]),
        (b"event: only a name", []),
        (b'error: {"code":400}\n\ndata: [DONE]\n\n', [("error", b'{"code":400}'), ("", b"[DONE]")]),
        (b'error:{"code":400}', [("error", b'{"code":400}')]),
        (b"error: none of an object\n\n", []),
        (b'data: a\nerror: {"code":400}\n\n', [("", b"a")]),
        ("data: a\u2028b\u0085c\n\n".encode(), [("", "a\u2028b\u0085c".encode())]),
        (b"data:\n\n", [("", b"")]),
        (b"", []),
    ],
)
def test_one_shape(body: bytes, events: list[tuple[str, bytes]]) -> None:
    """Each shape of the format is read as the standard says."""
    assert read("sse", [body]) == events


def test_an_event_is_given_as_soon_as_it_is_whole() -> None:
    """No reader waits for more than the blank line, a lone CR included."""
    reader = reader_for("sse", Limits())

    seen = [reader.feed(b"data: a\n\n"), reader.feed(b"data: b\r\r"), reader.feed(b"\ndata: c\r\n\r\n")]

    assert seen == [[("", b"a")], [("", b"b")], [("", b"c")]]


def test_ndjson_gives_lines() -> None:
    """NDJSON: one event per line; blank lines and a missing last line end do no harm."""
    assert read("ndjson", [b'{"a":1}\r\n\n{"b":', b'2}\n{"c":3}']) == [
        ("", b'{"a":1}'),
        ("", b'{"b":2}'),
        ("", b'{"c":3}'),
    ]


@pytest.mark.parametrize("framing", ["sse", "ndjson"])
@pytest.mark.parametrize("size", [1, 37, 100_000])
def test_an_endless_line_is_refused(framing: str, size: int) -> None:
    """A line over its limit is refused while it grows, in steps of any size."""
    with pytest.raises(MalformedResponseError, match="line"):
        read(framing, [b"x" * size] * 2000, Limits(line=1000))


def test_an_endless_event_is_refused() -> None:
    """An event over its limit is refused while it grows, though each of its lines is short."""
    with pytest.raises(MalformedResponseError, match="event"):
        read("sse", [b"data: short\n"] * 200, Limits(event=1000))


@pytest.mark.parametrize("framing", ["sse", "ndjson"])
def test_single_bytes_cost_linear_time(framing: str) -> None:
    """Two megabytes in one line, byte by byte, take seconds at most: no byte is looked at again and again."""
    reader = reader_for(framing, Limits())  # type: ignore[arg-type]
    began = time.perf_counter()

    for _ in range(2_000_000):
        reader.feed(b"x")

    assert time.perf_counter() - began < 20
