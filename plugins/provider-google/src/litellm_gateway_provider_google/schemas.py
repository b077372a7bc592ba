"""Cut a JSON schema down to the OpenAPI subset the older fields ``parameters`` and ``responseSchema`` take.

References are written out, ``null`` becomes ``nullable``, ``const`` an ``enum``; keywords outside the subset are left
out, so that an answer may be freer than the schema but never of another shape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

_TAKEN = frozenset(
    {
        "type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems", "required",
        "minProperties", "maxProperties", "minLength", "maxLength", "pattern", "example", "propertyOrdering",
        "default", "minimum", "maximum",
    }
)  # fmt: skip
_DEEPEST = 48


def as_openapi(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Give the schema as the older fields take it.

    Raises:
        InvalidRequestError: It refers to itself, which only ``schema_dialect="json"`` can say, or to nothing.
    """
    return _cut(schema, schema, 0)


def _cut(schema: Any, root: Mapping[str, Any], depth: int) -> dict[str, Any]:
    if depth > _DEEPEST:
        raise _refuse("refers to itself or is nested too deeply; set schema_dialect to 'json'")
    if not hasattr(schema, "items"):  # True and {} both allow anything
        return {}
    if "$ref" in schema:
        beside = {name: value for name, value in schema.items() if name != "$ref"}
        return _cut({**_target(schema["$ref"], root), **beside}, root, depth + 1)
    cut = {name: value for name, value in schema.items() if name in _TAKEN}
    if "const" in schema:
        cut["enum"] = [schema["const"]]
    if hasattr(schema.get("properties"), "items"):
        cut["properties"] = {name: _cut(inner, root, depth + 1) for name, inner in schema["properties"].items()}
    if "items" in schema:
        cut["items"] = _cut(schema["items"], root, depth + 1)
    for inner in schema.get("allOf", ()):
        cut = {**_cut(inner, root, depth + 1), **cut}
    _add_choices(cut, schema.get("anyOf") or schema.get("oneOf"), root, depth)
    _split_type(cut)
    return cut


def _add_choices(cut: dict[str, Any], choices: Any, root: Mapping[str, Any], depth: int) -> None:
    """One choice beside null is that choice, nullable."""
    if not isinstance(choices, list | tuple):
        return
    some = [choice for choice in choices if not _is_null(choice)]
    if len(some) < len(choices):
        cut["nullable"] = True
    if len(some) == 1:
        cut.update({name: value for name, value in _cut(some[0], root, depth + 1).items() if name not in cut})
    elif some:
        cut["anyOf"] = [_cut(choice, root, depth + 1) for choice in some]


def _split_type(cut: dict[str, Any]) -> None:
    """A list of types becomes one type, or a choice of them."""
    types = cut.get("type")
    if not isinstance(types, list | tuple):
        return
    some = [name for name in types if name != "null"]
    if len(some) < len(types):
        cut["nullable"] = True
    del cut["type"]
    if len(some) == 1:
        cut["type"] = some[0]
    elif some and "anyOf" not in cut:
        cut["anyOf"] = [{"type": name} for name in some]


def _is_null(choice: Any) -> bool:
    return hasattr(choice, "items") and choice.get("type") == "null"


def _target(reference: Any, root: Mapping[str, Any]) -> Mapping[str, Any]:
    place: Any = root
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise _refuse("refers to something outside itself")
    for step in reference[1:].strip("/").split("/") if reference != "#" else ():
        name = step.replace("~1", "/").replace("~0", "~")
        if not hasattr(place, "items") or name not in place:
            raise _refuse(f"refers to '{reference}', which it does not hold")
        place = place[name]
    found: Mapping[str, Any] = place
    return found


def _refuse(fault: str) -> InvalidRequestError:
    return InvalidRequestError(f"a schema {fault}", parameter="response_format")
