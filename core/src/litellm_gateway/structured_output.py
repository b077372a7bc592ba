"""Answers in a given shape: the answer's JSON becomes an instance of the class that was asked for.

No error says a word of the answer. The schema a class is asked for with is made in ``answer_schema``.
"""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

import attrs

from litellm_gateway import json_codec
from litellm_gateway.answer_schema import LISTS, SCALARS, fields_of
from litellm_gateway.errors import StructuredOutputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_gateway.responses import GenerateResponse

_MOST_FAULTS = 3


def parsed(shape: Any, answer: GenerateResponse) -> Any:
    """Read an answer's text as what ``response_format`` asked for.

    Gives None when the model called tools or refused instead of answering.

    Raises:
        StructuredOutputError: The text is not JSON, or does not fit; ``response`` holds the answer.
    """
    if answer.refusal is not None or (answer.tool_calls and not answer.text.strip()):
        return None
    try:
        return _parsed(shape, answer.text)
    except Exception as error:  # of a stranger's validator, too
        where = _where(error)
    # not raised in the except clause: what failed may quote the answer, so it must not be chained
    cut = " (it was cut off by max_tokens)" if answer.finish_reason == "length" else ""
    raise StructuredOutputError(
        f"the answer does not fit the response format{cut}: {where}; response holds it",
        response=answer,
        provider=answer.metadata.get("provider"),
        model=answer.model,
    )


def _parsed(shape: Any, text: str) -> Any:
    if isinstance(shape, type) and (validate := getattr(shape, "model_validate_json", None)) is not None:
        return validate(text)
    value = json_codec.decode(text)
    return _read(shape, value, "answer") if isinstance(shape, type) else value


def _where(error: Exception) -> str:
    """Say what is wrong and where, without a word of the answer."""
    if isinstance(error, _MisfitError):
        return str(error)
    faults = getattr(error, "errors", None)
    if not callable(faults) or not hasattr(error, "error_count"):
        return "it is not the JSON that was asked for"
    found = faults(include_url=False, include_context=False, include_input=False)[:_MOST_FAULTS]  # of pydantic
    return ", ".join(".".join(("answer", *map(str, fault["loc"]))) + f" ({fault['type']})" for fault in found)


class _MisfitError(ValueError):
    """Says where an answer leaves its shape; names fields and types, never the text."""


def _read(kind: Any, value: Any, path: str) -> Any:
    """Make a value of JSON into one of a type, exactly: no text becomes a number on the way."""
    if kind in SCALARS:
        return _read_scalar(kind, value, path)
    if kind is Any:
        return value
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is typing.Annotated:
        return _read(arguments[0], value, path)
    if origin is Literal:
        is_one = any(type(word) is type(value) and word == value for word in arguments)
        return value if is_one else _misfit(path, f"one of {len(arguments)} given values")
    if origin in (Union, types.UnionType):
        return _read_union(arguments, value, path)
    if origin in LISTS or kind in (list, tuple):
        return _read_list(origin or kind, arguments, value, path)
    if origin in (dict, Mapping) or kind is dict:
        if not isinstance(value, dict):
            return _misfit(path, "an object")
        inner = arguments[1] if arguments else Any
        return {name: _read(inner, item, f"{path}{{}}") for name, item in value.items()}
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        found = [member for member in kind if type(member.value) is type(value) and member.value == value]
        return found[0] if found else _misfit(path, kind.__name__)
    return _read_object(kind, value, path)


def _read_scalar(kind: Any, value: Any, path: str) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    return value if type(value) is kind else _misfit(path, SCALARS[kind])


def _read_union(kinds: Sequence[Any], value: Any, path: str) -> Any:
    if type(value) in SCALARS and type(value) in kinds:  # its own type, before one it could be made into
        return value
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
    fields = fields_of(kind, path)
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
