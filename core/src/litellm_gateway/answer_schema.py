"""Turn a class into the JSON schema that asks for it, and read off a class which fields it has.

Takes attrs classes, dataclasses, TypedDicts and pydantic models (when pydantic is installed); it needs no pydantic
itself and reads no answer.
"""

from __future__ import annotations

import dataclasses
import enum
import re
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs

from litellm_gateway.errors import InvalidRequestError
from litellm_gateway.messages import ResponseFormat

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")
LISTS = (list, tuple, set, frozenset, Sequence)
SCALARS: Mapping[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def format_of(shape: type) -> ResponseFormat:
    """Give the format that asks for answers in the shape of a class.

    A model is asked for every field, those with a default too, as strict modes want it; it is asked strictly where
    the schema leaves nothing open.

    Raises:
        InvalidRequestError: A field has a type that JSON cannot say.
    """
    schema = _pydantic_schema(shape) or _schema(shape, shape.__name__)
    name = _NOT_IN_NAMES.sub("_", shape.__name__)[:64]
    return ResponseFormat(schema=schema, name=name, strict=_is_closed(schema), description=_own_doc(shape))


def _schema(kind: Any, path: str, within: tuple[Any, ...] = ()) -> dict[str, Any]:
    if kind in SCALARS:
        return {"type": SCALARS[kind]}
    if kind is Any:
        return {}
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is typing.Annotated:
        return _schema(arguments[0], path, within)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(argument, path, within) for argument in arguments]}
    if not _is_sayable(kind, origin, arguments):
        raise _no_schema(kind, path)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in LISTS or kind in (list, tuple):
        return {"type": "array", "items": _schema(arguments[0] if arguments else Any, f"{path}[]", within)}
    if origin in (dict, Mapping) or kind is dict:
        inner = arguments[1] if arguments else Any
        return {"type": "object", "additionalProperties": _schema(inner, f"{path}{{}}", within)}
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return {"enum": [member.value for member in kind]}
    return _object_schema(kind, path, within)


def _is_sayable(kind: Any, origin: Any, arguments: Sequence[Any]) -> bool:
    """Leave out what has no common form in JSON: a type for each place of a tuple, keys that are no text."""
    if origin is Literal:
        return all(type(word) in SCALARS for word in arguments)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return all(type(member.value) in SCALARS for member in kind)
    if origin is tuple:
        return tuple(arguments[1:]) == (...,)
    return origin not in (dict, Mapping) or arguments[0] is str


def _object_schema(kind: Any, path: str, within: tuple[Any, ...]) -> dict[str, Any]:
    if kind in within:
        raise InvalidRequestError(
            f"response_format: {path} leads back to {kind.__name__} itself, which a schema made here cannot say; "
            "use a pydantic model or a JSON schema with $ref",
            parameter="response_format",
        )
    fields = fields_of(kind, path)
    if fields is None:
        raise _no_schema(kind, path)
    inside = (*within, kind)
    return {
        "type": "object",
        "properties": {name: _schema(hint, f"{path}.{name}", inside) for name, (hint, _) in fields.items()},
        "required": [name for name, (_, must) in fields.items() if must or not typing.is_typeddict(kind)],
        "additionalProperties": False,
    }


def _no_schema(kind: Any, path: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"response_format: {path} has type {getattr(kind, '__name__', kind)!s}, which has no JSON schema; use an "
        "attrs class, a dataclass, a TypedDict, a pydantic model or a JSON schema",
        parameter="response_format",
    )


def _is_closed(schema: Any) -> bool:
    """Tell whether every object in a schema names all its fields, requires them all and allows no others."""
    if isinstance(schema, list):
        return all(map(_is_closed, schema))
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object":
        all_required = set(schema.get("required", ())) == set(schema.get("properties", ()))
        if schema.get("additionalProperties") is not False or not all_required:
            return False
    return all(map(_is_closed, schema.values()))


def _hints(kind: Any, path: str) -> dict[str, Any]:
    try:
        return get_type_hints(kind, include_extras=True)
    except Exception as error:  # annotations are code, and may name what is not there
        raise InvalidRequestError(
            f"response_format: the types of {path} cannot be found ({type(error).__name__}: {error}); define what "
            "they name at the top of its module, outside of TYPE_CHECKING",
            parameter="response_format",
        ) from error


def fields_of(kind: Any, path: str) -> dict[str, tuple[Any, bool]] | None:
    """Give a class's fields with their type and whether they must be there; None for what is no such class."""
    if not isinstance(kind, type):
        return None
    if attrs.has(kind):
        hints = _hints(kind, path)
        return {
            field.name: (hints.get(field.name, Any), field.default is attrs.NOTHING)
            for field in attrs.fields(kind)
            if field.init
        }
    if dataclasses.is_dataclass(kind):
        hints = _hints(kind, path)
        return {
            field.name: (hints[field.name], _without_default(field)) for field in dataclasses.fields(kind) if field.init
        }
    if typing.is_typeddict(kind):
        hints = _hints(kind, path)
        return {name: _typed_dict_field(kind, name, hint) for name, hint in hints.items()}
    return None


def _typed_dict_field(kind: Any, name: str, hint: Any) -> tuple[Any, bool]:
    # with annotations kept as text, __required_keys__ knows nothing of NotRequired
    if get_origin(hint) in (typing.NotRequired, typing.Required):
        return get_args(hint)[0], get_origin(hint) is typing.Required
    return hint, name in kind.__required_keys__


def _without_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _pydantic_schema(shape: type) -> dict[str, Any] | None:
    make = getattr(shape, "model_json_schema", None)
    try:
        schema: dict[str, Any] | None = make() if callable(make) else None
    except Exception as error:  # pydantic's own, which is not imported here
        raise InvalidRequestError(
            f"response_format: {shape.__name__} has no JSON schema ({type(error).__name__})",
            parameter="response_format",
        ) from error
    return schema


def _own_doc(shape: type) -> str | None:
    """Give what the author wrote; classes without a docstring inherit or are given one that says nothing."""
    doc = shape.__dict__.get("__doc__")
    if not doc or (dataclasses.is_dataclass(shape) and doc.startswith(f"{shape.__name__}(")):
        return None
    return str(doc).strip().split("\n\n")[0]
