"""Whatever the network or a broken server makes of a stream of Bedrock's: the same pieces, or a typed error."""

from __future__ import annotations

import asyncio
import json
import os
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings, strategies as st
from litellm_gateway.errors import GatewayError
from litellm_gateway.framing import ServerEvent, reader_for
from litellm_gateway.testing.provider_driver import HELLO, ask, ask_streamed, build
from litellm_gateway.testing.wire_player import Recording, Reply, WirePlayer, cut, load_recordings
from litellm_gateway.wire import Limits, WireResponse
from litellm_gateway_provider_bedrock.dialect import ConverseDialect
from litellm_gateway_provider_bedrock.plugin import gateway_provider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from litellm_gateway.contracts import Provider
    from litellm_gateway.responses import StreamChunk

    Corpus = Callable[[str, Sequence[str]], list[Recording]]

CUTS = int(os.environ.get("LITELLM_GATEWAY_WIRE_CUTS", "25"))
PACKAGED = Path(__file__).parents[2] / "plugins" / "provider-bedrock" / "tests" / "wire"
RECORDED = [one for one in load_recordings(PACKAGED, apis=("converse",)) if one.status == 200]
UNREADABLE = (GatewayError, ValueError, KeyError, TypeError, IndexError, AttributeError)
"""What a dialect may raise; the provider around it turns all of these into a typed error."""
SETTINGS = {"api_key": "bedrock-api-key-0123456789abcdef", "region": "us-east-1"}
CONTENT_TYPES = ("application/json", "application/vnd.amazon.eventstream", "")

Piece = tuple[str, dict[str, Any]]


def _dialect() -> ConverseDialect:
    return ConverseDialect(base_url="http://127.0.0.1:1")


def _provider(reply: Reply) -> Provider:
    return build(gateway_provider(), SETTINGS, WirePlayer(reply))


def _pieces(parts: Iterable[bytes]) -> list[Piece]:
    """Read a stream in these parts; an error it reports counts as its last piece."""
    dialect = _dialect()
    reader, decoder = reader_for(dialect.framing, Limits()), dialect.stream_decoder(HELLO)
    pieces: list[StreamChunk] = []
    try:
        for part in parts:
            for event in reader.feed(part):
                pieces += decoder.feed(event)
        for event in reader.close():
            pieces += decoder.feed(event)
        pieces += decoder.close()
    except GatewayError as error:
        return [*map(_plain, pieces), (error.message, {"error": type(error).__name__})]
    return [*map(_plain, pieces)]


def _decoded(events: Iterable[ServerEvent]) -> list[Piece]:
    decoder = _dialect().stream_decoder(HELLO)
    pieces = [piece for event in events for piece in decoder.feed(event)]
    return [*map(_plain, [*pieces, *decoder.close()])]


def _plain(piece: StreamChunk) -> Piece:
    return piece.text, dict(vars(piece))


def test_pieces_do_not_depend_on_the_cuts(corpus: Corpus) -> None:
    """Every recorded stream gives the same pieces cut at random places, and at each byte."""
    chance = random.Random("bedrock")
    streams = [one for one in corpus("bedrock", ("converse",)) if one.is_stream]

    for recording in streams:
        body, size = recording.body, len(recording.body)
        whole = _pieces([body])
        ways = [chance.sample(range(size), k=chance.randint(1, min(size, 200))) for _ in range(CUTS)]
        if size < 20_000:
            ways.append(list(range(size)))

        for way in ways:
            assert _pieces(cut(body, way)) == whole, recording.id

    assert len(streams) >= 10


@settings(max_examples=150, deadline=None)
@given(
    body=st.binary(max_size=400),
    content_type=st.sampled_from(CONTENT_TYPES),
)
def test_random_bytes_are_typed_errors(body: bytes, content_type: str) -> None:
    """Random bytes are never an answer and never an untyped error."""
    reply = Reply(headers={"content-type": content_type}, pieces=(body,))

    outcomes = [asyncio.run(ask(_provider(reply))), asyncio.run(ask_streamed(_provider(reply)))]

    assert not any(outcome.finished for outcome in outcomes)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=4,
)


def _put(value: Any, chance: random.Random, odd: Any) -> Any:
    """Put an odd value in a random place of a JSON value."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        name = chance.choice(list(value))
        return {**value, name: _put(value[name], chance, odd)}
    if isinstance(value, list) and value and chance.random() < 0.85:
        place = chance.randrange(len(value))
        return [*value[:place], _put(value[place], chance, odd), *value[place + 1 :]]
    return odd


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), odd=JSON_VALUES)
def test_odd_values_anywhere_are_read_or_refused(seed: int, odd: Any) -> None:
    """One value of a real answer replaced by any other: it is read, or refused as the dialect contract says."""
    chance = random.Random(seed)
    recording = chance.choice([one for one in RECORDED if not one.is_stream])
    body = json.dumps(_put(json.loads(recording.body), chance, odd)).encode()

    try:
        answer = _dialect().decode_generate(HELLO, WireResponse(status=200, headers={}, body=body))
    except UNREADABLE:
        return

    assert isinstance(answer.text, str)
    assert all(isinstance(call.arguments, str) and call.name for call in answer.tool_calls)
    assert min(answer.usage.to_dict().values()) >= 0


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), odd=JSON_VALUES)
def test_odd_values_in_streams_are_read_or_refused(seed: int, odd: Any) -> None:
    """The same for one event of a real stream; what is read still ends in at most one finish, as the last piece."""
    chance = random.Random(seed)
    recording = chance.choice([one for one in RECORDED if one.is_stream])
    events = reader_for(_dialect().framing, Limits()).feed(recording.body)
    place = chance.randrange(len(events))
    data = json.dumps(_put(json.loads(events[place].data), chance, odd)).encode()
    events[place] = ServerEvent(events[place].event, data)

    try:
        pieces = _decoded(events)
    except UNREADABLE:
        return

    kinds = [fields.get("kind", "text") for _, fields in pieces]
    assert kinds.count("finish") <= 1
    assert kinds.count("usage") <= 1
    assert "finish" not in kinds[:-1]


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), change=st.integers(1, 255))
def test_one_wrong_byte_is_never_an_answer_that_differs(seed: int, change: int) -> None:
    """A byte of a stream changed on its way is found by the checksums: a typed error, nothing wrong passed on."""
    chance = random.Random(seed)
    recording = chance.choice([one for one in RECORDED if one.is_stream])
    body = bytearray(recording.body)
    body[chance.randrange(len(body))] ^= change
    whole = _pieces([recording.body])

    pieces = _pieces([bytes(body)])

    assert pieces[-1][1].get("error") == "MalformedResponseError"
    assert pieces[:-1] == whole[: len(pieces) - 1]
