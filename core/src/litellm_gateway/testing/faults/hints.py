"""Scenarios: how long to wait, said in every form that providers and proxies use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from attrs import evolve

from litellm_gateway.errors import ProviderOverloadedError, QuotaExceededError, RateLimitError
from litellm_gateway.testing.faults.scenario import Expected, Scenario, always

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_gateway.testing.faults.turn import Turn
    from litellm_gateway.testing.wires.wire import Report, Wire

_NOON = datetime(2026, 10, 21, 12, 0, 0, tzinfo=UTC)
_WEEK = 7 * 24 * 3600.0


def _http(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


_AT_NOON = _http(_NOON)
_HINTS: dict[str, tuple[dict[str, str], tuple[float | None, ...]]] = {
    "seconds": ({"retry-after": "7"}, (7.0,)),
    "a fraction": ({"retry-after": "2.75"}, (2.75,)),
    "zero": ({"retry-after": "0"}, (0.0,)),
    "a date": ({"retry-after": _http(_NOON + timedelta(seconds=30)), "date": _AT_NOON}, (30.0,)),
    "a date long past": ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT", "date": _AT_NOON}, (0.0,)),
    "a date with a zone": ({"retry-after": "Wed, 21 Oct 2026 14:00:30 +0200", "date": _AT_NOON}, (30.0,)),
    "milliseconds": ({"retry-after-ms": "1500"}, (1.5,)),
    "milliseconds before seconds": ({"retry-after-ms": "4500", "retry-after": "9"}, (4.5,)),
    "a unit": ({"retry-after": "12s"}, (12.0,)),
    "twice": ({"retry-after": "5, 10"}, (5.0,)),
    "spaces": ({"retry-after": "  7  "}, (7.0,)),
    "garbage": ({"retry-after": "soon, promise"}, (None,)),
    "garbage milliseconds": ({"retry-after-ms": "NaN", "retry-after": "3"}, (3.0,)),
    "nothing": ({"retry-after": ""}, (None,)),
    "less than nothing": ({"retry-after": "-5"}, (0.0, None)),
    "infinity": ({"retry-after": "inf"}, (None,)),
    "a huge number": ({"retry-after": "9" * 30}, (_WEEK,)),
    "digits without end": ({"retry-after": "9" * 5000}, (None, _WEEK)),
    "a date without end": ({"retry-after": "Fri, 31 Dec 99999 23:59:59 GMT"}, (None, _WEEK)),
    "a reset": ({"x-ratelimit-reset-requests": "6m0s", "x-ratelimit-remaining-requests": "0"}, (360.0,)),
    "resets of both": (
        {
            "x-ratelimit-reset-requests": "1s", "x-ratelimit-remaining-requests": "5",
            "x-ratelimit-reset-tokens": "20ms", "x-ratelimit-remaining-tokens": "0",
        },
        (0.02,),
    ),
    "a Unix time": ({"x-ratelimit-reset": str(int(_NOON.timestamp()) + 30), "date": _AT_NOON}, (30.0,)),
}  # fmt: skip


def _limited(name: str, headers: dict[str, str], allowed: tuple[float | None, ...]) -> Scenario:
    async def does(turn: Turn) -> None:
        await turn.report(turn.wire.reports["rate_limited"], **headers)

    expected = Expected(errors=(RateLimitError,), exactly=True, status=429, retry_after=allowed)
    return Scenario(name=f"Retry-After: {name}", group="hints", does=does, expects=always(expected))


def _by_the_clock() -> Scenario:
    """A date, and no ``date`` header to read it against: only the client's own clock tells."""

    async def does(turn: Turn) -> None:
        later = datetime.now(UTC) + timedelta(seconds=30)
        await turn.report(turn.wire.reports["rate_limited"], retry_after=_http(later))

    expected = Expected(errors=(RateLimitError,), retry_after=(30.0,))
    return Scenario(name="Retry-After: a date alone", group="hints", does=does, expects=always(expected))


def _on(trouble: str, kind: Any) -> Scenario:
    async def does(turn: Turn) -> None:
        await turn.report(turn.wire.reports[trouble], retry_after="3")

    def expects(wire: Wire, _is_stream: bool) -> Expected | None:
        return Expected(errors=(kind,), retry_after=(3.0,)) if trouble in wire.reports else None

    name = f"Retry-After: on {trouble.replace('_', ' ')}"
    return Scenario(name=name, group="hints", does=does, expects=expects)


def _in_body(name: str, only: str, change: Callable[[Report], Report], seconds: float) -> Scenario:
    async def does(turn: Turn) -> None:
        await turn.report(change(turn.wire.reports["rate_limited"]))

    def expects(wire: Wire, _is_stream: bool) -> Expected | None:
        return Expected(errors=(RateLimitError,), retry_after=(seconds,)) if wire.name.startswith(only) else None

    return Scenario(name=f"Retry-After: {name}", group="hints", does=does, expects=expects)


def _with_delay(delay: str) -> Callable[[Report], Report]:
    detail = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}
    return lambda report: evolve(report, body={"error": {**report.body["error"], "details": [detail]}})


def _with_words(words: str) -> Callable[[Report], Report]:
    return lambda report: evolve(
        report, body={**report.body, "error": {**report.body["error"], "message": f"Rate limit reached. {words}"}}
    )


def _with_headers(**headers: str) -> Callable[[Report], Report]:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda report: evolve(report, headers={**report.headers, **told})


def hints() -> list[Scenario]:
    """Give the scenarios of this room."""
    later = (_NOON + timedelta(seconds=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [
        *(_limited(name, headers, allowed) for name, (headers, allowed) in _HINTS.items()),
        _by_the_clock(),
        _on("overloaded", ProviderOverloadedError),
        _on("quota", QuotaExceededError),
        _in_body("RetryInfo in the body", "google", _with_delay("17s"), 17.0),
        _in_body("RetryInfo with a fraction", "google", _with_delay("1.503s"), 1.503),
        _in_body("in words", "openai", _with_words("Please try again in 18.642s."), 18.642),
        _in_body("in short words", "openai", _with_words("Please try again in 1m0.5s."), 60.5),
        _in_body(
            "a reset in RFC 3339", "anthropic",
            _with_headers(
                date=_AT_NOON, anthropic_ratelimit_requests_remaining="0", anthropic_ratelimit_requests_reset=later
            ),
            30.0,
        ),
    ]  # fmt: skip
