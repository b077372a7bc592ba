"""What a chat request looks like at Cohere."""

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
from litellm_gateway_provider_cohere.dialect import CohereDialect

DIALECT = CohereDialect(base_url="https://api.cohere.com", api_key=Secret("co-0123456789abcdef"))
WEATHER = Tool(name="weather", description="Tell the weather", parameters={"type": "object", "properties": {}})
CLOCK = Tool(name="clock")


def body_of(*messages: Message, stream: bool = False, **fields: Any) -> dict[str, Any]:
    said = messages or (Message(role="user", content="Hello"),)
    request = GenerateRequest(model="command-a-03-2025", messages=said, **fields)
    body: dict[str, Any] = json.loads(DIALECT.encode_generate(request, stream=stream).body)
    return body


def test_a_plain_request() -> None:
    """Only what is set is sent."""
    assert body_of() == {
        "model": "command-a-03-2025",
        "messages": [{"role": "user", "content": "Hello"}],
        "stream": False,
    }


def test_sampling_has_cohere_s_names() -> None:
    """Every sampling parameter goes into its field."""
    body = body_of(
        max_tokens=9, temperature=0.3, top_p=0.9, top_k=40, stop=("END",), seed=7, frequency_penalty=0.1, logprobs=True
    )

    del body["model"], body["messages"], body["stream"]
    assert body == {
        "max_tokens": 9, "temperature": 0.3, "p": 0.9, "k": 40, "stop_sequences": ["END"], "seed": 7,
        "frequency_penalty": 0.1, "logprobs": True,
    }  # fmt: skip


def test_streams_are_asked_for() -> None:
    """A stream is asked for by a field and a header."""
    request = GenerateRequest(model="m", messages=(Message(role="user", content="Hi"),))

    wire = DIALECT.encode_generate(request, stream=True)

    assert json.loads(wire.body)["stream"] is True
    assert ("accept", "text/event-stream") in wire.headers


def test_roles() -> None:
    """Developer messages are system messages here."""
    body = body_of(Message(role="developer", content="Be brief"), Message(role="user", content="Hi"))

    assert body["messages"][0] == {"role": "system", "content": "Be brief"}


def test_images() -> None:
    """An image goes by URL or as a data: URL, with its detail."""
    body = body_of(
        Message(
            role="user",
            content=(
                TextPart(text="What is it?"),
                MediaPart(kind="image", url="https://example.com/a.png", detail="low"),
                MediaPart(kind="image", data=b"abc", media_type="image/png"),
            ),
        )
    )

    assert body["messages"][0]["content"] == [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,YWJj"}},
    ]


def test_documents_stand_beside_the_messages() -> None:
    """Text files and JSON objects become documents; a message of them alone is left out."""
    body = body_of(
        Message(
            role="user",
            content=(
                MediaPart(
                    kind="file", data=b"Ruby is red", media_type="text/plain", filename="r.txt", options={"id": "d1"}
                ),
                MediaPart(kind="file", data=b'{"snippet": "x"}', media_type="application/json"),
            ),
        ),
        Message(role="user", content="Which colour?"),
    )

    assert body["documents"] == [
        {"data": {"title": "r.txt", "text": "Ruby is red"}, "id": "d1"},
        {"data": {"snippet": "x"}},
    ]
    assert body["messages"] == [{"role": "user", "content": "Which colour?"}]


@pytest.mark.parametrize(
    "part",
    [
        MediaPart(kind="file", data=b"%PDF", media_type="application/pdf"),
        MediaPart(kind="file", url="https://example.com/a.txt"),
        MediaPart(kind="audio", data=b"x", media_type="audio/wav"),
    ],
    ids=["pdf", "url", "audio"],
)
def test_what_cohere_does_not_read_is_refused(part: MediaPart) -> None:
    """Documents must be text, and audio is not taken; the error says so before anything is sent."""
    with pytest.raises(UnsupportedParameterError, match="text"):
        body_of(Message(role="user", content=(part,)))


def test_a_document_must_be_what_it_says() -> None:
    """Bytes that are no text are the caller's mistake."""
    with pytest.raises(InvalidRequestError, match="text/plain"):
        body_of(Message(role="user", content=(MediaPart(kind="file", data=b"\xff\xfe\x00", media_type="text/plain"),)))


def test_a_turn_with_tools_goes_back_as_it_came() -> None:
    """Tool plan, thinking, calls and results have their own places."""
    body = body_of(
        Message(role="user", content="Weather?"),
        Message(
            role="assistant",
            content=(
                ReasoningPart(text="I will ask.", extra={"cohere": "tool_plan"}),
                ReasoningPart(text="Hm.", extra={"cohere": "thinking"}),
                TextPart(text="One moment."),
            ),
            tool_calls=(ToolCall(id="c1", name="weather", arguments='{"city": "Oslo"}'),),
        ),
        Message(role="tool", tool_call_id="c1", content="rain", is_error=True),
    )

    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "One moment."}],
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
            ],
            "tool_plan": "I will ask.",
        },
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
    ]


def test_empty_content_beside_calls_is_left_out() -> None:
    """A turn of calls alone has no content."""
    body = body_of(Message(role="assistant", tool_calls=(ToolCall(id="c1", name="weather"),)))

    assert "content" not in body["messages"][0]


