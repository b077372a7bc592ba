"""Answers survive the way to bytes and back; anything else that comes back is refused."""

from __future__ import annotations

import json
import pickle
from array import array
from decimal import Decimal

import attrs
import pytest
from hypothesis import given, settings, strategies as st
from litellm_gateway import answer_codec
from litellm_gateway.contracts import CacheKey
from litellm_gateway.messages import ReasoningPart, ToolCall
from litellm_gateway.responses import EmbedResponse, GenerateResponse, TokenUsage

KEY = CacheKey("tenant", "d" * 64)
USAGE = TokenUsage(
    input_tokens=1, cache_read_tokens=2, cache_write_tokens=3, output_tokens=4, reasoning_tokens=5, estimated=True
)
WHOLE = GenerateResponse(
    text="Grüße\n\0 \u2028",
    model="m",
    usage=USAGE,
    finish_reason="tool_calls",
    raw_finish_reason="tool_use",
    tool_calls=(ToolCall(id="c", name="f", arguments='{"a":', signature="s"),),
    reasoning=(ReasoningPart(text="hm", signature="s", redacted=True, extra={"id": [1]}),),
    refusal="no",
    annotations=({"url": "https://example.org", "at": [1, 2]},),
    metadata={"provider": "acme", "request_id": "r", "cost": Decimal("0.000000137"), "deep": {"a": [None, 1.5]}},
)


def test_an_answer_comes_back_equal() -> None:
    """Every field of an answer survives, costs to the last digit."""
    assert answer_codec.decode(KEY, answer_codec.encode(KEY, WHOLE)) == WHOLE


@pytest.mark.parametrize("sample", [WHOLE, USAGE, WHOLE.tool_calls[0], WHOLE.reasoning[0]])
def test_the_sample_fills_every_field(sample: object) -> None:
    """The sample sets every field there is, so that a new one cannot be lost unnoticed.

    ``parsed`` is left out: the gateway makes it of the text for each caller anew.
    """
    fields = [field for field in attrs.fields(type(sample)) if field.name != "parsed"]
    same = [field.name for field in fields if getattr(sample, field.name) == field.default]

    assert same == []


def test_per_call_metadata_is_left_behind() -> None:
    """How long one call took says nothing about the next."""
    answer = attrs.evolve(WHOLE, metadata={"provider": "acme", "latency": 2.5, "cached": False, "attempts": 2})

    read = answer_codec.decode(KEY, answer_codec.encode(KEY, answer))

    assert read.metadata == {"provider": "acme"}


def test_metadata_json_cannot_say_is_left_behind() -> None:
    """An odd object in the metadata does not keep the answer from being stored."""
    answer = attrs.evolve(WHOLE, metadata={"provider": "acme", "raw": object()})

    read = answer_codec.decode(KEY, answer_codec.encode(KEY, answer))

    assert read.metadata == {"provider": "acme"}


@pytest.mark.parametrize("typecode", ["f", "d", "b", "B"])
def test_vectors_come_back_equal(typecode: str) -> None:
    """Vectors keep their numbers and their number format."""
    vectors = (array(typecode, [1, 0, 3]), array(typecode, []))
    answer = EmbedResponse(vectors=vectors, model="m", usage=USAGE, metadata={"provider": "acme"})

    read = answer_codec.decode(KEY, answer_codec.encode(KEY, answer))

    assert read == answer
    assert isinstance(read, EmbedResponse)
    assert [vector.typecode for vector in read.vectors] == [typecode, typecode]  # type: ignore[attr-defined]


def test_lists_become_32_bit_floats() -> None:
    """A plain sequence of floats comes back as the buffer of 32-bit floats that answers promise."""
    answer = EmbedResponse(vectors=([0.5, -2.0],), model="m")

    read = answer_codec.decode(KEY, answer_codec.encode(KEY, answer))

    assert isinstance(read, EmbedResponse)
    assert read.vectors == (array("f", [0.5, -2.0]),)


