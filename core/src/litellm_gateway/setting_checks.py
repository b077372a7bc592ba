"""Check and convert single settings: numbers, names, lists, mappings. An error names the setting and its type."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from litellm_gateway.errors import ConfigurationError
from litellm_gateway.secrets import Secret, as_secret, redact

if TYPE_CHECKING:
    import attrs

LARGEST = 2**63 - 1
_SENSITIVE = re.compile(r"key|token|secret|password|credential|auth|headers", re.IGNORECASE)


def refuse(name: str, rule: str, value: object) -> None:
    """Refuse a setting; a number or a short word is shown, of anything else only its type."""
    is_shown = isinstance(value, str | float | bool | None) or (isinstance(value, int) and abs(value) <= LARGEST)
    shown = f"{value!r:.80} ({type(value).__name__})" if is_shown else type(value).__name__
    raise ConfigurationError(f"{name} {rule}, not {shown}", path=name)


def positive(_instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """A number above zero, or None."""
    if value is not None and not (_is_number(value) and 0 < value <= LARGEST):  # type: ignore[operator]
        refuse(attribute.name, "must be a number above zero", value)


def not_negative(_instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """A number from zero up, or None."""
    if value is not None and not (_is_number(value) and 0 <= value <= LARGEST):  # type: ignore[operator]
        refuse(attribute.name, "must be zero or more", value)


def whole(_instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """A whole number, or None."""
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        refuse(attribute.name, "must be a whole number", value)


def share(_instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """A share of one."""
    if not (_is_number(value) and 0 < value <= 1):  # type: ignore[operator]
        refuse(attribute.name, "must be above 0 and at most 1", value)


def flag(_instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """True or False."""
    if not isinstance(value, bool):
        refuse(attribute.name, "must be True or False", value)


def text(_instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """A text that is not empty."""
    if not isinstance(value, str) or not value:
        refuse(attribute.name, "must be a non-empty string", value)


def text_or_none(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """A text that is not empty, or None."""
    if value is not None:
        text(instance, attribute, value)


def uri_or_none(_instance: object, attribute: attrs.Attribute[Any], value: Secret | None) -> None:
    """A URI, which is hidden since it may hold a password, or None."""
    hidden: Any = None if value is None else value.reveal()
    if value is not None and (not isinstance(hidden, str) or not hidden.partition("://")[1] or hidden[0] == ":"):
        refuse(attribute.name, "must be a URI such as 'redis://localhost:6379/0'", value)


def made_of(kind: type) -> Callable[[object, attrs.Attribute[Any], object], None]:
    """Give a check for one instance of a class, or None."""

    def check(_instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if value is not None and not isinstance(value, kind):
            refuse(attribute.name, f"must be a {kind.__name__} or None", value)

    return check


def unsupported_rule(_instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """What may be done with a parameter a model does not take."""
    if not isinstance(value, str) or value not in ("error", "warn", "drop"):
        refuse(attribute.name, "must be 'error', 'warn' or 'drop'", value)


def capability_keys(_instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Corrections of what models take."""
    if not isinstance(value, Mapping):
        refuse(attribute.name, "must be a mapping", value)
        return
    for key, given in value.items():
        if not isinstance(key, str) or "/" not in key or not isinstance(given, Mapping):
            refuse(attribute.name, "must map 'provider/model' to a mapping with 'with' and 'without'", key)


# A converter does not know its setting's name. What it cannot convert it leaves as it is, for the check to refuse.


def to_names_or_none(value: Any) -> tuple[str, ...] | None:
    """Convert to a tuple of names; one name may stand for itself, None stays None."""
    if isinstance(value, str):
        return (value,)
    converted: tuple[str, ...] | None = tuple(value) if isinstance(value, Sequence) else value
    return converted


def to_names(value: Any) -> tuple[str, ...]:
    """Convert to a tuple of names, empty for None."""
    return () if value is None else to_names_or_none(value) or ()


def names(_instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """A tuple of names, or None."""
    if value is not None and not (isinstance(value, tuple) and all(isinstance(name, str) and name for name in value)):
        refuse(attribute.name, "must be a list of names", value)


def to_settings_by_name(value: Any) -> Mapping[str, Any]:
    """Convert to settings per name; a list of names stands for empty settings, a key becomes a secret."""
    if isinstance(value, Mapping):
        return {name: with_secret_key(settings) for name, settings in value.items()}
    listed: Any = to_names(value)
    is_listed = isinstance(listed, tuple) and all(isinstance(name, str) for name in listed)
    return {name: {} for name in listed} if is_listed else value


def by_name(_instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Settings per name."""
    if not isinstance(value, Mapping) or not all(isinstance(name, str) and name for name in value):
        refuse(attribute.name, "must map names to settings, or list names", value)


def to_things(value: Any) -> tuple[Any, ...]:
    """Convert to a tuple of anything."""
    is_list = isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes)
    converted: tuple[Any, ...] = tuple(value) if is_list else value
    return converted


def things(_instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """A tuple of anything."""
    if not isinstance(value, tuple):
        refuse(attribute.name, "must be a list of modules or objects with hooks", value)


def with_secret_key(settings: Any) -> Any:
    """Hide ``api_key`` and ``api_keys`` in plain settings; anything else passes as it is."""
    if not isinstance(settings, Mapping):
        return settings
    hidden = dict(settings)
    if "api_key" in settings:
        hidden["api_key"] = as_secret(settings["api_key"])
    if isinstance(settings.get("api_keys"), list | tuple):
        hidden["api_keys"] = tuple(as_secret(key) for key in settings["api_keys"])
    return hidden


def with_secret_keys(values: Mapping[str, Any]) -> dict[str, Any]:
    """Hide every key in plain data for a whole gateway, so that no traceback shows one among its variables."""
    hidden: dict[str, Any] = dict(with_secret_key(values))
    if "shared_state" in hidden:
        hidden["shared_state"] = as_secret(hidden["shared_state"])
    providers = hidden.get("providers")
    if isinstance(providers, Mapping):
        hidden["providers"] = {name: with_secret_key(settings) for name, settings in providers.items()}
    return hidden


def words_of(error: Exception, values: Mapping[str, Any]) -> str:
    """Give what an error says, without the values of settings that sound as if they were secret."""
    said = error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
    hidden = [Secret(value) for name, value in values.items() if isinstance(value, str) and _SENSITIVE.search(name)]
    return redact(said, hidden)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
