"""The calls as a user of OpenAI's own SDK writes them; run by that SDK's Python, away from the gateway."""

import json
from functools import cache

from openai import OpenAI
from reporting import MATERIAL, Calls, data_url

calls = Calls()
KEY = "sk-peer-0123456789"
MODEL = "gpt-4o"
QUESTION = {"role": "user", "content": "What is AI?"}
WEATHER = {
    "type": "function",
    "function": {"name": "get_weather", "description": "Tell the weather", "parameters": MATERIAL["weather"]},
}
TIME = {
    "type": "function",
    "function": {"name": "get_time", "description": "Tell the time", "parameters": MATERIAL["time"]},
}
FLAT_WEATHER = {"type": "function", "strict": False, **WEATHER["function"]}
FLAT_TIME = {"type": "function", "strict": False, **TIME["function"]}
NAMED = {"type": "function", "function": {"name": "get_time"}}


@cache
def client(url, **account):
    """Connect to the recorder."""
    return OpenAI(api_key=KEY, base_url=f"{url}/v1", max_retries=0, **account)


def chat(url, messages=(QUESTION,), model=MODEL, account=None, **options):
    """Ask by chat completions; read a stream to its end."""
    answer = client(url, **(account or {})).chat.completions.create(model=model, messages=list(messages), **options)
    return list(answer) if options.get("stream") else answer


def respond(url, items=(QUESTION,), model=MODEL, **options):
    """Ask by Responses, stateless; read a stream to its end."""
    answer = client(url).responses.create(model=model, input=list(items), store=False, **options)
    return list(answer) if options.get("stream") else answer


def user(*parts):
    """Give a user's turn of several parts."""
    return ({"role": "user", "content": list(parts)},)


TEXT = {"type": "text", "text": "What is this?"}
INPUT_TEXT = {"type": "input_text", "text": "What is this?"}
calls["text"] = lambda url: chat(url)
calls["system"] = lambda url: chat(url, ({"role": "system", "content": "Be brief."}, QUESTION))
calls["developer"] = lambda url: chat(url, ({"role": "developer", "content": "Be brief."}, QUESTION), model="o3")
calls["multi_turn"] = lambda url: chat(
    url, (QUESTION, {"role": "assistant", "content": "A field."}, {"role": "user", "content": "Since when?"})
)
calls["image_by_url"] = lambda url: chat(
    url, user(TEXT, {"type": "image_url", "image_url": {"url": MATERIAL["image_url"], "detail": "low"}})
)
calls["image_by_data"] = lambda url: chat(
    url, user(TEXT, {"type": "image_url", "image_url": {"url": data_url("image/png", "png")}})
)
calls["document"] = lambda url: chat(
    url,
    user(
        TEXT,
        {"type": "file", "file": {"filename": "paper.pdf", "file_data": data_url("application/pdf", "pdf")}},
    ),
)
calls["audio"] = lambda url: chat(
    url,
    user(TEXT, {"type": "input_audio", "input_audio": {"data": MATERIAL["wav"], "format": "wav"}}),
    model="gpt-4o-audio-preview",
)
calls["tools"] = lambda url: chat(url, tools=[WEATHER, TIME])
calls["strict_tool"] = lambda url: chat(
    url, tools=[{"type": "function", "function": {**WEATHER["function"], "strict": True}}]
)
calls["tool_choice_auto"] = lambda url: chat(url, tools=[WEATHER], tool_choice="auto")
calls["tool_choice_none"] = lambda url: chat(url, tools=[WEATHER], tool_choice="none")
calls["tool_choice_required"] = lambda url: chat(url, tools=[WEATHER], tool_choice="required")
calls["tool_choice_one"] = lambda url: chat(url, tools=[WEATHER, TIME], tool_choice=NAMED)
calls["tool_choice_subset"] = lambda url: chat(
    url,
    tools=[WEATHER, TIME],
    tool_choice={"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [NAMED]}},
)
calls["parallel_off"] = lambda url: chat(url, tools=[WEATHER], parallel_tool_calls=False)
calls["tool_results"] = lambda url: chat(
    url,
    (
        QUESTION,
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": f"call_{city}",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": f'{{"city":"{city}","days":1}}'},
                }
                for city in ("Paris", "Rome")
            ],
        },
        {"role": "tool", "tool_call_id": "call_Paris", "content": "sunny"},
        {"role": "tool", "tool_call_id": "call_Rome", "content": "rain"},
    ),
    tools=[WEATHER],
)
calls["json_schema"] = lambda url: chat(
    url,
    response_format={
        "type": "json_schema",
        "json_schema": {"name": "place", "schema": MATERIAL["city"], "strict": True},
    },
)
calls["json_object"] = lambda url: chat(url, response_format={"type": "json_object"})
calls["sampling"] = lambda url: chat(
    url, temperature=0.3, top_p=0.9, presence_penalty=0.5, frequency_penalty=-0.5, max_completion_tokens=64
)
calls["stop"] = lambda url: chat(url, stop=["END", "\n\n"])
calls["seed"] = lambda url: chat(url, seed=7)
calls["several_answers"] = lambda url: chat(url, n=2)
calls["logprobs"] = lambda url: chat(url, logprobs=True, top_logprobs=3)
calls["reasoning"] = lambda url: chat(url, model="o3", reasoning_effort="low", max_completion_tokens=2000)
calls["end_user"] = lambda url: chat(url, safety_identifier="user-17")
calls["newer_field"] = lambda url: chat(url, extra_body={"service_tier": "flex"}, extra_headers={"x-own": "1"})
calls["stream"] = lambda url: chat(url, stream=True, stream_options={"include_usage": True})
calls["stream_with_tools"] = lambda url: chat(
    url, tools=[WEATHER], max_completion_tokens=64, stream=True, stream_options={"include_usage": True}
)
calls["organisation"] = lambda url: chat(url, account={"organization": "org-1", "project": "proj_1"})

