"""Shapes nobody thought of: refused before sending with a typed error, or read exactly; answers stay out of errors."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import traceback
from typing import TYPE_CHECKING, Any, Generic, Literal, TypedDict, TypeVar

import attrs
import pytest
from litellm_gateway import GenerateResponse, InvalidRequestError, StructuredOutputError
from litellm_gateway.answer_schema import format_of
from litellm_gateway.structured_output import parsed

if TYPE_CHECKING:
    from collections.abc import Callable

    from somewhere import Missing

CONTENT = "what a model said in confidence"
T = TypeVar("T")


@attrs.frozen
class Node:
    name: str
    children: list[Node]


@dataclasses.dataclass(frozen=True)
class First:
    other: Second | None = None


@dataclasses.dataclass(frozen=True)
class Second:
    first: First


class Rank(enum.IntEnum):
    NONE = 0
    SOME = 1


class Looping(TypedDict):
    inner: list[Looping]


@attrs.frozen
class Unresolved:
    value: Missing


@attrs.define
class Untyped:
    value = attrs.field()


@dataclasses.dataclass
class Box(Generic[T]):
    value: T


@attrs.frozen
class Holding:
    box: Box[int]


def field_of(hint: Any) -> type:
    return dataclasses.make_dataclass("Shape", [("value", hint)])


def respond(value: Any) -> GenerateResponse:
    return GenerateResponse(text=value if isinstance(value, str) else json.dumps(value), model="m")


@pytest.mark.parametrize("shape", [Node, First, Second, Looping])
def test_a_class_that_holds_itself_is_refused(shape: type) -> None:
    """With a hint at what can say it, and without going round for ever."""
    with pytest.raises(InvalidRequestError, match="itself"):
        format_of(shape)


@pytest.mark.parametrize(
    "shape",
    [
        Unresolved, Holding, Box, field_of(decimal.Decimal), field_of(datetime.datetime), field_of(tuple[int, str]),
        field_of(dict[int, str]), field_of(set), field_of(bytes), field_of(T), field_of(Literal[Rank.SOME]),
        field_of(list[object]), complex,
    ],
)  # fmt: skip
def test_a_type_json_cannot_say_is_refused(shape: type) -> None:
    """Before anything is sent; nothing raw escapes."""
    with pytest.raises(InvalidRequestError, match="response_format"):
        format_of(shape)


def test_a_field_without_a_type_takes_anything() -> None:
    """As its author said nothing about it."""
    assert parsed(Untyped, respond({"value": [1]})) == Untyped([1])


@pytest.mark.parametrize(
    ("hint", "value", "expected"),
    [
        (Rank, 0, Rank.NONE),
        (Rank, 1, Rank.SOME),
        (float | int, 3, 3),
        (int | float, 3.0, 3.0),
        (int | bool, True, True),
        (bool | int, 1, 1),
        (str | None, None, None),
        (str | None | int, 5, 5),
        (Literal[1, True], True, True),
        (tuple[int, ...], [1, 2], (1, 2)),
        (list[int] | list[str], ["a"], ["a"]),
    ],
)
def test_a_value_keeps_its_exact_type(hint: Any, value: Any, expected: Any) -> None:
    """In unions, literals and enums, zero and False included."""
    found = parsed(field_of(hint), respond({"value": value})).value

    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("hint", "value"),
    [(Literal[1], True), (Literal[1], 1.0), (Rank, True), (Rank, 0.0), (Rank, 7), (int, True), (bool, 1), (int, "1")],
)
def test_a_value_of_a_near_type_is_a_misfit(hint: Any, value: Any) -> None:
    """JSON tells true, 1 and 1.0 apart, and so does this."""
    with pytest.raises(StructuredOutputError):
        parsed(field_of(hint), respond({"value": value}))


def raising(_instance: Any, _attribute: Any, value: Any) -> None:
    raise ValueError(f"bad: {value}")


@attrs.frozen
class Checked:
    _value: str = attrs.field(alias="given", validator=raising)


@attrs.frozen
class Converted:
    value: str = attrs.field(converter=int)


@dataclasses.dataclass
class After:
    value: str

    def __post_init__(self) -> None:
        raise KeyError(self.value)


def bad_answers() -> dict[str, tuple[Any, Any]]:
    return {
        "validator": (Checked, {"_value": CONTENT}),
        "converter": (Converted, {"value": CONTENT}),
        "post init": (After, {"value": CONTENT}),
        "no json": (After, CONTENT),
        "json alone": ({"type": "object"}, CONTENT),
        "another shape": (After, {CONTENT: 1}),
        "key of a mapping": (field_of(dict[str, int]), {"value": {CONTENT: CONTENT}}),
        "deep": (field_of(Any), "[" * 100_000),
    }


@pytest.mark.parametrize("case", bad_answers())
def test_no_error_quotes_the_answer(case: str) -> None:
    """Neither its words nor those of its causes, which a traceback prints; ``response`` has it all."""
    shape, value = bad_answers()[case]

    with pytest.raises(StructuredOutputError) as caught:
        parsed(shape, respond(value))

    assert CONTENT not in "".join(traceback.TracebackException.from_exception(caught.value).format())
    assert caught.value.response.text
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_pydantic_model_tells_where_and_not_what() -> None:
    """Its own error shows the input; the gateway's names the field and the rule."""
    pydantic = pytest.importorskip("pydantic", reason="pydantic is optional: its models are taken when it is there")
    inner = pydantic.create_model("Inner", count=(int, ...))
    model = pydantic.create_model("Outer", inner=(inner, ...), items=(list[int], ...))

    with pytest.raises(StructuredOutputError, match=r"answer\.inner\.count") as caught:
        parsed(model, respond({"inner": {"count": CONTENT}, "items": [1, CONTENT]}))

    assert "answer.items.1" in str(caught.value)
    assert CONTENT not in "".join(traceback.TracebackException.from_exception(caught.value).format())


def test_a_pydantic_model_without_a_schema_is_refused() -> None:
    """Before anything is sent."""
    pydantic = pytest.importorskip("pydantic", reason="pydantic is optional: its models are taken when it is there")
    model: Callable[..., Any] = pydantic.create_model(
        "Odd", call=(type(lambda: 1), ...), __config__={"arbitrary_types_allowed": True}
    )

    with pytest.raises(InvalidRequestError, match="response_format"):
        format_of(model)  # type: ignore[arg-type]


def test_a_name_fits_where_providers_take_it() -> None:
    """Letters, digits, dashes, 64 of them at most."""
    shape = type("Wörter[int] " + "x" * 100, (), {"__annotations__": {}})
    name = format_of(attrs.define(shape)).name

    assert len(name) <= 64
    assert name.isascii()
    assert name.replace("_", "").replace("-", "").isalnum()
