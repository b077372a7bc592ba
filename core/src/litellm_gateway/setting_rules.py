"""Rules that settings keep: checks of single values, and how plain data becomes settings. It reads nothing outside."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from litellm_gateway.errors import ConfigurationError


def positive(_instance: object, attribute: attrs.Attribute[Any], value: float | None) -> None:
    """Refuse what is not a number above zero; None passes."""
    if value is not None and (not isinstance(value, int | float) or not math.isfinite(value) or value <= 0):
        refuse(attribute.name, "must be a number above zero", value)


def not_negative(_instance: object, attribute: attrs.Attribute[Any], value: float | None) -> None:
    """Refuse what is not zero or a number above it; None passes."""
    if value is not None and (not isinstance(value, int | float) or not math.isfinite(value) or value < 0):
        refuse(attribute.name, "must be zero or more", value)


def whole(_instance: object, attribute: attrs.Attribute[Any], value: int | None) -> None:
    """Refuse what is not a whole number; None passes."""
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        refuse(attribute.name, "must be a whole number", value)


def share(_instance: object, attribute: attrs.Attribute[Any], value: float) -> None:
    """Refuse what is not above 0 and at most 1."""
    if not isinstance(value, int | float) or not 0 < value <= 1:
        refuse(attribute.name, "must be above 0 and at most 1", value)


def refuse(name: str, rule: str, value: object) -> None:
    """Raise the error for a value that breaks a rule."""
    raise ConfigurationError(f"{name} {rule}, not {value!r} ({type(value).__name__})", path=name)


def check_keys(values: Mapping[str, Any], known: Mapping[str, Any] | Sequence[str], *, path: str) -> None:
    """Refuse keys nobody knows, naming the nearest known one."""
    for name in values:
        if name not in known:
            where = f"{path}.{name}" if path else str(name)
            raise ConfigurationError(
                f"unknown setting '{where}'{nearest(str(name), known)} Known: {', '.join(sorted(known))}.",
                path=where,
            )


def nearest(name: str, known: Mapping[str, Any] | Sequence[str]) -> str:
    """Give ``": did you mean 'x'?"`` when something known is close, else ``"."``."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f": did you mean '{close[0]}'?" if close else "."


def from_mapping(kind: type, value: Any, *, path: str) -> Any:
    """Turn plain data into one instance of an attrs class; an instance passes through.

    Raises:
        ConfigurationError: Not a mapping, an unknown key, a missing or impossible value; ``path`` leads to it.
    """
    if isinstance(value, kind) and kind is not object:
        return value
    if value is None:
        value = {}
    if not isinstance(value, Mapping):
        raise ConfigurationError(
            f"{path} must be a mapping or a {kind.__name__}, not {type(value).__name__}", path=path
        )
    if not attrs.has(kind):
        if value:
            raise ConfigurationError(f"{path} takes no settings, got {', '.join(map(str, value))}", path=path)
        return kind()
    check_keys(value, attrs.fields_dict(kind), path=path)
    try:
        return kind(**value)
    except ConfigurationError as error:
        inner = error.path or ""
        raise ConfigurationError(f"{path}.{error.message}", path=f"{path}.{inner}".rstrip(".")) from error
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{path}: {error}", path=path) from error
