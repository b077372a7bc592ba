"""The same call by Anthropic's own SDK and by the gateway is the same request."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway import LiteLLMGateway, MediaPart, Message, TextPart, Tool, ToolCall, ToolChoice, create_gateway
from litellm_gateway.messages import ReasoningPart

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

KEY = "sk-ant-peer-0123456789"
QUESTION = Message(role="user", content="What is AI?")
PAST = (QUESTION, Message(role="assistant", content="A field."), Message(role="user", content="Since when?"))
WHAT = TextPart(text="What is this?")
SETTINGS: dict[str, dict[str, Any]] = {
    "beta": {"beta": ["files-api-2025-04-14", "context-1m-2025-08-07"]},
    "bearer_token": {"auth_token": "token-0123456789"},
}

pytestmark = pytest.mark.slow


def turns(*parts: Any) -> dict[str, Any]:
    """Give a user's turn of several parts."""
    return {"messages": [Message(role="user", content=parts)]}


def calls(material: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Give the options of each call."""
    weather = Tool(name="get_weather", description="Tell the weather", parameters=material["weather"])
    strict = Tool(name="get_weather", description="Tell the weather", parameters=material["weather"], strict=True)
    time = Tool(name="get_time", description="Tell the time", parameters=material["time"])
    png = MediaPart(kind="image", data=base64.b64decode(material["png"]), media_type="image/png")
    paper = MediaPart(
        kind="file", data=base64.b64decode(material["pdf"]), media_type="application/pdf", filename="paper.pdf",
        options={"citations": {"enabled": True}},
    )  # fmt: skip
    asked = [
        ToolCall(id=f"toolu_{number}", name="get_weather", arguments=f'{{"city":"{city}","days":1}}')
        for number, city in ((1, "Paris"), (2, "Rome"))
    ]
    results = [
        Message(role="tool", tool_call_id="toolu_1", content=(TextPart(text="sunny"), png)),
        Message(role="tool", tool_call_id="toolu_2", content="no such city", is_error=True),
    ]
    thought = Message(
        role="assistant",
        content=(
            ReasoningPart(text="Let me see.", signature="c2lnbmVk"), ReasoningPart(signature="aGlkZGVu", redacted=True)
        ),
        tool_calls=(ToolCall(id="toolu_1", name="get_time", arguments='{"zone":"UTC"}'),),
    )  # fmt: skip
    named = {
        "text": {},
        "newest_model": {"model": "claude-sonnet-5-5"},
        "system": {"system": "Be brief."},
        "cached_system": {
            "messages": [Message(role="system", content=(TextPart(text="Be brief.", cache="1h"),)), QUESTION]
        },
        "cached_turn": turns(TextPart(text="What is this?", cache=True)),
        "multi_turn": {"messages": PAST},
        "image_by_url": turns(WHAT, MediaPart(kind="image", url=material["image_url"])),
        "image_by_data": turns(WHAT, png),
        "document": turns(paper, WHAT),
        "document_by_url": turns(MediaPart(kind="file", url=material["pdf_url"]), WHAT),
        "document_as_text": turns(MediaPart(kind="file", data=b"Ruby is red.", media_type="text/plain"), WHAT),
        "tools": {"tools": [weather, time]},
        "strict_tool": {"tools": [strict]},
        "tool_choice_auto": {"tools": [weather], "tool_choice": "auto"},
        "tool_choice_none": {"tools": [weather], "tool_choice": "none"},
        "tool_choice_required": {"tools": [weather], "tool_choice": "required"},
        "tool_choice_one": {"tools": [weather, time], "tool_choice": "get_time"},
        "tool_choice_subset": {
            "tools": [weather, time], "tool_choice": ToolChoice(mode="required", names=("get_time", "get_date"))
        },
        "parallel_off": {"tools": [weather], "parallel_tool_calls": False},
        "tool_results": {
            "messages": [
                QUESTION, Message(role="assistant", content="I look.", tool_calls=tuple(asked)), *results
            ],
            "tools": [weather],
        },
        "json_schema": {"response_format": material["city"]},
        "sampling": {"temperature": 0.3, "top_k": 40},
        "stop": {"stop": ["END", "\n\nHuman"]},
        "thinking_budget": {"max_tokens": 2048, "reasoning_budget": 1500},
        "thinking_adaptive": {"model": "claude-opus-4-6", "max_tokens": 2048, "reasoning_effort": "high"},
        "thinking_played_back": {
            "messages": [QUESTION, thought, Message(role="tool", tool_call_id="toolu_1", content="noon")],
            "max_tokens": 2048,
            "reasoning_budget": 1024,
            "tools": [time],
        },
        "end_user": {"user": "user-17"},
        "beta": {},
        "server_tool": {
            "tools": [time], "extra_body": {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}
        },
        "bearer_token": {},
        "stream": {},
        "stream_with_tools": {"tools": [weather]},
    }  # fmt: skip
    return {
        name: {"max_tokens": 64, **({} if "messages" in options else {"prompt": "What is AI?"}), **options}
        for name, options in named.items()
    }


OTHER_CALLS: dict[str, Callable[[LiteLLMGateway, dict[str, Any]], Any]] = {
    "count_tokens": lambda gateway, material: gateway.count_tokens_async(
        "What is AI?",
        system="Be brief.",
        model="claude-sonnet-4-5",
        tools=[Tool(name="get_weather", description="Tell the weather", parameters=material["weather"])],
    ),
    "models": lambda gateway, _: gateway.list_models_async(),
    "batch_submit": lambda gateway, material: gateway.batches.submit_async(
        [
            {"prompt": "What is AI?", "custom_id": "one"},
            {
                "prompt": "What is AI?", "custom_id": "two", "model": "claude-haiku-4-5", "system": "Be brief.",
                "tools": [Tool(name="get_weather", description="Tell the weather", parameters=material["weather"])],
            },
        ],
        max_tokens=64,
    ),
    "batch_status": lambda gateway, _: gateway.batches.status_async("anthropic:batch_1"),
    "batch_results": lambda gateway, _: drained(gateway.batches.results_async("anthropic:batch_1")),
    "batch_cancel": lambda gateway, _: gateway.batches.cancel_async("anthropic:batch_1"),
    "batch_list": lambda gateway, _: gateway.batches.list_async(limit=5),
}  # fmt: skip


async def drained(results: AsyncIterator[Any]) -> None:
    """Read results to their end."""
    async for _ in results:
        pass


async def make(name: str, url: str, material: dict[str, Any]) -> None:
    """Make one call through the gateway, streamed when its name says so."""
    own = SETTINGS.get(name, {})
    key = {} if "auth_token" in own else {"api_key": KEY}
    gateway = create_gateway(
        provider="anthropic", **key, base_url=url, default_model="claude-sonnet-4-5", max_retries=0,
        providers={"anthropic": own},
    )  # fmt: skip
    async with gateway:
        if name in OTHER_CALLS:
            await OTHER_CALLS[name](gateway, material)
        elif name.startswith("stream"):
            await gateway.generate_stream_async(**calls(material)[name]).response()
        else:
            await gateway.generate_async(**calls(material)[name])


async def test_the_request_is_the_sdks(every_call: Any, material: dict[str, Any]) -> None:
    """Method, path, auth header and JSON mean the same, for every call of the SDK."""
    names = [*calls(material), *OTHER_CALLS]

    found = await every_call("anthropic", names, lambda name, url: make(name, url, material))

    assert not found, "\n".join(found)