calls["responses_text"] = lambda url: respond(url)
calls["responses_system"] = lambda url: respond(url, ({"role": "system", "content": "Be brief."}, QUESTION))
calls["responses_multi_turn"] = lambda url: respond(
    url, (QUESTION, {"role": "assistant", "content": "A field."}, {"role": "user", "content": "Since when?"})
)
calls["responses_image_by_url"] = lambda url: respond(
    url, user(INPUT_TEXT, {"type": "input_image", "image_url": MATERIAL["image_url"], "detail": "low"})
)
calls["responses_image_by_data"] = lambda url: respond(
    url, user(INPUT_TEXT, {"type": "input_image", "image_url": data_url("image/png", "png"), "detail": "auto"})
)
calls["responses_document"] = lambda url: respond(
    url,
    user(
        INPUT_TEXT,
        {"type": "input_file", "filename": "paper.pdf", "file_data": data_url("application/pdf", "pdf")},
    ),
)
calls["responses_document_by_url"] = lambda url: respond(
    url, user(INPUT_TEXT, {"type": "input_file", "file_url": MATERIAL["pdf_url"]})
)
calls["responses_tools"] = lambda url: respond(url, tools=[FLAT_WEATHER, FLAT_TIME])
calls["responses_tool_choice_auto"] = lambda url: respond(url, tools=[FLAT_WEATHER], tool_choice="auto")
calls["responses_tool_choice_none"] = lambda url: respond(url, tools=[FLAT_WEATHER], tool_choice="none")
calls["responses_tool_choice_required"] = lambda url: respond(url, tools=[FLAT_WEATHER], tool_choice="required")
calls["responses_tool_choice_one"] = lambda url: respond(
    url, tools=[FLAT_WEATHER, FLAT_TIME], tool_choice={"type": "function", "name": "get_time"}
)
calls["responses_tool_choice_subset"] = lambda url: respond(
    url,
    tools=[FLAT_WEATHER, FLAT_TIME],
    tool_choice={"type": "allowed_tools", "mode": "required", "tools": [
        {"type": "function", "name": "get_time"}, {"type": "function", "name": "get_weather"}
    ]},
)  # fmt: skip
calls["responses_parallel_off"] = lambda url: respond(url, tools=[FLAT_WEATHER], parallel_tool_calls=False)
calls["responses_tool_results"] = lambda url: respond(
    url,
    (
        QUESTION,
        {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": '{"city":"Paris","days":1}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "sunny"},
    ),
    tools=[FLAT_WEATHER],
)
calls["responses_json_schema"] = lambda url: respond(
    url, text={"format": {"type": "json_schema", "name": "place", "schema": MATERIAL["city"], "strict": True}}
)
calls["responses_json_object"] = lambda url: respond(url, text={"format": {"type": "json_object"}})
calls["responses_sampling"] = lambda url: respond(url, temperature=0.3, top_p=0.9, max_output_tokens=64)
calls["responses_reasoning"] = lambda url: respond(
    url, model="gpt-5", reasoning={"effort": "low"}, include=["reasoning.encrypted_content"]
)
calls["responses_logprobs"] = lambda url: respond(url, top_logprobs=2, include=["message.output_text.logprobs"])
calls["responses_end_user"] = lambda url: respond(url, safety_identifier="user-17")
calls["responses_stream"] = lambda url: respond(url, tools=[FLAT_WEATHER], stream=True)


def embed(url, **options):
    """Ask for vectors."""
    return client(url).embeddings.create(**options)


calls["embed"] = lambda url: embed(url, model="text-embedding-3-small", input=["red", "blue"])
calls["embed_with_options"] = lambda url: embed(
    url, model="text-embedding-3-large", input=["red"], dimensions=256, user="user-17"
)
calls["moderate"] = lambda url: client(url).moderations.create(model="omni-moderation-latest", input=["one", "two"])
calls["models"] = lambda url: list(client(url).models.list())


def submit(url, endpoint, *bodies):
    """Upload requests as a file of lines and make a batch of it."""
    lines = [
        json.dumps({"custom_id": f"request-{number:06d}", "method": "POST", "url": endpoint, "body": body})
        for number, body in enumerate(bodies)
    ]
    file = client(url).files.create(file=("batch.jsonl", "\n".join(lines).encode()), purpose="batch")
    client(url).batches.create(
        input_file_id=file.id, endpoint=endpoint, completion_window="24h", metadata={"label": "mine"}
    )


calls["batch_submit"] = lambda url: submit(
    url,
    "/v1/chat/completions",
    {"model": MODEL, "messages": [QUESTION]},
    {"model": MODEL, "messages": [QUESTION], "tools": [WEATHER], "max_completion_tokens": 64},
)
calls["batch_submit_embeddings"] = lambda url: submit(
    url,
    "/v1/embeddings",
    {"model": "text-embedding-3-small", "input": ["red", "blue"], "encoding_format": "base64"},
)
calls["batch_status"] = lambda url: client(url).batches.retrieve("batch_1")
calls["batch_results"] = lambda url: client(url).files.content(client(url).batches.retrieve("batch_1").output_file_id)
calls["batch_cancel"] = lambda url: client(url).batches.cancel("batch_1")
calls["batch_list"] = lambda url: client(url).batches.list(limit=5).data

if __name__ == "__main__":
    calls.make_all()
