"""Made-up streams of every provider, in every form the wire allows, whole, cut short and spoilt: always read right.

Each is read twice, by the gateway's framing and decoder and by a plain reader written apart from them, and a whole
one must say what was put into it. Neither sockets nor an event loop take part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from anthropic_streams import MessagesWire
from bedrock_streams import ConverseWire
from choices_from_bytes import Choices, cut_anywhere
from cohere_streams import CohereWire
from google_streams import GeminiWire
from how_many import QUIET, scaled
from hypothesis import given, settings, strategies as st
from made_streams import BROKEN, CUT, FINISHED, REFUSED, Made, Reading, Wire, decode
from openai_streams import ChatWire, ResponsesWire

if TYPE_CHECKING:
    from collections.abc import Callable

WIRES: dict[str, Callable[[], Wire]] = {
    "openai-chat": ChatWire,
    "openai-responses": ResponsesWire,
    "anthropic": MessagesWire,
    "google": GeminiWire,
    "cohere": CohereWire,
    "bedrock": ConverseWire,
}


@pytest.mark.parametrize("name", WIRES)
def test_a_stream_is_read_as_a_plain_reader_reads_it(name: str) -> None:
    """Whatever becomes of a stream on its way, text, arguments, usage and end are those of a plain reader."""
    wire = WIRES[name]()
    dialect = wire.dialect()

    @settings(QUIET, database=None, max_examples=scaled(1000))
    @given(st.binary(min_size=96, max_size=96))
    def holds(data: bytes) -> None:
        choices = Choices(data)
        fate = choices.one_of((as_it_is, cut_short, failing, with_garbage))
        made = wire.make(choices)
        body, allowed = fate(wire, made, choices)

        reading = decode(dialect, cut_anywhere(body, choices))

        assert reading == wire.read(body)
        assert reading.end in allowed
        if fate is as_it_is:
            assert reading == made.told

    holds()


Fate = tuple[bytes, tuple[str, ...]]
"""The body that arrives, and the ends it may come to."""


def as_it_is(wire: Wire, made: Made, choices: Choices) -> Fate:
    return wire.write(made.events, choices), (FINISHED,)


def cut_short(wire: Wire, made: Made, choices: Choices) -> Fate:
    """Every prefix: it is a success only if a plain reader has seen the end in it."""
    body = wire.write(made.events, choices)
    return body[: choices.place(len(body))], (FINISHED, CUT, BROKEN)


def failing(wire: Wire, made: Made, choices: Choices) -> Fate:
    place = choices.below(len(made.events) + 1)
    events = [*made.events[:place], wire.error, *made.events[place:]]
    return wire.write(events, choices), (FINISHED, REFUSED)


def with_garbage(wire: Wire, made: Made, choices: Choices) -> Fate:
    place = choices.below(len(made.events) + 1)
    garbage = choices.one_of(("<html>", "{", '{"choices": [', "\ufffd\ufffd", "{'a': 1}", "undefined", '"'))
    events = [*made.events[:place], ("", garbage), *made.events[place:]]
    return wire.write(events, choices), (FINISHED, BROKEN)


@settings(QUIET, database=None, max_examples=scaled(300))
@given(st.binary(min_size=96, max_size=96))
def test_a_damaged_frame_is_never_part_of_an_answer(data: bytes) -> None:
    """One byte of a binary stream changed: what was given before it is right, and the stream does not succeed."""
    wire, choices = ConverseWire(), Choices(data)
    place, change = choices.place(1 << 16), 1 + choices.below(255)
    made = wire.make(choices)
    body = bytearray(wire.write(made.events, choices))
    body[place % len(body)] ^= change

    reading = decode(wire.dialect(), cut_anywhere(bytes(body), choices))

    assert reading.end == BROKEN
    assert made.told.text.startswith(reading.text)
    assert made.told.reasoning.startswith(reading.reasoning)


def test_a_prefix_succeeds_only_with_its_end_inside() -> None:
    """Every prefix of one stream of every provider, byte by byte: none before the end is a success, all after are."""
    counts: dict[str, int] = {}
    for name, make in WIRES.items():
        wire = make()
        choices = Choices(bytes(range(1, 97)))
        made = wire.make(choices)
        body = wire.write(made.events, Choices(b""))
        ends = [decode(wire.dialect(), [body[:size]]).end for size in range(len(body) + 1)]
        first = ends.index(FINISHED)
        counts[name] = first

        assert FINISHED not in ends[:first]
        assert ends[-1] == FINISHED
        assert first > len(body) // 2, name
    assert len(counts) == len(WIRES)


def test_the_makers_make_everything() -> None:
    """A thousand made streams hold every kind of content and every fate: the properties above are about something."""
    import random

    chance = random.Random(8)
    for make in WIRES.values():
        wire = make()
        told: list[Reading] = [wire.make(Choices(chance.randbytes(96))).told for _ in range(300)]
        seen: dict[str, Any] = {
            "text": any(one.text for one in told),
            "reasoning": any(one.reasoning for one in told),
            "calls": any(len(one.calls) > 1 for one in told),
            "usage": any(one.usage for one in told) and any(one.usage is None for one in told),
            "finishes": len({one.finish for one in told}) > 2,
        }

        assert [name for name, there in seen.items() if not there] in ([], ["usage"])
