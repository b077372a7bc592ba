"""Requests are written as OpenAI documents them, with nothing in them that was not asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from litellm_gateway.errors import InvalidRequestError, UnsupportedParameterError
from litellm_gateway.messages import (
    MediaPart,
    Message,
    ReasoningPart,
    ResponseFormat,
    TextPart,
    Tool,
    ToolCall,
    ToolChoice,
)
from litellm_gateway.requests import GenerateRequest
from litellm_gateway.secrets import Secret
from litellm_gateway_dialect_openai import ChatQuirks, OpenAIChatDialect

USER = Message(role="user", content="Hello")
WEATHER = Tool(name="weather", description="Look it up", parameters={"type": "object"})
CLOCK = Tool(name="clock", strict=True)


def _write(quirks: ChatQuirks | None = None, *, stream: bool = False, **fields: Any) -> dict[str, Any]:
    dialect = OpenAIChatDialect(base_url="https://api.example/v1", quirks=quirks)
    request = GenerateRequest(**{"model": "m", "messages": (USER,), **fields})
    body: dict[str, Any] = json.loads(dialect.encode_generate(request, stream=stream).body)
    return body


def _message(message: Message, quirks: ChatQuirks | None = None) -> dict[str, Any]:
    written: dict[str, Any] = _write(quirks, messages=(message,))["messages"][0]
    return written


def test_a_plain_request_holds_model_and_messages_only() -> None:
    """What is not set is not sent."""
    assert _write() == {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}


def test_streams_ask_for_usage() -> None:
    """A stream is asked for with usage at its end, unless the server cannot give it."""
    assert _write(stream=True)["stream_options"] == {"include_usage": True}
    assert "stream_options" not in _write(ChatQuirks(include_usage=False), stream=True)


def test_sampling_fields() -> None:
    """Every sampling field goes out under its own name, zero included."""
    fields = {
        "temperature": 0.0, "top_p": 0.5, "seed": 0, "presence_penalty": -1.0, "frequency_penalty": 2.0, "n": 2,
    }  # fmt: skip

    body = _write(**fields, stop=("a", "b"), max_tokens=7, user="u", reasoning_effort="low")

    assert body.items() >= {**fields, "stop": ["a", "b"], "max_tokens": 7, "user": "u"}.items()
    assert body["reasoning_effort"] == "low"


def test_names_of_fields_are_settings() -> None:
    """The fields that servers name differently are settings."""
    quirks = ChatQuirks(
        max_tokens_field="max_completion_tokens", seed_field="random_seed", user_field="safety_identifier", top_k=True
    )

    body = _write(quirks, max_tokens=7, seed=1, user="u", top_k=4)

    assert body.items() >= {"max_completion_tokens": 7, "random_seed": 1, "safety_identifier": "u", "top_k": 4}.items()


@pytest.mark.parametrize(
    ("fields", "quirks"),
    [
        ({"top_k": 4}, ChatQuirks()),
        ({"seed": 4}, ChatQuirks(seed_field=None)),
        ({"reasoning_effort": "low"}, ChatQuirks(reasoning_effort=False)),
        ({"response_format": ResponseFormat(schema={})}, ChatQuirks(json_schema=False)),
        ({"parallel_tool_calls": False, "tools": (CLOCK,), "tool_choice": ToolChoice()},
         ChatQuirks(parallel_tool_calls=False)),
    ],
)  # fmt: skip
def test_what_a_server_lacks_is_refused(fields: dict[str, Any], quirks: ChatQuirks) -> None:
    """A field the server has no name for is refused before anything is sent, and named."""
    with pytest.raises(UnsupportedParameterError) as caught:
        _write(quirks, **fields)

    assert caught.value.parameter in fields


def test_several_answers_cannot_be_streamed() -> None:
    """More than one answer in a stream is refused rather than half shown."""
    with pytest.raises(UnsupportedParameterError, match="streamed"):
        _write(stream=True, n=2)


def test_top_logprobs_switch_logprobs_on() -> None:
    """The server wants both fields; asking for the second is enough."""
    assert _write(top_logprobs=3).items() >= {"logprobs": True, "top_logprobs": 3}.items()


def test_system_and_developer_roles() -> None:
    """Roles go out as given; a server without the role developer gets system."""
    message = Message(role="developer", content="Be brief")

    assert _message(message)["role"] == "developer"
    assert _message(message, ChatQuirks(developer_role=False))["role"] == "system"
    assert _message(Message(role="system", content="x", name="boss")) == {
        "role": "system", "content": "x", "name": "boss",
    }  # fmt: skip


def test_parts_of_every_kind() -> None:
    """Text, images by URL and bytes, files by bytes and id, and audio take the forms OpenAI documents."""
    content = (
        TextPart(text="Look"),
        MediaPart(kind="image", url="https://x.example/a.png", detail="low"),
        MediaPart(kind="image", data=b"\x89PNG", media_type="image/png"),
        MediaPart(kind="file", data=b"%PDF", media_type="application/pdf", filename="a.pdf"),
        MediaPart(kind="file", data=b"%PDF", media_type="application/pdf"),
        MediaPart(kind="file", url="file-abc"),
        MediaPart(kind="audio", data=b"RIFF", media_type="audio/x-wav"),
        MediaPart(kind="audio", data=b"ID3", media_type="audio/mpeg"),
    )

    parts = _message(Message(role="user", content=content))["content"]

    assert parts == [
        {"type": "text", "text": "Look"},
        {"type": "image_url", "image_url": {"url": "https://x.example/a.png", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}},
        {"type": "file", "file": {"filename": "file.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}},
        {"type": "file", "file": {"file_id": "file-abc"}},
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        {"type": "input_audio", "input_audio": {"data": "SUQz", "format": "mp3"}},
    ]


@pytest.mark.parametrize(
    "message",
    [
        Message(role="user", content=(MediaPart(kind="audio", url="https://x.example/a.wav"),)),
        Message(role="user", content=(MediaPart(kind="file", url="https://x.example/a.pdf"),)),
        Message(role="tool", tool_call_id="c", content=(MediaPart(kind="image", url="https://x.example/a.png"),)),
    ],
)
def test_media_without_a_place_is_refused(message: Message) -> None:
    """Media the wire has no form for is refused, not dropped."""
    with pytest.raises(UnsupportedParameterError):
        _message(message)


def test_tool_calls_in_history() -> None:
    """An assistant turn with tool calls carries them, and no empty content beside them."""
    call = ToolCall(id="c1", name="weather", arguments='{"city": "Oslo"}')
    bare = ToolCall(id="c2", name="clock", arguments="")

    written = _message(Message(role="assistant", content="", tool_calls=(call, bare)))

    assert written == {
        "role": "assistant",
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}},
            {"id": "c2", "type": "function", "function": {"name": "clock", "arguments": "{}"}},
        ],
    }


def test_assistant_turn_without_text_or_calls_keeps_its_content() -> None:
    """A turn needs one of the two, so an empty text is sent when there is nothing else."""
    assert _message(Message(role="assistant", content="")) == {"role": "assistant", "content": ""}


def test_reasoning_goes_back_only_where_wanted() -> None:
    """Reasoning is left out of the history unless the server has a field for it."""
    turn = Message(role="assistant", content=(ReasoningPart(text="hm"), TextPart(text="4")))

    assert _message(turn) == {"role": "assistant", "content": [{"type": "text", "text": "4"}]}
    assert _message(turn, ChatQuirks(reasoning_field="reasoning_content"))["reasoning_content"] == "hm"


def test_tool_results() -> None:
    """A tool result names its call; the tool's own name only where a server takes it."""
    result = Message(role="tool", tool_call_id="c1", content="12 degrees", name="weather", is_error=True)
    plain = {"role": "tool", "tool_call_id": "c1", "content": "12 degrees"}

    assert _message(result) == plain
    assert _message(result, ChatQuirks(tool_message_name=True)) == {**plain, "name": "weather"}


