"""Read usage into buckets that do not overlap."""

from __future__ import annotations

from typing import Any

from litellm_gateway.responses import TokenUsage

from litellm_gateway_provider_google.long_counts import as_count

_COUNTS = ("promptTokenCount", "candidatesTokenCount", "totalTokenCount", "thoughtsTokenCount")


def counts_tokens(usage: dict[str, Any]) -> bool:
    """Tell whether the metadata holds counts; early events and blocked prompts carry none."""
    return any(name in usage for name in _COUNTS)


def read_usage(usage: dict[str, Any]) -> TokenUsage:
    """Turn ``usageMetadata`` into disjoint counts.

    The prompt's count holds the cached tokens, results of server tools come on top; the answer's count leaves
    the thoughts out. So the four counts make up ``totalTokenCount``.

    Raises:
        ValueError: A count is no number of zero or more.
    """
    prompt = as_count(usage.get("promptTokenCount"), "promptTokenCount")
    cached = min(as_count(usage.get("cachedContentTokenCount"), "cachedContentTokenCount"), prompt)
    return TokenUsage(
        input_tokens=prompt - cached + as_count(usage.get("toolUsePromptTokenCount"), "toolUsePromptTokenCount"),
        cache_read_tokens=cached,
        output_tokens=as_count(usage.get("candidatesTokenCount"), "candidatesTokenCount"),
        reasoning_tokens=as_count(usage.get("thoughtsTokenCount"), "thoughtsTokenCount"),
    )
