"""Answers in a given shape: a class becomes a JSON schema, the answer's JSON becomes an instance of it.

Takes attrs classes, dataclasses, TypedDicts, pydantic models (when pydantic is installed) and plain JSON schemas. It
needs no pydantic itself and asks nothing of a provider.
"""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs

from litellm_gateway import json_codec
from litellm_gateway.errors import InvalidRequestError, StructuredOutputError
from litellm_gateway.messages import ResponseFormat

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_gateway.responses import GenerateResponse

_SCALARS: Mapping[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def format_of(shape: type) -> ResponseFormat:
    """Give the format that asks for answers in the shape of a class.

    A model is asked for every field, those with a default too, as strict modes want it; it is asked strictly where
    the schema leaves nothing open.

    Raises:
        InvalidRequestError: A field has a type that JSON cannot say.
    """
    schema = _pydantic_schema(shape) or _schema(shape, shape.__name__)
    return ResponseFormat(
        schema=schema, name=shape.__name__[:64], strict=_is_closed(schema), description=_own_doc(shape)
    )


def parsed(shape: Any, answer: GenerateResponse) -> Any:
    """Read an answer's text as what ``response_format`` asked for.

    Gives None when the model called tools or refused instead of answering.

    Raises:
        StructuredOutputError: The text is not JSON, or does not fit; ``response`` holds the answer.
    """
    if answer.refusal is not None or (answer.tool_calls and not answer.text.strip()):
        return None
    try:
        if isinstance(shape, type) and (validate := getattr(shape, "model_validate_json", None)) is not None:
            return validate(answer.text)
        value = json_codec.decode(answer.text)
        return _read(shape, value, "answer") if isinstance(shape, type) else value
    except Exception as error:
        cut = " (it was cut off by max_tokens)" if answer.finish_reason == "length" else ""
        where = str(error) if isinstance(error, _MisfitError) else "it is not the JSON that was asked for"
        raise StructuredOutputError(
            f"the answer does not fit the response format{cut}: {where}; response holds it",
            response=answer,
            provider=answer.metadata.get("provider"),
            model=answer.model,
        ) from error


class _MisfitError(ValueError):
    """Says where an answer leaves its shape; names fields and types, never the text."""


def _schema(kind: Any, path: str) -> dict[str, Any]:
    if kind in _SCALARS:
        return {"type": _SCALARS[kind]}
    if kind is Any:
        return {}
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is typing.Annotated:
        return _schema(arguments[0], path)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(argument, path) for argument in arguments]}
    if origin in (list, tuple, set, frozenset, Sequence) or kind in (list, tuple):
        items = arguments[0] if arguments else Any
        return {"type": "array", "items": _schema(items, f"{path}[]")}
    if origin in (dict, Mapping) or kind is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1] if arguments else Any, f"{path}{{}}")}
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return {"enum": [member.value for member in kind]}
    return _object_schema(kind, path)


def _object_schema(kind: Any, path: str) -> dict[str, Any]:
    fields = _fields(kind)
    if fields is None:
        raise InvalidRequestError(
            f"response_format: {path} has type {getattr(kind, '__name__', kind)!s}, which has no JSON schema; use an "
            "attrs class, a dataclass, a TypedDict, a pydantic model or a JSON schema",
            parameter="response_format",
        )
    return {
        "type": "object",
        "properties": {name: _schema(hint, f"{path}.{name}") for name, (hint, _) in fields.items()},
        "required": [name for name, (_, must) in fields.items() if must or not typing.is_typeddict(kind)],
        "additionalProperties": False,
    }


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


