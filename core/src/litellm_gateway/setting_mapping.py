"""Turn plain data into settings; what is unknown or impossible is named with the path that leads to it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from litellm_gateway.errors import ConfigurationError
from litellm_gateway.setting_checks import words_of


def check_keys(
    values: Mapping[str, Any] | Sequence[str], known: Mapping[str, Any] | Sequence[str], *, path: str
) -> None:
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
    except Exception as error:  # a stranger's converter or validator, whose words may quote a secret
        culprit = _culprit(kind, value, error)
        where = path if culprit is None else f"{path}.{culprit}"
        fault = ConfigurationError(f"{where}: {words_of(error, value)}", path=where)
    raise fault


def _culprit(kind: type, values: Mapping[str, Any], error: Exception) -> str | None:
    """Find the field whose value is refused with this very error; None when it is none of them by itself."""
    for name, field in attrs.fields_dict(kind).items():
        try:
            if name not in values:
                continue
            converted = field.converter(values[name]) if callable(field.converter) else values[name]
            if field.validator is not None:
                field.validator(None, field, converted)
        except Exception as failure:  # without its instance, a check may fail for other reasons
            if (type(failure), failure.args) == (type(error), error.args):
                return name
    return None
