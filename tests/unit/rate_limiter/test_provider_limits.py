"""What providers say of their own limits, read and kept to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, strategies as st
from litellm_gateway.limit_hints import read_limit_hints
from litellm_gateway.rate_limiter import RateLimitConfig, RateLimiter

Clock = Callable[[], float]
Virtually = Callable[[Callable[[Clock], Any]], None]
FAR = 1e12
HEEDING = RateLimitConfig(queue_timeout=1e6)


def said(left: int, reset: str, limit: int = 100, kind: str = "requests") -> dict[str, str]:
    return {
        f"x-ratelimit-limit-{kind}": str(limit),
        f"x-ratelimit-remaining-{kind}": str(left),
        f"x-ratelimit-reset-{kind}": reset,
    }


def test_openai_s_headers_are_read() -> None:
    """Requests and tokens left, of how many, and when all is there again."""
    hints = read_limit_hints(said(3, "1m30s") | said(500, "250ms", 90_000, "tokens"))

    assert hints is not None
    assert hints.requests is not None
    assert (hints.requests.left, hints.requests.limit, hints.requests.reset_in) == (3, 100, 90.0)
    assert hints.tokens is not None
    assert (hints.tokens.left, hints.tokens.reset_in) == (500, 0.25)


@pytest.mark.parametrize("reset", ["1793959212", "1793959212000"])
def test_a_reset_in_unix_time_is_read(reset: str) -> None:
    """Seconds and milliseconds, against the server's own clock; none is taken for seconds to wait."""
    hints = read_limit_hints({"date": "Fri, 06 Nov 2026 10:00:00 GMT", **said(0, reset)})

    assert hints is not None
    assert hints.requests is not None
    assert hints.requests.reset_in == pytest.approx(12.0)


def test_anthropic_s_headers_are_read() -> None:
    """Its reset is a date, read against the server's own clock."""
    hints = read_limit_hints(
        {
            "date": "Tue, 03 Nov 2026 10:00:00 GMT",
            "anthropic-ratelimit-requests-limit": "50",
            "anthropic-ratelimit-requests-remaining": "0",
            "anthropic-ratelimit-requests-reset": "2026-11-03T10:00:12Z",
        }
    )

    assert hints is not None
    assert hints.requests is not None
    assert (hints.requests.left, hints.requests.limit) == (0, 50)
    assert hints.requests.reset_in == pytest.approx(12.0)
    assert hints.tokens is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "application/json"},
        {"x-ratelimit-remaining-requests": "3"},
        said(-1, "1s"),
        {"x-ratelimit-remaining-tokens": "many", "x-ratelimit-reset-tokens": "1s"},
        {"x-ratelimit-remaining-tokens": "9" * 400, "x-ratelimit-reset-tokens": "1s"},
        said(1, "soon"),
    ],
)
def test_what_cannot_be_read_says_nothing(headers: Mapping[str, str]) -> None:
    """Half a hint and a broken one are none."""
    assert read_limit_hints(headers) is None


@given(st.dictionaries(st.sampled_from(list(said(1, "1s") | said(1, "1s", kind="tokens"))), st.text(max_size=50)))
def test_reading_never_fails(headers: dict[str, str]) -> None:
    """Whatever a server writes, reading gives hints that make sense, or None."""
    hints = read_limit_hints(headers)

    for each in () if hints is None else (hints.requests, hints.tokens):
        assert each is None or (each.left >= 0 and each.reset_in >= 0)


def test_requests_wait_for_a_provider_that_is_empty(virtually: Virtually) -> None:
    """Other models go on; who waits goes when the first request fits again."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(HEEDING, clock=clock)
        limiter.heed("p/full", said(0, "60s", limit=60))
        start = clock()

        other = await limiter.reserve("a", "p/other", 0, FAR)
        same = await limiter.reserve("a", "p/full", 0, FAR)

        assert other.at == start
        assert same.at - start == pytest.approx(1.0, abs=0.01)

    virtually(main)


def test_tokens_are_heeded_too(virtually: Virtually) -> None:
    """A request waits until its tokens have grown back, and no longer than the reset."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(HEEDING, clock=clock)
        limiter.heed("p/m", said(100, "10s", limit=1100, kind="tokens"))
        start = clock()

        small = await limiter.reserve("a", "p/m", 100, FAR)
        large = await limiter.reserve("a", "p/m", 500, FAR)
        huge = await limiter.reserve("a", "p/m", 10**9, FAR)

        assert small.at == start
        assert large.at - start == pytest.approx(5.0, abs=0.01)
        assert huge.at - start == pytest.approx(10.0, abs=0.01)

    virtually(main)


def test_after_a_refusal_nothing_is_sent_until_its_time(virtually: Virtually) -> None:
    """A 429 with a time closes the model for that time, five minutes at most."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(HEEDING, clock=clock)
        limiter.heed("p/m", {}, closed_for=20.0)
        limiter.heed("p/n", {}, closed_for=1e9)
        start = clock()

        first = await limiter.reserve("a", "p/m", 0, FAR)
        second = await limiter.reserve("a", "p/n", 0, FAR)

        assert first.at - start == pytest.approx(20.0, abs=0.01)
        assert second.at - start == pytest.approx(300.0, abs=0.01)

    virtually(main)


def test_who_has_another_route_does_not_wait(virtually: Virtually) -> None:
    """A closed provider holds up only requests that nobody else can answer."""

    async def main(clock: Clock) -> None:
        limiter = RateLimiter(HEEDING, clock=clock)
        limiter.heed("p/m", {}, closed_for=20.0)
        start = clock()

        place = await limiter.reserve("a", "p/m", 0, FAR, alone=False)

        assert place.at == start

    virtually(main)


def test_heeding_can_be_switched_off() -> None:
    """Then the limiter has nothing to do without limits, and hears nothing with them."""
    idle = RateLimiter(RateLimitConfig(heed_provider_limits=False))
    deaf = RateLimiter(RateLimitConfig(heed_provider_limits=False, requests_per_minute=5))
    deaf.heed("p/m", said(0, "60s"), closed_for=20.0)

    assert not idle.active
    assert asyncio.run(deaf.reserve("a", "p/m", 0, FAR)).requests == 1
