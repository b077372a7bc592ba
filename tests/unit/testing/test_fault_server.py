"""The fault server does what it is told, and keeps count."""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from litellm_gateway.testing.faults import CALL, TEXT, FaultServer, Turn, scenarios
from litellm_gateway.testing.wires import ANTHROPIC, BEDROCK, OPENAI_CHAT, WIRES


def post(url: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    """Post JSON with a client that is not ours."""
    request = urllib.request.Request(url, json.dumps(body).encode(), headers or {})
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_a_script_goes_on_with_its_last_step() -> None:
    """Each request meets the next step; after the last one it stays there."""
    with FaultServer() as server:
        station = server.play("reports overloaded", "reports rate limited", "a right answer")
        statuses = [post(f"{station.url}/v1/chat/completions", {})[0] for _ in range(4)]

    assert statuses == [503, 429, 200, 200]
    assert [request.path.partition("/v1")[1] for request in station.requests] == ["/v1"] * 4


def test_the_path_says_the_format() -> None:
    """One station answers every provider in its own words."""
    with FaultServer() as server:
        url = server.play("a right answer").url
        chat = json.loads(post(f"{url}/v1/chat/completions", {})[1])
        messages = json.loads(post(f"{url}/v1/messages", {"tools": [{}]})[1])
        vectors = json.loads(post(f"{url}/v1/embeddings", {"input": ["a", "b"]})[1])

    assert chat["choices"][0]["message"]["content"] == TEXT.text
    assert messages["content"][0]["input"] == json.loads(CALL.text)
    assert [item["embedding"] for item in vectors["data"]] == [[0.0, 1.0], [1.0, 1.0]]


def test_stations_keep_their_own_log() -> None:
    """What came to one address is no other's business; what came to none is a stray."""
    with FaultServer() as server:
        one, other = server.play("a right answer"), server.play("reports conflict")
        post(f"{one.url}/v1/messages", {}, {"x-api-key": "key-1"})
        post(f"{one.url.rpartition('/')[0]}/99/v1/messages", {})

    assert (len(one.requests), len(other.requests), len(server.strays)) == (1, 0, 1)
    assert one.keys == {"key-1"}


def test_a_step_of_ones_own_and_its_mistakes() -> None:
    """A function of a turn is a step; what it raises is kept."""

    async def does(turn: Turn) -> None:
        await turn.give(b"{}", status=418)
        raise LookupError("a mistake of the test")

    with FaultServer() as server:
        station = server.play(does)
        status, _ = post(f"{station.url}/v1/messages", {})

    assert status == 418
    assert [type(error) for error in station.errors] == [LookupError]


def test_connections_are_counted_while_they_are_open() -> None:
    """A client that stays is open; one that has gone is settled."""
    with FaultServer() as server:
        station = server.play("stalls at once")
        host, port = station.url.removeprefix("http://").partition("/")[0].split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"POST /0/v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}")
            for _ in range(500):
                time.sleep(0 if station.requests else 0.01)
            stays = not station.settled(0, 0.1)
        gone = station.settled(0, 2.0)

    assert (stays, gone, len(station.requests)) == (True, True, 1)


def test_an_unknown_scenario_is_refused() -> None:
    """A misspelt name fails at once."""
    with FaultServer() as server, pytest.raises(KeyError, match="stals"):
        server.play("stals at once")


def test_a_refusing_address_refuses() -> None:
    """Nobody listens there."""
    with FaultServer() as server, server.refusing() as url:
        host, port = url.removeprefix("http://").split(":")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(port)), timeout=2)


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)
def test_every_format_has_content_and_an_end(wire: Any) -> None:
    """Scenarios find in each format where content begins and where it ends."""
    kinds = [frame.kind for frame in wire.streamed(TEXT)]

    assert kinds.count("content") >= 2
    assert kinds[-1] != "content"
    assert {"rate_limited", "overloaded", "server_error", "bad_key", "quota"} <= set(wire.reports)


def test_frames_of_bedrock_carry_their_checksums() -> None:
    """A frame's length and both checksums are those of its bytes."""
    from zlib import crc32

    for frame in BEDROCK.streamed(TEXT):
        data = frame.data

        assert int.from_bytes(data[:4]) == len(data)
        assert int.from_bytes(data[8:12]) == crc32(data[:8])
        assert int.from_bytes(data[-4:]) == crc32(data[:-4])


def test_scenarios_are_many_and_make_sense_somewhere() -> None:
    """Every scenario expects something of some format."""
    found = scenarios()

    assert len(found) >= 300
    for scenario in found.values():
        assert any(scenario.expects(wire, is_stream) for wire in WIRES for is_stream in (False, True)), scenario.name


def test_groups_part_the_catalogue() -> None:
    """A group gives its own scenarios only."""
    assert {one.group for one in scenarios("floods", "hints").values()} == {"floods", "hints"}
    assert OPENAI_CHAT.answers("/v1/chat/completions")
    assert not ANTHROPIC.answers("/v1/chat/completions")
