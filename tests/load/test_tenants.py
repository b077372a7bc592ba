"""Fifty tenants with everything shared that may be: nobody sees a byte, and no server a key, that is another's."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import re
import struct
from collections import defaultdict
from typing import Any

from attrs import define, field
from litellm_gateway import LiteLLMGateway, create_gateway
from litellm_gateway.testing.loopback import Exchange, LoopbackServer

TENANTS = 50
CALLS = min(200, round(20 * float(os.environ.get("LITELLM_GATEWAY_TEST_SCALE", "1"))))
"""Calls of each tenant."""
KEYS = {"openai": "sk-first-0123456789abcdef", "anthropic": "sk-ant-second-0123456789abcdef"}
MARK = re.compile(r"<<(.*?)>>")


@define(eq=False)
class TwoProviders:
    """Speaks for both; every answer carries the number of its request and repeats the marks in its prompt."""

    keys: dict[str, set[str]] = field(factory=lambda: defaultdict(set))
    mixed: list[str] = field(factory=list)
    answered: int = 0
    chance: random.Random = field(factory=lambda: random.Random(22))

    async def __call__(self, exchange: Exchange) -> None:
        text = exchange.body.decode()
        sent = json.loads(text)
        provider = "anthropic" if "/messages" in exchange.path else "openai"
        self.keys[provider] |= {
            name
            for name, key in KEYS.items()
            if key in text or any(key in value for value in exchange.headers.values())
        }
        marks = MARK.findall(text)
        if len({mark.split("/")[0] for mark in marks}) > 1:
            self.mixed.append(text)
        if provider == "openai" and "input" not in sent and self.chance.random() < 0.2:
            await exchange.respond(b'{"error": {"message": "no", "type": "server_error"}}', status=500)
            return
        number = self.answered = self.answered + 1
        await asyncio.sleep(0.002)
        if "input" in sent:
            await exchange.respond(_vectors(sent["input"]))
            return
        said = f"[{number}]" + "".join(f"<<{mark}>>" for mark in marks)
        write = _anthropic if provider == "anthropic" else _openai
        body, content_type = write(said, stream=bool(sent.get("stream")))
        await exchange.respond(body, headers={"content-type": content_type})


def _openai(said: str, *, stream: bool) -> tuple[bytes, str]:
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    head = {"id": "1", "model": "m"}
    if not stream:
        choice: dict[str, Any] = {
            "index": 0,
            "message": {"role": "assistant", "content": said},
            "finish_reason": "stop",
        }
        return json.dumps({**head, "choices": [choice], "usage": usage}).encode(), "application/json"
    pieces = [{"index": 0, "delta": {"content": said[at : at + 3]}} for at in range(0, len(said), 3)]
    chunks = [{**head, "choices": [piece]} for piece in pieces]
    chunks.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode(), "text/event-stream"


def _anthropic(said: str, *, stream: bool) -> tuple[bytes, str]:
    usage = {"input_tokens": 1, "output_tokens": 1}
    message = {"id": "msg", "type": "message", "role": "assistant", "model": "m", "usage": usage, "content": []}
    if not stream:
        content = [{"type": "text", "text": said}]
        return json.dumps({**message, "content": content, "stop_reason": "end_turn"}).encode(), "application/json"
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": said}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    body = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    return body.encode(), "text/event-stream"


def _vector(text: str) -> list[float]:
    return [float(byte) for byte in text.encode()[:24]]


def _vectors(texts: list[str]) -> bytes:
    data = [
        {"index": index, "embedding": base64.b64encode(struct.pack(f"<{len(_vector(text))}f", *_vector(text))).decode()}
        for index, text in enumerate(texts)
    ]
    return json.dumps({"model": "m", "data": data, "usage": {"prompt_tokens": 1, "total_tokens": 1}}).encode()


def make(url: str) -> LiteLLMGateway:
    return create_gateway(
        provider="openai", default_model="gpt-4o", default_embedding_model="text-embedding-3-small",
        fallbacks=["anthropic/claude-sonnet-4-5"], max_retries=0, circuit_breaker=None, max_connections=50,
        providers={
            "openai": {"api_key": KEYS["openai"], "base_url": f"{url}/v1"},
            "anthropic": {"api_key": KEYS["anthropic"], "base_url": url},
        },
        enable_caching=True, enable_request_deduplication=True, deduplication_ttl=5.0,
        enable_request_batching=True, batch_size=8, batch_timeout=0.002, timeout=60.0,
    )  # fmt: skip


async def test_tenants_share_a_gateway_and_nothing_else() -> None:
    """With cache, deduplication, batching and fallback on, no answer is two tenants', no key at a wrong server."""
    upstream = TwoProviders()
    owners: dict[str, set[str]] = defaultdict(set)
    foreign: list[str] = []

    async with LoopbackServer(upstream) as loopback:
        gateway = make(loopback.url)

        async def ask(tenant: str, chance: random.Random) -> None:
            number = chance.randrange(CALLS // 5 + 1)
            own = chance.random() < 0.5
            # Half of all prompts are the same for everybody: nothing but the tenant tells their calls apart.
            prompt = f"question {number} <<{tenant}/{number}>>" if own else f"question {number}"
            kind = chance.randrange(5)
            if kind == 0:
                text = f"{tenant}/{number}<<{tenant}/e>>"
                answer = await gateway.embed_async([text], tenant_id=tenant)
                foreign.extend([text] if list(answer[0]) != _vector(text) else [])
                return
            if kind == 1:
                said = "".join([piece async for piece in gateway.generate_stream_async(prompt, tenant_id=tenant)])
            else:
                said = (await gateway.generate_async(prompt, tenant_id=tenant)).text
            owners[said.split("]")[0]].add(tenant)
            expected = [f"{tenant}/{number}"] if own else []
            foreign.extend([said] if MARK.findall(said) != expected else [])

        async def one_after_the_other(tenant: str, lane: int) -> None:
            chance = random.Random(f"{tenant} {lane % 2}")  # two lanes of a tenant ask the same at the same time
            for _ in range(CALLS // 4):
                await ask(tenant, chance)

        await asyncio.gather(*(one_after_the_other(f"tenant-{n}", lane) for n in range(TENANTS) for lane in range(4)))
        health = gateway.get_health()
        await gateway.aclose()
        await loopback.settled()

    assert foreign == []
    assert [said for said, tenants in owners.items() if len(tenants) > 1] == []
    assert upstream.mixed == []
    assert dict(upstream.keys) == {"openai": {"openai"}, "anthropic": {"anthropic"}}
    assert health["in_flight"] == 0
    assert len(owners) < TENANTS * CALLS * 0.8, "nothing was shared within a tenant either"
