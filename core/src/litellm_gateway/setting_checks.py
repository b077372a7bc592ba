"""The rules settings are held to, as validators of attrs fields; each refuses with the setting's name and value."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NoReturn

from litellm_gateway.errors import ConfigurationError

if TYPE_CHECKING:
    import attrs


def positive(_instance: object, attribute: attrs.Attribute[Any], value: float | None) -> None:
    """Take a finite number above zero, or None."""
    if value is not None and (not isinstance(value, int | float) or not math.isfinite(value) or value <= 0):
        refuse(attribute.name, "must be a number above zero", value)


def not_negative(_instance: object, attribute: attrs.Attribute[Any], value: float | None) -> None:
    """Take a finite number of zero or more, or None."""
    if value is not None and (not isinstance(value, int | float) or not math.isfinite(value) or value < 0):
        refuse(attribute.name, "must be zero or more", value)


def whole(_instance: object, attribute: attrs.Attribute[Any], value: int | None) -> None:
    """Take a whole number, or None."""
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        refuse(attribute.name, "must be a whole number", value)


def share(_instance: object, attribute: attrs.Attribute[Any], value: float) -> None:
    """Take a share of the whole: above 0, at most 1."""
    if not isinstance(value, int | float) or not 0 < value <= 1:
        refuse(attribute.name, "must be above 0 and at most 1", value)


def refuse(name: str, rule: str, value: object) -> NoReturn:
    """Say which setting breaks which rule, and with what."""
    raise ConfigurationError(f"{name} {rule}, not {value!r} ({type(value).__name__})", path=name)
