"""Four out of ten answers go wrong, with everything on that a gateway has: what is promised without it still holds."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest
from attrs import frozen
from chaos_callers import BLOCKED, Ask, Findings, draw
from chaos_server import FAULTS
from everything_on import CONCURRENCY, MODELS, POOR, make, tokens_of_the_poor
from guarded_server import TOKENS_TOLD, GuardedServer
from kept_events import KeptEvents
from litellm_gateway.telemetry import AttemptFinished, BudgetReached, CallFinished
from litellm_gateway.testing.loopback import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_gateway import LiteLLMGateway

CALLS = int(os.environ.get("LITELLM_GATEWAY_CHAOS_CALLS", "500"))
"""Calls per seed; 10,000 for a long run."""
FAULT_SHARE = 0.4
TENANTS = 50
QUESTIONS = max(4, CALLS // 400)
AT_ONCE = 100
MORE = 50
"""Calls that a storm goes on by when no call has felt one of the features yet."""
RETRIES = 2
TIMEOUT = 30.0
ROUTES = 6
"""Most routes a call has, fallbacks included."""


def _held(gateway: LiteLLMGateway) -> list[str]:
    """Name what is still held of calls that are over."""
    health = gateway.get_health()
    held = [f"{name} in flight" for name, route in health["routes"].items() if route["in_flight"]]
    held += [f"{health['in_flight']} calls in flight"] * bool(health["in_flight"])
    held += [f"{health['rate_limit']['queue_depth']} in line"] * bool(health["rate_limit"]["queue_depth"])
    for tenant in (f"tenant-{number}" for number in range(TENANTS)):
        for model in set(MODELS):
            plan = gateway.explain("What?", model=model, tenant_id=tenant)
            assert plan["limits"] is not None
            held += [
                f"{each['limit'] - each['free']} places of {each['of']} for {tenant}"
                for each in plan["limits"]["each"]
                if each["unit"] == "concurrency" and each["free"] != CONCURRENCY[each["of"]]
            ]
    return held


def _drift(gateway: LiteLLMGateway) -> list[str]:
    """Name whose tokens are counted otherwise against the hour's limit than in the sums of usage."""
    drift = []
    for tenant in (f"tenant-{number}" for number in range(TENANTS)):
        plan = gateway.explain("What?", model=MODELS[0], tenant_id=tenant)
        for each in plan["limits"]["each"]:
            if each["unit"] != "tokens" or each["seconds"] < 3600.0 or each["of"] == "budget":
                continue
            used = gateway.usage(tenant_id=tenant if each["of"] == "tenant" else None)["tokens"]["total"]
            if each["limit"] - each["free"] != used:
                drift.append(f"{tenant}, {each['of']}: {each['limit'] - each['free']} counted, {used} used")
    return drift


def _unaccounted(gateway: LiteLLMGateway, sink: KeptEvents) -> int:
    """Give the tokens of all sums that no call's end told of: what callers that left had ordered and others took."""
    made = [event for event in sink.of(CallFinished) if not event.cached and not event.shared]
    told = sum(event.usage.total_tokens for event in made if event.usage is not None)
    told += sum(event.given_up_tokens for event in sink.of(CallFinished))
    return int(gateway.usage()["tokens"]["total"]) - told


