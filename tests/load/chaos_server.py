"""A server that answers in six wire formats and, as often as it is told, in a wrong way."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen
from litellm_gateway.testing.wires import WIRES, Answer

if TYPE_CHECKING:
    import random

    from litellm_gateway.testing.loopback import Exchange
    from litellm_gateway.testing.wires import Wire

QUESTION = re.compile(rb"question-\d+-[a-z]+")
WORDS = [
    "naïve",
    "café",
    "日本語",
    "über-long",
    "👩\u200d🚀",
    '"quoted"',
    "back\\slash",
    "{braces}",
    "data:",
    "event",
    "[DONE]",
    "fin",
]
STALL = 3.0
"""Seconds of silence; longer than the gateway is told to wait."""
KEYS = {
    "openai-chat": ("authorization", "Bearer sk-chaos-openai"),
    "openai-responses": ("authorization", "Bearer sk-chaos-openai"),
    "anthropic": ("x-api-key", "sk-chaos-anthropic"),
    "google": ("x-goog-api-key", "sk-chaos-google"),
    "cohere": ("authorization", "Bearer sk-chaos-cohere"),
    "bedrock": ("authorization", "Bearer sk-chaos-bedrock"),
}
"""The header that must carry each format's key, and its value."""
HTML = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>"
OVERWRITTEN = b"\x00\xff\xfe{{"
STATUSES = (500, 502, 503, 504, 429, 529)


@frozen(kw_only=True)
class Sent:
    """What one exchange was to say, if nothing went wrong.

    Attributes:
        question: The question it answers.
        content: The whole content.
        tenant: Whose mark the request bore, where they bear any.
        tokens: Tokens the answer is billed with; 0 where nobody looks.
        texts: Texts it gives vectors for.
        tells_tokens: The answer says what it is billed with; if not, the gateway guesses.
    """

    question: str
    content: str
    tenant: str = ""
    tokens: int = 0
    texts: int = 0
    tells_tokens: bool = True


@define
class ChaosServer:
    """The script of a loopback server.

    Attributes:
        chance: Decides about faults and their places.
        faults: Share of exchanges that go wrong, 0 to 1.
        sent: What each exchange was to say, by its serial number; the number stands in the content.
        done: How often each fault was served.
    """

    chance: random.Random
    faults: float
    sent: dict[int, Sent] = field(factory=dict)
    done: dict[str, int] = field(factory=dict)

    async def __call__(self, exchange: Exchange) -> None:
        """Answer one request."""
        path = exchange.path.partition("?")[0]
        wire = next(wire for wire in WIRES if wire.answers(path))
        header, key = KEYS[wire.name]
        assert exchange.headers[header] == key
        await self.answer(exchange, wire, path, self.make_up(exchange))

    async def answer(self, exchange: Exchange, wire: Wire, path: str, answer: Answer) -> None:
        """Say the answer as the format has it, or do something wrong."""
        is_stream = wire.wants_stream(path, json.loads(exchange.body))
        frames = [frame.data for frame in wire.streamed(answer)] if is_stream else []
        await self.say(exchange, wire, frames or [json.dumps(wire.whole(answer)).encode()], is_stream=is_stream)

    async def say(self, exchange: Exchange, wire: Wire, pieces: list[bytes], *, is_stream: bool) -> str:
        """Say the pieces, or do something wrong in their place; give the name of what."""
        kind = self.chance.choice(list(FAULTS)) if self.chance.random() < self.share(wire) else "none"
        self.done[kind] = self.done.get(kind, 0) + 1
        await FAULTS.get(kind, _right)(Turn(exchange, wire, pieces, is_stream, self.chance))
        return kind

    def share(self, wire: Wire) -> float:
        """Give the share of exchanges that go wrong just now."""
        return self.faults

    def make_up(self, exchange: Exchange) -> Answer:
        """Make up an answer that names its question and its exchange."""
        found = QUESTION.search(exchange.body)
        assert found is not None
        serial, question = len(self.sent) + 1, found[0].decode()
        words = " ".join(self.chance.choice(WORDS) for _ in range(self.chance.randrange(3, 25)))
        is_call = question.endswith("tool")
        said: Any = {"question": question, "serial": serial, "words": words}
        content = json.dumps(said, ensure_ascii=False) if is_call else f"{question} #{serial} {words} end."
        self.sent[serial] = Sent(question=question, content=content)
        return Answer(text=content, tool="note" if is_call else None)


