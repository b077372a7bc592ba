"""What is asked of Claude, in its own words."""

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
from litellm_gateway_provider_anthropic.dialect import AnthropicDialect

HELLO = Message(role="user", content="Hello")
OLD, CURRENT = "claude-sonnet-4-5", "claude-sonnet-5-5"
WEATHER = Tool(name="weather", parameters={"type": "object", "properties": {"city": {"type": "string"}}})
CLOCK = Tool(name="clock", description="Tells the time", strict=True)


def _body(*messages: Message, model: str = CURRENT, stream: bool = False, **fields: Any) -> dict[str, Any]:
    request = GenerateRequest(model=model, messages=messages or (HELLO,), **fields)
    body: dict[str, Any] = json.loads(AnthropicDialect().encode_generate(request, stream=stream).body)
    return body


def _blocks(*messages: Message, **fields: Any) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = _body(*messages, **fields)["messages"][0]["content"]
    return blocks


def _user(*parts: TextPart | MediaPart | ReasoningPart) -> Message:
    return Message(role="user", content=parts)


def test_the_least_request() -> None:
    """A prompt alone gets the model, the turn and the most tokens the model gives."""
    assert _body() == {
        "model": CURRENT,
        "max_tokens": 128000,
        "messages": [{"role": "user", "content": "Hello"}],
    }


@pytest.mark.parametrize(
    ("model", "most"), [("claude-haiku-4-5-20251001", 64000), ("claude-3-haiku-20240307", 4096), ("claude-next", 4096)]
)
def test_max_tokens_default(model: str, most: int) -> None:
    """Max_tokens, which this wire requires, is what the model can give, 4096 for an unknown one."""
    assert _body(model=model)["max_tokens"] == most


def test_plain_parameters() -> None:
    """Stop texts, user, sampling and streaming have their places."""
    body = _body(
        model=OLD, stream=True, max_tokens=9, temperature=0.0, top_p=0.9, top_k=5, stop=("END",), user="customer-7"
    )

    assert body.items() >= {
        "stream": True, "max_tokens": 9, "temperature": 0.0, "top_p": 0.9, "top_k": 5, "stop_sequences": ["END"],
        "metadata": {"user_id": "customer-7"},
    }.items()  # fmt: skip


@pytest.mark.parametrize("name", ["seed", "presence_penalty", "frequency_penalty", "n", "logprobs", "top_logprobs"])
def test_parameters_claude_has_not(name: str) -> None:
    """What this wire can never say is refused by name."""
    fields: dict[str, Any] = {name: 1}

    with pytest.raises(UnsupportedParameterError) as caught:
        _body(**fields)

    assert caught.value.parameter == name


def test_system_goes_to_the_top() -> None:
    """One plain system prompt is a text; several, or a cached one, are blocks in order."""
    system, developer = Message(role="system", content="Be brief."), Message(role="developer", content="Be kind.")
    cached = Message(role="system", content=(TextPart(text="Long.", cache="1h"),))

    assert _body(system, HELLO)["system"] == "Be brief."
    assert [block["text"] for block in _body(system, developer, HELLO)["system"]] == ["Be brief.", "Be kind."]
    assert _body(cached, HELLO)["system"] == [
        {"type": "text", "text": "Long.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    ]


def test_later_system_messages() -> None:
    """A model that takes system messages among the turns gets them there, others at the top."""
    talk = (HELLO, Message(role="assistant", content="Hi"), Message(role="system", content="Be brief."), HELLO)

    current, old = _body(*talk), _body(*talk, model=OLD)

    assert [turn["role"] for turn in current["messages"]] == ["user", "assistant", "system", "user"]
    assert "system" not in current
    assert old["system"] == "Be brief."
    assert [turn["role"] for turn in old["messages"]] == ["user", "assistant", "user"]


def test_only_system_messages() -> None:
    """A request without anything to answer is refused here."""
    with pytest.raises(InvalidRequestError, match="at least one message"):
        _body(Message(role="system", content="Be brief."))


def test_messages_of_one_side_become_one_turn() -> None:
    """Tool results and user messages in a row are one turn, results first; empty texts are left out."""
    call = ToolCall(id="t1", name="weather", arguments='{"city":"Rome"}')
    turns = _body(
        HELLO,
        Message(role="assistant", content="", tool_calls=(call,)),
        Message(role="user", content="quick"),
        Message(role="tool", tool_call_id="t1", content="18 C"),
        Message(role="user", content=""),
    )["messages"]

    assert turns[1]["content"] == [{"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Rome"}}]
    assert turns[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "t1", "content": "18 C"},
        {"type": "text", "text": "quick"},
    ]


