"""Check single arguments of a call: numbers, texts, mappings. An error names what is wrong and quotes no text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from litellm_gateway.errors import InvalidRequestError

LARGEST = 2**63 - 1
"""What providers, clocks and JSON readers take as a whole number."""
LONGEST_NAME = 512
"""Names are remembered in several places."""
LONGEST_WAIT = 366 * 24 * 3600


def refuse(name: str, rule: str, value: Any) -> InvalidRequestError:
    """Give the error that says what an argument must be; a number is shown, of anything else only its type."""
    is_shown = isinstance(value, float) or (isinstance(value, int) and abs(value) <= LARGEST)
    shown = repr(value) if is_shown else type(value).__name__
    return InvalidRequestError(f"{name} must be {rule}, not {shown}", parameter=name)


def between(low: float, high: float) -> Callable[[str, Any], float]:
    """Give a check for numbers within bounds."""

    def check(name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise refuse(name, f"a number from {low} to {high}", value)
        return value

    return check


def seconds(name: str, value: Any) -> float:
    """Give a time to wait: above zero, a year at most."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST_WAIT:
        raise refuse(name, f"a number above zero and at most {LONGEST_WAIT} (a year)", value)
    return value


def whole(low: int | None = None) -> Callable[[str, Any], int]:
    """Give a check for whole numbers."""
    rule = "a whole number" if low is None else f"a whole number of at least {low}"
    least = -LARGEST if low is None else low

    def check(name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= LARGEST:
            raise refuse(name, rule, value)
        return value

    return check


def text(name: str, value: Any) -> str:
    """Give a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise refuse(name, "a non-empty string", value)
    return value


def short_name(name: str, value: Any) -> str:
    """Give a name of a model, a provider or the like."""
    if len(text(name, value)) > LONGEST_NAME:
        raise InvalidRequestError(f"{name} must have at most {LONGEST_NAME} characters", parameter=name)
    return str(value)


def one_of(*words: str) -> Callable[[str, Any], str]:
    """Give a check for one of some words."""

    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in words:
            raise InvalidRequestError(f"{name} must be one of {', '.join(words)}", parameter=name)
        return value

    return check


def flag(name: str, value: Any) -> bool:
    """Give True or False."""
    if not isinstance(value, bool):
        raise refuse(name, "True or False", value)
    return value


def mapping(name: str, value: Any) -> Mapping[str, Any]:
    """Give a mapping with texts for keys."""
    if not isinstance(value, Mapping) or any(not isinstance(key, str) for key in value):
        raise refuse(name, "a mapping with string keys", value)
    return value


def headers(name: str, value: Any) -> Mapping[str, str]:
    """Give HTTP headers."""
    for key, line in mapping(name, value).items():
        if not isinstance(line, str) or any(char in "\r\n\0" for char in key + line):
            raise InvalidRequestError(f"{name}[{key!r}] must be a string without line breaks", parameter=name)
    return mapping(name, value)


def listed(name: str, value: Any, what: str) -> Sequence[Any]:
    """Give a list of something; a text, a mapping or something that can be read only once is none."""
    if isinstance(value, str | bytes | bytearray | Mapping) or not isinstance(value, Sequence):
        raise refuse(name, f"a list of {what}", value)
    return value


def stop_texts(name: str, value: Any) -> tuple[str, ...]:
    """Give the texts that end an answer, one or several."""
    several = (value,) if isinstance(value, str) else listed(name, value, "strings, or one string")
    return tuple(text(f"{name}[{index}]", each) for index, each in enumerate(several))
