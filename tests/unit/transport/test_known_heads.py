"""Heads that keep coming alike are written once, and never taken for one another."""

from __future__ import annotations

import pytest
from litellm_gateway.addressing import parse_target
from litellm_gateway.errors import InvalidRequestError
from litellm_gateway.known_heads import KnownHeads
from litellm_gateway.secrets import Secret
from litellm_gateway.wire import WireRequest

TARGET = parse_target("http://one.example/v1")
KEY = (("authorization", Secret("Bearer first")),)


class Book:
    """Known heads, and how often one was written."""

    def __init__(self) -> None:
        self.written = 0
        self.heads = KnownHeads(self._write)

    def _write(self, pairs: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
        self.written += 1
        return dict(pairs)

    def get(self, request: WireRequest, url: str = "http://one.example/v1") -> dict[bytes, bytes]:
        return self.heads.get(request, parse_target(url), "agent/1")


def request(**fields: object) -> WireRequest:
    known = {"url": "http://one.example/v1", "headers": (("accept", "text/plain"),), "secret_headers": KEY}
    return WireRequest(**(known | fields))  # type: ignore[arg-type]


def test_a_head_that_comes_again_is_not_written_again() -> None:
    """Whatever the body: its length is no part of the head."""
    book = Book()

    heads = [book.get(request(body=body)) for body in (b"", b"one", b"another")]

    assert book.written == 1
    assert heads[0] is heads[1] is heads[2]
    assert b"content-length" not in heads[0]


@pytest.mark.parametrize(
    ("other", "url"),
    [
        ({"headers": (("accept", "text/html"),)}, "http://one.example/v1"),
        ({"secret_headers": (("authorization", Secret("Bearer second")),)}, "http://one.example/v1"),
        ({}, "http://two.example/v1"),
    ],
    ids=["headers", "key", "host"],
)
def test_another_header_key_or_host_is_another_head(other: dict[str, object], url: str) -> None:
    """No request ever goes out with the key or the host of another."""
    book = Book()
    first = book.get(request())

    second = book.get(request(**other), url)

    assert second != first
    assert second[b"host"] == url.split("/")[2].encode()
    assert book.get(request()) == first


def test_a_key_is_not_mistaken_for_one_that_is_gone() -> None:
    """A thousand keys that live for one request each: every head carries its own."""
    book = Book()

    for number in range(1000):
        value = f"Bearer key-{number}"
        assert book.get(request(secret_headers=(("authorization", Secret(value)),)))[b"authorization"].decode() == value


def test_what_cannot_be_sent_is_refused_each_time() -> None:
    """A refused header is not remembered as a good one."""
    book = Book()

    for _ in range(2):
        with pytest.raises(InvalidRequestError, match="line break"):
            book.get(request(headers=(("x-odd", "a\nb"),)))
    assert book.written == 0


def test_no_key_shows() -> None:
    """What is remembered holds keys, so it does not show itself."""
    book = Book()
    book.get(request())

    assert "first" not in repr(book.heads)
