"""Read usage into buckets that do not overlap, whatever the server counts where."""

from __future__ import annotations

from typing import Any, Final

from litellm_gateway.responses import TokenUsage
from litellm_gateway.wire_shapes import as_count, as_object

_CACHED: Final = ("prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens")
"""What DeepSeek, Together and Mistral call the tokens read from the cache."""
_COUNTS: Final = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})
_PLAIN: Final = _COUNTS | {"prompt_tokens_details", "completion_tokens_details"}


def find_usage(body: dict[str, Any]) -> dict[str, Any] | None:
    """Give the usage of a body or a stream event, None when it holds none."""
    usage = body.get("usage")
    if not usage and "x_groq" in body:  # Groq's streams keep it there
        usage = as_object(body["x_groq"], "x_groq").get("usage")
    return as_object(usage, "usage") or None


def read_usage(usage: dict[str, Any]) -> TokenUsage:
    """Turn the server's counts into disjoint ones.

    The prompt's count holds the tokens read from and written to the cache. The completion's count holds the
    reasoning tokens, but for servers (xAI, Perplexity) that count them on top.

    Raises:
        ValueError: A count is no number of zero or more.
    """
    prompt = as_count(usage.get("prompt_tokens"), "prompt_tokens")
    completion = as_count(usage.get("completion_tokens"), "completion_tokens")
    if usage.keys() <= _COUNTS:  # most say no more
        read = written = 0
        reasoning, on_top = _uncounted(usage, prompt, completion), True
    else:
        read, written = _cache_tokens(usage, prompt)
        reasoning, on_top = _reasoning_tokens(usage, prompt, completion)
    return TokenUsage(
        input_tokens=prompt - read - written,
        cache_read_tokens=read,
        cache_write_tokens=written,
        output_tokens=completion if on_top else completion - reasoning,
        reasoning_tokens=reasoning,
    )


def _cache_tokens(usage: dict[str, Any], prompt: int) -> tuple[int, int]:
    """Give what of the prompt was read from the cache, and what was written to it."""
    details = as_object(usage.get("prompt_tokens_details"), "prompt_tokens_details")
    if not details:  # Mistral knows both names
        details = as_object(usage.get("prompt_token_details"), "prompt_token_details")
    cached, written = details.get("cached_tokens"), as_count(details.get("cache_write_tokens"), "cache_write_tokens")
    if cached is None:
        cached = next((usage[name] for name in _CACHED if usage.get(name) is not None), None)
    read = min(as_count(cached, "cached_tokens"), prompt) if cached else 0
    return read, min(written, prompt - read)


def _reasoning_tokens(usage: dict[str, Any], prompt: int, completion: int) -> tuple[int, bool]:
    """Give the reasoning tokens, and whether they come on top of the completion's count."""
    details, count = usage.get("completion_tokens_details"), None
    if details is not None:
        count = as_object(details, "completion_tokens_details").get("reasoning_tokens")
    is_apart = count is None
    if is_apart:
        count = usage.get("reasoning_tokens")
    if count is None:
        return (_uncounted(usage, prompt, completion) if usage.keys() <= _PLAIN else 0), True
    reasoning = as_count(count, "reasoning_tokens")
    if not reasoning:
        return 0, False
    total = as_count(usage.get("total_tokens"), "total_tokens")
    if reasoning <= completion:
        return reasoning, total == prompt + completion + reasoning
    if is_apart or total != prompt + completion:  # Perplexity leaves them out of its total too
        return reasoning, True
    return completion, False  # a router's estimate can be above the count itself


def _uncounted(usage: dict[str, Any], prompt: int, completion: int) -> int:
    """Give what only the total holds: Gemini's OpenAI face counts its thoughts nowhere else.

    Not to be asked where other counts stand beside it, such as Mistral's seconds of audio: the total may hold those.
    """
    if not prompt or usage.get("completion_tokens") is None:
        return 0
    return max(0, as_count(usage.get("total_tokens"), "total_tokens") - prompt - completion)
