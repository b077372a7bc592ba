"""Read what a provider says of its own rate limits: pure, bounded, and never wrong loudly.

Known are ``x-ratelimit-limit/remaining/reset-requests`` and ``-tokens`` (OpenAI and those alike),
``anthropic-ratelimit-requests-...`` and ``-tokens-...``; ``retry-after`` is read by ``retry_after``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attrs import frozen

from litellm_gateway.retry_after import seconds_until_date, seconds_until_reset

if TYPE_CHECKING:
    from collections.abc import Mapping

_KINDS = ("requests", "tokens")
_NAMES = frozenset(
    name for kind in _KINDS for name in (f"x-ratelimit-remaining-{kind}", f"anthropic-ratelimit-{kind}-remaining")
)
_LONGEST = 40


@frozen(kw_only=True)
class Allowance:
    """What a provider still takes of one kind.

    Attributes:
        left: Requests or tokens it takes before it refuses.
        limit: All it takes at most, None when it does not say.
        reset_in: Seconds until all of ``limit`` is there again.
    """

    left: int
    limit: int | None
    reset_in: float


@frozen(kw_only=True)
class LimitHints:
    """What one answer said of requests and of tokens."""

    requests: Allowance | None = None
    tokens: Allowance | None = None


def tells_of_limits(headers: Mapping[str, str]) -> bool:
    """Tell whether :func:`read_limit_hints` may find something in headers (names in lower case)."""
    return not _NAMES.isdisjoint(headers)


def read_limit_hints(headers: Mapping[str, str]) -> LimitHints | None:
    """Give what the headers (names in lower case) say of limits, None when that is nothing."""
    if not tells_of_limits(headers):
        return None
    requests, tokens = (_openai(headers, kind) or _anthropic(headers, kind) for kind in _KINDS)
    return None if requests is None and tokens is None else LimitHints(requests=requests, tokens=tokens)


def _openai(headers: Mapping[str, str], kind: str) -> Allowance | None:
    left = headers.get(f"x-ratelimit-remaining-{kind}")
    if left is None:
        return None
    text = headers.get(f"x-ratelimit-reset-{kind}")
    reset = seconds_until_reset(text, headers)
    return _allowance(left, headers.get(f"x-ratelimit-limit-{kind}"), _number(text) if reset is None else reset)


def _anthropic(headers: Mapping[str, str], kind: str) -> Allowance | None:
    left = headers.get(f"anthropic-ratelimit-{kind}-remaining")
    if left is None:
        return None
    reset = seconds_until_date(headers.get(f"anthropic-ratelimit-{kind}-reset"), headers)
    return _allowance(left, headers.get(f"anthropic-ratelimit-{kind}-limit"), reset)


def _allowance(left: str, limit: str | None, reset_in: float | None) -> Allowance | None:
    remaining, most = _number(left), _number(limit)
    if remaining is None or reset_in is None or reset_in < 0:
        return None
    return Allowance(left=int(remaining), limit=None if most is None else int(most), reset_in=reset_in)


def _number(text: str | None) -> float | None:
    if text is None or len(text) > _LONGEST:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and 0 <= number < 1e15 else None
