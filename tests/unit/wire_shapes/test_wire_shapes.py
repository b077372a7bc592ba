"""Decoded JSON is read as what it is, or refused by name and type."""

from __future__ import annotations

from typing import Any

import pytest
from litellm_gateway.wire_shapes import as_count, as_list, as_object, as_text, read_object, read_or_none

READERS = {as_object: {}, as_list: [], as_text: "", as_count: 0}


class OwnDict(dict[str, Any]):
    """A kind of dict."""


class OwnList(list[Any]):
    """A kind of list."""


class OwnText(str):
    """A kind of text."""


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (as_object, {"a": 1}), (as_object, {}), (as_object, OwnDict(a=1)),
        (as_list, [1]), (as_list, []), (as_list, OwnList([1])),
        (as_text, "a"), (as_text, ""), (as_text, OwnText("a")),
    ],
)  # fmt: skip
def test_the_right_shape_is_given_as_it_is(read: Any, value: Any) -> None:
    """No copy is made, of subclasses neither."""
    assert read(value, "it") is value


@pytest.mark.parametrize(("read", "empty"), READERS.items())
def test_null_is_empty(read: Any, empty: Any) -> None:
    """Null and absent are an empty value of the kind."""
    found = read(None, "it")

    assert found == empty
    assert type(found) is type(empty)


def test_empty_values_are_not_shared() -> None:
    """What one caller adds to an empty value, no other one sees."""
    as_object(None, "it")["a"] = 1
    as_list(None, "it").append(1)

    assert as_object(None, "it") == {}
    assert as_list(None, "it") == []


@pytest.mark.parametrize(
    ("value", "count"), [(0, 0), (12, 12), (12.0, 12), (12.7, 12), (0.0, 0), (2**53 - 1, 2**53 - 1)]
)
def test_counts(value: float, count: int) -> None:
    """A count is a whole number, however it was written."""
    found = as_count(value, "it")

    assert found == count
    assert type(found) is int


@pytest.mark.parametrize("value", [-1, -0.5, 2**53, 1e300, float("inf"), float("nan"), True, False, "12", [], {}])
def test_no_counts(value: Any) -> None:
    """What is below zero, beyond what JSON can count, or no number, is no count."""
    with pytest.raises(ValueError, match=f"^tokens is {type(value).__name__}, not a count$"):
        as_count(value, "tokens")


@pytest.mark.parametrize(
    ("read", "values", "wanted"),
    [
        (as_object, ([], "sk-secret", 1, 1.5, True), "an object"),
        (as_list, ({}, "sk-secret", 1, 1.5, False), "a list"),
        (as_text, ([], {}, 1, 1.5, True, b"sk-secret"), "a text"),
    ],
)
def test_a_wrong_shape_is_named_and_not_shown(read: Any, values: tuple[Any, ...], wanted: str) -> None:
    """The message holds the place and the types, and nothing of the value."""
    for value in values:
        with pytest.raises(ValueError, match=r"^the choice is ") as caught:
            read(value, "the choice")

        assert str(caught.value) == f"the choice is {type(value).__name__}, not {wanted}"


def test_a_body_is_an_object() -> None:
    """An object is decoded, from bytes and from text."""
    assert read_object(b'{"a": [1]}', "an answer") == {"a": [1]}
    assert read_object('{"a": [1]}', "an answer") == {"a": [1]}


@pytest.mark.parametrize(("body", "kind"), [(b"null", "NoneType"), (b"[]", "list"), (b'"{}"', "str"), (b"7", "int")])
def test_a_body_that_is_no_object_is_refused(body: bytes, kind: str) -> None:
    """Not even null is an object where a whole body must be one."""
    with pytest.raises(ValueError, match=f"^an answer is {kind}, not an object$"):
        read_object(body, "an answer")


NO_JSON = (b"", b"<html></html>", b'{"a":', b"\xff\xfe", b"[" * 100_000)


@pytest.mark.parametrize("body", NO_JSON)
def test_a_body_that_is_no_json_is_refused(body: bytes) -> None:
    """A page, an empty and a cut body are a ``ValueError`` like any other wrong shape."""
    with pytest.raises(ValueError, match=r"."):
        read_object(body, "an answer")


@pytest.mark.parametrize("body", NO_JSON)
def test_an_error_may_be_no_json(body: bytes) -> None:
    """Where anything may come, what is no JSON is None."""
    assert read_or_none(body) is None


@pytest.mark.parametrize(("body", "value"), [(b"[1]", [1]), (b'{"a": 1}', {"a": 1}), ('"a"', "a"), (b"null", None)])
def test_an_error_may_be_any_json(body: bytes | str, value: Any) -> None:
    """Where anything may come, any JSON is given."""
    assert read_or_none(body) == value
