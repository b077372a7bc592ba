"""The digest stands for the whole request: any difference changes it, no two requests share one."""

from __future__ import annotations

import enum
import string
from decimal import Decimal
from types import MappingProxyType

import attrs
import pytest
from hypothesis import given, settings, strategies as st
from litellm_gateway.errors import InvalidRequestError
from litellm_gateway.messages import (
    MediaPart,
    Message,
    ReasoningPart,
    ResponseFormat,
    TextPart,
    Tool,
    ToolCall,
    ToolChoice,
)
from litellm_gateway.request_digest import request_digest
from litellm_gateway.requests import EmbedRequest, GenerateRequest

FULL = GenerateRequest(
    model="m",
    messages=(
        Message(role="system", content="be brief"),
        Message(
            role="user",
            name="ann",
            content=(
                TextPart(text="look", cache=True, signature="s"),
                MediaPart(
                    kind="image",
                    data=b"\x00\x01",
                    media_type="image/png",
                    filename="a.png",
                    detail="low",
                    cache=True,
                    options={"a": 1},
                ),
                MediaPart(kind="file", url="https://example.org/a.pdf"),
            ),
        ),
        Message(
            role="assistant",
            content=(ReasoningPart(text="hm", signature="s", redacted=True, extra={"id": "x"}),),
            tool_calls=(ToolCall(id="c", name="f", arguments='{"a":1}', signature="t"),),
        ),
        Message(role="tool", content="42", tool_call_id="c", is_error=True),
    ),
    max_tokens=7,
    temperature=0.5,
    top_p=0.9,
    top_k=5,
    stop=("END",),
    seed=3,
    presence_penalty=0.1,
    frequency_penalty=0.2,
    n=2,
    logprobs=True,
    top_logprobs=4,
    tools=(Tool(name="f", description="d", parameters={"type": "object"}, strict=True),),
    tool_choice=ToolChoice(mode="required", names=("f",)),
    parallel_tool_calls=False,
    response_format=ResponseFormat(schema={"type": "string"}, name="word", strict=False, description="d"),
    reasoning_effort="low",
    reasoning_budget=5,
    user="u",
    extra_body={"a": [1, {"b": None}]},
    extra_headers={"x-a": "1"},
)
EMBED = EmbedRequest(
    model="m",
    texts=("a", "b"),
    dimensions=3,
    input_type="query",
    encoding="int8",
    user="u",
    extra_body={"a": 1},
    extra_headers={"b": "2"},
)


