"""Check the shape of decoded JSON while it is read: a wrong type is a ``ValueError``, not a wrong answer.

An error says the name of the place and the types, never what stood there.
"""

from __future__ import annotations

from typing import Any

from litellm_gateway import json_codec

_MOST = 2**53

# These run for every chunk of a stream: the very type is looked at first, all else after it.


def read_object(data: bytes | str, name: str) -> dict[str, Any]:
    """Decode a body that must be a JSON object; null is none.

    Args:
        data: The body.
        name: What it is, for the error's message.

    Raises:
        ValueError: It is no JSON, or no object.
    """
    value = json_codec.decode(data)
    if not isinstance(value, dict):
        raise _wrong(value, name, "an object")
    return value


def read_or_none(data: bytes | str) -> Any:
    """Decode a body that may be no JSON at all, such as a proxy's error page: None then."""
    try:
        return json_codec.decode(data)
    except ValueError:
        return None


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
    if type(value) is list:
        return value
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
