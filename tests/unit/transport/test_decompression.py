"""Bodies are decoded in small steps, whatever the cuts, and counted as they come out."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given, strategies as st
from litellm_gateway.decompression import BodyDecoder
from litellm_gateway.errors import MalformedResponseError

LIMIT = 10_000_000


def decode(encoding: str, pieces: list[bytes], limit: int = LIMIT) -> bytes:
    decoder = BodyDecoder(encoding, limit)
    body = b"".join(part for piece in pieces for part in decoder.pieces(piece))
    decoder.finish()
    return body


@given(
    st.binary(max_size=2000), st.integers(1, 50), st.sampled_from(["gzip", "x-gzip", "deflate", "raw", "", "identity"])
)
def test_any_cut_gives_the_body(body: bytes, size: int, encoding: str) -> None:
    """However the network cuts it, the decoded body is the same."""
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = {
        "gzip": gzip.compress(body), "x-gzip": gzip.compress(body), "deflate": zlib.compress(body),
        "raw": raw.compress(body) + raw.flush(), "": body, "identity": body,
    }[encoding]  # fmt: skip

    decoded = decode(
        "deflate" if encoding == "raw" else encoding, [packed[at : at + size] for at in range(0, len(packed), size)]
    )

    assert decoded == body


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate"]))
def test_garbage_is_malformed_or_read(garbage: bytes, encoding: str) -> None:
    """Random bytes give a body or the one typed error."""
    try:
        decode(encoding, [garbage])
    except MalformedResponseError:
        return


@pytest.mark.parametrize("size", [65535, 65536, 65537, 131072, 1_000_000])
def test_sizes_around_a_step_are_whole(size: int) -> None:
    """A body that fills a step exactly loses nothing."""
    assert decode("gzip", [gzip.compress(bytes(size))]) == bytes(size)


def test_pieces_are_small() -> None:
    """A small input that unpacks to much is handed out in pieces of at most 64 KiB."""
    decoder = BodyDecoder("gzip", LIMIT)

    sizes = [len(piece) for piece in decoder.pieces(gzip.compress(bytes(1_000_000)))]

    assert max(sizes) <= 65536
    assert sum(sizes) == 1_000_000


def test_a_bomb_ends_at_the_limit() -> None:
    """Decoding stops with the first piece over the limit."""
    decoder = BodyDecoder("gzip", 100_000)
    given_out: list[int] = []

    with pytest.raises(MalformedResponseError):
        given_out.extend(len(piece) for piece in decoder.pieces(gzip.compress(bytes(5_000_000))))

    assert sum(given_out) <= 100_000


def test_members_follow_each_other() -> None:
    """A gzip body of several members, zero padding included, is one body."""
    packed = gzip.compress(b"one ") + gzip.compress(b"two") + b"\0\0"

    assert decode("gzip", [packed]) == b"one two"


def test_an_empty_body_needs_no_compression() -> None:
    """A head that announces gzip and no body after it is an empty body."""
    assert decode("gzip", []) == b""


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress"])
def test_what_was_not_asked_for_is_refused(encoding: str) -> None:
    """An encoding that was not asked for is refused before the body is read."""
    with pytest.raises(MalformedResponseError):
        BodyDecoder(encoding, LIMIT)
