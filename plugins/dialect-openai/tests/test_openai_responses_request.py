"""Responses requests are written as OpenAI documents them, and play back what an answer left."""

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
from litellm_gateway.wire import WireResponse
from litellm_gateway_dialect_openai import ChatQuirks, OpenAIDialect

USER = Message(role="user", content="Hello")
WEATHER = Tool(name="weather", description="Look it up", parameters={"type": "object", "properties": {}}, strict=True)
CLOCK = Tool(name="clock")
REASONS = ChatQuirks(encrypted_reasoning="o3", minimum_output_tokens=16, user_field="safety_identifier")


def _dialect(quirks: ChatQuirks | None = None, **options: Any) -> OpenAIDialect:
    return OpenAIDialect(
        base_url="https://api.example/v1",
        api_key=Secret("sk-test"),
        quirks=quirks,
        wants_responses=lambda _: True,
        **options,
    )


def _write(quirks: ChatQuirks | None = None, *, stream: bool = False, **fields: Any) -> dict[str, Any]:
    request = GenerateRequest(**{"model": "m", "messages": (USER,), **fields})
    body: dict[str, Any] = json.loads(_dialect(quirks).encode_generate(request, stream=stream).body)
    return body


def _items(*messages: Message) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = _write(messages=messages)["input"]
    return items


def test_a_plain_request() -> None:
    """It holds model and input, and asks the server to keep nothing."""
    assert _write() == {"model": "m", "input": [{"role": "user", "content": "Hello"}], "store": False}
    assert _write(stream=True)["stream"] is True


def test_where_it_goes() -> None:
    """The path is that of the Responses API, the key in its header."""
    wire = _dialect().encode_generate(GenerateRequest(model="m", messages=(USER,)), stream=False)

    assert wire.url == "https://api.example/v1/responses"
    assert [(name, value.reveal()) for name, value in wire.secret_headers] == [("authorization", "Bearer sk-test")]


def test_fields() -> None:
    """Every field the API has goes out under its name."""
    body = _write(
        REASONS,
        max_tokens=99,
        temperature=0.0,
        top_p=0.5,
        user="customer-7",
        reasoning_effort="low",
        parallel_tool_calls=False,
        tools=(CLOCK,),
        top_logprobs=2,
    )

    assert (
        body.items()
        >= {
            "max_output_tokens": 99,
            "temperature": 0.0,
            "top_p": 0.5,
            "safety_identifier": "customer-7",
            "parallel_tool_calls": False,
            "top_logprobs": 2,
        }.items()
    )
    assert body["reasoning"] == {"effort": "low"}
    assert body["include"] == ["message.output_text.logprobs"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("top_k", 1), ("stop", ("x",)), ("seed", 1), ("presence_penalty", 1.0), ("reasoning_budget", 99), ("n", 2)],
)
def test_what_the_api_cannot_say(field: str, value: Any) -> None:
    """A parameter without a place is refused by name."""
    with pytest.raises(UnsupportedParameterError) as caught:
        _write(**{field: value})

    assert caught.value.parameter == field


def test_too_few_tokens() -> None:
    """OpenAI takes no less than 16 tokens: said before it is sent."""
    with pytest.raises(InvalidRequestError, match="at least 16"):
        _write(REASONS, max_tokens=15)

    assert _write(max_tokens=15)["max_output_tokens"] == 15


def test_reasoning_is_asked_for_where_there_is_some() -> None:
    """A model that reasons hands it over encrypted, unless the caller has the answer stored."""
    assert _write(REASONS, model="o3")["include"] == ["reasoning.encrypted_content"]
    assert "include" not in _write(REASONS, model="gpt-4o")
    assert "include" not in _write(REASONS, model="o3", extra_body={"store": True})


def test_a_summary_is_asked_for() -> None:
    """A dialect told so asks reasoning models for a summary, beside the effort."""
    request = GenerateRequest(model="o3", messages=(USER,), reasoning_effort="high")

    wire = _dialect(REASONS, reasoning_summary="detailed").encode_generate(request, stream=False)

    assert json.loads(wire.body)["reasoning"] == {"effort": "high", "summary": "detailed"}


def test_tools_are_flat_and_say_whether_they_are_strict() -> None:
    """Left out, strict would mean true here: a tool stays what it is in chat completions."""
    body = _write(tools=(WEATHER, CLOCK))

    assert body["tools"] == [
        {
            "type": "function",
            "name": "weather",
            "description": "Look it up",
            "parameters": {"type": "object", "properties": {}},
            "strict": True,
        },
        {"type": "function", "name": "clock", "parameters": {"type": "object", "properties": {}}, "strict": False},
    ]


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        (ToolChoice(mode="required"), "required"),
        (ToolChoice(mode="none"), "none"),
        (ToolChoice(mode="required", names=("clock",)), {"type": "function", "name": "clock"}),
        (
            ToolChoice(mode="auto", names=("clock", "weather")),
            {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "clock"}, {"type": "function", "name": "weather"}],
            },
        ),
    ],
)
def test_tool_choice(choice: ToolChoice, written: Any) -> None:
    """One tool, several, any or none."""
    assert _write(tools=(WEATHER, CLOCK), tool_choice=choice)["tool_choice"] == written


def test_a_required_tool_that_is_not_there() -> None:
    """Asking for a tool without giving one is refused before it is sent."""
    with pytest.raises(InvalidRequestError, match="no such tool"):
        _write(tool_choice=ToolChoice(mode="required"))


