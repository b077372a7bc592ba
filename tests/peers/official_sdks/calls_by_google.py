"""The calls as a user of Google's own SDK writes them; run by that SDK's Python, away from the gateway."""

import base64
from functools import cache

from google import genai
from google.genai import types
from reporting import MATERIAL, Calls

calls = Calls()
KEY = "AIza-peer-0123456789"
MODEL = "gemini-2.5-flash"
NEWER = "gemini-3.6-flash"
Config = types.GenerateContentConfig
WEATHER = types.FunctionDeclaration(
    name="get_weather", description="Tell the weather", parameters_json_schema=MATERIAL["weather"]
)
TIME = types.FunctionDeclaration(name="get_time", description="Tell the time", parameters_json_schema=MATERIAL["time"])
NO_LOOP = types.AutomaticFunctionCallingConfig(disable=True)


@cache  # a client that nobody holds closes itself
def client(url, version="v1beta"):
    """Connect to the recorder."""
    return genai.Client(api_key=KEY, vertexai=False, http_options=types.HttpOptions(base_url=url, api_version=version))


def ask(url, contents="What is AI?", model=MODEL, version="v1beta", **config):
    """Ask for an answer."""
    return client(url, version).models.generate_content(
        model=model, contents=contents, config=Config(**config) if config else None
    )


def with_tools(url, *functions, mode=None, names=None, contents="What is AI?"):
    """Ask with functions, and with what the model may do with them."""
    calling = types.FunctionCallingConfig(mode=mode, allowed_function_names=names)
    choice = {"tool_config": types.ToolConfig(function_calling_config=calling)} if mode else {}
    return ask(
        url,
        contents,
        tools=[types.Tool(function_declarations=list(functions))],
        automatic_function_calling=NO_LOOP,
        **choice,
    )


def turn(role, *parts):
    """Give one turn."""
    return types.Content(role=role, parts=[types.Part(text=part) if isinstance(part, str) else part for part in parts])


def raw(name):
    """Give a piece of the material as bytes."""
    return base64.b64decode(MATERIAL[name])


