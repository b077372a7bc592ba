"""The same call by Google's own SDK and by the gateway is the same request."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway import LiteLLMGateway, MediaPart, Message, TextPart, Tool, ToolCall, ToolChoice, create_gateway

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "AIza-peer-0123456789"
QUESTION = Message(role="user", content="What is AI?")
PAST = (QUESTION, Message(role="assistant", content="A field."), Message(role="user", content="Since when?"))
WHAT = TextPart(text="What is this?")
SETTINGS: dict[str, dict[str, Any]] = {
    "version_one": {"api_version": "v1"},
    "safety": {"safety_settings": {"hate_speech": "BLOCK_ONLY_HIGH"}},
}

pytestmark = pytest.mark.slow


def calls(material: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Give the options of each call."""
    weather = Tool(name="get_weather", description="Tell the weather", parameters=material["weather"])
    time = Tool(name="get_time", description="Tell the time", parameters=material["time"])

    def shown(kind: Any, name: str, media_type: str) -> dict[str, Any]:
        part = MediaPart(kind=kind, data=base64.b64decode(material[name]), media_type=media_type)
        return {"messages": [Message(role="user", content=(WHAT, part))]}

    by_url = MediaPart(kind="image", url=material["image_url"], media_type="image/png")
    asked = [
        ToolCall(id=f"fc-{number}", name="get_weather", arguments=f'{{"city":"{city}","days":1}}')
        for number, city in ((1, "Paris"), (2, "Rome"))
    ]
    results = [
        Message(role="tool", tool_call_id="fc-1", content="sunny"),
        Message(role="tool", tool_call_id="fc-2", content="no city", is_error=True),
    ]
    named: dict[str, dict[str, Any]] = {
        "text": {},
        "version_one": {},
        "system": {"system": "Be brief."},
        "multi_turn": {"messages": PAST},
        "image_by_data": shown("image", "png", "image/png"),
        "image_by_url": {"messages": [Message(role="user", content=(WHAT, by_url))]},
        "document": shown("file", "pdf", "application/pdf"),
        "audio": shown("audio", "wav", "audio/wav"),
        "tools": {"tools": [weather, time]},
        "tool_choice_auto": {"tools": [weather], "tool_choice": "auto"},
        "tool_choice_none": {"tools": [weather], "tool_choice": "none"},
        "tool_choice_required": {"tools": [weather], "tool_choice": "required"},
        "tool_choice_one": {"tools": [weather, time], "tool_choice": "get_time"},
        "tool_choice_subset": {
            "tools": [weather, time], "tool_choice": ToolChoice(mode="required", names=("get_time", "get_weather"))
        },
        "tool_results": {
            "messages": [QUESTION, Message(role="assistant", tool_calls=tuple(asked)), *results], "tools": [weather]
        },
        "json_schema": {"response_format": material["city"]},
        "json_object": {"response_format": {"type": "json_object"}},
        "sampling": {
            "temperature": 0.3, "top_p": 0.9, "top_k": 40, "presence_penalty": 0.5, "frequency_penalty": 0.25,
            "max_tokens": 64,
        },
        "stop": {"stop": ["END", "\n\n"]},
        "seed": {"seed": 7},
        "several_answers": {"n": 2},
        "logprobs": {"top_logprobs": 3},
        "thinking_budget": {"reasoning_budget": 512},
        "thinking_level": {"model": "gemini-3.6-flash", "reasoning_effort": "low"},
        "thinking_off": {"reasoning_effort": "none"},
        "safety": {},
        "server_tool": {"extra_body": {"tools": [{"googleSearch": {}}]}},
        "stream": {},
        "stream_with_tools": {"tools": [weather]},
    }  # fmt: skip
    return {
        name: options if "messages" in options else {"prompt": "What is AI?", **options}
        for name, options in named.items()
    }


OTHER_CALLS: dict[str, Callable[[LiteLLMGateway], Any]] = {
    "embed": lambda gateway: gateway.embed_async(["red", "blue"]),
    "embed_with_options": lambda gateway: gateway.embed_async(
        ["red", "blue"], input_type="search_query", dimensions=256
    ),
    "embed_one": lambda gateway: gateway.embed_async("red"),
    "count_tokens": lambda gateway: gateway.count_tokens_async("What is AI?", model="gemini-2.5-flash"),
    "models": lambda gateway: gateway.list_models_async(),
    "batch_submit": lambda gateway: gateway.batches.submit_async(
        [
            {"prompt": "What is AI?", "custom_id": "one", "max_tokens": 64},
            {"prompt": "What is AI?", "custom_id": "two", "system": "Be brief."},
        ],
        label="mine",
    ),
    "batch_status": lambda gateway: gateway.batches.status_async("google:batch_1"),
    "batch_list": lambda gateway: gateway.batches.list_async(limit=5),
}


async def make(name: str, url: str, material: dict[str, Any]) -> None:
    """Make one call through the gateway, streamed when its name says so."""
    gateway = create_gateway(
        provider="google", api_key=KEY, base_url=url, default_model="gemini-2.5-flash", max_retries=0,
        default_embedding_model="gemini-embedding-001", providers={"google": SETTINGS.get(name, {})},
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

    found = await every_call("google", names, lambda name, url: make(name, url, material))

    assert not found, "\n".join(found)