def test_tool_results() -> None:
    """A result may hold an image, be an error, be empty, and be cached as a whole."""
    image = MediaPart(kind="image", data=b"png", media_type="image/png")
    results = _blocks(
        Message(role="tool", tool_call_id="t1", content=(TextPart(text="see", cache=True), image)),
        Message(role="tool", tool_call_id="t2", content="no such city", is_error=True),
        Message(role="tool", tool_call_id="t3"),
    )

    assert results[0]["cache_control"] == {"type": "ephemeral"}
    assert results[0]["content"] == [
        {"type": "text", "text": "see"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "cG5n"}},
    ]
    assert results[1] == {"type": "tool_result", "tool_use_id": "t2", "content": "no such city", "is_error": True}
    assert results[2] == {"type": "tool_result", "tool_use_id": "t3"}


def test_a_tool_result_needs_its_call() -> None:
    """A result that names no call is refused here."""
    with pytest.raises(InvalidRequestError, match="tool_call_id"):
        _body(Message(role="tool", content="x"))


def test_cut_arguments_cannot_go_back() -> None:
    """Arguments that are no JSON object are refused, as the wire has no place for them."""
    call = ToolCall(id="t1", name="weather", arguments='{"city":')

    with pytest.raises(InvalidRequestError, match="t1"):
        _body(HELLO, Message(role="assistant", tool_calls=(call,)))


def test_images() -> None:
    """Images go by URL, as bytes, as a data: URL or by the id of an uploaded file."""
    urls = ("https://x.example/a.png", "data:image/gif;base64,R0lG", "file_011")
    blocks = _blocks(_user(*(MediaPart(kind="image", url=url, detail="low") for url in urls)))

    assert [block["source"] for block in blocks] == [
        {"type": "url", "url": "https://x.example/a.png"},
        {"type": "base64", "media_type": "image/gif", "data": "R0lG"},
        {"type": "file", "file_id": "file_011"},
    ]
    assert {block["type"] for block in blocks} == {"image"}


def test_documents() -> None:
    """A PDF goes as base64 or URL, text as text; title, citations and cache mark stand beside."""
    blocks = _blocks(
        _user(
            MediaPart(kind="file", data=b"%PDF", media_type="application/pdf", filename="a.pdf", cache="5m"),
            MediaPart(kind="file", url="https://x.example/b.pdf"),
            MediaPart(kind="file", data="é".encode(), media_type="text/csv", options={"citations": {"enabled": True}}),
        )
    )

    assert blocks == [
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="},
            "title": "a.pdf",
            "cache_control": {"type": "ephemeral", "ttl": "5m"},
        },
        {"type": "document", "source": {"type": "url", "url": "https://x.example/b.pdf"}},
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "é"},
            "citations": {"enabled": True},
        },
    ]


def test_documents_that_are_no_text() -> None:
    """A text document that is not UTF-8 is refused, not mangled."""
    with pytest.raises(InvalidRequestError, match="UTF-8"):
        _body(_user(MediaPart(kind="file", data=b"\xff\xfe", media_type="text/plain")))


def test_audio() -> None:
    """Claude takes no audio."""
    with pytest.raises(UnsupportedParameterError, match="audio"):
        _body(_user(MediaPart(kind="audio", data=b"x", media_type="audio/wav")))


def test_tools() -> None:
    """Only what a tool says is sent; one without parameters takes an empty object."""
    body = _body(tools=(WEATHER, CLOCK))

    assert body["tools"] == [
        {"name": "weather", "input_schema": dict(WEATHER.parameters)},
        {
            "name": "clock",
            "description": "Tells the time",
            "input_schema": {"type": "object", "properties": {}},
            "strict": True,
        },
    ]
    assert "tool_choice" not in body


