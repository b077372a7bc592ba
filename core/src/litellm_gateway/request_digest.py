"""Turn a whole request into one short, unambiguous name: equal requests share it, different ones never do.

Nothing is left out by a list of fields to include: every attrs field of the request and of what it holds
counts, so a field added tomorrow counts by itself. It knows no tenant; that is the cache key's other half.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import attrs

from litellm_gateway.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Hashable

    from litellm_gateway.requests import EmbedRequest, GenerateRequest

FORMAT = 3
"""Raise it when the same request must get another digest, so that answers of before are not found."""

_PERSON = b"litellm-gateway"
_PLAIN = frozenset({str, int, float, bool, type(None), bytes})
_MARSHAL = 2
"""The last version of that format in which equal values are always written alike; it is written only, never read."""

_Getter = Callable[[Any], tuple[Any, ...]]


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
        try:
            canonical = marshal.dumps((FORMAT, route, _flat(request, thorough=False)), _MARSHAL)
        except ValueError:  # a simple field holds an object, or something that only looks like a plain value
            canonical = marshal.dumps((FORMAT, route, _flat(request, thorough=True)), _MARSHAL)
    except (RecursionError, ValueError):
        raise InvalidRequestError("the request is nested too deeply to be sent", parameter="extra_body") from None
    return hashlib.blake2b(canonical, digest_size=32, person=_PERSON).hexdigest()


def _flat(value: Any, *, thorough: bool) -> Any:
    """Bring a value down to plain ones, lists and mappings; an object becomes a tuple that begins like no other.

    Fields that are plain values unless somebody sets them to more are looked into only if ``thorough``.
    """
    kind: Any = type(value)
    if kind in _PLAIN:
        return value
    if kind is tuple or kind is list:
        return [_flat(item, thorough=thorough) for item in value] if value else []
    if kind is dict:
        return {_plain_key(name): _flat(item, thorough=thorough) for name, item in value.items()} if value else {}
    plan = _plan(kind)
    if plan is None:
        return _flat(_plain(value), thorough=thorough)
    name, simple, others = plan
    known = simple(value)
    if thorough:
        known = tuple([item if type(item) in _PLAIN else _flat(item, thorough=True) for item in known])
    rest = [item if type(item) in _PLAIN else _flat(item, thorough=thorough) for item in others(value)]
    return ..., name, known, rest


@lru_cache(maxsize=256)
def _plan(kind: Hashable) -> tuple[str, _Getter, _Getter] | None:
    """Read off a class how to write it: its name, and getters for its fields, those that are plain by default apart."""
    if not isinstance(kind, type) or not attrs.has(kind):
        return None
    fields = attrs.fields(kind)
    simple = [field.name for field in fields if type(field.default) in _PLAIN or field.default == ()]
    others = [field.name for field in fields if field.name not in simple]
    return f"{kind.__module__}.{kind.__qualname__}", _getter(simple), _getter(others)


def _getter(names: list[str]) -> _Getter:
    if len(names) > 1:
        return attrgetter(*names)  # many times faster, but gives a bare value when asked for one name
    return lambda value: tuple([getattr(value, name) for name in names])


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
