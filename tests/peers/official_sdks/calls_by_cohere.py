"""The calls as a user of Cohere's own SDK writes them; run by that SDK's Python, away from the gateway."""

from functools import cache

from cohere import ClientV2
from reporting import MATERIAL, Calls, data_url

calls = Calls()
KEY = "co-peer-0123456789"
MODEL = "command-a-03-2025"
VISION = "command-a-vision-07-2025"
REASONING = "command-a-reasoning-08-2025"
QUESTION = {"role": "user", "content": "What is AI?"}
WEATHER = {
    "type": "function",
    "function": {"name": "get_weather", "description": "Tell the weather", "parameters": MATERIAL["weather"]},
}
TIME = {
    "type": "function",
    "function": {"name": "get_time", "description": "Tell the time", "parameters": MATERIAL["time"]},
}
TEXT = {"type": "text", "text": "What is this?"}


@cache
def client(url):
    """Connect to the recorder."""
    return ClientV2(api_key=KEY, base_url=url)


def ask(url, messages=(QUESTION,), model=MODEL, **options):
    """Ask for an answer."""
    return client(url).chat(model=model, messages=list(messages), **options)


def ask_streamed(url, messages=(QUESTION,), model=MODEL, **options):
    """Ask for a stream and read it to its end."""
    return list(client(url).chat_stream(model=model, messages=list(messages), **options))


calls["text"] = lambda url: ask(url)
calls["system"] = lambda url: ask(url, ({"role": "system", "content": "Be brief."}, QUESTION))
calls["multi_turn"] = lambda url: ask(
    url, (QUESTION, {"role": "assistant", "content": "A field."}, {"role": "user", "content": "Since when?"})
)
calls["image_by_url"] = lambda url: ask(
    url,
    [{
        "role": "user",
        "content": [TEXT, {"type": "image_url", "image_url": {"url": MATERIAL["image_url"], "detail": "low"}}],
    }],
    model=VISION,
)  # fmt: skip
calls["image_by_data"] = lambda url: ask(
    url,
    [{
        "role": "user",
        "content": [TEXT, {"type": "image_url", "image_url": {"url": data_url("image/png", "png")}}],
    }],
    model=VISION,
)  # fmt: skip
calls["documents"] = lambda url: ask(
    url, documents=[{"id": "doc1", "data": {"title": "Gems", "text": "Ruby is red."}}, {"data": {"text": "Opal."}}]
)
calls["tools"] = lambda url: ask(url, tools=[WEATHER, TIME])
calls["strict_tool"] = lambda url: ask(url, tools=[WEATHER], strict_tools=True)
calls["tool_choice_auto"] = lambda url: ask(url, tools=[WEATHER])
calls["tool_choice_none"] = lambda url: ask(url, tools=[WEATHER], tool_choice="NONE")
calls["tool_choice_required"] = lambda url: ask(url, tools=[WEATHER], tool_choice="REQUIRED")
calls["tool_choice_one"] = lambda url: ask(url, tools=[TIME], tool_choice="REQUIRED")
calls["tool_results"] = lambda url: ask(
    url,
    (
        QUESTION,
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": '{"city":"Paris","days":1}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    ),
    tools=[WEATHER],
)
calls["json_schema"] = lambda url: ask(url, response_format={"type": "json_object", "json_schema": MATERIAL["city"]})
calls["json_object"] = lambda url: ask(url, response_format={"type": "json_object"})
calls["sampling"] = lambda url: ask(
    url, temperature=0.3, p=0.9, k=40, presence_penalty=0.5, frequency_penalty=0.0, max_tokens=64
)
calls["stop"] = lambda url: ask(url, stop_sequences=["END", "\n\n"])
calls["seed"] = lambda url: ask(url, seed=7)
calls["logprobs"] = lambda url: ask(url, logprobs=True)
calls["thinking"] = lambda url: ask(url, model=REASONING, thinking={"type": "enabled", "token_budget": 512})
calls["thinking_off"] = lambda url: ask(url, model=REASONING, thinking={"type": "disabled"})
calls["newer_field"] = lambda url: ask(url, safety_mode="STRICT")
calls["stream"] = lambda url: ask_streamed(url)
calls["stream_with_tools"] = lambda url: ask_streamed(url, tools=[WEATHER], max_tokens=64)
calls["embed"] = lambda url: client(url).embed(
    model="embed-v4.0", texts=["red", "blue"], input_type="search_document", embedding_types=["float"]
)
calls["embed_with_options"] = lambda url: client(url).embed(
    model="embed-v4.0", texts=["red"], input_type="search_query", embedding_types=["int8"], output_dimension=256
)
calls["rerank"] = lambda url: client(url).rerank(
    model="rerank-v3.5", query="programming", documents=["Ruby is a stone", "Ruby is a language"], top_n=1
)
calls["models"] = lambda url: client(url).models.list(page_size=1000)

if __name__ == "__main__":
    calls.make_all()
