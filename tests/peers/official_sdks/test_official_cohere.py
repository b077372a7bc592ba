"""The same call by Cohere's own SDK and by the gateway is the same request."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway import LiteLLMGateway, MediaPart, Message, TextPart, Tool, ToolCall, create_gateway

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "co-peer-0123456789"
VISION = "command-a-vision-07-2025"
REASONING = "command-a-reasoning-08-2025"
QUESTION = Message(role="user", content="What is AI?")
PAST = (QUESTION, Message(role="assistant", content="A field."), Message(role="user", content="Since when?"))
WHAT = TextPart(text="What is this?")

pytestmark = pytest.mark.slow


def calls(material: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Give the options of each call."""
    weather = Tool(name="get_weather", description="Tell the weather", parameters=material["weather"])
    strict = Tool(name="get_weather", description="Tell the weather", parameters=material["weather"], strict=True)
    time = Tool(name="get_time", description="Tell the time", parameters=material["time"])
    drawing = MediaPart(kind="image", data=base64.b64decode(material["png"]), media_type="image/png")
    picture = MediaPart(kind="image", url=material["image_url"], detail="low")
    gems = MediaPart(
        kind="file", data=b"Ruby is red.", media_type="text/plain", filename="Gems", options={"id": "doc1"}
    )
    opal = MediaPart(kind="file", data=b"Opal.", media_type="text/plain")
    called = ToolCall(id="call_1", name="get_weather", arguments='{"city":"Paris","days":1}')
    named: dict[str, dict[str, Any]] = {
        "text": {},
        "system": {"system": "Be brief."},
        "multi_turn": {"messages": PAST},
        "image_by_url": {"messages": [Message(role="user", content=(WHAT, picture))], "model": VISION},
        "image_by_data": {"messages": [Message(role="user", content=(WHAT, drawing))], "model": VISION},
        "documents": {
            "messages": [Message(role="user", content=(gems, opal)), QUESTION],
        },
        "tools": {"tools": [weather, time]},
        "strict_tool": {"tools": [strict]},
        "tool_choice_auto": {"tools": [weather], "tool_choice": "auto"},
        "tool_choice_none": {"tools": [weather], "tool_choice": "none"},
        "tool_choice_required": {"tools": [weather], "tool_choice": "required"},
        "tool_choice_one": {"tools": [weather, time], "tool_choice": "get_time"},
        "tool_results": {
            "messages": [
                QUESTION, Message(role="assistant", tool_calls=(called,)),
                Message(role="tool", tool_call_id="call_1", content="sunny"),
            ],
            "tools": [weather],
        },
        "json_schema": {"response_format": material["city"]},
        "json_object": {"response_format": {"type": "json_object"}},
        "sampling": {
            "temperature": 0.3, "top_p": 0.9, "top_k": 40, "presence_penalty": 0.5, "frequency_penalty": 0.0,
            "max_tokens": 64,
        },
        "stop": {"stop": ["END", "\n\n"]},
        "seed": {"seed": 7},
        "logprobs": {"logprobs": True},
        "thinking": {"model": REASONING, "reasoning_budget": 512},
        "thinking_off": {"model": REASONING, "reasoning_effort": "none"},
        "newer_field": {"extra_body": {"safety_mode": "STRICT"}},
        "stream": {},
        "stream_with_tools": {"tools": [weather], "max_tokens": 64},
    }  # fmt: skip
    return {
        name: options if "messages" in options else {"prompt": "What is AI?", **options}
        for name, options in named.items()
    }


OTHER_CALLS: dict[str, Callable[[LiteLLMGateway], Any]] = {
    "embed": lambda gateway: gateway.embed_async(["red", "blue"]),
    "embed_with_options": lambda gateway: gateway.embed_async(
        ["red"], input_type="search_query", encoding="int8", dimensions=256
    ),
    "rerank": lambda gateway: gateway.rerank_async(
        "programming", ["Ruby is a stone", "Ruby is a language"], model="rerank-v3.5", top_n=1
    ),
    "models": lambda gateway: gateway.list_models_async(),
}


async def make(name: str, url: str, material: dict[str, Any]) -> None:
    """Make one call through the gateway, streamed when its name says so."""
    gateway = create_gateway(
        provider="cohere", api_key=KEY, base_url=url, default_model="command-a-03-2025", max_retries=0,
        default_embedding_model="embed-v4.0",
    )  # fmt: skip
    async with gateway:
        if name in OTHER_CALLS:
            await OTHER_CALLS[name](gateway)
        elif name.startswith("stream"):
            await gateway.generate_stream_async(**calls(material)[name]).response()
        else:
            await gateway.generate_async(**calls(material)[name])


async def test_the_request_is_the_sdks(every_call: Any, material: dict[str, Any]) -> None:
    """Method, path, auth header and JSON mean the same, for every call of the SDK."""
    names = [*calls(material), *OTHER_CALLS]

    found = await every_call("cohere", names, lambda name, url: make(name, url, material))

    assert not found, "\n".join(found)
