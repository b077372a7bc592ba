"""Turn a whole request into one short, unambiguous name: equal requests share it, different ones never do.

Nothing is left out by a list of fields to include: every attrs field of the request and of what it holds
counts, so a field added tomorrow counts by itself. It knows no tenant; that is the cache key's other half.
"""

from __future__ import annotations

import marshal
from functools import lru_cache
from itertools import compress
from operator import attrgetter, not_
from typing import TYPE_CHECKING, Any

import attrs

from litellm_gateway.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from litellm_gateway.requests import EmbedRequest, GenerateRequest

FORMAT = 3
"""Raise it when the same request must get another digest, so that answers of before are not found."""

_PERSON = b"litellm-gateway"
_PLAIN = frozenset({str, int, float, bool, type(None), bytes})
_MARSHAL = 2
"""The last version of that format in which equal values are always written alike."""


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
        # Written only, never read: a form in which no text can pretend to be structure, and no two values are alike.
        canonical = marshal.dumps((FORMAT, route, _flat(request)), _MARSHAL)
    except (RecursionError, ValueError):
        raise InvalidRequestError("the request is nested too deeply to be sent", parameter="extra_body") from None
    return hashlib.blake2b(canonical, digest_size=32, person=_PERSON).hexdigest()


def _flat(value: Any) -> Any:
    """Bring a value down to exactly the plain types, lists, mappings, and tuples for objects."""
    kind: Any = type(value)
    if kind in _PLAIN:
        return value
    if kind is tuple or kind is list:
        return [*map(_flat, value)]
    if kind is dict:
        return {_plain_key(name): _flat(item) for name, item in value.items()}
    plan = _plan(kind)
    if plan is None:
        return _flat(_plain(value))
    name, read = plan
    items = read(value)
    # most fields are plain, and sorted out without a line of Python for each
    plain = tuple(map(_PLAIN.__contains__, map(type, items)))
    return name, plain, (*compress(items, plain),), [*map(_flat, compress(items, map(not_, plain)))]


@lru_cache(maxsize=256)
def _plan(kind: Hashable) -> tuple[str, Callable[[Any], tuple[Any, ...]]] | None:
    """Read off a class how to write it: its name, and a getter for all of its fields."""
    if not isinstance(kind, type) or not attrs.has(kind):
        return None
    names = tuple(field.name for field in attrs.fields(kind))
    # attrgetter is many times faster, but gives a bare value instead of a tuple when asked for one name
    read = attrgetter(*names) if len(names) > 1 else lambda value: tuple(getattr(value, name) for name in names)
    return f"{kind.__module__}.{kind.__qualname__}", read


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