def _fields(kind: Any) -> dict[str, tuple[Any, bool]] | None:
    """Give a class's fields with their type and whether they must be there; None for what is no such class."""
    if not isinstance(kind, type):
        return None
    if attrs.has(kind):
        hints = get_type_hints(kind, include_extras=True)
        return {
            field.name: (hints[field.name], field.default is attrs.NOTHING)
            for field in attrs.fields(kind)
            if field.init
        }
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind, include_extras=True)
        return {
            field.name: (hints[field.name], _without_default(field)) for field in dataclasses.fields(kind) if field.init
        }
    if typing.is_typeddict(kind):
        hints = get_type_hints(kind, include_extras=True)
        return {name: _typed_dict_field(kind, name, hint) for name, hint in hints.items()}
    return None


def _typed_dict_field(kind: Any, name: str, hint: Any) -> tuple[Any, bool]:
    # with annotations kept as text, __required_keys__ knows nothing of NotRequired
    if get_origin(hint) in (typing.NotRequired, typing.Required):
        return get_args(hint)[0], get_origin(hint) is typing.Required
    return hint, name in kind.__required_keys__


def _without_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _read(kind: Any, value: Any, path: str) -> Any:
    """Make a value of JSON into one of a type, exactly: no text becomes a number on the way."""
    if kind in _SCALARS:
        return _read_scalar(kind, value, path)
    if kind is Any:
        return value
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is typing.Annotated:
        return _read(arguments[0], value, path)
    if origin is Literal:
        return value if value in arguments else _misfit(path, f"one of {len(arguments)} given values")
    if origin in (Union, types.UnionType):
        return _read_union(arguments, value, path)
    if origin in (list, tuple, set, frozenset, Sequence) or kind in (list, tuple):
        return _read_list(origin or kind, arguments, value, path)
    if origin in (dict, Mapping) or kind is dict:
        if not isinstance(value, dict):
            return _misfit(path, "an object")
        inner = arguments[1] if arguments else Any
        return {name: _read(inner, item, f"{path}[{name!r}]") for name, item in value.items()}
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return next((member for member in kind if member.value == value), None) or _misfit(path, kind.__name__)
    return _read_object(kind, value, path)


def _read_scalar(kind: Any, value: Any, path: str) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    return value if type(value) is kind else _misfit(path, _SCALARS[kind])


def _read_union(kinds: Sequence[Any], value: Any, path: str) -> Any:
    for kind in kinds:
        try:
            return _read(kind, value, path)
        except _MisfitError:
            continue
    return _misfit(path, "any of its types")


def _read_list(origin: Any, arguments: Sequence[Any], value: Any, path: str) -> Any:
    if not isinstance(value, list):
        return _misfit(path, "an array")
    inner = arguments[0] if arguments else Any
    items = [_read(inner, item, f"{path}[{index}]") for index, item in enumerate(value)]
    make: Callable[[list[Any]], Any] = origin if origin in (tuple, set, frozenset) else list
    return make(items)


def _read_object(kind: Any, value: Any, path: str) -> Any:
    fields = _fields(kind)
    if fields is None or not isinstance(value, dict):
        return _misfit(path, "an object")
    missing = [name for name, (_, required) in fields.items() if required and name not in value]
    if missing:
        return _misfit(f"{path}.{missing[0]}", "present")
    known = {name: _read(hint, value[name], f"{path}.{name}") for name, (hint, _) in fields.items() if name in value}
    if not attrs.has(kind):
        return kind(**known)
    aliases = {field.name: field.alias for field in attrs.fields(kind)}
    return kind(**{aliases[name]: item for name, item in known.items()})


def _misfit(path: str, expected: str) -> Any:
    raise _MisfitError(f"{path} must be {expected}")


def _pydantic_schema(shape: type) -> dict[str, Any] | None:
    make = getattr(shape, "model_json_schema", None)
    schema: dict[str, Any] | None = make() if callable(make) else None
    return schema


def _own_doc(shape: type) -> str | None:
    """Give what the author wrote; classes without a docstring inherit or are given one that says nothing."""
    doc = shape.__dict__.get("__doc__")
    if not doc or (dataclasses.is_dataclass(shape) and doc.startswith(f"{shape.__name__}(")):
        return None
    return str(doc).strip().split("\n\n")[0]
