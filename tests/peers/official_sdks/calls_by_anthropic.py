"""The calls as a user of Anthropic's own SDK writes them; run by that SDK's Python, away from the gateway."""

from functools import cache

from anthropic import Anthropic
from reporting import MATERIAL, Calls

calls = Calls()
KEY = "sk-ant-peer-0123456789"
MODEL = "claude-sonnet-4-5"
NEWEST = "claude-sonnet-5-5"
OLD = {"anthropic-version": "2023-06-01"}
QUESTION = {"role": "user", "content": "What is AI?"}
WEATHER = {"name": "get_weather", "description": "Tell the weather", "input_schema": MATERIAL["weather"]}
TIME = {"name": "get_time", "description": "Tell the time", "input_schema": MATERIAL["time"]}
TEXT = {"type": "text", "text": "What is this?"}
PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": MATERIAL["png"]}}


@cache
def client(url, **settings):
    """Connect to the recorder."""
    return Anthropic(**{"api_key": KEY, "base_url": url, "max_retries": 0, **settings})


def ask(url, messages=(QUESTION,), model=MODEL, settings=None, **options):
    """Ask for a message; read a stream to its end."""
    fields = {"model": model, "max_tokens": 64, "messages": list(messages), **options}
    answer = client(url, **(settings or {})).messages.create(**fields)
    return list(answer) if options.get("stream") else answer


def user(*parts):
    """Give a user's turn of several parts."""
    return ({"role": "user", "content": list(parts)},)


calls["text"] = lambda url: ask(url)
calls["newest_model"] = lambda url: ask(url, model=NEWEST)
calls["system"] = lambda url: ask(url, system="Be brief.")
calls["cached_system"] = lambda url: ask(
    url, system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
)
calls["cached_turn"] = lambda url: ask(url, user({**TEXT, "cache_control": {"type": "ephemeral"}}))
calls["multi_turn"] = lambda url: ask(
    url, (QUESTION, {"role": "assistant", "content": "A field."}, {"role": "user", "content": "Since when?"})
)
calls["image_by_url"] = lambda url: ask(
    url, user(TEXT, {"type": "image", "source": {"type": "url", "url": MATERIAL["image_url"]}})
)
calls["image_by_data"] = lambda url: ask(url, user(TEXT, PNG))
calls["document"] = lambda url: ask(
    url,
    user(
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": MATERIAL["pdf"]},
            "title": "paper.pdf",
            "citations": {"enabled": True},
        },
        TEXT,
    ),
)
calls["document_by_url"] = lambda url: ask(
    url, user({"type": "document", "source": {"type": "url", "url": MATERIAL["pdf_url"]}}, TEXT)
)
calls["document_as_text"] = lambda url: ask(
    url,
    user({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Ruby is red."}}, TEXT),
)
calls["tools"] = lambda url: ask(url, tools=[WEATHER, TIME])
calls["strict_tool"] = lambda url: ask(url, tools=[{**WEATHER, "strict": True}])
calls["tool_choice_auto"] = lambda url: ask(url, tools=[WEATHER], tool_choice={"type": "auto"})
calls["tool_choice_none"] = lambda url: ask(url, tools=[WEATHER], tool_choice={"type": "none"})
calls["tool_choice_required"] = lambda url: ask(url, tools=[WEATHER], tool_choice={"type": "any"})
calls["tool_choice_one"] = lambda url: ask(url, tools=[WEATHER, TIME], tool_choice={"type": "tool", "name": "get_time"})
calls["tool_choice_subset"] = lambda url: ask(url, tools=[TIME], tool_choice={"type": "any"})
calls["parallel_off"] = lambda url: ask(
    url, tools=[WEATHER], tool_choice={"type": "auto", "disable_parallel_tool_use": True}
)
calls["tool_results"] = lambda url: ask(
    url,
    (
        QUESTION,
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris", "days": 1}},
                {"type": "tool_use", "id": "toolu_2", "name": "get_weather", "input": {"city": "Rome", "days": 1}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "sunny"}, PNG]},
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": "no such city", "is_error": True},
            ],
        },
    ),
    tools=[WEATHER],
)
calls["json_schema"] = lambda url: ask(
    url, output_config={"format": {"type": "json_schema", "schema": MATERIAL["city"]}}
)
calls["sampling"] = lambda url: ask(url, extra_body={"temperature": 0.3, "top_k": 40}, extra_headers=OLD)
calls["stop"] = lambda url: ask(url, stop_sequences=["END", "\n\nHuman"])
calls["thinking_budget"] = lambda url: ask(url, max_tokens=2048, thinking={"type": "enabled", "budget_tokens": 1500})
calls["thinking_adaptive"] = lambda url: ask(
    url, model="claude-opus-4-6", max_tokens=2048, thinking={"type": "adaptive"}, output_config={"effort": "high"}
)
calls["thinking_played_back"] = lambda url: ask(
    url,
    (
        QUESTION,
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Let me see.", "signature": "c2lnbmVk"},
                {"type": "redacted_thinking", "data": "aGlkZGVu"},
                {"type": "tool_use", "id": "toolu_1", "name": "get_time", "input": {"zone": "UTC"}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "noon"}]},
    ),
    max_tokens=2048,
    thinking={"type": "enabled", "budget_tokens": 1024},
    tools=[TIME],
)
calls["end_user"] = lambda url: ask(url, metadata={"user_id": "user-17"})
calls["beta"] = lambda url: client(url).beta.messages.create(
    model=MODEL, max_tokens=64, messages=[QUESTION], betas=["files-api-2025-04-14", "context-1m-2025-08-07"]
)
calls["server_tool"] = lambda url: ask(url, tools=[TIME, {"type": "web_search_20250305", "name": "web_search"}])
calls["bearer_token"] = lambda url: ask(url, settings={"api_key": None, "auth_token": "token-0123456789"})
calls["stream"] = lambda url: ask(url, stream=True)
calls["stream_with_tools"] = lambda url: ask(url, tools=[WEATHER], stream=True)
calls["count_tokens"] = lambda url: client(url).messages.count_tokens(
    model=MODEL, messages=[QUESTION], system="Be brief.", tools=[WEATHER]
)
calls["models"] = lambda url: list(client(url).models.list(limit=1000))


def batches(url):
    """Give the part of the SDK that is about batches."""
    return client(url).messages.batches


calls["batch_submit"] = lambda url: batches(url).create(
    requests=[
        {"custom_id": "one", "params": {"model": MODEL, "max_tokens": 64, "messages": [QUESTION]}},
        {
            "custom_id": "two",
            "params": {
                "model": "claude-haiku-4-5", "max_tokens": 64, "messages": [QUESTION], "system": "Be brief.",
                "tools": [WEATHER],
            },
        },
    ]
)  # fmt: skip
calls["batch_status"] = lambda url: batches(url).retrieve("batch_1")
calls["batch_results"] = lambda url: list(batches(url).results("batch_1"))
calls["batch_cancel"] = lambda url: batches(url).cancel("batch_1")
calls["batch_list"] = lambda url: batches(url).list(limit=5).data

if __name__ == "__main__":
    calls.make_all()