@frozen
class Turn:
    """One exchange to be answered: what to say, and how the format says it."""

    exchange: Exchange
    wire: Wire
    pieces: list[bytes]
    is_stream: bool
    chance: random.Random

    @property
    def body(self) -> bytes:
        """Everything there is to say."""
        return b"".join(self.pieces)

    def cut(self) -> bytes:
        """Give the beginning of the body, up to anywhere."""
        return self.body[: self.chance.randrange(len(self.body))]

    @property
    def error(self) -> bytes:
        """An error as the format reports it inside a stream."""
        return self.wire.reported(self.wire.reports[self.chance.choice(["overloaded", "server_error"])]).data

    @property
    def content_type(self) -> str:
        """The content type of a right answer."""
        return self.wire.content_type if self.is_stream else "application/json"

    async def say(self, data: bytes) -> None:
        """Say the beginning of an answer, under a head that promises a whole one."""
        if self.is_stream:
            await self.exchange.start(headers={"content-type": self.content_type})
            for piece in self._in_chunks(data):
                await self.exchange.chunk(piece)
        else:
            head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(self.body)}\r\n\r\n"
            await self.exchange.send(head.encode() + data)

    def _in_chunks(self, data: bytes) -> list[bytes]:
        """Cut anywhere, inside characters too."""
        places = sorted(self.chance.randrange(1, len(data)) for _ in range(4)) if len(data) > 1 else []
        ends = [*places, len(data)]
        chunks = [data[start:end] for start, end in zip([0, *places], ends, strict=True)]
        return [chunk for chunk in chunks if chunk]


async def _right(turn: Turn) -> None:
    await asyncio.sleep(turn.chance.random() * 0.02)
    await turn.say(turn.body)
    if turn.is_stream:
        await turn.exchange.finish()


async def _hung_up(turn: Turn) -> None:
    await turn.say(turn.cut())
    turn.exchange.close()


async def _reset(turn: Turn) -> None:
    await turn.say(turn.cut())
    turn.exchange.reset()


async def _reset_at_once(turn: Turn) -> None:
    turn.exchange.reset()


async def _stalled(turn: Turn) -> None:
    await turn.say(turn.cut())
    await turn.exchange.wait_closed(STALL)
    turn.exchange.reset()


async def _ended_early(turn: Turn) -> None:
    """A proxy that ends a cut answer in good order."""
    if not turn.is_stream:
        await turn.exchange.respond(turn.cut())
        return
    await turn.say(turn.cut())
    await turn.exchange.finish()


async def _status(turn: Turn) -> None:
    status = turn.chance.choice(STATUSES)
    if turn.chance.random() < 0.5:
        await turn.exchange.respond(HTML, status=status, headers={"content-type": "text/html"})
    else:
        body = json.dumps({"error": {"message": "went wrong", "type": "server_error"}, "message": "went wrong"})
        await turn.exchange.respond(body.encode(), status=status, headers={"retry-after": "0.01"})


async def _error_inside(turn: Turn) -> None:
    """An error event under status 200, after any of the events."""
    if not turn.is_stream:
        await turn.exchange.respond(json.dumps({"error": {"message": "went wrong", "type": "server_error"}}).encode())
        return
    said = turn.pieces[: turn.chance.randrange(len(turn.pieces))]
    await turn.say(b"".join([*said, turn.error]))
    await turn.exchange.finish()


async def _web_page(turn: Turn) -> None:
    await turn.exchange.respond(HTML, headers={"content-type": "text/html; charset=utf-8"})


async def _garbage(turn: Turn) -> None:
    body = turn.chance.randbytes(turn.chance.randrange(300))
    await turn.exchange.respond(body, headers={"content-type": turn.content_type})


async def _garbage_inside(turn: Turn) -> None:
    """Bytes overwritten in one of the events: its data is no JSON any more."""
    pieces = list(turn.pieces)
    number = turn.chance.choice([number for number, piece in enumerate(pieces) if b"{" in piece])
    piece = pieces[number]
    place = turn.chance.randrange(piece.index(b"{"), len(piece) - len(OVERWRITTEN) - 4)
    pieces[number] = piece[:place] + OVERWRITTEN + piece[place + len(OVERWRITTEN) :]
    await turn.say(b"".join(pieces))
    if turn.is_stream:
        await turn.exchange.finish()


async def _nothing(turn: Turn) -> None:
    await turn.exchange.respond(b"", headers={"content-type": turn.content_type if turn.is_stream else "text/plain"})


FAULTS = {
    "hung up": _hung_up,
    "reset": _reset,
    "reset at once": _reset_at_once,
    "stalled": _stalled,
    "ended early": _ended_early,
    "status": _status,
    "error inside": _error_inside,
    "web page": _web_page,
    "garbage": _garbage,
    "garbage inside": _garbage_inside,
    "nothing": _nothing,
}
