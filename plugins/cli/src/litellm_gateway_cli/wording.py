"""What is said beside an answer: while it is waited for, and in one line when it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from litellm_gateway.gateway import LiteLLMGateway
    from litellm_gateway.responses import GenerateResponse


def awaited(gateway: LiteLLMGateway) -> str:
    """Say what a gateway's first answer waits for; the local model is loaded for it."""
    provider = gateway.get_health()["provider"]
    return "loading the local model" if provider == "local" else f"waiting for {provider or 'the model'}"


def footer(response: GenerateResponse) -> str:
    """Give the line, for example ``openai/gpt-4o · 12 + 34 tokens · $0.0004 · 1.2 s``."""
    metadata = response.metadata
    provider = metadata.get("provider")
    parts = [
        f"{provider}/{response.model}" if provider else response.model,
        _tokens(response),
        _cost(response),
    ]
    latency = metadata.get("latency")
    if isinstance(latency, int | float):
        parts.append(f"{latency:.1f} s")
    if metadata.get("cached"):
        parts.append("cached")
    if response.finish_reason != "stop":
        parts.append(f"ended by {response.finish_reason}")
    return " · ".join(parts)


def _tokens(response: GenerateResponse) -> str:
    usage = response.usage
    about = "about " if usage.estimated else ""
    return f"{about}{usage.prompt_tokens} + {usage.completion_tokens} tokens"


def _cost(response: GenerateResponse) -> str:
    cost = response.metadata.get("cost")
    if cost is None:
        return "cost unknown"
    digits = f"{cost:.6f}".rstrip("0").rstrip(".")
    return f"${digits}" if digits != "0" or not cost else "under $0.000001"