@given(
    text=st.text(),
    arguments=st.text(),
    cost=st.decimals(allow_nan=False, allow_infinity=False),
    count=st.integers(0, 2**53),
)
@settings(max_examples=200, deadline=None)
def test_any_answer_comes_back_equal(text: str, arguments: str, cost: Decimal, count: int) -> None:
    """Whatever a model says survives, unless UTF-8 cannot carry it."""
    answer = GenerateResponse(
        text=text,
        model="m",
        usage=TokenUsage(output_tokens=count),
        tool_calls=(ToolCall(id="1", name="f", arguments=arguments),),
        metadata={"cost": cost},
    )

    assert answer_codec.decode(KEY, answer_codec.encode(KEY, answer)) == answer


def test_text_that_utf8_cannot_carry_is_refused() -> None:
    """Half a surrogate pair cannot be stored; that is said, not papered over."""
    with pytest.raises(ValueError, match=r"."):
        answer_codec.encode(KEY, GenerateResponse(text="\ud800", model="m"))


@pytest.mark.parametrize("key", [CacheKey("other", KEY.digest), CacheKey(KEY.tenant, "e" * 64)])
def test_an_entry_of_another_key_is_refused(key: CacheKey) -> None:
    """An entry found under another tenant or digest than its own is not given out."""
    data = answer_codec.encode(KEY, WHOLE)

    with pytest.raises(ValueError, match="another key"):
        answer_codec.decode(key, data)


@pytest.mark.parametrize("answer", [WHOLE, EmbedResponse(vectors=(array("f", [1.0]),), model="m")])
def test_damage_is_refused(answer: GenerateResponse | EmbedResponse) -> None:
    """An entry in which any one value is missing or of another kind raises ValueError, nothing else."""
    entry = json.loads(answer_codec.encode(KEY, answer))

    for damaged in _damaged(entry):
        try:
            read = answer_codec.decode(KEY, json.dumps(damaged).encode())
        except ValueError:
            continue
        assert isinstance(read, type(answer))


def _damaged(entry: object):
    """Give copies of plain data with one value replaced or removed."""
    if isinstance(entry, dict):
        for name, value in entry.items():
            yield {other: kept for other, kept in entry.items() if other != name}
            yield from ({**entry, name: inner} for inner in _damaged(value))
    if isinstance(entry, list):
        for index, value in enumerate(entry):
            yield entry[:index] + entry[index + 1 :]
            yield from ([*entry[:index], inner, *entry[index + 1 :]] for inner in _damaged(value))
    yield from (None, "not a number", [], {}, True, 1.5, -1)


@given(data=st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_garbage_is_refused(data: bytes) -> None:
    """Random bytes are a ValueError."""
    with pytest.raises(ValueError, match=r"."):
        answer_codec.decode(KEY, data)


@given(cut=st.integers(0, 400), at=st.integers(0, 400), put=st.binary(min_size=1, max_size=3))
@settings(max_examples=300, deadline=None)
def test_cut_and_flipped_entries_never_do_worse_than_refuse(cut: int, at: int, put: bytes) -> None:
    """A cut entry is refused; one with changed bytes is refused or read, nothing else happens."""
    data = answer_codec.encode(KEY, WHOLE)
    changed = data[: at % len(data)] + put + data[at % len(data) + len(put) :]

    with pytest.raises(ValueError, match=r"."):
        answer_codec.decode(KEY, data[: cut % len(data)])
    try:
        read = answer_codec.decode(KEY, changed)
    except ValueError:
        return
    assert isinstance(read, GenerateResponse)


def test_a_pickle_is_never_loaded() -> None:
    """A pickle that would act when loaded is refused like any garbage."""
    bomb = pickle.dumps(_Bomb())

    with pytest.raises(ValueError, match=r"."):
        answer_codec.decode(KEY, bomb)


class _Bomb:
    def __reduce__(self):
        return pytest.fail, ("a pickle was loaded",)