@pytest.mark.parametrize(
    ("choice", "parallel", "wire"),
    [
        (ToolChoice(), None, {"type": "auto"}),
        (ToolChoice(mode="none"), False, {"type": "none"}),
        (ToolChoice(mode="required"), None, {"type": "any"}),
        (ToolChoice(mode="required", names=("clock",)), True, {"type": "tool", "name": "clock"}),
        (ToolChoice(mode="required"), False, {"type": "any", "disable_parallel_tool_use": True}),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (None, True, None),
    ],
)
def test_tool_choice(choice: ToolChoice | None, parallel: bool | None, wire: dict[str, Any] | None) -> None:
    """Each choice has its word, parallel calls their switch."""
    body = _body(model=OLD, tools=(WEATHER, CLOCK), tool_choice=choice, parallel_tool_calls=parallel)

    assert body.get("tool_choice") == wire
    assert len(body["tools"]) == 2


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_choice_of_some_tools(mode: Any) -> None:
    """A choice of several names sends only these tools."""
    tools = (WEATHER, CLOCK, Tool(name="third"))

    body = _body(model=OLD, tools=tools, tool_choice=ToolChoice(mode=mode, names=("clock", "third")))

    assert [tool["name"] for tool in body["tools"]] == ["clock", "third"]
    assert body["tool_choice"]["type"] == {"auto": "auto", "required": "any"}[mode]


def test_forced_tools() -> None:
    """A model that cannot be made to call a tool is not asked to, unless the field is given by hand."""
    with pytest.raises(UnsupportedParameterError) as caught:
        _body(tools=(CLOCK,), tool_choice=ToolChoice(mode="required"))

    by_hand = _body(tools=(CLOCK,), extra_body={"tool_choice": {"type": "any"}})

    assert caught.value.parameter == "tool_choice"
    assert by_hand["tool_choice"] == {"type": "any"}


def test_tool_choice_without_tools() -> None:
    """A choice without tools is left out; a call that must be made but cannot is refused."""
    assert "tool_choice" not in _body(tool_choice=ToolChoice())
    with pytest.raises(InvalidRequestError):
        _body(tool_choice=ToolChoice(mode="required"))


def test_response_format() -> None:
    """A schema goes into output_config, beside the effort; free JSON does not exist."""
    schema = {"type": "object", "properties": {}, "additionalProperties": False}

    body = _body(response_format=ResponseFormat(schema=schema), reasoning_effort="low")

    assert body["output_config"] == {"effort": "low", "format": {"type": "json_schema", "schema": schema}}
    with pytest.raises(UnsupportedParameterError, match="schema"):
        _body(response_format=ResponseFormat())


@pytest.mark.parametrize(
    ("model", "effort", "thinking", "config"),
    [
        ("claude-sonnet-5-5", "high", {"type": "adaptive"}, {"effort": "high"}),
        ("claude-opus-4-6", "max", {"type": "adaptive"}, {"effort": "max"}),
        ("claude-next", "minimal", {"type": "adaptive"}, {"effort": "low"}),
        ("claude-opus-5-5", "xhigh", {"type": "adaptive"}, {"effort": "xhigh"}),
        ("claude-sonnet-5-5", "none", {"type": "between_tools"}, None),
        ("claude-opus-4-8", "none", {"type": "disabled"}, None),
        ("claude-sonnet-4-5", "none", None, None),
        ("claude-sonnet-4-5", "medium", {"type": "enabled", "budget_tokens": 5000}, None),
        ("claude-sonnet-4-5", "minimal", {"type": "enabled", "budget_tokens": 1024}, None),
        ("claude-opus-4-5", "high", {"type": "enabled", "budget_tokens": 8000}, {"effort": "high"}),
        ("claude-3-5-haiku-latest", "none", None, None),
    ],
)
def test_effort(model: str, effort: Any, thinking: Any, config: Any) -> None:
    """Effort is adaptive thinking where there is such, else a budget; none is the model's word for off."""
    body = _body(model=model, max_tokens=10_000, reasoning_effort=effort)

    assert (body.get("thinking"), body.get("output_config")) == (thinking, config)


