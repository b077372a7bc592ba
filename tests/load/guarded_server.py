"""The chaos server at several addresses, each with keys of its own; it checks what it gets as well."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import struct
from typing import TYPE_CHECKING, Any

from attrs import define, field
from chaos_server import WORDS, ChaosServer, Sent
from litellm_gateway.testing.wires import WIRES, Answer

if TYPE_CHECKING:
    from litellm_gateway.testing.loopback import Exchange
    from litellm_gateway.testing.wires import Wire

PLACES = {
    "first": ("sk-chaos-first-one", "sk-chaos-first-two"),
    "near": ("sk-chaos-near-only",),
    "anthropic": ("sk-chaos-anthropic",),
    "google": ("sk-chaos-google",),
    "cohere": ("sk-chaos-cohere",),
    "bedrock": ("sk-chaos-bedrock",),
}
"""The first part of each address, and the keys that may be sent there."""
HEADERS = {"anthropic": "x-api-key", "google": "x-goog-api-key"}
"""The header with the key, where it is not ``authorization``."""
LISTS = {
    "first": {"object": "list", "data": []},
    "near": {"object": "list", "data": []},
    "anthropic": {"data": [], "has_more": False},
}
"""Lists of no models; the others are called ``models``."""
MARKED = re.compile(r"(question-\d+-([a-z]+)) <<(tenant-\d+|nobody)>>(?: part-(\d+))?")
"""What every request says once the guardrail has seen it."""
LONG = 180
"""Words of an answer that is too long for the guardrail; right ones have at most ``RIGHT``."""
RIGHT = 24
TOKENS_TOLD, TOKENS_SAID = 9, 40
"""Most tokens an answer is billed with: fewer than the gateway reserves for it."""
STORM = 150
"""Requests for which one address after the other has its storm."""


@define
class GuardedServer(ChaosServer):
    """Speaks for all providers, and writes down what ought not to have been sent.

    Attributes:
        foreign: Requests with a key that is not of their address, with several, or with none.
        unguarded: Requests with a text no guardrail has marked.
        mixed: Requests with marks of several tenants.
        asked: Requests for answers.
        dead: Of these, those whose kept-alive connection broke with no answer: the transport may send them once more.
        listed: Requests for lists of models.
    """

    foreign: list[str] = field(factory=list)
    unguarded: list[str] = field(factory=list)
    mixed: list[str] = field(factory=list)
    asked: int = 0
    dead: int = 0
    listed: int = 0

    async def __call__(self, exchange: Exchange) -> None:
        path = exchange.path.partition("?")[0]
        place = path.split("/")[1]
        self._check_keys(place, exchange)
        if exchange.method == "GET":
            self.listed += 1
            await self._list(place, exchange)
            return
        self.asked += 1
        wire = next(wire for wire in WIRES if wire.answers(path))
        texts = _texts(json.loads(exchange.body))
        marks = [MARKED.search(text) for text in texts]
        self.unguarded += [text for text, mark in zip(texts, marks, strict=True) if mark is None]
        if len({mark[3] for mark in marks if mark}) > 1:
            self.mixed.append(repr(texts))
        if "mbed" in path:
            await self._embed(exchange, wire, path, texts)
        else:
            await self.answer(exchange, wire, path, self.make_up(exchange))

    async def say(self, exchange: Exchange, wire: Wire, pieces: list[bytes], *, is_stream: bool) -> str:
        """Say the pieces, or do something wrong in their place."""
        kind = await ChaosServer.say(self, exchange, wire, pieces, is_stream=is_stream)
        self.dead += kind == "reset at once" and exchange.number > 0
        return kind

    def share(self, wire: Wire) -> float:
        """Let two thirds of one provider's answers go wrong for a while, and of the others as many fewer."""
        stormy = WIRES[self.asked // STORM % len(WIRES)]
        others = len(WIRES) - 1
        return 2 / 3 if wire is stormy else (self.faults * len(WIRES) - 2 / 3) / others

    def make_up(self, exchange: Exchange) -> Answer:
        """Make up an answer that names its question, its exchange and whose mark it bears."""
        found = MARKED.search(exchange.body.decode())
        assert found is not None
        question, kind, tenant = found[1], found[2], found[3]
        count = LONG if kind == "long" else self.chance.randrange(3, RIGHT + 1)
        words = " ".join(self.chance.choice(WORDS) for _ in range(count))
        told, said = self.chance.randrange(1, TOKENS_TOLD + 1), self.chance.randrange(1, TOKENS_SAID + 1)
        serial = len(self.sent) + 1
        saying: Any = {"question": question, "of": f"<<{tenant}>>", "serial": serial, "words": words}
        content = f"{question} <<{tenant}>> #{serial} {words} end."
        if kind == "tool":
            content = json.dumps(saying, ensure_ascii=False)
        self.sent[serial] = Sent(question=question, content=content, tenant=tenant, tokens=told + said)
        tool = "note" if kind == "tool" else None
        return Answer(text=content, tool=tool, input_tokens=told, output_tokens=said)

    async def _embed(self, exchange: Exchange, wire: Wire, path: str, texts: list[str]) -> None:
        serial, tokens = len(self.sent) + 1, len(texts) * self.chance.randrange(1, 4)
        tenants = {found[3] for text in texts if (found := MARKED.search(text))}
        told = wire.name != "google"
        sent = Sent(
            question="", content="", tenant="".join(tenants), tokens=tokens, texts=len(texts), tells_tokens=told
        )
        self.sent[serial] = sent
        vectors = [_vector(serial, text) for text in texts]
        if self.chance.random() < 0.05:
            self.done["vector missing"] = self.done.get("vector missing", 0) + 1
            vectors.pop(self.chance.randrange(len(vectors)))
        body = _embedded(wire, path, vectors, tokens)
        if wire.name.startswith("openai"):
            self.chance.shuffle(body["data"])  # each says which it is
        await self.say(exchange, wire, [json.dumps(body).encode()], is_stream=False)

    async def _list(self, place: str, exchange: Exchange) -> None:
        if self.chance.random() < self.faults:
            await exchange.respond(b"", status=503)
        else:
            await asyncio.sleep(self.chance.random() * 0.02)
            await exchange.respond(json.dumps(LISTS.get(place, {"models": []})).encode())

    def _check_keys(self, place: str, exchange: Exchange) -> None:
        everything = f"{exchange.path} {exchange.headers} {exchange.body.decode()}"
        found = [key for keys in PLACES.values() for key in keys if key in everything]
        header = exchange.headers.get(HEADERS.get(place, "authorization"), "").removeprefix("Bearer ")
        if found != [header] or header not in PLACES[place]:
            self.foreign.append(f"{exchange.path} {exchange.headers}")


def _texts(body: dict[str, Any]) -> list[str]:
    """Give the texts of a request that are to be guarded: those to embed, or the one prompt."""
    for name in ("texts", "requests"):
        if name in body:
            return [each if isinstance(each, str) else _text(each) for each in body[name]]
    if "messages" in body or "contents" in body or "content" in body:
        return [_text(body)]
    given = body["input"]
    plain = isinstance(given, list) and all(isinstance(each, str) for each in given)
    return list(given) if plain else [given if isinstance(given, str) else _text(given)]


def _text(value: Any) -> str:
    """Give the whole of a prompt, however its format wraps it."""
    return json.dumps(value, ensure_ascii=False)


def _vector(serial: int, text: str) -> list[float]:
    found = MARKED.search(text)
    if found is None:
        return [0.0] * 4
    numbers = [found[3].partition("-")[2] or "-1", found[1].split("-")[1], found[4] or "0"]
    return [float(serial), *map(float, numbers)]


def _embedded(wire: Wire, path: str, vectors: list[list[float]], tokens: int) -> dict[str, Any]:
    """Write vectors as a provider's whole answer."""
    if wire.name == "google":
        if path.endswith(":embedContent"):
            return {"embedding": {"values": vectors[0] if vectors else []}}
        return {"embeddings": [{"values": vector} for vector in vectors]}
    if wire.name == "cohere":
        return {"id": "1", "embeddings": {"float": vectors}, "meta": {"billed_units": {"input_tokens": tokens}}}
    packed = [base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode() for vector in vectors]
    data = [{"object": "embedding", "index": index, "embedding": each} for index, each in enumerate(packed)]
    return {"object": "list", "data": data, "model": "m", "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