def test_tool_result_without_a_call_is_refused() -> None:
    """A result that answers no call is refused before the server does."""
    with pytest.raises(InvalidRequestError, match="tool_call_id"):
        _message(Message(role="tool", content="x"))


def test_cache_hints_become_the_servers_marker() -> None:
    """A part that asks for caching carries the server's marker, and nothing where caching is automatic."""
    message = Message(role="user", content=(TextPart(text="long", cache=True),))
    marked = _message(message, ChatQuirks(cache_marker={"cache_control": {"type": "ephemeral"}}))

    assert _message(message)["content"] == [{"type": "text", "text": "long"}]
    assert marked["content"][0]["cache_control"] == {"type": "ephemeral"}


def test_tools() -> None:
    """Tools go out as functions, each with only what is set."""
    assert _write(tools=(WEATHER, CLOCK))["tools"] == [
        {
            "type": "function",
            "function": {"name": "weather", "description": "Look it up", "parameters": {"type": "object"}},
        },
        {"type": "function", "function": {"name": "clock", "strict": True}},
    ]


ALLOWED = [{"type": "function", "function": {"name": name}} for name in ("weather", "clock")]


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        (ToolChoice(), "auto"),
        (ToolChoice(mode="none", names=("weather",)), "none"),
        (ToolChoice(mode="required"), "required"),
        (ToolChoice(mode="required", names=("clock",)), {"type": "function", "function": {"name": "clock"}}),
        (
            ToolChoice(mode="auto", names=("weather", "clock")),
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": ALLOWED}},
        ),
    ],
)
def test_tool_choice(choice: ToolChoice, written: object) -> None:
    """Auto, none, required, one tool and a subset each have their form."""
    assert _write(tools=(WEATHER, CLOCK), tool_choice=choice)["tool_choice"] == written


