"""Without orjson, JSON is written and read by the standard library, in quicker ways that must mean the same."""

from __future__ import annotations

import importlib
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st
from litellm_gateway import json_codec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(_TEXTS, inner),
)


@pytest.fixture(scope="module")
def codec() -> Iterator[ModuleType]:
    """The door as it is where orjson is not installed."""
    name = "litellm_gateway.json_codec"
    kept, orjson = sys.modules[name], sys.modules.get("orjson")
    sys.modules["orjson"] = None  # type: ignore[assignment]
    del sys.modules[name]
    try:
        yield importlib.import_module(name)
    finally:
        sys.modules[name] = kept
        sys.modules.pop("orjson")
        if orjson is not None:
            sys.modules["orjson"] = orjson


@given(_VALUES)
def test_values_are_written_as_json_dumps_writes_them(codec: ModuleType, value: Any) -> None:
    """Compact, and with letters as they are."""
    assert codec.encode(value) == json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


@given(_VALUES, st.sampled_from(["", " ", "\n", "\ufeff"]), st.sampled_from(["", " ", "\r\n\t"]))
def test_what_was_written_is_read(codec: ModuleType, value: Any, before: str, after: str) -> None:
    """White space around it, and a mark of byte order before it, change nothing."""
    text = f"{before}{json.dumps(value)}{after}"

    assert codec.decode(text) == codec.decode(text.encode()) == value


@pytest.mark.parametrize(
    "text", ["", "{", "{}}", '{"a":}', '{"a":1}x', "{} {}", '{"a" 1}', "[1,]", "NaN", '{"a":NaN}', '{"a":-Infinity}']
)
def test_what_is_no_json_is_a_value_error(codec: ModuleType, text: str) -> None:
    """Cut, followed by more, or with words that JSON does not have."""
    with pytest.raises(ValueError, match=r"."):
        codec.decode(text)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1: {2}}, object(), "\ud83d", {"a": b"b"}])
def test_what_json_cannot_say_is_a_value_error(codec: ModuleType, value: Any) -> None:
    """No number, no plain data, half a letter."""
    with pytest.raises(ValueError, match=r"."):
        codec.encode(value)


def test_what_holds_itself_is_a_value_error(codec: ModuleType) -> None:
    """It ends where nesting does, and does not bring the process down."""
    inside: list[Any] = []
    inside.append(inside)

    with pytest.raises(ValueError, match="not representable"):
        codec.encode(inside)


@pytest.mark.parametrize(
    "text", [b'\xef\xbb\xbf{"a": 1}', b'{"a": "\\ud83d"}', b'{"a": 1e999}', b"{", b"NaN", b'{"a": "\xff"}', b""]
)
def test_both_ways_take_and_refuse_the_same(codec: ModuleType, text: bytes) -> None:
    """A gateway reads no answer that it would not read where orjson is missing, and the other way round."""
    told = []
    for door in (codec, json_codec):
        try:
            told.append(door.decode(text))
        except ValueError:
            told.append("refused")

    assert told[0] == told[1]
