"""Whatever the network or a broken server makes of a stream of Gemini's: the same pieces, or a typed error."""

from __future__ import annotations

import asyncio
import json
import os
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings, strategies as st
from litellm_gateway.errors import GatewayError
from litellm_gateway.framing import reader_for
from litellm_gateway.secrets import Secret
from litellm_gateway.testing.provider_driver import HELLO, ask, ask_streamed, build
from litellm_gateway.testing.wire_player import Recording, Reply, WirePlayer, cut, load_recordings
from litellm_gateway.wire import Limits, WireResponse
from litellm_gateway_provider_google.dialect import GeminiDialect
from litellm_gateway_provider_google.plugin import gateway_provider
from litellm_gateway_provider_google.wire_address import GEMINI_URL, WireAddress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from litellm_gateway.contracts import Provider
    from litellm_gateway.responses import StreamChunk

    Corpus = Callable[[str, Sequence[str]], list[Recording]]

CUTS = int(os.environ.get("LITELLM_GATEWAY_WIRE_CUTS", "25"))
PACKAGED = Path(__file__).parents[2] / "plugins" / "provider-google" / "tests" / "wire"
RECORDED = [one for one in load_recordings(PACKAGED, apis=("generateContent",)) if one.status == 200]
UNREADABLE = (GatewayError, ValueError, KeyError, TypeError, IndexError, AttributeError)
"""What a dialect may raise; the provider around it turns all of these into a typed error."""
KEY = "AIza0123456789abcdefghij"

Piece = tuple[str, dict[str, Any]]


def _dialect() -> GeminiDialect:
    return GeminiDialect(WireAddress.of_gemini(GEMINI_URL, "v1beta", Secret(KEY)))


def _provider(reply: Reply) -> Provider:
    return build(gateway_provider(), {"api_key": KEY}, WirePlayer(reply))


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


def _plain(piece: StreamChunk) -> Piece:
    return piece.text, dict(vars(piece))


@pytest.mark.parametrize("provider", ["google", "vertex"])
def test_pieces_do_not_depend_on_the_cuts(corpus: Corpus, provider: str) -> None:
    """Every recorded stream, JSON arrays among them, gives the same pieces cut anywhere."""
    chance = random.Random(provider)
    streams = [one for one in corpus(provider, ("generateContent",)) if one.is_stream or "stream" in one.tags]

    for recording in streams:
        body, size = recording.body, len(recording.body)
        whole = _pieces([body])
        ways = [chance.sample(range(size), k=chance.randint(1, min(size, 200))) for _ in range(CUTS)]
        if size < 20_000:
            ways.append(list(range(size)))
        ways.append([sum(recording.chunk_sizes[:end]) for end in range(len(recording.chunk_sizes))])

        for way in ways:
            assert _pieces(cut(body, way)) == whole, recording.id

    assert len(streams) >= 17


@settings(max_examples=150, deadline=None)
@given(body=st.binary(max_size=400), content_type=st.sampled_from(["application/json", "text/event-stream", ""]))
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
    if isinstance(value, dict) and value and chance.random() < 0.9:
        name = chance.choice(list(value))
        return {**value, name: _put(value[name], chance, odd)}
    if isinstance(value, list) and value and chance.random() < 0.9:
        place = chance.randrange(len(value))
        return [*value[:place], _put(value[place], chance, odd), *value[place + 1 :]]
    return odd


@settings(max_examples=400, deadline=None)
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
    assert isinstance(answer.model, str)
    assert all(isinstance(call.arguments, str) and call.name for call in answer.tool_calls)
    assert min(answer.usage.to_dict().values()) >= 0


@settings(max_examples=400, deadline=None)
@given(seed=st.integers(0, 2**32), odd=JSON_VALUES)
def test_odd_values_in_streams_are_read_or_refused(seed: int, odd: Any) -> None:
    """The same for one event of a real stream; what is read still ends in at most one finish, as the last piece."""
    chance = random.Random(seed)
    recording = chance.choice([one for one in RECORDED if one.is_stream])
    lines = recording.body.split(b"\n")
    place = chance.choice([n for n, line in enumerate(lines) if line.startswith(b"data: {")])
    lines[place] = b"data: " + json.dumps(_put(json.loads(lines[place][6:]), chance, odd)).encode()

    try:
        pieces = _pieces([b"\n".join(lines)])
    except UNREADABLE:
        return

    kinds = [fields.get("kind", "text") for _, fields in pieces]
    assert kinds.count("finish") <= 1
    assert kinds.count("usage") <= 1
    assert "finish" not in kinds[:-1]


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), odd=JSON_VALUES, status=st.sampled_from([400, 401, 403, 404, 429, 500, 503]))
def test_odd_error_bodies_are_typed_errors(seed: int, odd: Any, status: int) -> None:
    """One value of a real error body replaced by any other: still a typed error with its status."""
    chance = random.Random(seed)
    errors = [one for one in load_recordings(PACKAGED) if one.status >= 400]
    body = json.dumps(_put(json.loads(chance.choice(errors).body), chance, odd)).encode()

    error = _dialect().decode_error(WireResponse(status=status, headers={}, body=body))

    assert isinstance(error, GatewayError)
    assert type(error) is not GatewayError
    assert error.status_code == status
