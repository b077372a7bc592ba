"""Whatever the network or a broken server makes of an answer: the same pieces, or a typed error."""

from __future__ import annotations

import asyncio
import json
import os
import random
from typing import TYPE_CHECKING, Any

import pytest
from broken_answers import ODD_VALUES, SUBJECTS, UNREADABLE, Subject, packaged, put, read_bytes, read_events
from hypothesis import given, settings, strategies as st
from litellm_gateway.errors import GatewayError
from litellm_gateway.framing import ServerEvent, reader_for
from litellm_gateway.testing.provider_driver import HELLO, ask, ask_streamed, build
from litellm_gateway.testing.wire_player import Reply, WirePlayer, cut
from litellm_gateway.wire import Limits, WireResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from litellm_gateway.testing.wire_player import Recording

    Corpus = Callable[[str, Sequence[str]], list[Recording]]

CUTS = int(os.environ.get("LITELLM_GATEWAY_WIRE_CUTS", "25"))
CONTENT_TYPES = ("application/json", "text/event-stream", "application/vnd.amazon.eventstream", "")

each_subject = pytest.mark.parametrize("subject", SUBJECTS, ids=str)


@pytest.mark.parametrize(("subject", "provider"), [(each, name) for each in SUBJECTS for name in each.corpus], ids=str)
def test_pieces_do_not_depend_on_the_cuts(corpus: Corpus, subject: Subject, provider: str) -> None:
    """Every recorded stream gives the same pieces cut at random places, at each byte, and as it was delivered."""
    chance = random.Random(provider)
    dialect = subject.dialect()
    streams = [one for one in corpus(provider, subject.apis) if one.is_stream or "stream" in one.tags]

    for recording in streams:
        body, size = recording.body, len(recording.body)
        whole = read_bytes(dialect, [body])
        ways = [chance.sample(range(size), k=chance.randint(1, min(size, 200))) for _ in range(CUTS)]
        if size < 20_000:
            ways.append(list(range(size)))
        ways.append([sum(recording.chunk_sizes[:end]) for end in range(len(recording.chunk_sizes))])

        for way in ways:
            assert read_bytes(dialect, cut(body, way)) == whole, recording.id

    assert streams


@each_subject
@settings(max_examples=150, deadline=None)
@given(body=st.binary(max_size=400), content_type=st.sampled_from(CONTENT_TYPES))
def test_random_bytes_are_typed_errors(subject: Subject, body: bytes, content_type: str) -> None:
    """Random bytes are never an answer and never an untyped error."""
    provider = build(subject.offer, {}, WirePlayer(Reply(headers={"content-type": content_type}, pieces=(body,))))

    outcomes = [asyncio.run(ask(provider)), asyncio.run(ask_streamed(provider))]

    assert not any(outcome.finished for outcome in outcomes)


@each_subject
@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), odd=ODD_VALUES)
def test_odd_values_anywhere_are_read_or_refused(subject: Subject, seed: int, odd: Any) -> None:
    """One value of a real answer replaced by any other: it is read, or refused as the dialect contract says."""
    chance = random.Random(seed)
    recording = chance.choice([one for one in packaged(subject) if one.status == 200 and not one.is_stream])
    body = json.dumps(put(json.loads(recording.body), chance, odd)).encode()

    try:
        answer = subject.dialect().decode_generate(HELLO, WireResponse(status=200, headers={}, body=body))
    except UNREADABLE:
        return

    assert isinstance(answer.text, str)
    assert isinstance(answer.model, str)
    assert all(isinstance(call.arguments, str) and call.name for call in answer.tool_calls)
    assert min(answer.usage.to_dict().values()) >= 0


@each_subject
@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), odd=ODD_VALUES)
def test_odd_values_in_streams_are_read_or_refused(subject: Subject, seed: int, odd: Any) -> None:
    """The same for one event of a real stream; what is read still ends in at most one finish, as the last piece."""
    chance = random.Random(seed)
    dialect = subject.dialect()
    recording = chance.choice([one for one in packaged(subject) if one.status == 200 and one.is_stream])
    events = list(reader_for(dialect.framing, Limits()).feed(recording.body))
    place = chance.choice([n for n, event in enumerate(events) if event.data.startswith(b"{")])
    data = json.dumps(put(json.loads(events[place].data), chance, odd)).encode()
    events[place] = ServerEvent(events[place].event, data)

    try:
        pieces = read_events(dialect, events)
    except UNREADABLE:
        return

    kinds = [fields.get("kind", "text") for _, fields in pieces]
    assert kinds.count("finish") <= 1
    assert kinds.count("usage") <= 1
    assert "finish" not in kinds[:-1]


@each_subject
@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), odd=ODD_VALUES, status=st.sampled_from([400, 401, 403, 404, 429, 500, 503]))
def test_odd_error_bodies_are_typed_errors(subject: Subject, seed: int, odd: Any, status: int) -> None:
    """One value of a real error body replaced by any other: still a typed error with its status."""
    chance = random.Random(seed)
    errors = [one for one in packaged(subject) if one.status >= 400]
    real = json.loads(chance.choice(errors).body) if errors else {"error": {"message": "no", "type": "t", "code": None}}
    body = json.dumps(put(real, chance, odd)).encode()

    error = subject.dialect().decode_error(WireResponse(status=status, headers={}, body=body))

    assert isinstance(error, GatewayError)
    assert type(error) is not GatewayError
    assert error.status_code == status


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), change=st.integers(1, 255))
def test_one_wrong_byte_is_never_an_answer_that_differs(seed: int, change: int) -> None:
    """A byte of an event frame changed on its way is found by the checksums; nothing wrong is passed on."""
    subject = next(each for each in SUBJECTS if each.name == "bedrock")
    chance = random.Random(seed)
    recording = chance.choice([one for one in packaged(subject) if one.status == 200 and one.is_stream])
    body = bytearray(recording.body)
    body[chance.randrange(len(body))] ^= change
    whole = read_bytes(subject.dialect(), [recording.body])

    pieces = read_bytes(subject.dialect(), [bytes(body)])

    assert pieces[-1][1].get("error") == "MalformedResponseError"
    assert pieces[:-1] == whole[: len(pieces) - 1]
