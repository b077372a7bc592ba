"""Change inputs at random: bytes, pieces of others, words that mean something, and values inside of JSON."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random

WORDS = (
    b"\n\n", b"\r\n", b"\r", b"\xef\xbb\xbf", b"data: ", b"data:", b"event: error\n", b"[DONE]", b"null", b"true",
    b"{}", b"[]", b'""', b"{", b"}", b"[" * 200, b'{"a":' * 200, b"-1", b"1e999", b"NaN", b"9" * 400, b"\x00", b"\xff",
    b"\\ud800", b"\\u0000", b'"error":', b'"index":', b"\xe2\x80\xa8", b"http://", b"@", b"%0d%0a", b"[::1]", b":0",
    b"retry-after: ", b"Wed, 21 Oct 2026 07:28:00 GMT", b"1m0.3s", b"try again in 9",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 2**53, 2**63, 10**30, "", "a", "0", "error", [], {}, [None], [[]], {"": None},
    "\ud800", "x" * 300,
)  # fmt: skip
_JSON = re.compile(rb"[{\[].*[}\]]")


def changed(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """Give the input with one to four changes."""
    for _ in range(1 + chance.randrange(4)):
        data = _changed_once(data, others, chance)
    return data[:20_000]


def _changed_once(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    start = chance.randrange(len(data) + 1)
    end = min(len(data), start + chance.choice((1, 1, 2, 8, 64)))
    match chance.randrange(7):
        case 0:
            return data[:start] + bytes([chance.randrange(256)]) + data[end:]
        case 1:
            return data[:start] + data[end:]
        case 2:
            return data[:start] + chance.choice(WORDS) + data[start:]
        case 3:
            other = chance.choice(others)
            return data[:start] + other[chance.randrange(len(other) + 1) :]
        case 4:
            return data[:end] + data[start:]
        case _:
            return _with_odd_json(data, chance)


def _with_odd_json(data: bytes, chance: random.Random) -> bytes:
    """Put an odd value somewhere into one of the JSON values of a body."""
    found = list(_JSON.finditer(data))
    if not found:
        return data
    place = chance.choice(found)
    try:
        value = json.loads(place.group())
    except (ValueError, RecursionError):
        return data
    return data[: place.start()] + json.dumps(_with_odd_value(value, chance)).encode() + data[place.end() :]


def _with_odd_value(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict) and value and chance.random() < 0.85:
        name = chance.choice(list(value))
        if chance.random() < 0.1:
            return {other: inner for other, inner in value.items() if other != name}
        return {**value, name: _with_odd_value(value[name], chance)}
    if isinstance(value, list) and value and chance.random() < 0.85:
        place = chance.randrange(len(value))
        return [*value[:place], _with_odd_value(value[place], chance), *value[place + 1 :]]
    return chance.choice(VALUES)
