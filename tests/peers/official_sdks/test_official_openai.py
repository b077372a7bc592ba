"""The same call by OpenAI's own SDK and by the gateway is the same request."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway import LiteLLMGateway, MediaPart, Message, TextPart, Tool, ToolCall, ToolChoice, create_gateway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

KEY = "sk-peer-0123456789"
QUESTION = Message(role="user", content="What is AI?")
BRIEF = Message(role="system", content="Be brief.")
PAST = (QUESTION, Message(role="assistant", content="A field."), Message(role="user", content="Since when?"))
WHAT = TextPart(text="What is this?")

pytestmark = pytest.mark.slow


def calls(material: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Give the options of each call; ``responses_`` names go to the Responses API."""
    weather = Tool(name="get_weather", description="Tell the weather", parameters=material["weather"])
    time = Tool(name="get_time", description="Tell the time", parameters=material["time"])
    strict = Tool(name="get_weather", description="Tell the weather", parameters=material["weather"], strict=True)
    place = {"type": "json_schema", "json_schema": {"name": "place", "schema": material["city"], "strict": True}}

    def data(name: str) -> bytes:
        return base64.b64decode(material[name])

    def user(*parts: Any) -> dict[str, Any]:
        return {"messages": [Message(role="user", content=(WHAT, *parts))]}

    def called(*cities: str) -> Message:
        asked = [
            ToolCall(id=f"call_{city}", name="get_weather", arguments=f'{{"city":"{city}","days":1}}')
            for city in cities
        ]
        return Message(role="assistant", tool_calls=tuple(asked))

    picture = MediaPart(kind="image", url=material["image_url"], detail="low")
    drawing = MediaPart(kind="image", data=data("png"), media_type="image/png")
    paper = MediaPart(kind="file", data=data("pdf"), media_type="application/pdf", filename="paper.pdf")
    sound = MediaPart(kind="audio", data=data("wav"), media_type="audio/wav")
    results = [
        Message(role="tool", tool_call_id=f"call_{city}", content=said)
        for city, said in (("Paris", "sunny"), ("Rome", "rain"))
    ]
    both = {
        "text": {},
        "system": {"messages": [BRIEF, QUESTION]},
        "multi_turn": {"messages": PAST},
        "image_by_url": user(picture),
        "image_by_data": user(drawing),
        "document": user(paper),
        "tools": {"tools": [weather, time]},
        "tool_choice_auto": {"tools": [weather], "tool_choice": "auto"},
        "tool_choice_none": {"tools": [weather], "tool_choice": "none"},
        "tool_choice_required": {"tools": [weather], "tool_choice": "required"},
        "tool_choice_one": {"tools": [weather, time], "tool_choice": "get_time"},
        "parallel_off": {"tools": [weather], "parallel_tool_calls": False},
        "json_schema": {"response_format": place},
        "json_object": {"response_format": {"type": "json_object"}},
        "end_user": {"user": "user-17"},
    }
    chat = {
        "developer": {"messages": [Message(role="developer", content="Be brief."), QUESTION], "model": "o3"},
        "audio": {**user(sound), "model": "gpt-4o-audio-preview"},
        "strict_tool": {
            "tools": [strict]
        },
        "tool_choice_subset": {"tools": [weather, time], "tool_choice": ToolChoice(mode="auto", names=("get_time",))},
        "tool_results": {"messages": [QUESTION, called("Paris", "Rome"), *results], "tools": [weather]},
        "sampling": {
            "temperature": 0.3, "top_p": 0.9, "presence_penalty": 0.5, "frequency_penalty": -0.5, "max_tokens": 64,
        },
        "stop": {"stop": ["END", "\n\n"]},
        "seed": {"seed": 7},
        "several_answers": {"n": 2},
        "logprobs": {"logprobs": True, "top_logprobs": 3},
        "reasoning": {"model": "o3", "reasoning_effort": "low", "max_tokens": 2000},
        "newer_field": {"extra_body": {"service_tier": "flex"}, "extra_headers": {"x-own": "1"}},
        "stream": {},
        "stream_with_tools": {"tools": [weather], "max_tokens": 64},
        "organisation": {},
    }  # fmt: skip
    responses = {
        "document_by_url": user(MediaPart(kind="file", url=material["pdf_url"])),
        "tool_choice_subset": {
            "tools": [weather, time],
            "tool_choice": ToolChoice(mode="required", names=("get_time", "get_weather")),
        },
        "tool_results": {
            "messages": [
                QUESTION,
                Message(
                    role="assistant",
                    tool_calls=(ToolCall(id="call_1", name="get_weather", arguments='{"city":"Paris","days":1}'),),
                ),
                Message(role="tool", tool_call_id="call_1", content="sunny"),
            ],
            "tools": [weather],
        },
        "sampling": {"temperature": 0.3, "top_p": 0.9, "max_tokens": 64},
        "reasoning": {"model": "gpt-5", "reasoning_effort": "low"},
        "logprobs": {"top_logprobs": 2},
        "stream": {"tools": [weather]},
    }
    named = {**both, **chat} | {f"responses_{name}": options for name, options in {**both, **responses}.items()}
    return {
        name: options if "messages" in options else {"prompt": "What is AI?", **options}
        for name, options in named.items()
    }