def test_subset_without_allowed_tools() -> None:
    """A server that knows no subset gets only the tools of it."""
    choice = ToolChoice(mode="auto", names=("clock",))

    body = _write(ChatQuirks(allowed_tools=False), tools=(WEATHER, CLOCK), tool_choice=choice)

    assert [tool["function"]["name"] for tool in body["tools"]] == ["clock"]
    assert body["tool_choice"] == "auto"


def test_choice_without_tools() -> None:
    """Without tools a choice is left out, since servers refuse it; asking for a tool then is an error."""
    assert "tool_choice" not in _write(tool_choice=ToolChoice(mode="none"))
    with pytest.raises(InvalidRequestError):
        _write(tool_choice=ToolChoice(mode="required"))


def test_parallel_tool_calls() -> None:
    """It is sent beside tools, and also where no choice among them is made."""
    assert _write(tools=(CLOCK,), parallel_tool_calls=False)["parallel_tool_calls"] is False


def test_response_formats() -> None:
    """Any JSON object, or one by a schema."""
    schema = {"type": "object", "properties": {}}

    assert _write(response_format=ResponseFormat())["response_format"] == {"type": "json_object"}
    assert _write(response_format=ResponseFormat(schema=schema, name="city"))["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "city", "schema": schema, "strict": True},
    }


def test_extra_body_comes_last() -> None:
    """What is newer than the gateway can be sent, and wins."""
    assert _write(temperature=1.0, extra_body={"temperature": 0, "new": [1]}).items() >= {"temperature": 0}.items()
    assert _write(extra_body={"new": [1]})["new"] == [1]


def test_request_line_and_headers() -> None:
    """Path, query, key and extra headers are where they belong; the key only as a secret."""
    dialect = OpenAIChatDialect(
        base_url="https://api.example/v1/",
        api_key=Secret("sk-1234567890"),
        headers={"OpenAI-Project": "p"},
        quirks=ChatQuirks(query="api-version=1"),
    )
    request = GenerateRequest(model="m", messages=(USER,), extra_headers={"X-Extra": "1", "Accept": "text/plain"})

    wire = dialect.encode_generate(request, stream=True)

    assert wire.url == "https://api.example/v1/chat/completions?api-version=1"
    assert dict(wire.headers) == {
        "content-type": "application/json", "openai-project": "p", "x-extra": "1", "accept": "text/plain",
    }  # fmt: skip
    assert [(name, secret.reveal()) for name, secret in wire.secret_headers] == [
        ("authorization", "Bearer sk-1234567890")
    ]


def test_extra_headers_cannot_carry_a_key() -> None:
    """The header of the key is not set as plain text beside it."""
    dialect = OpenAIChatDialect(base_url="https://api.example/v1", api_key=Secret("sk-1234567890"))
    request = GenerateRequest(model="m", messages=(USER,), extra_headers={"Authorization": "Bearer other"})

    with pytest.raises(InvalidRequestError, match="api_key"):
        dialect.encode_generate(request, stream=False)


@pytest.mark.parametrize("odd", ["\ud800", {1, 2}, object()])
def test_what_is_no_json_is_an_invalid_request(odd: object) -> None:
    """A lone surrogate, or an object JSON does not know, is refused with a typed error."""
    with pytest.raises(InvalidRequestError, match="JSON"):
        _write(extra_body={"x": odd})
