"""Turn a whole request into one short, unambiguous name: equal requests share it, different ones never do.

Nothing is left out by a list of fields to include: every attrs field of the request and of what it holds
counts, so a field added tomorrow counts by itself. It knows no tenant; that is the cache key's other half.
"""

from __future__ import annotations

from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import attrs

from litellm_gateway.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from litellm_gateway.requests import EmbedRequest, GenerateRequest

FORMAT = 2
"""Raise it when the same request must get another digest, so that answers of before are not found."""

_LETTERS = {int: "i", float: "f", bool: "b", type(None): "N", bytes: "b"}
_PLAIN = frozenset({str, *_LETTERS})
_TOGETHER = 6


def request_digest(route: str, request: GenerateRequest | EmbedRequest) -> str:
    """Give 32 bytes in hex that stand for everything that shapes the answer.

    Args:
        route: Who answers: provider, model and address, in one text.
        request: The request; the order of keys in its mappings counts, since models read it.

    Raises:
        InvalidRequestError: A value in ``extra_body`` or a schema is not plain data, or is nested endlessly.
    """
    import hashlib  # costs milliseconds where ssl is not loaded yet

    parts: list[str] = [f"{FORMAT};s{len(route)}:{route}"]
    try:
        _write(parts.append, request)
    except RecursionError:
        raise InvalidRequestError("the request is nested too deeply to be sent", parameter="extra_body") from None
    except ValueError:  # such as an array, which does not say whether it is equal to something
        raise InvalidRequestError(
            "the request holds a value that cannot be written, such as a number of thousands of digits",
            parameter="extra_body",
        ) from None
    return hashlib.sha256("".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


# Each value is written with a letter for its kind, and whatever has no fixed end with its length before it, so that
# no text can pretend to be structure and no two values are written alike.
def _write(append: Callable[[str], None], value: Any) -> None:
    kind: Any = type(value)
    if kind is str:
        append(f"s{len(value)}:{value}")
    elif kind in _LETTERS:
        append(f"{_LETTERS[kind]}{value!r};")
    elif kind is tuple or kind is list:
        append(f"l{len(value)}:")
        for item in value:
            _write(append, item)
    elif kind is dict:
        append(f"m{len(value)}:")
        for name, item in value.items():
            _write(append, _plain_key(name))
            _write(append, item)
    else:
        plan = _plan(kind)
        if plan is None:
            _write(append, _plain(value))
        else:
            _write_fields(append, plan, value)


_Group = tuple[tuple[str, ...], "Callable[[Any], tuple[Any, ...]]", tuple[Any, ...], "tuple[Any, ...] | None"]
_Plan = tuple[str, tuple[_Group, ...]]


def _write_fields(append: Callable[[str], None], plan: _Plan, value: Any) -> None:
    """Write the class and its fields by name; a field at its default goes without saying."""
    tag, groups = plan
    append(tag)
    for names, read, defaults, nothing in groups:
        values = read(value)
        if values == nothing:
            continue
        for name, item, default in zip(names, values, defaults, strict=True):
            if item is default:
                continue
            kind: Any = type(item)
            if kind is str:
                if item != default:
                    append(f"{name}s{len(item)}:{item}")
            elif kind is not type(default) or item != default:
                if kind in _LETTERS:
                    append(f"{name}{_LETTERS[kind]}{item!r};")
                else:
                    append(name)
                    _write(append, item)
    append("e")


@lru_cache(maxsize=256)
def _plan(kind: Hashable) -> _Plan | None:
    """Read off a class how to write it: its name, and its fields a few at a time, as most are seldom set."""
    if not isinstance(kind, type) or not attrs.has(kind):
        return None
    fields = attrs.fields(kind)
    groups = tuple(_group(fields[start : start + _TOGETHER]) for start in range(0, len(fields), _TOGETHER))
    return f"o{kind.__module__}.{kind.__qualname__};", groups


def _group(fields: Sequence[attrs.Attribute[Any]]) -> _Group:
    """Give the names of fields, a getter for all of them, the default of each, and what they are if nothing is set."""
    names = tuple(field.name for field in fields)
    defaults = tuple(map(_default, fields))
    # attrgetter is many times faster, but gives a bare value instead of a tuple when asked for one name
    many = len(names) > 1
    read = attrgetter(*names) if many else lambda value: tuple([getattr(value, name) for name in names])
    # numbers may be equal and yet be written differently, as 0 and False are; these may not
    certain = all(default is None or (not default and isinstance(default, str | tuple | dict)) for default in defaults)
    return tuple(f"f{name}=" for name in names), read, defaults, defaults if certain else None


def _default(field: attrs.Attribute[Any]) -> Any:
    """Give the default at which a field may be left out; nothing equals the one of a field that never may."""
    factory = getattr(field.default, "factory", None)
    if factory is not None:
        default = object() if getattr(field.default, "takes_self", False) else factory()
    else:
        default = field.default
    # equal containers may still differ inside, as (1,) and (True,) do; empty ones and plain values cannot
    plain_or_empty = type(default) in _PLAIN or (isinstance(default, tuple | list | dict) and not default)
    return default if plain_or_empty else object()


def _plain_key(name: Any) -> Any:
    if type(name) in _PLAIN:
        return name
    if isinstance(name, str):
        return str.__str__(name)
    raise _unfit(name)


def _plain(value: Any) -> Any:
    """Bring subclasses and look-alikes of plain types down to those; what else there is cannot be sent."""
    from collections.abc import Mapping

    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int | float):
        return int(value) if isinstance(value, int) else float(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, tuple | list):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise _unfit(value)


def _unfit(value: object) -> InvalidRequestError:
    return InvalidRequestError(
        f"the request holds a value of type {type(value).__name__}, which cannot be sent; use plain data "
        "(text, numbers, lists, mappings)",
        parameter="extra_body",
    )
