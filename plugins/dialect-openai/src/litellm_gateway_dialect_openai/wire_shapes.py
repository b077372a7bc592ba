"""Check the shape of decoded JSON while it is read: a wrong type is a ``ValueError``, not a wrong answer."""

from __future__ import annotations

from typing import Any

_MOST = 2**53


def as_object(value: Any, name: str) -> dict[str, Any]:
    """Give a JSON object; null and absent are an empty one."""
    if type(value) is dict:
        return value
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong(value, name, "an object")
    return value


def as_list(value: Any, name: str) -> list[Any]:
    """Give a JSON list; null and absent are an empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise _wrong(value, name, "a list")
    return value


def as_text(value: Any, name: str) -> str:
    """Give a text; null and absent are an empty one."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong(value, name, "a text")
    return value


def as_count(value: Any, name: str) -> int:
    """Give a count of zero or more; null and absent are zero, 12.0 is 12."""
    if type(value) is int and 0 <= value < _MOST:
        return value
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _MOST:
        raise _wrong(value, name, "a count")
    return int(value)


def _wrong(value: Any, name: str, wanted: str) -> ValueError:
    return ValueError(f"{name} is {type(value).__name__}, not {wanted}")
