"""Four out of ten answers go wrong, for fifty tenants at once: an answer given is whole and the asker's own."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
from typing import TYPE_CHECKING, Any

import pytest
from attrs import define, field
from chaos_server import FAULTS, ChaosServer
from litellm_gateway import GatewayError, LiteLLMGateway, create_gateway
from litellm_gateway.testing.loopback import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_gateway import GenerateResponse

CALLS = int(os.environ.get("LITELLM_GATEWAY_CHAOS_CALLS", "1500"))
"""Calls per seed; 10,000 for a long run."""
MODELS = (
    "openai/gpt-4o",
    "anthropic/claude-sonnet-4-5",
    "google/gemini-2.5-flash",
    "cohere/command-a-03-2025",
    "bedrock/anthropic.claude-sonnet-4-5-v1:0",
)
FAULT_SHARE = 0.4
TENANTS = 50
QUESTIONS = max(12, CALLS // 160)
AT_ONCE = 100
RETRIES = 2
PATIENCE = 60.0
"""Seconds after which a call counts as lost; its own deadline is half of that."""
TOOL = {"name": "note", "description": "Note something", "parameters": {"type": "object", "properties": {}}}
SERIAL = re.compile(r'(?:#|"serial": ?)(\d+)\b')


@define
class Findings:
    """What went wrong on our side, call by call; empty lists are what is wanted."""

    broken: list[str] = field(factory=list)
    crossed: list[str] = field(factory=list)
    untyped: list[str] = field(factory=list)
    lost: list[str] = field(factory=list)
    errors: dict[str, int] = field(factory=dict)
    answers: int = 0
    owners: dict[int, str] = field(factory=dict)

    def judge(self, tenant: str, question: str, answer: GenerateResponse, server: ChaosServer) -> None:
        """Hold an answer against what the server had to say."""
        self.answers += 1
        call = answer.tool_calls[0].arguments if answer.tool_calls else ""
        given = call if question.endswith("tool") else answer.text
        found = SERIAL.search(given)
        sent = server.sent.get(int(found[1])) if found else None
        wanted = "tool_calls" if question.endswith("tool") else "stop"
        if found is None or sent is None or not _same(given, sent.content) or answer.finish_reason != wanted:
            self.broken.append(f"{question} ({answer.finish_reason}): {given!r} for {sent}")
        elif sent.question != question or self.owners.setdefault(int(found[1]), tenant) != tenant:
            self.crossed.append(f"{tenant} {question}: {given!r}")


def _same(given: str, sent: str) -> bool:
    """Arguments may be written anew as JSON; texts may not differ."""
    if not sent.startswith("{"):
        return given == sent
    try:
        return bool(json.loads(given) == json.loads(sent))
    except ValueError:
        return False


def make(url: str, transport: str, api: str) -> LiteLLMGateway:
    """Connect one gateway to all providers, with everything on that could mix up answers."""
    more: dict[str, dict[str, Any]] = {
        "openai": {"base_url": f"{url}/v1", "api": api}, "anthropic": {}, "google": {}, "cohere": {},
        "bedrock": {"region": "us-east-1"},
    }  # fmt: skip
    providers = {name: {"api_key": f"sk-chaos-{name}", "base_url": url, **given} for name, given in more.items()}
    return create_gateway(
        provider="openai", providers=providers, transport=transport, timeout=PATIENCE / 2, max_retries=RETRIES,
        first_byte_timeout=1.0, chunk_timeout=0.5, circuit_breaker=None, max_connections=AT_ONCE,
        enable_caching=True, enable_request_deduplication=True, deduplication_ttl=1.0,
    )  # fmt: skip


async def ask(gateway: LiteLLMGateway, model: str, question: str, tenant: str, *, streamed: bool) -> GenerateResponse:
    """Make one call; a streamed one must add up to its own whole answer."""
    tools: dict[str, Any] = {"tools": [TOOL]} if question.endswith("tool") else {}
    if not streamed:
        return await gateway.generate_async(f"Answer {question}", model=model, tenant_id=tenant, **tools)
    stream = gateway.generate_stream_async(f"Answer {question}", model=model, tenant_id=tenant, **tools)
    pieces = [piece async for piece in stream]
    answer = await stream.response()
    assert "".join(pieces) == answer.text
    return answer


async def one(gateway: LiteLLMGateway, server: ChaosServer, findings: Findings, chance: random.Random) -> None:
    """Ask something by chance and write down what came of it."""
    tenant = f"tenant-{chance.randrange(TENANTS)}"
    model = chance.choice(MODELS)
    # Few questions: many are asked again, at once or later, by the same tenant and by others.
    question = f"question-{chance.randrange(QUESTIONS)}-{chance.choice(['text', 'text', 'tool'])}"
    name = f"{tenant} {model} {question}"
    try:
        async with asyncio.timeout(PATIENCE):
            answer = await ask(gateway, model, question, tenant, streamed=chance.random() < 0.5)
    except GatewayError as error:
        findings.errors[type(error).__name__] = findings.errors.get(type(error).__name__, 0) + 1
    except TimeoutError:
        findings.lost.append(name)
    except Exception as error:
        findings.untyped.append(f"{name}: {error!r}")
    else:
        findings.judge(tenant, question, answer, server)


@pytest.mark.parametrize(
    ("seed", "transport", "api"),
    [(1, "aiohttp", "chat"), (2, "httpx", "responses"), (3, "aiohttp", "responses"), (4, "httpx", "chat")],
)
async def test_nothing_broken_lost_doubled_or_crossed_comes_out_of_chaos(
    seed: int, transport: str, api: str, record_property: Callable[[str, Any], None]
) -> None:
    """Every call ends in a whole answer of its own or in a typed error, and no answer is upstream's twice."""
    chance, findings = random.Random(seed), Findings()
    server = ChaosServer(chance=random.Random(seed + 1000), faults=FAULT_SHARE)
    async with LoopbackServer(server) as loopback, make(loopback.url, transport, api) as gateway:
        room = asyncio.Semaphore(AT_ONCE)

        async def next_one() -> None:
            async with room:
                await one(gateway, server, findings, chance)

        await asyncio.gather(*(next_one() for _ in range(CALLS)))
        in_flight = gateway.get_health()["in_flight"]
    record_property("faults", server.done)
    record_property("errors", findings.errors)

    assert findings.broken == []
    assert findings.crossed == []
    assert findings.untyped == []
    assert findings.lost == []
    assert loopback.errors == []
    assert in_flight == 0
    assert findings.answers + sum(findings.errors.values()) == CALLS
    assert findings.answers > CALLS * 0.7
    assert len(server.sent) <= CALLS * (1 + RETRIES)
    assert set(server.done) >= set(FAULTS)
