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
    from collections.abc import Callable

    from litellm_gateway.requests import EmbedRequest, GenerateRequest

FORMAT = 1
"""Raise it when the same request must get another digest, so that answers of before are not found."""

_PERSON = b"litellm-gateway"
_PLAIN = frozenset({str, int, float, bool, type(None), bytes})


def request_digest(route: str, request: GenerateRequest | EmbedRequest) -> str:
    """Give 32 bytes in hex that stand for everything that shapes the answer.

    Args:
        route: Who answers: provider, model and address, in one text.
        request: The request; the order of keys in its mappings counts, since models read it.

    Raises:
        InvalidRequestError: A value in ``extra_body`` or a schema is not plain data, or is nested endlessly.
    """
    import hashlib  # costs milliseconds where ssl is not loaded yet

    try:
        canonical = repr((FORMAT, route, _tree(request)))
    except RecursionError:
        raise InvalidRequestError("the request is nested too deeply to be sent", parameter="extra_body") from None
    return hashlib.blake2b(canonical.encode(), digest_size=32, person=_PERSON).hexdigest()


# The tree holds exact built-in types only: ``repr`` of those is unambiguous (texts are quoted and escaped, so
# no text can pretend to be structure) and runs in C. A tuple is an attrs object, a list a sequence, a dict a
# mapping.
def _tree(value: Any) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is tuple or kind is list:
        return [item if type(item) in _PLAIN else _tree(item) for item in value]
    if kind is dict:
        return {_plain_key(name): _tree(item) for name, item in value.items()}
    plan = _plan(kind)  # type: ignore[arg-type]  # classes are hashable
    return _foreign(value) if plan is None else _fields(plan, value)


_Plan = tuple[str, tuple[str, ...], "Callable[[Any], tuple[Any, ...]]", tuple[Any, ...]]


def _fields(plan: _Plan, value: Any) -> tuple[Any, ...]:
    """Write the class and its fields by name; a field at its default goes without saying."""
    tag, names, read, defaults = plan
    tree: list[Any] = [tag]
    for name, item, default in zip(names, read(value), defaults, strict=True):
        if item is default:
            continue
        kind = type(item)
        if kind is type(default) and item == default:
            continue
        tree += (name, item if kind in _PLAIN else _tree(item))
    return tuple(tree)


@lru_cache(maxsize=256)
def _plan(kind: type) -> _Plan | None:
    """Read off a class how to write it: its name, its fields, a getter for all of them, their defaults."""
    if not attrs.has(kind):
        return None
    fields = attrs.fields(kind)
    names = tuple(field.name for field in fields)
    # attrgetter is many times faster, but gives a bare value instead of a tuple when asked for one name
    many = len(names) > 1
    read = attrgetter(*names) if many else lambda value: tuple(getattr(value, name) for name in names)
    return f"{kind.__module__}.{kind.__qualname__}", names, read, tuple(map(_default, fields))


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


def _foreign(value: Any) -> Any:
    """Bring subclasses and look-alikes of plain types down to those; what else there is cannot be sent."""
    from collections.abc import Mapping

    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int | float):
        return int(value) if isinstance(value, int) else float(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, tuple | list):
        return [_tree(item) for item in value]
    if isinstance(value, Mapping):
        return _tree(dict(value))
    raise _unfit(value)


def _unfit(value: object) -> InvalidRequestError:
    return InvalidRequestError(
        f"the request holds a value of type {type(value).__name__}, which cannot be sent; use plain data "
        "(text, numbers, lists, mappings)",
        parameter="extra_body",
    )
