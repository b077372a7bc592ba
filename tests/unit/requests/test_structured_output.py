"""Answers in the shape of a class."""

from __future__ import annotations

import dataclasses
import enum
import json
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import attrs
import pytest
from litellm_gateway import GenerateResponse, InvalidRequestError, StructuredOutputError, ToolCall, create_gateway
from litellm_gateway.answer_schema import format_of
from litellm_gateway.request_builder import build_generate
from litellm_gateway.structured_output import parsed
from litellm_gateway.testing.scripted_provider import ScriptedProvider, answer, pieces


class Mood(enum.Enum):
    GOOD = "good"
    BAD = "bad"


@attrs.frozen
class Place:
    name: str
    score: float


@attrs.frozen
class Trip:
    """A journey."""

    city: str
    days: int
    places: list[Place]
    mood: Mood
    kind: Literal["work", "play"]
    notes: dict[str, str] = attrs.field(factory=dict)
    budget: int | None = None


@dataclasses.dataclass
class Point:
    x: int
    y: Annotated[int, "up"] = 0


class Row(TypedDict):
    id: int
    tags: NotRequired[list[str]]


TRIP = {
    "city": "Paris",
    "days": 2,
    "places": [{"name": "Louvre", "score": 9}],
    "mood": "good",
    "kind": "play",
    "budget": None,
}


def respond(value: Any, **fields: Any) -> GenerateResponse:
    text = value if isinstance(value, str) else json.dumps(value)
    return GenerateResponse(text=text, model="m", **fields)


def test_an_attrs_class_becomes_a_closed_schema() -> None:
    """Every field with its type, all of them required as strict modes want it, nothing else allowed."""
    shape = format_of(Trip)

    assert shape.name == "Trip"
    assert shape.description == "A journey."
    assert shape.schema == {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer"},
            "places": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}, "score": {"type": "number"}},
                    "required": ["name", "score"],
                    "additionalProperties": False,
                },
            },
            "mood": {"enum": ["good", "bad"]},
            "kind": {"enum": ["work", "play"]},
            "notes": {"type": "object", "additionalProperties": {"type": "string"}},
            "budget": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        },
        "required": ["city", "days", "places", "mood", "kind", "notes", "budget"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(("shape", "strict"), [(Point, True), (Place, True), (Trip, False), (Row, False)])
def test_only_a_closed_schema_is_asked_for_strictly(shape: type, strict: bool) -> None:
    """An open mapping or a field that may be missing is more than strict modes take."""
    assert format_of(shape).strict is strict


def test_its_json_becomes_an_instance() -> None:
    """Nested objects, enums, defaults and whole numbers for floats."""
    trip = parsed(Trip, respond(TRIP))

    assert trip == Trip(city="Paris", days=2, places=[Place("Louvre", 9.0)], mood=Mood.GOOD, kind="play")


@pytest.mark.parametrize(
    ("shape", "value", "expected"),
    [
        (Point, {"x": 1}, Point(1)),
        (Row, {"id": 1, "tags": ["a"]}, {"id": 1, "tags": ["a"]}),
        (Row, {"id": 1}, {"id": 1}),
        ({"type": "object"}, {"anything": [1, None]}, {"anything": [1, None]}),
    ],
)
def test_other_shapes_are_read_too(shape: Any, value: Any, expected: Any) -> None:
    """Dataclasses, TypedDicts and plain schemas."""
    assert parsed(shape, respond(value)) == expected


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({**TRIP, "days": "two"}, "answer.days must be integer"),
        ({**TRIP, "days": True}, "answer.days must be integer"),
        ({**TRIP, "mood": "so-so"}, "answer.mood must be Mood"),
        ({**TRIP, "places": [{"name": "x"}]}, "answer.places[0].score must be present"),
        ({"city": "CANARY"}, "answer.days must be present"),
        ([], "answer must be an object"),
        ("CANARY is no JSON", "it is not the JSON that was asked for"),
    ],
)
def test_a_misfit_says_where_and_keeps_the_answer(value: Any, where: str) -> None:
    """The message names the place, never the text; the answer is not lost."""
    response = respond(value)

    with pytest.raises(StructuredOutputError) as caught:
        parsed(Trip, response)

    assert where in caught.value.message
    assert "CANARY" not in caught.value.message
    assert caught.value.response is response


def test_a_cut_answer_says_that_it_was_cut() -> None:
    """Half an object at ``finish_reason="length"`` is explained."""
    with pytest.raises(StructuredOutputError, match="cut off by max_tokens"):
        parsed(Trip, respond('{"city": "Pa', finish_reason="length"))


def test_tool_calls_and_refusals_are_no_misfit() -> None:
    """A model may call a tool or refuse instead of answering."""
    assert parsed(Trip, respond("", tool_calls=(ToolCall(id="1", name="f"),))) is None
    assert parsed(Trip, respond("", refusal="no")) is None


@pytest.mark.parametrize("shape", [bytes, complex, object])
def test_what_has_no_schema_is_refused_before_sending(shape: type) -> None:
    """The error names the parameter."""
    with pytest.raises(InvalidRequestError) as caught:
        build_generate("hi", {"response_format": shape})

    assert caught.value.parameter == "response_format"


async def test_the_gateway_gives_it_as_parsed() -> None:
    """Whole and streamed answers carry ``parsed``; the provider got the schema."""
    provider = ScriptedProvider(answer(json.dumps({"x": 1, "y": 2})), pieces('{"x": 3', ', "y": 4}'))
    gateway = create_gateway(provider="scripted", plugins=[provider], discover=False)

    whole = await gateway.generate_async("point?", response_format=Point)
    streamed = await gateway.generate_stream_async("point?", response_format=Point).response()
    plain = await gateway.generate_stream_async("point?").response()

    assert whole.parsed == Point(1, 2)
    assert streamed.parsed == Point(3, 4)
    assert plain.parsed is None
    assert provider.requests[0].response_format.name == "Point"  # type: ignore[union-attr]
