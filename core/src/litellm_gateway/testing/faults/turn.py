"""One request to a fault server, and the means to answer it: rightly, in part, or not at all."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from litellm_gateway.testing.loopback import Exchange
    from litellm_gateway.testing.wires.wire import Answer, Frame, Report, Wire

PATIENCE = 6.0
"""Seconds a server waits for a client to hang up; longer than any client under test should wait."""


@frozen(kw_only=True)
class Turn:
    """One request to be answered.

    Attributes:
        exchange: The request, and its connection: whatever the other means cannot do is done there.
        wire: The format it asked in.
        answer: What there is to say.
        is_stream: Was a stream asked for?
    """

    exchange: Exchange
    wire: Wire
    answer: Answer
    is_stream: bool

    @property
    def frames(self) -> list[Frame]:
        """The answer as events."""
        return self.wire.streamed(self.answer)

    @property
    def pieces(self) -> list[bytes]:
        """The right answer in the form asked for: the data of its frames, or one body."""
        if not self.is_stream:
            return [json.dumps(self.wire.whole(self.answer), ensure_ascii=False).encode()]
        return [frame.data for frame in self.frames]

    @property
    def body(self) -> bytes:
        """The right answer as one."""
        return b"".join(self.pieces)

    @property
    def half(self) -> bytes:
        """The first half of the answer: content, but no end."""
        if not self.is_stream:
            return self.body[: len(self.body) // 2]
        frames = self.pieces
        return b"".join(frames[: max(1, len(frames) // 2)])

    @property
    def content_type(self) -> str:
        """The content type a right answer has."""
        return self.wire.content_type if self.is_stream else "application/json"

    async def give(
        self,
        body: bytes | None = None,
        *,
        status: int = 200,
        content_type: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Send a body, the right one unless told otherwise, as one with its length."""
        fields = {"content-type": content_type or self.content_type, **(headers or {})}
        await self.exchange.respond(self.body if body is None else body, status=status, headers=fields)

    async def say(self, *pieces: bytes) -> None:
        """Send a stream whole and in order, one chunk per piece."""
        await self.begin()
        for piece in pieces:
            await self.exchange.chunk(piece)
        await self.exchange.finish()

    async def begin(self, *, length: int | None = None) -> None:
        """Send the head of a right answer: of a stream in chunks, of a whole one with its length."""
        if self.is_stream and length is None:
            await self.exchange.start(headers={"content-type": self.content_type})
            return
        size = len(self.body) if length is None else length
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {self.content_type}\r\ncontent-length: {size}\r\n\r\n"
        await self.exchange.send(head.encode())

    async def say_half(self) -> None:
        """Send the head and the first half."""
        await self.begin()
        await self.go_on(self.half)

    async def go_on(self, data: bytes) -> None:
        """Send more of an answer that was begun."""
        if self.is_stream:
            await self.exchange.chunk(data)
        else:
            await self.exchange.send(data)

    async def report(self, report: Report, **headers: str) -> None:
        """Report an error as the provider does."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        body = json.dumps(report.body).encode()
        await self.exchange.respond(body, status=report.status, headers={**report.headers, **told})

    async def stall(self) -> None:
        """Say no more, and wait for the client to hang up."""
        await self.exchange.wait_closed(PATIENCE)
        self.exchange.reset()

    async def drip(self, data: bytes, *, pause: float = 0.02) -> None:
        """Send the same bytes again and again, until the client hangs up."""
        for _ in range(int(PATIENCE / pause)):
            await self.exchange.send(data)
            await asyncio.sleep(pause)

    async def flood(self, data: bytes, *, most: int = 1 << 30) -> None:
        """Send the same bytes as fast as the client takes them, until it hangs up or had ``most`` of them."""
        for _ in range(most // len(data)):
            await self.exchange.send(data)