def test_budget() -> None:
    """A budget goes as it is and before an effort; zero switches thinking off."""
    both = _body(model=OLD, max_tokens=9000, reasoning_budget=2000, reasoning_effort="high")
    off = _body(model="claude-opus-4-6", reasoning_budget=0)

    assert both["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    assert off["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize(
    ("model", "fields", "parameter"),
    [
        ("claude-opus-5-5", {"reasoning_effort": "none"}, "reasoning_effort"),
        ("claude-3-haiku-20240307", {"reasoning_effort": "low"}, "reasoning_effort"),
        ("claude-3-haiku-20240307", {"reasoning_budget": 2000}, "reasoning_budget"),
        (OLD, {"reasoning_effort": "low", "max_tokens": 1024}, "max_tokens"),
    ],
)
def test_thinking_that_cannot_be(model: str, fields: dict[str, Any], parameter: str) -> None:
    """A model that always or never thinks, and a max_tokens without room for it, are told apart."""
    with pytest.raises(InvalidRequestError) as caught:
        _body(model=model, **fields)

    assert caught.value.parameter == parameter


def test_signed_thinking_goes_back() -> None:
    """Signed and redacted thinking stands first and unchanged; unsigned thinking of others is left out."""
    call = ToolCall(id="t1", name="clock")
    turn = Message(
        role="assistant",
        content=(
            ReasoningPart(text="hm", signature="s1"),
            ReasoningPart(redacted=True, signature="blob"),
            ReasoningPart(signature="s2"),
            ReasoningPart(text="of another provider"),
            ReasoningPart(extra={"type": "reasoning", "encrypted_content": "of yet another"}),
            TextPart(text="Let me look."),
        ),
        tool_calls=(call,),
    )

    assert _body(HELLO, turn)["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "s1"},
        {"type": "redacted_thinking", "data": "blob"},
        {"type": "thinking", "thinking": "", "signature": "s2"},
        {"type": "text", "text": "Let me look."},
        {"type": "tool_use", "id": "t1", "name": "clock", "input": {}},
    ]


def test_a_changed_turn_forgets_its_layout() -> None:
    """A layout that no longer fits the text is passed over: the usual order, nothing lost, nothing raised."""
    layout = ReasoningPart(extra={"anthropic": {"layout": [5, "reasoning", 4]}})
    parts = (ReasoningPart(text="hm", signature="s"), layout)

    def blocks(text: str) -> list[str]:
        turn = Message(role="assistant", content=(*parts, TextPart(text=text)))
        return [block["type"] for block in _body(HELLO, turn)["messages"][1]["content"]]

    assert blocks("12345 789") == ["text", "thinking", "text"]
    assert blocks("12345") == ["thinking", "text"]


@pytest.mark.parametrize("layout", ["text", [None], [{"text": "x"}], [-1], [True, {}], {}, [{"call": 1}]])
def test_a_broken_layout_is_passed_over(layout: Any) -> None:
    """Whatever stands in the place of a layout, the turn is written."""
    parts = (ReasoningPart(extra={"anthropic": {"layout": layout}}), TextPart(text="Hi"))

    assert _body(HELLO, Message(role="assistant", content=parts))["messages"][1]["content"] == "Hi"


def test_raw_blocks() -> None:
    """A block the gateway has no part for goes by extra, wherever it stands."""
    block = {"type": "container_upload", "file_id": "file_1"}

    assert _blocks(_user(ReasoningPart(extra={"anthropic": block}), TextPart(text="Read it"))) == [
        block,
        {"type": "text", "text": "Read it"},
    ]


def test_extra_body() -> None:
    """Fields are added as they are, objects joined, the server's tools put after the functions."""
    search = {"type": "web_search_20260209", "name": "web_search"}

    body = _body(
        tools=(CLOCK,),
        reasoning_effort="low",
        extra_body={
            "tools": [search],
            "thinking": {"display": "summarized"},
            "service_tier": "standard_only",
            "max_tokens": 5,
        },
    )

    assert [tool["name"] for tool in body["tools"]] == ["clock", "web_search"]
    assert body["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert (body["service_tier"], body["max_tokens"]) == ("standard_only", 5)


def test_text_that_is_no_text() -> None:
    """A lone surrogate is refused by name, not by a codec's error."""
    with pytest.raises(InvalidRequestError, match="JSON"):
        _body(Message(role="user", content="\ud800"))
