"""Read usage into buckets that do not overlap, whatever the server counts where."""

from __future__ import annotations

from typing import Any

from litellm_gateway.responses import TokenUsage
from litellm_gateway.wire_shapes import as_count, as_object


def find_usage(body: dict[str, Any]) -> dict[str, Any] | None:
    """Give the usage of a body or a stream event, None when it holds none."""
    usage = body.get("usage")
    if not usage and "x_groq" in body:  # Groq's streams keep it there
        usage = as_object(body["x_groq"], "x_groq").get("usage")
    return as_object(usage, "usage") or None


def read_usage(usage: dict[str, Any]) -> TokenUsage:
    """Turn the server's counts into disjoint ones.

    The prompt's count holds the tokens read from and written to the cache. The completion's count holds the
    reasoning tokens, but for servers (xAI) whose total shows that they come on top.

    Raises:
        ValueError: A count is no number of zero or more.
    """
    prompt = as_count(usage.get("prompt_tokens"), "prompt_tokens")
    completion = as_count(usage.get("completion_tokens"), "completion_tokens")
    details, cached, written = usage.get("prompt_tokens_details"), None, 0
    if details is not None:
        details = as_object(details, "prompt_tokens_details")
        cached = details.get("cached_tokens")
        written = as_count(details.get("cache_write_tokens"), "cache_write_tokens")
    if cached is None:
        cached = usage.get("prompt_cache_hit_tokens", usage.get("cached_tokens"))
    read = min(as_count(cached, "cached_tokens"), prompt) if cached else 0
    written = min(written, prompt - read)
    reasoning, on_top = _reasoning_tokens(usage), False
    if reasoning:
        total = as_count(usage.get("total_tokens"), "total_tokens")
        on_top = total == prompt + completion + reasoning
        if reasoning > completion:
            on_top = total != prompt + completion
            reasoning = reasoning if on_top else completion  # a router's estimate can be above the count itself
    return TokenUsage(
        input_tokens=prompt - read - written,
        cache_read_tokens=read,
        cache_write_tokens=written,
        output_tokens=completion if on_top else completion - reasoning,
        reasoning_tokens=reasoning,
    )


def _reasoning_tokens(usage: dict[str, Any]) -> int:
    details, count = usage.get("completion_tokens_details"), None
    if details is not None:
        count = as_object(details, "completion_tokens_details").get("reasoning_tokens")
    if count is None:
        count = usage.get("reasoning_tokens")
    return as_count(count, "reasoning_tokens")
