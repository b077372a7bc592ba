"""A gateway with every feature switched on, its limits narrow enough to be felt, and the plugins it is watched by."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from guarded_server import PLACES
from litellm_gateway import LiteLLMGateway, create_gateway
from litellm_gateway.contracts import Allow, GuardrailOffer, Modify
from litellm_gateway.hookspecs import hookimpl

if TYPE_CHECKING:
    from kept_events import KeptEvents
    from litellm_gateway.contracts import Call, Verdict

QUESTION = re.compile(r"question-\d+-[a-z]+")
MARK = re.compile(r"<<(tenant-\d+|nobody)>>")
MOST_READ, MOST_SAID = 900, 650
"""Characters the guardrail ``size`` lets in and out."""
HUGE = "huge " * (MOST_READ // 4)
"""What makes a prompt too long for it."""
TIGHT = "tenant-4[0-3]"
"""Tenants with a limit of requests they reach."""
POOR = "tenant-3[0-2]"
"""Tenants with a budget they reach."""
CONCURRENCY = {"tenant": 6, "shared": 70}
"""Requests under way at once."""
BREAKER = {
    "failure_rate": 0.6, "minimum_calls": 10, "window": 1.0, "recovery_timeout": 0.1, "half_open_calls": 2,
}  # fmt: skip
MODELS = (
    "gpt", "gpt", "first/gpt-4o", "near/gpt-4o", "anthropic/claude-sonnet-4-5", "google/gemini-2.5-flash",
    "cohere/command-a-03-2025", "bedrock/anthropic.claude-sonnet-4-5-v1:0",
)  # fmt: skip
EMBEDDERS = ("vectors", "first/text-embedding-3-small", "google/gemini-embedding-001", "cohere/embed-v4.0")


def tokens_of_the_poor(calls: int) -> int:
    """Give the tokens of such a budget for so many calls of a tenant."""
    return 5 * calls + 60


def mark_of(tenant: str) -> str:
    """Every third tenant's requests are marked alike: nothing but the tenant itself tells their calls apart."""
    return tenant if int(tenant.partition("-")[2]) % 3 else "nobody"


def has_marks_taken_out(tenant: str) -> bool:
    """Every second tenant's answers are changed, so that the others' are kept in the cache."""
    return int(tenant.partition("-")[2]) % 2 == 0


def shown(tenant: str, content: str) -> str:
    """Give what a tenant is to see of an answer."""
    return MARK.sub(r"[\1]", content) if has_marks_taken_out(tenant) else content


class Marks:
    """A guardrail that marks every question, mostly with its tenant, and changes the marks in half of the answers."""

    @hookimpl
    def gateway_guardrail(self) -> GuardrailOffer:
        return GuardrailOffer(name="marks", summary="", build=lambda settings, context: self, window=20)

    async def check_input(self, text: str, call: Call) -> Verdict:
        await asyncio.sleep(0)  # others come in between
        return Modify(QUESTION.sub(rf"\g<0> <<{mark_of(call.tenant)}>>", text))

    async def check_output(self, text: str, call: Call) -> Verdict:
        await asyncio.sleep(0)
        changed = shown(call.tenant, text)
        return Allow() if changed == text else Modify(changed)

    async def aclose(self) -> None:
        return


def make(
    url: str, sink: KeptEvents, *, transport: str, api: str, retries: int, timeout: float, calls: int, tenants: int
) -> LiteLLMGateway:
    """Connect one gateway to all addresses of the server."""
    each = calls // tenants
    hour = {"tokens_per_hour": 10**9, "concurrency": CONCURRENCY["tenant"]}
    tight = {"requests_per_minute": max(2, each // 4), "requests_per_day": max(3, each // 2)}
    limits = {
        "requests_per_second": 20, "requests_per_minute": 10 * each, "tokens_per_second": 6000, **hour,
        "tenants": {TIGHT: {**tight, "queue_timeout": 0.3, **hour}},
        "shared": {
            "requests_per_second": 500, "tokens_per_second": 60_000, "tokens_per_minute": 10**7,
            "tokens_per_hour": 10**9, "concurrency": CONCURRENCY["shared"],
        },
        "weights": {"tenant-1?": 3}, "queue_timeout": 1.5, "max_queue_size": 300,
    }  # fmt: skip
    return create_gateway(
        provider="first", providers=_providers(url, api), transport=transport, timeout=timeout,
        plugins=[Marks(), sink], telemetry=["kept"], guardrails=["size", "marks"],
        guardrail_settings={"size": {"max_input_characters": MOST_READ, "max_output_characters": MOST_SAID}},
        max_retries=retries, first_byte_timeout=1.0, first_token_timeout=1.2, chunk_timeout=0.5, max_connections=150,
        retry_budget={"share": 0.3}, rate_limit_config=limits,
        circuit_breaker=BREAKER,
        budgets=[
            {"tokens": tokens_of_the_poor(each), "window": "day", "tenant": POOR},
            {"money": 1000, "window": "day"}, {"tokens": each * tenants, "window": "day", "hard": False},
        ],
        routes={
            "gpt": {"models": ["first/gpt-4o", "near/gpt-4o"], "strategy": "least_busy"},
            "vectors": ["near/text-embedding-3-small", "first/text-embedding-3-small"],
        },
        fallbacks=["gpt", "anthropic/claude-sonnet-4-5", "cohere/command-a-03-2025"],
        hedging={"percentile": 0.8, "max_extra_ratio": 0.2, "min_samples": 5, "min_delay": 0.03},
        health_check={"interval": 1.0, "timeout": 0.5},
        enable_caching=True, enable_request_deduplication=True, deduplication_ttl=1.0,
        enable_request_batching=True, batch_size=8, batch_timeout=0.004,
    )  # fmt: skip


def _providers(url: str, api: str) -> dict[str, dict[str, Any]]:
    return {
        "first": {"plugin": "openai", "api_keys": list(PLACES["first"]), "base_url": f"{url}/first/v1", "api": api},
        "near": {"plugin": "openai", "api_key": PLACES["near"][0], "base_url": f"{url}/near/v1", "api": api},
        **{
            name: {"api_key": PLACES[name][0], "base_url": f"{url}/{name}"}
            for name in ("anthropic", "google", "cohere")
        },
        "bedrock": {"api_key": PLACES["bedrock"][0], "base_url": f"{url}/bedrock", "region": "us-east-1"},
    }