def _overspent(gateway: LiteLLMGateway, sink: KeptEvents) -> list[str]:
    """Name tenants beyond their hard budget, by more than prompts under way were guessed wrong or sent twice."""
    given_up: Counter[str] = Counter()
    most = tokens_of_the_poor(CALLS // TENANTS) + CONCURRENCY["tenant"] * TOKENS_TOLD
    for event in sink.of(CallFinished):
        given_up[event.tenant] += event.given_up_tokens
    poor = [name for name in (f"tenant-{number}" for number in range(TENANTS)) if fnmatchcase(name, POOR)]
    used = {tenant: gateway.usage(tenant_id=tenant)["tokens"]["total"] for tenant in poor}
    return [f"{name}: {used[name]}" for name in poor if used[name] > most + given_up[name]]


def _unused(gateway: LiteLLMGateway, findings: Findings, sink: KeptEvents) -> list[str]:
    """Name the features no call of this run has felt."""
    ended = sink.of(CallFinished)
    health = gateway.get_health()
    felt = {
        "cache": any(event.cached for event in ended),
        "deduplication": any(event.shared for event in ended),
        "batching": any(sent.texts > 3 for sent in findings.server.sent.values()),
        "hedging": health["hedging"]["sent"],
        "fallbacks": findings.elsewhere,
        "retries": any(event.attempts > 1 for event in ended),
        "retry budget": health["retry_budget"]["refused"],
        "guardrails": findings.errors["GuardrailError"],
        "hard budgets": findings.errors["BudgetExceededError"],
        "soft budgets": sink.of(BudgetReached),
        "limits": findings.errors["QueueTimeoutError"],
        "health checks": findings.server.listed,
        "cancellation": findings.cancelled,
        "leaving": findings.left,
        "keys": len(Counter(event.provider for event in sink.of(AttemptFinished))) == 7,
    }
    return [name for name, used in felt.items() if not used]


@frozen(kw_only=True)
class Storm:
    """One run, when it is over."""

    made: int
    findings: Findings
    sink: KeptEvents
    server: GuardedServer
    script_errors: list[BaseException]
    held: list[str]
    drift: list[str]
    unaccounted: int
    used: int
    unused: list[str]
    overspent: list[str]
    open_connections: int


async def _storm(seed: int, transport: str, api: str) -> Storm:
    chance, sink = random.Random(seed), KeptEvents()
    server = GuardedServer(chance=random.Random(seed + 1000), faults=FAULT_SHARE)
    findings, room = Findings(server), asyncio.Semaphore(AT_ONCE)
    async with LoopbackServer(server) as loopback:
        gateway = make(
            loopback.url, sink, transport=transport, api=api, retries=RETRIES, timeout=TIMEOUT, calls=CALLS,
            tenants=TENANTS,
        )  # fmt: skip

        last: Ask | None = None
        made = CALLS

        async def next_one() -> None:
            nonlocal last
            async with room:
                last = draw(chance, last, tenants=TENANTS, questions=QUESTIONS, timeout=TIMEOUT)
                await findings.one(gateway, last, chance)

        async with gateway:
            await asyncio.gather(*(next_one() for _ in range(CALLS)))
            while made < 3 * CALLS and _unused(gateway, findings, sink):  # a short storm may by chance leave one out
                await asyncio.gather(*(next_one() for _ in range(MORE)))
                made += MORE
            await asyncio.sleep(0.05)  # what callers left behind ends by itself
            held, drift, unaccounted = _held(gateway), _drift(gateway), _unaccounted(gateway, sink)
            used = gateway.usage()["tokens"]["total"]
            unused, overspent = _unused(gateway, findings, sink), _overspent(gateway, sink)
        open_connections = await loopback.settled()
    findings.hold_against(sink)
    return Storm(
        made=made, findings=findings, sink=sink, server=server, script_errors=loopback.errors, held=held, drift=drift,
        unaccounted=unaccounted, used=used, unused=unused, overspent=overspent, open_connections=open_connections,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("seed", "transport", "api"),
    [(1, "aiohttp", "chat"), (2, "httpx", "responses"), (3, "aiohttp", "responses"), (4, "httpx", "chat")],
)
async def test_with_everything_on_nothing_broken_lost_doubled_crossed_or_held_comes_out_of_chaos(
    seed: int, transport: str, api: str, record_property: Callable[[str, Any], None]
) -> None:
    """Whole answers of one's own or typed errors, once; no foreign key or unguarded text upstream; nothing held."""
    storm = await _storm(seed, transport, api)

    findings, server = storm.findings, storm.server
    record_property("faults", server.done)
    record_property("errors", dict(findings.errors))
    record_property("answers", findings.answers)
    assert findings.wrong() == {}
    assert (server.foreign, server.unguarded, server.mixed, storm.script_errors) == ([], [], [], [])
    assert (storm.held, storm.drift, storm.overspent, storm.unused, storm.open_connections) == ([], [], [], [], 0)
    assert storm.unaccounted >= 0
    assert findings.paid() <= storm.used
    assert findings.answers + sum(findings.errors.values()) + findings.cancelled + findings.left == storm.made
    assert findings.answers >= storm.made * 0.6
    assert not any(sent.question.endswith(BLOCKED[0]) for sent in server.sent.values())
    assert all(event.attempts <= ROUTES + RETRIES for event in storm.sink.of(CallFinished))
    assert set(server.done) >= set(FAULTS)
