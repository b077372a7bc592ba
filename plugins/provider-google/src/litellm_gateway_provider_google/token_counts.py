"""Ask how many tokens a request would have, and read the count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway.responses import TokenCount

from litellm_gateway_provider_google.errors import read_body
from litellm_gateway_provider_google.long_counts import as_count

if TYPE_CHECKING:
    from litellm_gateway.wire import WireResponse

_COUNTED_ON_VERTEX = ("contents", "systemInstruction", "tools", "generationConfig")


def write_count_request(body: dict[str, Any], *, model_path: str, is_vertex: bool) -> dict[str, Any]:
    """Give the body that asks to count ``body``, system instruction and tools included."""
    if is_vertex:
        return {name: body[name] for name in _COUNTED_ON_VERTEX if name in body}
    return {"generateContentRequest": {"model": model_path, **body}}


def read_token_count(response: WireResponse, *, asked_model: str) -> TokenCount:
    """Read the count.

    Raises:
        GatewayError: The body reports an error in place of an answer.
        ValueError: The body holds no count.
    """
    body = read_body(response, "a token count")
    if "totalTokens" not in body:
        raise ValueError("a token count without totalTokens")
    return TokenCount(tokens=as_count(body["totalTokens"], "totalTokens"), model=asked_model)
