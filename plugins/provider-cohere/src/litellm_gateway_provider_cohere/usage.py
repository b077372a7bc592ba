"""Read usage into buckets that do not overlap."""

from __future__ import annotations

from typing import Any

from litellm_gateway.responses import TokenUsage
from litellm_gateway.wire_shapes import as_count, as_object


def read_usage(value: Any) -> TokenUsage | None:
    """Give the usage of a chat answer, None when it tells none.

    ``tokens`` counts everything the model read and wrote, cached and reasoning tokens included; ``billed_units``
    leaves out what Cohere puts before the prompt by itself, and only counts where ``tokens`` is missing.

    Raises:
        ValueError: A count is no number of zero or more.
    """
    usage = as_object(value, "usage")
    tokens = as_object(usage.get("tokens"), "tokens") or as_object(usage.get("billed_units"), "billed_units")
    if not tokens:
        return None
    prompt = as_count(tokens.get("input_tokens"), "input_tokens")
    completion = as_count(tokens.get("output_tokens"), "output_tokens")
    cached = min(as_count(usage.get("cached_tokens"), "cached_tokens"), prompt)
    reasoning = min(as_count(tokens.get("reasoning_tokens"), "reasoning_tokens"), completion)
    return TokenUsage(
        input_tokens=prompt - cached,
        cache_read_tokens=cached,
        output_tokens=completion - reasoning,
        reasoning_tokens=reasoning,
    )
