"""How each provider is pointed at a fault server, and how its scenarios are run together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import litellm_gateway_provider_anthropic.plugin
import litellm_gateway_provider_bedrock.plugin
import litellm_gateway_provider_cohere.plugin
import litellm_gateway_provider_google.plugin
import litellm_gateway_provider_openai.plugin
import litellm_gateway_transport_aiohttp.plugin
from litellm_gateway import create_gateway
from litellm_gateway.builtin import httpx_transport
from litellm_gateway.testing.faults import attempt
from litellm_gateway.testing.wires import ANTHROPIC, BEDROCK, COHERE, GOOGLE, OPENAI_CHAT, OPENAI_RESPONSES, WIRES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from litellm_gateway import LiteLLMGateway
    from litellm_gateway.testing.faults import FaultServer, Scenario, Station, Trial
    from litellm_gateway.testing.faults.trial import Way
    from litellm_gateway.testing.wires import Wire

SETTINGS: dict[Wire | str, tuple[str, str, dict[str, Any]]] = {
    OPENAI_CHAT.name: ("openai/gpt-4o", "/v1", {"api": "chat"}),
    OPENAI_RESPONSES.name: ("openai/gpt-4o", "/v1", {"api": "responses"}),
    ANTHROPIC.name: ("anthropic/claude-sonnet-4-5", "", {}),
    GOOGLE.name: ("google/gemini-2.5-flash", "", {}),
    COHERE.name: ("cohere/command-a-03-2025", "", {}),
    BEDROCK.name: ("bedrock/anthropic.claude-sonnet-4-5-v1:0", "", {"region": "us-east-1"}),
}
BY_NAME = {wire.name: wire for wire in WIRES}
PLUGINS = (
    litellm_gateway_provider_anthropic.plugin,
    litellm_gateway_provider_bedrock.plugin,
    litellm_gateway_provider_cohere.plugin,
    litellm_gateway_provider_google.plugin,
    litellm_gateway_provider_openai.plugin,
    litellm_gateway_transport_aiohttp.plugin,
    httpx_transport,
)
"""Given rather than looked for: thousands of gateways are made."""
EMBEDDING_MODELS = {
    OPENAI_CHAT.name: "openai/text-embedding-3-small",
    GOOGLE.name: "google/gemini-embedding-001",
    COHERE.name: "cohere/embed-v4.0",
}
AT_ONCE = 32
IMPATIENT = {"timeout": 1.5, "first_byte_timeout": 0.6, "chunk_timeout": 0.6}
"""For servers that stall; with others, a busy machine is no reason to give up."""


def gateway_at(url: str, wire: Wire, **settings: Any) -> LiteLLMGateway:
    """Give a gateway whose one provider speaks this format to this address; what would hide a fault is off."""
    model, path, more = SETTINGS[wire.name]
    provider = model.partition("/")[0]
    known = {
        "timeout": 8.0, "connect_timeout": None, "max_retries": 0, "circuit_breaker": None,
        "guardrails": (), "telemetry": (), "transport": "httpx", **settings,
    }  # fmt: skip
    providers = {provider: {"api_key": "test-key-0123456789", "base_url": url + path, **more}}
    return create_gateway(provider=provider, providers=providers, plugins=PLUGINS, discover=False, **known)


async def run_all(
    server: FaultServer, wire: Wire, scenarios: Iterable[Scenario], *, way: Way, trials: list[Trial], **settings: Any
) -> list[str]:
    """Run scenarios side by side; give what is wrong, one line each."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(scenario: Scenario) -> Trial:
        async with room:
            return await run(server, wire, scenario, way=way, **settings)

    fitting = [scenario for scenario in scenarios if scenario.expects(wire, way == "stream") is not None]
    done = await asyncio.gather(*map(one, fitting))
    for place, scenario in enumerate(fitting):
        # With timeouts of less than a second, a machine that halts looks like a provider that does.
        if done[place].findings and scenario.group == "connections":
            done[place] = await one(scenario)
    trials += done
    return [f"{trial.scenario}: {finding}" for trial in done for finding in trial.findings]


async def run(server: FaultServer, wire: Wire, scenario: Scenario, *, way: Way, **settings: Any) -> Trial:
    """Run one scenario at an address of its own."""
    station: Station = server.play(scenario)
    if scenario.group == "connections":
        settings = {**IMPATIENT, **settings}
    model = EMBEDDING_MODELS[wire.name] if way == "embeddings" else SETTINGS[wire.name][0]
    most = 1 + settings.get("max_retries", 0)
    async with gateway_at(station.url, wire, **settings) as gateway:
        return await attempt(gateway, model, scenario, station, wire=wire, way=way, patience=10.0, most_requests=most)
