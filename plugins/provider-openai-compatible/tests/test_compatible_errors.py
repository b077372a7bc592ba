"""What a gateway does about the errors of servers that say them in their own words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway import ContextWindowExceededError, create_gateway
from litellm_gateway.testing.loopback import LoopbackServer

if TYPE_CHECKING:
    from litellm_gateway.testing.loopback import Exchange

KEY = "key-0123456789abcdef"
ANSWER = {"model": "m", "choices": [{"finish_reason": "stop", "message": {"content": "Hi"}}]}
LLAMA = b'error: {"code":400,"message":"the request exceeds the available context size","type":"server_error"}\n\n'
TOO_LONG = {"error": "This model's maximum prompt length is 131072 but the request contains 205037 tokens."}
FLAGGED = {"error": {"message": "Content Exists Risk", "code": "invalid_request_error"}}
OF_A_MINUTE = {
    "error": {
        "code": 429,
        "message": "Provider returned error",
        "metadata": {
            "raw": "You exceeded your current quota. Quota exceeded for metric: x, limit: 10. Retry in 0.01s."
        },
    }
}


@pytest.mark.parametrize(
    ("provider", "refusal", "kind"),
    [("xai", TOO_LONG, "context_fallbacks"), ("deepseek", FLAGGED, "content_fallbacks")],
)
async def test_a_refusal_goes_to_its_own_fallback(provider: str, refusal: dict[str, Any], kind: str) -> None:
    """What is too long or filtered is asked once, then of the provider that is there for it."""

    async def script(exchange: Exchange) -> None:
        refused = exchange.path.startswith("/strict")
        await exchange.respond(json.dumps(refusal if refused else ANSWER).encode(), status=400 if refused else 200)

    async with LoopbackServer(script) as server:
        providers = {
            provider: {"base_url": f"{server.url}/strict", "api_key": KEY},
            "vllm": {"base_url": f"{server.url}/large"},
        }
        settings: dict[str, Any] = {kind: ["vllm/m"]}
        async with create_gateway(provider=provider, default_model="m", providers=providers, **settings) as gateway:
            response = await gateway.generate_async("Hello")
        paths = [request.path for request in server.requests]

    assert response.text == "Hi"
    assert paths == ["/strict/chat/completions", "/large/chat/completions"]


async def test_a_limit_of_a_minute_behind_a_router_is_waited_for() -> None:
    """Gemini's words for it are those of a bill, but the same key answers a moment later."""
    replies = [(429, OF_A_MINUTE), (200, ANSWER)]

    async def script(exchange: Exchange) -> None:
        status, body = replies.pop(0)
        await exchange.respond(json.dumps(body).encode(), status=status)

    async with LoopbackServer(script) as server:
        settings = {"base_url": server.url, "api_key": KEY, "default_model": "m", "max_retries": 1}
        async with create_gateway(provider="openrouter", **settings) as gateway:
            response = await gateway.generate_async("Hello")

    assert response.text == "Hi"
    assert response.metadata["attempts"] == 2


@pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n"])
async def test_an_error_in_a_field_of_its_own_is_read(end: bytes) -> None:
    """Older servers of llama.cpp send no event but a field ``error``: its words come out, after one request."""

    async def script(exchange: Exchange) -> None:
        await exchange.respond(LLAMA + end, headers={"content-type": "text/event-stream"})

    async with LoopbackServer(script) as server:
        settings = {"base_url": server.url, "default_model": "m", "max_retries": 2}
        async with create_gateway(provider="llamacpp", **settings) as gateway:
            with pytest.raises(ContextWindowExceededError, match="available context size") as caught:
                await gateway.generate_stream_async("Hello").response()

    assert len(server.requests) == 1
    assert caught.value.status_code == 400