def _other(value: object) -> object:
    """Give a value of the same kind that differs."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str | bytes):
        return value + value[:1] if value else "x"
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, dict):
        return {**value, "more": 1}
    if isinstance(value, tuple):
        return value[:-1] if value else ("x",)
    return "something"


def _variants(value: object):
    """Give copies of a value, each with one thing changed somewhere inside, with the path to it."""
    if attrs.has(type(value)):
        for field in attrs.fields(type(value)):
            for path, variant in _variants(getattr(value, field.name)):
                copy = type(value).__new__(type(value))
                for each in attrs.fields(type(value)):
                    object.__setattr__(copy, each.name, getattr(value, each.name))
                object.__setattr__(copy, field.name, variant)
                yield f"{field.name}.{path}", copy
        return
    if isinstance(value, tuple):
        for index, item in enumerate(value):
            for path, variant in _variants(item):
                yield f"{index}.{path}", (*value[:index], variant, *value[index + 1 :])
    yield "", _other(value)


@pytest.mark.parametrize("request_", [FULL, EMBED], ids=["generate", "embed"])
def test_any_field_counts(request_: GenerateRequest | EmbedRequest) -> None:
    """Changing any one field, however deep, gives a digest of its own."""
    variants = dict(_variants(request_))
    digests = {path: request_digest("r", variant) for path, variant in variants.items()}

    assert len(variants) > len(attrs.fields(type(request_)))
    assert request_digest("r", request_) not in digests.values()
    assert len(set(digests.values())) == len(digests)


def test_every_field_is_in_the_samples() -> None:
    """The samples above set every field there is, so a new field cannot slip past the test above."""
    samples = [FULL, EMBED, *FULL.messages, *FULL.tools, FULL.tool_choice, FULL.response_format]
    samples += [part for message in FULL.messages for part in message.parts]
    samples += [call for message in FULL.messages for call in message.tool_calls]
    untouched = {}
    for sample in samples:
        assert sample is not None
        for field in attrs.fields(type(sample)):
            name = f"{type(sample).__name__}.{field.name}"
            changed = getattr(sample, field.name) != field.default
            untouched[name] = untouched.get(name, True) and not changed

    assert [name for name, same in untouched.items() if same] == []


def test_route_counts() -> None:
    """Who answers is part of the digest."""
    assert request_digest("openai/m", FULL) != request_digest("openai/m2", FULL)


def test_equal_requests_share_a_digest() -> None:
    """Requests made apart from equal values have one digest; defaults said and left out are the same."""
    said = GenerateRequest(model="m", messages=(Message(role="user", content="hi"),), stop=(), extra_body={}, n=None)
    left_out = GenerateRequest(model="m", messages=(Message(role="user", content="h" + "i", tool_calls=()),))

    assert request_digest("r", said) == request_digest("r", left_out)


def test_kinds_of_request_differ() -> None:
    """A request for text and one for embeddings never share a digest."""
    generate = attrs.make_class("GenerateRequest", {"model": attrs.field()}, frozen=True)("m")
    embed = attrs.make_class("EmbedRequest", {"model": attrs.field()}, frozen=True)("m")

    assert request_digest("r", generate) != request_digest("r", embed)


def test_look_alikes_of_plain_types_count_as_plain() -> None:
    """String enums, read-only mappings, lists and byte arrays are what they look like on the wire."""

    class Colour(enum.StrEnum):
        RED = "red"

    class Level(enum.IntEnum):
        HIGH = 3

    fancy = {"a": Colour.RED, "b": (1, 2), "c": MappingProxyType({"d": Level.HIGH}), Colour.RED: bytearray(b"x")}
    plain = {"a": "red", "b": [1, 2], "c": {"d": 3}, "red": b"x"}

    assert _digest_of(fancy) == _digest_of(plain)


def test_order_of_keys_counts() -> None:
    """Models read schemas in order, so another order is another request."""
    assert _digest_of({"a": 1, "b": 2}) != _digest_of({"b": 2, "a": 1})


@pytest.mark.parametrize("value", [Decimal(1), {1, 2}, object(), 1j, {Decimal(1): 1}])
def test_what_cannot_be_sent_is_refused(value: object) -> None:
    """A value that is not plain data is a typed error that names the type, not the value."""
    with pytest.raises(InvalidRequestError, match="value of type"):
        _digest_of({"x": value})


def test_endless_nesting_is_refused() -> None:
    """A mapping that holds itself is a typed error."""
    endless: dict[str, object] = {}
    endless["self"] = endless

    with pytest.raises(InvalidRequestError, match="nested"):
        _digest_of(endless)


def test_a_number_that_cannot_be_written_is_refused() -> None:
    """Python writes no number of more than 4300 digits; that is a typed error as well."""
    with pytest.raises(InvalidRequestError, match="cannot be written"):
        _digest_of({"x": 10**5000})


def test_what_will_not_be_compared_is_refused() -> None:
    """A field a plugin filled with something that refuses to be compared is a typed error."""

    class Array:
        def __eq__(self, other: object) -> bool:
            raise ValueError("the truth of an array is ambiguous")

        __hash__ = None  # type: ignore[assignment]

    odd = GenerateRequest(model="m", messages=(), seed=Array())  # type: ignore[arg-type]

    with pytest.raises(InvalidRequestError, match="cannot be written"):
        request_digest("r", odd)


def test_broken_text_has_a_digest() -> None:
    """Half a surrogate pair is text like any other, and no look-alike of its escape."""
    assert _digest_of({"a": "\ud800"}) != _digest_of({"a": "\\ud800"})


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(string.printable + "\0\ud800é")
    | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab'\",:", max_size=3), inner, max_size=3),
    max_leaves=6,
)


def _shape(value: object) -> object:
    """Give a value that is equal only for what is the same down to the types: True is not 1, 0.0 not -0.0."""
    if isinstance(value, list):
        return ("list", tuple(_shape(item) for item in value))
    if isinstance(value, dict):
        return ("dict", tuple((name, _shape(item)) for name, item in value.items()))
    return (type(value).__name__, str(value) if isinstance(value, float) else value)


@given(one=PLAIN, other=PLAIN)
@settings(max_examples=300, deadline=None)
def test_digests_are_equal_exactly_for_the_same_data(one: object, other: object) -> None:
    """Two requests share a digest if and only if their data is the same, whatever quotes and commas it holds."""
    same = _shape(one) == _shape(other)

    assert (_digest_of({"x": one}) == _digest_of({"x": other})) is same


@given(texts=st.lists(st.text("a', ()\\\"", max_size=6), min_size=1, max_size=4), cut=st.integers(0, 30))
@settings(max_examples=300, deadline=None)
def test_texts_cannot_pretend_to_be_structure(texts: list[str], cut: int) -> None:
    """The same characters cut into messages elsewhere are another request."""
    joined = "".join(texts)
    at = cut % (len(joined) + 1)
    other = (joined[:at], joined[at:])

    same = tuple(texts) == other

    assert (_digest_of_texts(*texts) == _digest_of_texts(*other)) is same


def _digest_of(extra_body: dict[object, object]) -> str:
    return request_digest("r", EmbedRequest(model="m", texts=("t",), extra_body=extra_body))  # type: ignore[arg-type]


def _digest_of_texts(*texts: str) -> str:
    return request_digest("r", EmbedRequest(model="m", texts=texts))