def test_own_tools_of_the_server_go_beside_functions() -> None:
    """Extra fields add to what is there and fill it up."""
    body = _write(
        tools=(CLOCK,),
        response_format=ResponseFormat(),
        extra_body={"tools": [{"type": "web_search"}], "text": {"verbosity": "low"}, "truncation": "auto"},
    )

    assert [tool["type"] for tool in body["tools"]] == ["function", "web_search"]
    assert body["text"] == {"format": {"type": "json_object"}, "verbosity": "low"}
    assert body["truncation"] == "auto"


def test_a_schema_for_the_answer() -> None:
    """The format stands under text, not wrapped again."""
    wanted = ResponseFormat(schema={"type": "object"}, name="person", description="Who")

    assert _write(response_format=wanted)["text"] == {
        "format": {
            "type": "json_schema",
            "name": "person",
            "schema": {"type": "object"},
            "strict": True,
            "description": "Who",
        }
    }


def test_media() -> None:
    """Images and files go by URL, by data and by the id of an uploaded file."""
    content = (
        TextPart(text="Look"),
        TextPart(text=""),
        MediaPart(kind="image", url="https://x.example/a.png", detail="low"),
        MediaPart(kind="image", data=b"\x89PNG", media_type="image/png"),
        MediaPart(kind="file", url="https://x.example/a.pdf"),
        MediaPart(kind="file", url="file-1"),
        MediaPart(kind="file", data=b"%PDF", media_type="application/pdf"),
    )

    [item] = _items(Message(role="user", content=content))

    assert item["content"] == [
        {"type": "input_text", "text": "Look"},
        {"type": "input_image", "image_url": "https://x.example/a.png", "detail": "low"},
        {"type": "input_image", "image_url": "data:image/png;base64,iVBORw=="},
        {"type": "input_file", "file_url": "https://x.example/a.pdf"},
        {"type": "input_file", "file_id": "file-1"},
        {"type": "input_file", "filename": "file.pdf", "file_data": "data:application/pdf;base64,JVBERg=="},
    ]


def test_audio_has_no_place() -> None:
    """It is refused, with what to do instead."""
    with pytest.raises(UnsupportedParameterError, match="api='chat'"):
        _items(Message(role="user", content=(MediaPart(kind="audio", data=b"x", media_type="audio/wav"),)))


def test_calls_and_their_outputs() -> None:
    """A call and its output name each other by call_id; an output may hold an image."""
    chart = MediaPart(kind="image", url="https://x.example/a.png")
    items = _items(
        Message(role="assistant", content="One moment", tool_calls=(ToolCall(id="call_1", name="clock"),)),
        Message(role="tool", tool_call_id="call_1", content="noon"),
        Message(role="tool", tool_call_id="call_2", content=(TextPart(text="see"), chart)),
    )

    assert items == [
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "One moment"}]},
        {"type": "function_call", "call_id": "call_1", "name": "clock", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "noon"},
        {
            "type": "function_call_output",
            "call_id": "call_2",
            "output": [
                {"type": "input_text", "text": "see"},
                {"type": "input_image", "image_url": "https://x.example/a.png"},
            ],
        },
    ]


def test_calls_of_custom_tools_go_back_as_such() -> None:
    """A call with free text, and its output, keep their own item types."""
    call = ToolCall(id="call_1", name="patch", arguments="*** Begin", signature="ctc_1")

    items = _items(
        Message(role="assistant", tool_calls=(call,)), Message(role="tool", tool_call_id="call_1", content="ok")
    )

    assert items == [
        {"type": "custom_tool_call", "call_id": "call_1", "name": "patch", "input": "*** Begin"},
        {"type": "custom_tool_call_output", "call_id": "call_1", "output": "ok"},
    ]


def test_an_answer_goes_back_in_its_order() -> None:
    """Reasoning, a server's own tool and calls read from an answer are written again in the order they came."""
    output = [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "AAA", "status": "completed"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}},
        {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "Wait", "annotations": []}]},
        {"type": "reasoning", "id": "rs_2", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "clock", "arguments": "{}"},
        {"type": "function_call", "call_id": "call_2", "name": "clock", "arguments": "{}", "namespace": "n"},
    ]
    body = json.dumps({"id": "resp_1", "status": "completed", "model": "o3", "output": output}).encode()
    request = GenerateRequest(model="o3", messages=(USER,))
    answer = _dialect().decode_generate(request, WireResponse(status=200, headers={}, body=body))

    items = _items(
        Message(role="assistant", content=(*answer.reasoning, TextPart(text=answer.text)), tool_calls=answer.tool_calls)
    )

    assert items == [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "AAA"},
        output[1],
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Wait"}]},
        {"type": "reasoning", "id": "rs_2", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "function_call", "call_id": "call_1", "name": "clock", "arguments": "{}"},
        {"type": "function_call", "call_id": "call_2", "name": "clock", "arguments": "{}", "namespace": "n"},
    ]


def test_reasoning_of_others_stays_behind() -> None:
    """Another provider's reasoning means nothing here and is left out."""
    foreign = ReasoningPart(text="hm", signature="sig")

    assert _items(Message(role="assistant", content=(foreign, TextPart(text="Hi")))) == [
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}
    ]


def test_cache_hints_go_to_models_that_take_them() -> None:
    """The marker stands on the part, and only for models that know it."""
    quirks = ChatQuirks(cache_marker={"prompt_cache_breakpoint": {"mode": "explicit"}}, cache_models="gpt-5.6")
    message = Message(role="user", content=(TextPart(text="long", cache=True),))

    def marked(model: str) -> bool:
        [item] = _write(quirks, model=model, messages=(message,))["input"]
        return "prompt_cache_breakpoint" in item["content"][0]

    assert marked("gpt-5.6-sol")
    assert not marked("gpt-4o")