calls["text"] = lambda url: ask(url)
calls["version_one"] = lambda url: ask(url, version="v1")
calls["system"] = lambda url: ask(url, system_instruction=types.Content(parts=[types.Part(text="Be brief.")]))
calls["multi_turn"] = lambda url: ask(
    url, [turn("user", "What is AI?"), turn("model", "A field."), turn("user", "Since when?")]
)
calls["image_by_data"] = lambda url: ask(
    url, [turn("user", "What is this?", types.Part.from_bytes(data=raw("png"), mime_type="image/png"))]
)
calls["image_by_url"] = lambda url: ask(
    url,
    [turn("user", "What is this?", types.Part.from_uri(file_uri=MATERIAL["image_url"], mime_type="image/png"))],
)
calls["document"] = lambda url: ask(
    url, [turn("user", "What is this?", types.Part.from_bytes(data=raw("pdf"), mime_type="application/pdf"))]
)
calls["audio"] = lambda url: ask(
    url, [turn("user", "What is this?", types.Part.from_bytes(data=raw("wav"), mime_type="audio/wav"))]
)
calls["tools"] = lambda url: with_tools(url, WEATHER, TIME)
calls["tool_choice_auto"] = lambda url: with_tools(url, WEATHER, mode="AUTO")
calls["tool_choice_none"] = lambda url: with_tools(url, WEATHER, mode="NONE")
calls["tool_choice_required"] = lambda url: with_tools(url, WEATHER, mode="ANY")
calls["tool_choice_one"] = lambda url: with_tools(url, WEATHER, TIME, mode="ANY", names=["get_time"])
calls["tool_choice_subset"] = lambda url: with_tools(url, WEATHER, TIME, mode="ANY", names=["get_time", "get_weather"])
calls["tool_results"] = lambda url: with_tools(
    url,
    WEATHER,
    contents=[
        turn("user", "What is AI?"),
        turn(
            "model",
            types.Part(
                function_call=types.FunctionCall(id="fc-1", name="get_weather", args={"city": "Paris", "days": 1})
            ),
            types.Part(
                function_call=types.FunctionCall(id="fc-2", name="get_weather", args={"city": "Rome", "days": 1})
            ),
        ),
        turn(
            "user",
            types.Part(
                function_response=types.FunctionResponse(id="fc-1", name="get_weather", response={"output": "sunny"})
            ),
            types.Part(
                function_response=types.FunctionResponse(id="fc-2", name="get_weather", response={"error": "no city"})
            ),
        ),
    ],
)
calls["json_schema"] = lambda url: ask(
    url, response_mime_type="application/json", response_json_schema=MATERIAL["city"]
)
calls["json_object"] = lambda url: ask(url, response_mime_type="application/json")
calls["sampling"] = lambda url: ask(
    url, temperature=0.3, top_p=0.9, top_k=40, presence_penalty=0.5, frequency_penalty=0.25, max_output_tokens=64
)
calls["stop"] = lambda url: ask(url, stop_sequences=["END", "\n\n"])
calls["seed"] = lambda url: ask(url, seed=7)
calls["several_answers"] = lambda url: ask(url, candidate_count=2)
calls["logprobs"] = lambda url: ask(url, response_logprobs=True, logprobs=3)
calls["thinking_budget"] = lambda url: ask(
    url, thinking_config=types.ThinkingConfig(thinking_budget=512, include_thoughts=True)
)
calls["thinking_level"] = lambda url: ask(
    url, model=NEWER, thinking_config=types.ThinkingConfig(thinking_level="LOW", include_thoughts=True)
)
calls["thinking_off"] = lambda url: ask(url, thinking_config=types.ThinkingConfig(thinking_budget=0))
calls["safety"] = lambda url: ask(
    url,
    safety_settings=[types.SafetySetting(category="HARM_CATEGORY_HATE_SPEECH", threshold="BLOCK_ONLY_HIGH")],
)
calls["server_tool"] = lambda url: ask(url, tools=[types.Tool(google_search=types.GoogleSearch())])
calls["stream"] = lambda url: list(client(url).models.generate_content_stream(model=MODEL, contents="What is AI?"))
calls["stream_with_tools"] = lambda url: list(
    client(url).models.generate_content_stream(
        model=MODEL,
        contents="What is AI?",
        config=Config(tools=[types.Tool(function_declarations=[WEATHER])], automatic_function_calling=NO_LOOP),
    )
)


def embed(url, contents, **config):
    """Ask for vectors."""
    options = types.EmbedContentConfig(**config) if config else None
    return client(url).models.embed_content(model="gemini-embedding-001", contents=contents, config=options)


calls["embed"] = lambda url: embed(url, ["red", "blue"])
calls["embed_with_options"] = lambda url: embed(
    url, ["red", "blue"], task_type="RETRIEVAL_QUERY", output_dimensionality=256
)
calls["embed_one"] = lambda url: embed(url, "red")
calls["count_tokens"] = lambda url: client(url).models.count_tokens(model=MODEL, contents="What is AI?")
calls["models"] = lambda url: list(client(url).models.list(config={"page_size": 1000}))

calls["batch_submit"] = lambda url: client(url).batches.create(
    model=MODEL,
    src=[
        types.InlinedRequest(contents="What is AI?", metadata={"key": "one"}, config=Config(max_output_tokens=64)),
        types.InlinedRequest(
            contents="What is AI?", metadata={"key": "two"}, config=Config(system_instruction="Be brief.")
        ),
    ],
    config={"display_name": "mine"},
)
calls["batch_status"] = lambda url: client(url).batches.get(name="batches/batch_1")
calls["batch_list"] = lambda url: client(url).batches.list(config={"page_size": 5}).page

if __name__ == "__main__":
    calls.make_all()
