"""Read usage into buckets that do not overlap; Bedrock counts so by itself."""

from __future__ import annotations

from typing import Any

from litellm_gateway.responses import TokenUsage
from litellm_gateway.wire_shapes import as_count, as_object


def read_usage(value: Any) -> TokenUsage | None:
    """Give the usage, None when there is none; reasoning is counted among the output and not told apart.

    Raises:
        ValueError: A count is no number of zero or more.
    """
    usage = as_object(value, "usage")
    if not usage:
        return None
    return TokenUsage(
        input_tokens=as_count(usage.get("inputTokens"), "inputTokens"),
        cache_read_tokens=as_count(usage.get("cacheReadInputTokens"), "cacheReadInputTokens"),
        cache_write_tokens=as_count(usage.get("cacheWriteInputTokens"), "cacheWriteInputTokens"),
        output_tokens=as_count(usage.get("outputTokens"), "outputTokens"),
    )
