"""Read usage into buckets that do not overlap."""

from __future__ import annotations

from typing import Any

from litellm_gateway.responses import TokenUsage
from litellm_gateway.wire_shapes import as_count, as_object


def read_usage(usage: dict[str, Any]) -> TokenUsage:
    """Turn Anthropic's counts into disjoint ones.

    ``input_tokens`` leaves the cached tokens out already; ``output_tokens`` holds the thinking.

    Raises:
        ValueError: A count is no number of zero or more.
    """
    output = as_count(usage.get("output_tokens"), "output_tokens")
    details = as_object(usage.get("output_tokens_details"), "output_tokens_details")
    thinking = min(as_count(details.get("thinking_tokens"), "thinking_tokens"), output)
    return TokenUsage(
        input_tokens=as_count(usage.get("input_tokens"), "input_tokens"),
        cache_read_tokens=as_count(usage.get("cache_read_input_tokens"), "cache_read_input_tokens"),
        cache_write_tokens=as_count(usage.get("cache_creation_input_tokens"), "cache_creation_input_tokens"),
        output_tokens=output - thinking,
        reasoning_tokens=thinking,
    )