def test_tool_results_may_be_documents() -> None:
    """A result's parts are text or documents; an image is refused."""
    document = MediaPart(kind="file", data=b'{"output": "5"}', media_type="application/json")
    body = body_of(Message(role="tool", tool_call_id="c1", content=(TextPart(text="see"), document)))
    image = MediaPart(kind="image", url="https://example.com/a.png")

    assert body["messages"][0]["content"] == [
        {"type": "text", "text": "see"},
        {"type": "document", "document": {"data": {"output": "5"}}},
    ]
    with pytest.raises(UnsupportedParameterError, match="documents"):
        body_of(Message(role="tool", tool_call_id="c1", content=(image,)))


def test_tools() -> None:
    """Tools have Cohere's form; a tool without parameters gets an empty schema, strictness counts for all."""
    body = body_of(tools=(WEATHER, Tool(name="clock", strict=True)))

    assert body["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "weather",
                "description": "Tell the weather",
                "parameters": {"type": "object", "properties": {}},
            },
        },
        {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}},
    ]
    assert body["strict_tools"] is True


@pytest.mark.parametrize(
    ("choice", "said", "sent"),
    [
        (ToolChoice(), None, ["weather", "clock"]),
        (ToolChoice(mode="none"), "NONE", ["weather", "clock"]),
        (ToolChoice(mode="required"), "REQUIRED", ["weather", "clock"]),
        (ToolChoice(mode="required", names=("clock",)), "REQUIRED", ["clock"]),
        (ToolChoice(mode="auto", names=("clock",)), None, ["clock"]),
    ],
)
def test_tool_choice(choice: ToolChoice, said: str | None, sent: list[str]) -> None:
    """Auto is said by saying nothing, and a named tool by sending only that one."""
    body = body_of(tools=(WEATHER, CLOCK), tool_choice=choice)

    assert body.get("tool_choice") == said
    assert [tool["function"]["name"] for tool in body["tools"]] == sent


def test_a_choice_of_a_tool_that_is_not_there() -> None:
    """Requiring a tool that was not given is refused before it is sent."""
    with pytest.raises(InvalidRequestError, match="no such tool"):
        body_of(tools=(WEATHER,), tool_choice=ToolChoice(mode="required", names=("clock",)))


def test_json_by_schema() -> None:
    """A schema goes below json_object; without one any object will do."""
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}

    shaped, free = body_of(response_format=ResponseFormat(schema=schema)), body_of(response_format=ResponseFormat())

    assert shaped["response_format"] == {"type": "json_object", "json_schema": schema}
    assert free["response_format"] == {"type": "json_object"}


def test_json_by_schema_not_with_tools() -> None:
    """Cohere does not take both; the error names what to leave out."""
    with pytest.raises(UnsupportedParameterError, match="tools") as caught:
        body_of(tools=(WEATHER,), response_format=ResponseFormat())

    assert caught.value.parameter == "response_format"


@pytest.mark.parametrize(
    ("fields", "thinking"),
    [
        ({"reasoning_effort": "none"}, {"type": "disabled"}),
        ({"reasoning_effort": "high"}, {"type": "enabled"}),
        ({"reasoning_effort": "low", "reasoning_budget": 500}, {"type": "enabled", "token_budget": 500}),
        ({"reasoning_budget": 0}, {"type": "disabled"}),
    ],
)
def test_thinking(fields: dict[str, Any], thinking: dict[str, Any]) -> None:
    """Effort turns thinking on or off; only a budget says how much."""
    assert body_of(**fields)["thinking"] == thinking


@pytest.mark.parametrize(
    ("name", "value"), [("n", 2), ("top_logprobs", 3), ("user", "u1"), ("parallel_tool_calls", False)]
)
def test_what_has_no_field_is_refused(name: str, value: Any) -> None:
    """The error names the parameter."""
    with pytest.raises(UnsupportedParameterError) as caught:
        body_of(**{name: value})

    assert caught.value.parameter == name


def test_extra_fields_win() -> None:
    """What is newer than the gateway goes in as it is."""
    body = body_of(extra_body={"safety_mode": "STRICT", "temperature": 0.5}, temperature=0.1)

    assert (body["safety_mode"], body["temperature"]) == ("STRICT", 0.5)


def test_extra_documents_stand_beside_those_of_the_messages() -> None:
    """Documents given both ways are all sent."""
    part = MediaPart(kind="file", data=b"a", media_type="text/plain")

    body = body_of(Message(role="user", content=(part,)), extra_body={"documents": ["b"]})

    assert body["documents"] == [{"data": {"text": "a"}}, "b"]


def test_the_key_s_header_cannot_be_replaced() -> None:
    """Extra headers go along, but never in place of the key."""
    request = GenerateRequest(model="m", messages=(Message(role="user", content="Hi"),), extra_headers={"X-A": "1"})

    wire = DIALECT.encode_generate(request, stream=False)

    assert ("x-a", "1") in wire.headers
    assert [name for name, _ in wire.secret_headers] == ["authorization"]
    with pytest.raises(InvalidRequestError, match="authorization"):
        DIALECT.encode_generate(
            GenerateRequest(model="m", messages=request.messages, extra_headers={"Authorization": "x"}), stream=False
        )