OTHER_CALLS: dict[str, Callable[[LiteLLMGateway], Any]] = {
    "embed": lambda gateway: gateway.embed_async(["red", "blue"], model="text-embedding-3-small"),
    "embed_with_options": lambda gateway: gateway.embed_async(
        ["red"], model="text-embedding-3-large", dimensions=256, user="user-17"
    ),
    "moderate": lambda gateway: gateway.moderate_async(["one", "two"], model="omni-moderation-latest"),
    "models": lambda gateway: gateway.list_models_async(),
    "batch_submit_embeddings": lambda gateway: gateway.batches.submit_async(
        [{"texts": ["red", "blue"]}], model="text-embedding-3-small", label="mine"
    ),
    "batch_status": lambda gateway: gateway.batches.status_async("openai:batch_1"),
    "batch_results": lambda gateway: drained(gateway.batches.results_async("openai:batch_1")),
    "batch_cancel": lambda gateway: gateway.batches.cancel_async("openai:batch_1"),
    "batch_list": lambda gateway: gateway.batches.list_async(limit=5),
}


async def drained(results: AsyncIterator[Any]) -> None:
    """Read results to their end."""
    async for _ in results:
        pass


async def submit(gateway: LiteLLMGateway, material: dict[str, Any]) -> None:
    """Submit two prompts, one of them with a tool."""
    weather = Tool(name="get_weather", description="Tell the weather", parameters=material["weather"])
    asked = ["What is AI?", {"prompt": "What is AI?", "tools": [weather], "max_tokens": 64}]
    await gateway.batches.submit_async(asked, label="mine")


async def make(name: str, url: str, material: dict[str, Any]) -> None:
    """Make one call through the gateway, streamed when its name says so."""
    account = {"organization": "org-1", "project": "proj_1"} if name == "organisation" else {}
    api = "responses" if name.startswith("responses_") else "chat"
    gateway = create_gateway(
        provider="openai", api_key=KEY, base_url=f"{url}/v1", default_model="gpt-4o", max_retries=0,
        providers={"openai": {"api": api, **account}},
    )  # fmt: skip
    async with gateway:
        if name in OTHER_CALLS:
            await OTHER_CALLS[name](gateway)
        elif name == "batch_submit":
            await submit(gateway, material)
        elif "stream" in name:
            await gateway.generate_stream_async(**calls(material)[name]).response()
        else:
            await gateway.generate_async(**calls(material)[name])


async def test_the_request_is_the_sdks(every_call: Any, material: dict[str, Any]) -> None:
    """Method, path, auth header and JSON mean the same, for every call of the SDK."""
    names = [*calls(material), *OTHER_CALLS, "batch_submit"]

    found = await every_call("openai", names, lambda name, url: make(name, url, material))

    assert not found, "\n".join(found)
