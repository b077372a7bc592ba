"""A transport that sends nothing: it plays recorded answers, cut as a test likes, and keeps the requests."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from litellm_gateway import json_codec
from litellm_gateway.errors import ProviderConnectionError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from litellm_gateway.wire import Timeouts, WireRequest


@frozen(kw_only=True)
class Reply:
    """What the player answers with.

    Attributes:
        status, headers: As sent; header names in lower case.
        pieces: The body as the network delivers it.
        error: Raised in place of the end of the body; with ``refuse``, in place of everything.
        refuse: Raise ``error`` when the request is sent, before any header comes.
        waits: Never end the body: wait after its last piece until the reader gives up.
    """

    status: int = 200
    headers: Mapping[str, str] = field(factory=lambda: {"content-type": "application/json"})
    pieces: tuple[bytes, ...] = field(default=(), repr=False)
    error: Exception | None = None
    refuse: bool = False
    waits: bool = False


@frozen(kw_only=True)
class Recording:
    """One recorded exchange with a provider, as its JSON file holds it.

    Attributes:
        id, provider, api: Which exchange, whose, and with which of its endpoints.
        status, headers, body: The answer; the body as bytes.
        tags: What the exchange shows.
        request: JSON the request held, None when it is not known.
        derived: A reading of the answer made apart from the gateway: ``text``, ``tool_calls``, ``finish``,
            ``usage``.
        chunk_sizes: Lengths in which the network delivered the body, empty when not known.
    """

    id: str
    provider: str
    api: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    tags: frozenset[str] = frozenset()
    request: Mapping[str, Any] | None = field(default=None, repr=False)
    derived: Mapping[str, Any] | None = field(default=None, repr=False)
    chunk_sizes: tuple[int, ...] = field(default=(), repr=False)

    @classmethod
    def from_file(cls, path: Path) -> Recording:
        """Read one recording."""
        record = json_codec.decode(path.read_bytes())
        answer, body = record["response"], record["response"]["body"]
        encoded = answer.get("body_encoding") == "base64"
        return cls(
            id=record["id"],
            provider=record["provider"],
            api=record["api"],
            status=answer["status"],
            headers={name.lower(): value for name, value in (answer.get("headers") or {}).items()},
            body=base64.b64decode(body) if encoded else (body or "").encode(),
            tags=frozenset(record.get("tags") or ()),
            request=(record.get("request") or {}).get("json"),
            derived=record.get("derived"),
            chunk_sizes=tuple(answer.get("chunk_sizes") or ()),
        )

    @property
    def is_stream(self) -> bool:
        """Whether the answer came as a stream of events."""
        content_type = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return self.status < 400 and content_type not in ("application/json", "text/html")

    def reply(self, cuts: Iterable[int] = ()) -> Reply:
        """Give the answer to play, its body cut at these places."""
        return Reply(status=self.status, headers=self.headers, pieces=tuple(cut(self.body, cuts)))


def load_recordings(folder: Path, *, apis: Sequence[str] = ()) -> list[Recording]:
    """Read every recording below a folder, by name; ``apis`` keeps only those of these endpoints."""
    found = [Recording.from_file(path) for path in sorted(folder.rglob("*.json"))]
    return [recording for recording in found if not apis or recording.api in apis]


def cut(body: bytes, places: Iterable[int]) -> Iterator[bytes]:
    """Cut bytes at these places; places outside are passed over."""
    start = 0
    for place in sorted(set(places)):
        if start < place < len(body):
            yield body[start:place]
            start = place
    yield body[start:]


class PlayedResponse:
    """One answer being played; ``held`` until it is read to its end or closed."""

    def __init__(self, reply: Reply) -> None:
        self.status = reply.status
        self.headers = reply.headers
        self.held = True
        self._reply = reply

    async def read(self) -> bytes:
        """Give the whole body."""
        return b"".join([piece async for piece in self.chunks()])

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give the body piece by piece."""
        for piece in self._reply.pieces:
            await asyncio.sleep(0)
            if not self.held:
                raise ProviderConnectionError("the response was closed while it was read")
            yield piece
        if self._reply.waits:
            await asyncio.get_running_loop().create_future()
        self.held = False
        if self._reply.error is not None:
            raise self._reply.error

    async def aclose(self) -> None:
        """Break off."""
        self.held = False


class WirePlayer:
    """Plays replies in order, the last one again and again; fulfils the ``Transport`` contract.

    Attributes:
        requests: Every request sent, in order.
        responses: Every response handed out, in order.
        closed: ``aclose`` was called.
    """

    def __init__(self, *replies: Reply) -> None:
        self._replies = replies
        self.requests: list[WireRequest] = []
        self.responses: list[PlayedResponse] = []
        self.closed = False

    @property
    def held(self) -> int:
        """Responses neither read to their end nor closed: connections that would leak."""
        return sum(response.held for response in self.responses)

    async def open(self, request: WireRequest, *, timeouts: Timeouts, deadline: float) -> PlayedResponse:
        """Keep the request and give the next reply."""
        reply = self._replies[min(len(self.requests), len(self._replies) - 1)]
        self.requests.append(request)
        await asyncio.sleep(0)
        if reply.refuse and reply.error is not None:
            raise reply.error
        self.responses.append(PlayedResponse(reply))
        return self.responses[-1]

    async def aclose(self) -> None:
        """Note it."""
        self.closed = True
