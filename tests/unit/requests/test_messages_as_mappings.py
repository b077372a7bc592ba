"""Messages, tools and formats given as plain mappings, in the shape OpenAI made common."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from litellm_gateway.errors import InvalidRequestError
from litellm_gateway.messages import MediaPart, Message, ResponseFormat, TextPart, Tool, ToolCall, ToolChoice
from litellm_gateway.request_builder import build_generate

PIXEL = base64.b64encode(b"not really a png").decode()


def one(message: dict[str, Any]) -> Message:
    return build_generate(None, {"messages": [message]}).messages[0]


def test_a_conversation_keeps_roles_and_order() -> None:
    """System, user, assistant and tool turns come through as they are."""
    request = build_generate(
        None,
        {
            "messages": [
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": "weather?"},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {"id": "c1", "type": "function", "function": {"name": "w", "arguments": '{"city":"Paris"}'}}
                    ],
                },
                {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
            ]
        },
    )

    assert [message.role for message in request.messages] == ["system", "user", "assistant", "tool"]
    assert request.messages[2].tool_calls == (ToolCall(id="c1", name="w", arguments='{"city":"Paris"}'),)
    assert request.messages[2].tool_calls[0].parse() == {"city": "Paris"}
    assert request.messages[3].tool_call_id == "c1"


def test_system_goes_before_the_prompt() -> None:
    """``system=`` is the first message."""
    request = build_generate("hi", {"system": "be brief"})

    assert request.messages == (Message(role="system", content="be brief"), Message(role="user", content="hi"))


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"type": "text", "text": "hi"}, TextPart(text="hi")),
        ({"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}, TextPart(text="hi", cache=True)),
        (
            {"type": "image_url", "image_url": {"url": "https://x.example/a.png", "detail": "low"}},
            MediaPart(kind="image", url="https://x.example/a.png", detail="low"),
        ),
        (
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
            MediaPart(kind="image", data=b"not really a png", media_type="image/png"),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": PIXEL, "format": "wav"}},
            MediaPart(kind="audio", data=b"not really a png", media_type="audio/wav"),
        ),
        (
            {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PIXEL}", "filename": "a.pdf"}},
            MediaPart(kind="file", data=b"not really a png", media_type="application/pdf", filename="a.pdf"),
        ),
        ("bare", TextPart(text="bare")),
    ],
)
def test_parts_of_every_kind_are_read(part: Any, expected: object) -> None:
    """Text, image, audio and file parts become typed parts."""
    assert one({"role": "user", "content": [part]}).parts == (expected,)


@pytest.mark.parametrize(
    ("message", "where"),
    [
        ("hi", "messages[0]"),
        ({"role": "user", "content": 5}, "messages[0].content"),
        ({"role": "user", "content": [{"type": "video"}]}, "messages[0].content[0].type"),
        ({"role": "user", "content": [{"type": "image_url", "image_url": 5}]}, "messages[0].content[0].image_url"),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": "data:image/png;base64,!!"}]},
            "messages[0].content[0]",
        ),
        ({"role": "user", "content": [{"type": "input_audio"}]}, "messages[0].content[0].input_audio"),
        ({"role": "tool", "content": "x"}, "messages[0].tool_call_id"),
        ({"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}, "messages[0].tool_calls[0].id"),
        ({"role": "assistant", "tool_calls": ["f"]}, "messages[0].tool_calls[0]"),
    ],
)
def test_a_wrong_message_is_named_by_its_place(message: Any, where: str) -> None:
    """The error leads to the part that is wrong."""
    with pytest.raises(InvalidRequestError) as caught:
        one(message)

    assert where in caught.value.message


def test_a_part_needs_exactly_one_source() -> None:
    """A media part by url and by data at once, or by neither, is refused, and data without its type too."""
    for fields in ({}, {"url": "https://x.example", "data": b"x", "media_type": "image/png"}, {"data": b"x"}):
        with pytest.raises(InvalidRequestError):
            MediaPart(kind="image", **fields)  # type: ignore[arg-type]


def test_tools_come_flat_or_wrapped() -> None:
    """Both common shapes of a tool are read, and so is a typed one."""
    schema = {"type": "object", "properties": {}}
    request = build_generate(
        "hi",
        {
            "tools": [
                {"type": "function", "function": {"name": "a", "description": "A", "parameters": schema}},
                {"name": "b"},
                Tool(name="c"),
            ]
        },
    )

    assert [tool.name for tool in request.tools] == ["a", "b", "c"]
    assert request.tools[0].parameters == schema


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("auto", ToolChoice(mode="auto")),
        ("required", ToolChoice(mode="required")),
        ("get_weather", ToolChoice(mode="required", names=("get_weather",))),
        ({"type": "function", "function": {"name": "f"}}, ToolChoice(mode="required", names=("f",))),
        (ToolChoice(mode="none"), ToolChoice(mode="none")),
    ],
)
def test_tool_choice_is_read_in_every_form(given: Any, expected: ToolChoice) -> None:
    """A word, a name, OpenAI's mapping, or the typed form."""
    assert build_generate("hi", {"tool_choice": given}).tool_choice == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"type": "json_object"}, ResponseFormat()),
        ({"type": "object", "properties": {}}, ResponseFormat(schema={"type": "object", "properties": {}})),
        (
            {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": False}},
            ResponseFormat(schema={"type": "object"}, name="n", strict=False),
        ),
    ],
)
def test_response_format_is_read_in_every_form(given: Any, expected: ResponseFormat) -> None:
    """Any JSON, a bare schema, or OpenAI's wrapping."""
    assert build_generate("hi", {"response_format": given}).response_format == expected


def test_stop_may_be_one_text() -> None:
    """A single stop text is a list of one."""
    assert build_generate("hi", {"stop": "END"}).stop == ("END",)


def test_no_prompt_shows_in_a_requests_repr() -> None:
    """What people ask stays out of logs and tracebacks."""
    assert "CANARY" not in repr(build_generate("CANARY", {}))
