"""Read how long a provider asks to wait, in every form providers use.

A point in time is read against the answer's own ``date``; only where that is missing, against this machine's clock.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

LONGEST_WAIT: Final = 7 * 24 * 3600.0
"""Longer hints are cut to this many seconds."""

_LONGEST_TEXT = 2000
_UNITS: Final = {
    "ms": 0.001, "millisecond": 0.001, "s": 1.0, "sec": 1.0, "second": 1.0, "m": 60.0, "min": 60.0,
    "minute": 60.0, "h": 3600.0, "hr": 3600.0, "hour": 3600.0, "d": 86400.0, "day": 86400.0,
}  # fmt: skip
_NUMBER_AND_UNIT = (
    r"\d{1,15}(?:\.\d{1,15})?\s?(?:milliseconds?|seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|ms|s|m|h|d)"
)
_PIECE = re.compile(r"([\d.]+)\s?([a-z]+)")
_DURATION = re.compile(rf"(?:{_NUMBER_AND_UNIT}[ ,]{{0,2}}){{1,5}}")
_ADVICE = re.compile(rf"(?:try again|retry|wait)(?: again)?(?: in| after| for)?:? {{0,2}}({_DURATION.pattern})")


def _wall_clock() -> datetime:
    from datetime import UTC, datetime

    return datetime.now(UTC)


def read_retry_after(
    headers: Mapping[str, str], text: str = "", *, now: Callable[[], datetime] = _wall_clock
) -> float | None:
    """Give the seconds to wait before a new try, None when the provider does not say.

    Looked at in this order: ``retry-after-ms``, ``retry-after`` (seconds or an HTTP date),
    ``x-ratelimit-reset`` (Unix time), the message text, ``x-ratelimit-reset-*`` of what is used up. Dates and
    Unix times are read against the answer's own ``date`` header, or ``now`` when it has none.

    Args:
        headers: Response headers, names in lower case.
        text: The provider's message ("Please try again in 1m0.3s").
        now: Tells the time, with its zone.

    Returns:
        Seconds from 0 to ``LONGEST_WAIT``; what cannot be read counts as not said.
    """
    found: float | None = None
    for hint in (
        _scaled(headers.get("retry-after-ms"), 0.001),
        _seconds_or_date(headers.get("retry-after"), headers, now),
        seconds_until_reset(headers.get("x-ratelimit-reset"), headers, now=now),
        _advice(text),
        _reset_of_what_is_used_up(headers, now),
    ):
        if hint is not None and hint > 0:
            return min(hint, LONGEST_WAIT)
        found = 0.0 if hint is not None else found
    return found


def seconds_until(moment: datetime, headers: Mapping[str, str], *, now: Callable[[], datetime] = _wall_clock) -> float:
    """Give the seconds from the answer's own ``date`` (``now`` when it has none) to a moment, at least 0."""
    return max(0.0, (moment - (_date(headers.get("date")) or now())).total_seconds())


def parse_duration(text: str | None) -> float | None:
    """Give the seconds of a duration such as ``"6m0s"``, ``"12ms"``, ``"1.5s"`` or ``"45 seconds"``.

    None for anything else; a bare number is no duration.
    """
    text = (text or "").strip(" .").lower()
    if len(text) > 100 or not _DURATION.fullmatch(text):
        return None
    return sum(float(number) * _unit(unit) for number, unit in _PIECE.findall(text))


def seconds_until_date(value: str | None, headers: Mapping[str, str]) -> float | None:
    """Give the seconds from the answer's own ``date`` header to a date (ISO 8601 or HTTP), None when either is not."""
    if not value or len(value) > 64:
        return None
    from datetime import UTC, datetime

    now = _date(headers.get("date"))
    try:
        then = datetime.fromisoformat(value)
    except ValueError:
        found = _date(value)
        if found is None:
            return None
        then = found
    if now is None:
        return None
    return max(0.0, ((then if then.tzinfo else then.replace(tzinfo=UTC)) - now).total_seconds())


def seconds_until_reset(
    value: str | None, headers: Mapping[str, str], *, now: Callable[[], datetime] = _wall_clock
) -> float | None:
    """Give the seconds to a point in Unix time (in seconds or milliseconds), or a duration with its unit, else None."""
    moment = _scaled(value, 1.0)
    if moment is None or moment < 1e9:  # no point in time, and providers differ in what else they mean
        return parse_duration(value)
    told = _date(headers.get("date")) or now()
    return max(0.0, (moment / 1000 if moment > 1e11 else moment) - told.timestamp())


def _unit(word: str) -> float:
    return _UNITS.get(word) or _UNITS[word.removesuffix("s")]


def _scaled(value: str | None, factor: float) -> float | None:
    try:
        number = float(value) if value is not None and len(value) <= 40 else math.nan
    except ValueError:
        return None
    return max(0.0, number * factor) if math.isfinite(number) else None


def _seconds_or_date(value: str | None, headers: Mapping[str, str], now: Callable[[], datetime]) -> float | None:
    if value is None:
        return None
    seconds = _scaled(value, 1.0)
    if seconds is not None:
        return seconds
    then = _date(value)
    if then is None:
        first, more, _ = value.partition(",")  # the header came twice: proxies add theirs
        return _seconds_or_date(first, headers, now) if more else parse_duration(value)
    return seconds_until(then, headers, now=now)


def _advice(text: str) -> float | None:
    found = _ADVICE.search(text[:_LONGEST_TEXT].lower())
    return parse_duration(found.group(1)) if found else None


def _reset_of_what_is_used_up(headers: Mapping[str, str], now: Callable[[], datetime]) -> float | None:
    """Tokens are refused before they are all gone, so their reset counts unless only requests ran out."""
    kinds = ("tokens", "requests")
    resets = {kind: seconds_until_reset(headers.get(f"x-ratelimit-reset-{kind}"), headers, now=now) for kind in kinds}
    used_up = [
        seconds
        for kind, seconds in resets.items()
        if seconds is not None and _scaled(headers.get(f"x-ratelimit-remaining-{kind}"), 1.0) == 0
    ]
    if used_up:
        return max(used_up)
    return resets["tokens"] if resets["tokens"] is not None else resets["requests"]


def _date(value: str | None) -> datetime | None:
    if not value or len(value) > 64:
        return None
    from datetime import UTC
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
