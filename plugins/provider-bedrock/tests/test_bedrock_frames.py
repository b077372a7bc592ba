"""The binary event stream: cut anywhere it gives the same events, damaged it gives a typed error."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING
from zlib import crc32

import pytest
from litellm_gateway.errors import MalformedResponseError
from litellm_gateway.wire import Limits
from litellm_gateway_provider_bedrock.event_frames import EventFrameReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_gateway.framing import ServerEvent

    Frame = Callable[..., bytes]


def read(*parts: bytes, limits: Limits | None = None) -> list[ServerEvent]:
    reader = EventFrameReader(limits or Limits())
    events = [event for part in parts for event in reader.feed(part)]
    return events + reader.close()


def test_events_of_each_kind(frame: Frame) -> None:
    """An event has its type as name; exceptions and other errors say so in front of theirs."""
    body = (
        frame(b"{}", message_type="event", event_type="messageStart", content_type="application/json")
        + frame(b'{"message":"slow"}', message_type="exception", exception_type="throttlingException")
        + frame(b"", message_type="error", error_code="InternalFailure", error_message="broken")
    )

    assert read(body) == [
        ("messageStart", b"{}"),
        ("exception:throttlingException", b'{"message":"slow"}'),
        ("error:InternalFailure", b"broken"),
    ]


def test_cuts_do_not_matter(frame: Frame) -> None:
    """Byte by byte, or all at once: the same events."""
    body = b"".join(frame(b"x" * size, message_type="event", event_type="e") for size in (0, 1, 300))

    whole = read(body)

    assert len(whole) == 3
    assert read(*(body[place : place + 1] for place in range(len(body)))) == whole
    assert read(body[:17], body[17:18], body[18:]) == whole


def test_a_frame_that_is_cut_off_is_no_event(frame: Frame) -> None:
    """What the end of the body cuts off is not read."""
    body = frame(b"{}", event_type="a") + frame(b"{}", event_type="b")

    assert read(body[:-1]) == [("a", b"{}")]


@pytest.mark.parametrize("place", [0, 5, 9, 14, 30, -6, -1])
def test_one_wrong_byte_is_found(frame: Frame, place: int) -> None:
    """Both checksums are checked: a byte changed anywhere is a typed error."""
    body = bytearray(frame(b'{"delta":{"text":"hello"}}', message_type="event", event_type="contentBlockDelta"))
    body[place] ^= 1

    with pytest.raises(MalformedResponseError, match="damaged"):
        read(bytes(body))


def test_a_length_without_a_frame_behind_it_is_refused_at_once() -> None:
    """Nobody waits for a frame larger than allowed: its length alone is refused."""
    prelude = struct.pack(">II", 2**31, 0)

    with pytest.raises(MalformedResponseError, match="allowed"):
        read(prelude + struct.pack(">I", crc32(prelude)))


@pytest.mark.parametrize(("total", "headers"), [(15, 0), (20, 5), (1000, 985)])
def test_lengths_that_cannot_be_are_refused(total: int, headers: int) -> None:
    """A frame shorter than its own numbers, or with more headers than room, is refused."""
    prelude = struct.pack(">II", total, headers)

    with pytest.raises(MalformedResponseError, match="frame"):
        read(prelude + struct.pack(">I", crc32(prelude)))


def test_the_limit_is_the_transport_s(frame: Frame) -> None:
    """A frame of the allowed size passes, one byte more does not."""
    body = frame(b"x" * 100, event_type="e")

    assert len(read(body, limits=Limits(event=len(body)))) == 1
    with pytest.raises(MalformedResponseError, match="allowed"):
        read(body, limits=Limits(event=len(body) - 1))


def _with_headers(headers: bytes) -> bytes:
    prelude = struct.pack(">II", 16 + len(headers), len(headers))
    head = prelude + struct.pack(">I", crc32(prelude)) + headers
    return head + struct.pack(">I", crc32(head))


def test_headers_of_every_type_are_passed_over() -> None:
    """The ten types of headers have their lengths; only texts are read."""
    values = [b"\x00", b"\x01", b"\x02\x05", b"\x03\x00\x01", b"\x04" + b"\0" * 4, b"\x05" + b"\0" * 8,
              b"\x06\x00\x02ab", b"\x08" + b"\0" * 8, b"\x09" + b"\0" * 16]  # fmt: skip
    headers = b"".join(b"\x01n" + value for value in values) + b"\x0b:event-type\x07\x00\x02ok"

    assert read(_with_headers(headers)) == [("ok", b"")]


@pytest.mark.parametrize(
    "headers",
    [b"\xff", b"\x01n\x07\x00\xff", b"\x01n\x0a", b"\x01n", b"\x01\xff\x00", b"\x01n\x07\x00", b"\x01n\x04\x00"],
)
def test_headers_that_cannot_be_read_are_a_typed_error(headers: bytes) -> None:
    """With right checksums but broken headers the frame is refused."""
    with pytest.raises(MalformedResponseError, match="header"):
        read(_with_headers(headers))
