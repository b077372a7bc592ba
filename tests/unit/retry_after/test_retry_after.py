"""Retry hints are read in every form providers use, and garbage is no hint."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st
from litellm_gateway.retry_after import LONGEST_WAIT, parse_duration, read_retry_after

NOON = "Wed, 21 Oct 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "18642", "retry-after": "19"}, 18.642),
        ({"retry-after-ms": "0", "retry-after": "1"}, 1.0),
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "99999999999"}, LONGEST_WAIT),
        ({"retry-after": "Wed, 21 Oct 2026 12:00:10 GMT", "date": NOON}, 10.0),
        ({"retry-after": "Wednesday, 21-Oct-26 12:00:10 GMT", "date": NOON}, 10.0),
        ({"retry-after": "Wed Oct 21 12:00:10 2026", "date": NOON}, 10.0),
        ({"retry-after": "Wed, 21 Oct 2026 11:00:00 GMT", "date": NOON}, 0.0),
        ({"retry-after": "6m0s"}, 360.0),
        ({"retry-after": "5, 10"}, 5.0),
        ({"x-ratelimit-reset": "1792584030", "date": NOON}, 30.0),
        ({"x-ratelimit-reset": "1792584030000", "date": NOON}, 30.0),
        ({"x-ratelimit-reset-tokens": "12ms"}, 0.012),
        ({"x-ratelimit-reset-requests": "6m0s", "x-ratelimit-reset-tokens": "1s"}, 1.0),
        (
            {
                "x-ratelimit-reset-requests": "8.64s",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-tokens": "1s",
            },
            8.64,
        ),
    ],
)
def test_headers_are_read(headers: dict[str, str], seconds: float) -> None:
    """Milliseconds, seconds, dates, Unix times and reset durations give the same kind of number."""
    assert read_retry_after(headers) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Limit 30000. Please try again in 18.642s. Visit https://x.example", 18.642),
        ("Please try again in 174ms.", 0.174),
        ("Please try again in 1m0.3s.", 60.3),
        ("Please try again in 1h2m3s", 3723.0),
        ("Please retry after 45 seconds.", 45.0),
        ("RETRY AFTER 2 MINUTES", 120.0),
        ("wait 3 s and go on", 3.0),
    ],
)
def test_messages_are_read(text: str, seconds: float) -> None:
    """A wait named in the message is read when no header names one."""
    assert read_retry_after({}, text) == pytest.approx(seconds)


def test_headers_go_before_the_message() -> None:
    """A header is more precise than the message and wins over it."""
    assert read_retry_after({"retry-after": "5"}, "Please try again in 60s") == 5.0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"retry-after": "soon"},
        {"retry-after": ""},
        {"retry-after": "nan"},
        {"retry-after": "inf"},
        {"retry-after": "1e999"},
        {"retry-after": "9" * 5000},
        {"retry-after": "Wed, 99 Foo 2026 99:99:99 GMT", "date": NOON},
        {"retry-after-ms": "x"},
        {"x-ratelimit-reset-tokens": "30"},
    ],
)
def test_garbage_is_no_hint(headers: dict[str, str]) -> None:
    """What cannot be read counts as not said."""
    assert read_retry_after(headers, "You used 18 tokens in 3 requests") is None


@pytest.mark.parametrize(
    "headers", [{"retry-after": "Wed, 21 Oct 2026 12:00:30 GMT"}, {"x-ratelimit-reset": "1792584030"}]
)
def test_a_time_without_a_date_is_read_by_the_clock(headers: dict[str, str]) -> None:
    """An answer that does not tell its own time is taken to be of now."""

    def noon() -> datetime:
        return datetime(2026, 10, 21, 12, 0, 0, tzinfo=UTC)

    assert read_retry_after(headers, now=noon) == pytest.approx(30.0)


@given(value=st.text(max_size=60), text=st.text(max_size=200))
def test_any_text_gives_a_sane_number_or_none(value: str, text: str) -> None:
    """Whatever a server writes, the wait is None or lies within its bounds."""
    names = ("retry-after", "retry-after-ms", "x-ratelimit-reset", "x-ratelimit-reset-tokens", "date")

    seconds = read_retry_after(dict.fromkeys(names, value), text)

    assert seconds is None or 0 <= seconds <= LONGEST_WAIT


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("17s", 17.0), ("1.5s", 1.5), ("6m0s", 360.0), ("2 hours", 7200.0), ("1d", 86400.0), ("5", None), ("", None)],
)
def test_durations(text: str, seconds: float | None) -> None:
    """A duration needs its unit."""
    assert parse_duration(text) == seconds
