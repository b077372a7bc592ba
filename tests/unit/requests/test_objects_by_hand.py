"""Messages, parts, tools and formats made by hand hold what their fields promise, or are refused by name."""

from __future__ import annotations

from typing import Any

import pytest
from litellm_gateway import GenerateResponse, InvalidRequestError, create_gateway
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

WRONG: tuple[Any, ...] = (5, 1.5, ["x"], b"x", {1: 2}, object())
FILE = {"kind": "file", "url": "https://example.com/a.pdf"}
FIELDS: dict[str, Any] = {
    "content[0].text": lambda value: _user(TextPart(text=value)),
    "content[0].cache": lambda value: _user(TextPart(text="x", cache=value)),
    "content[0].signature": lambda value: _user(TextPart(text="x", signature=value)),
    "content[0].kind": lambda value: _user(MediaPart(kind=value, url="https://example.com/a.pdf")),
    "content[0].filename": lambda value: _user(MediaPart(**FILE, filename=value)),
    "content[0].detail": lambda value: _user(MediaPart(**FILE, detail=value)),
    "content[0].media_type": lambda value: _user(MediaPart(**FILE, media_type=value)),
    "tool_calls[0].id": lambda value: _assistant(ToolCall(id=value, name="x")),
    "tool_calls[0].name": lambda value: _assistant(ToolCall(id="1", name=value)),
    "tool_calls[0].arguments": lambda value: _assistant(ToolCall(id="1", name="x", arguments=value)),
    "tool_calls[0]": lambda value: Message(role="assistant", tool_calls=(value,)),
    "name": lambda value: Message(role="user", content="x", name=value),
    "tool_call_id": lambda value: Message(role="tool", content="x", tool_call_id=value),
    "is_error": lambda value: Message(role="tool", content="x", tool_call_id="1", is_error=value),
}


def _user(part: Any) -> Message:
    return Message(role="user", content=(part,))


def _assistant(call: ToolCall) -> Message:
    return Message(role="assistant", tool_calls=(call,))


def ask(**options: Any) -> GenerateResponse:
    with create_gateway(provider="echo") as gateway:
        return gateway.generate(**options)


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_of_a_message_that_holds_something_else_is_named(field: str) -> None:
    """Whatever it holds: a number, a list, bytes, a mapping, an object."""
    for value in WRONG:
        with pytest.raises(InvalidRequestError) as caught:
            ask(messages=[FIELDS[field](value)])

        assert f"messages[0].{field} must be" in caught.value.message
        assert caught.value.parameter == "messages"


@pytest.mark.parametrize("value", [5, "x", ["x"], b"x"])
@pytest.mark.parametrize(
    "part", [lambda value: MediaPart(**FILE, options=value), lambda value: ReasoningPart(text="", extra=value)]
)
def test_further_fields_are_mappings(part: Any, value: Any) -> None:
    """The provider's own fields of a part are a mapping or None."""
    with pytest.raises(InvalidRequestError, match=r"content\[0\]\.(options|extra) must be Mapping or None"):
        ask(messages=[_user(part(value))])


def test_data_is_bytes() -> None:
    """Text is no data: nobody knows in which encoding it should be sent."""
    with pytest.raises(InvalidRequestError, match=r"content\[0\]\.data must be bytes or None, not str"):
        ask(messages=[_user(MediaPart(kind="image", data="AAAA", media_type="image/png"))])  # type: ignore[arg-type]


def test_a_filename_in_a_mapping_is_text() -> None:
    """The same holds for messages given as plain mappings."""
    file = {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": [None]}}

    with pytest.raises(InvalidRequestError, match=r"content\[0\]\.filename must be a string, not list"):
        ask(messages=[{"role": "user", "content": [file]}])


@pytest.mark.parametrize(
    ("options", "parameter"),
    [
        ({"tool_choice": ToolChoice(mode="always")}, "tool_choice.mode"),  # type: ignore[arg-type]
        ({"tool_choice": ToolChoice(names=(5,))}, "tool_choice.names[0]"),  # type: ignore[arg-type]
        ({"tool_choice": ToolChoice(names="x")}, "tool_choice.names"),  # type: ignore[arg-type]
        ({"response_format": ResponseFormat(schema={}, name=5)}, "response_format.name"),  # type: ignore[arg-type]
        ({"response_format": ResponseFormat(schema={}, strict=1)}, "response_format.strict"),  # type: ignore[arg-type]
        (
            {"response_format": ResponseFormat(schema={}, description=5)},  # type: ignore[arg-type]
            "response_format.description",
        ),
    ],
)
def test_a_choice_and_a_format_say_what_is_wrong_with_them(options: dict[str, Any], parameter: str) -> None:
    """Before anything is sent, by the name of the field."""
    with pytest.raises(InvalidRequestError) as caught:
        ask(prompt="x", tools=[Tool(name="x")], **options)

    assert caught.value.parameter == parameter
