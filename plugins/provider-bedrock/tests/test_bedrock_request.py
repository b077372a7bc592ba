"""What a request looks like to Converse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

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
from litellm_gateway_provider_bedrock.dialect import ConverseDialect

if TYPE_CHECKING:
    from litellm_gateway.wire import WireRequest

DIALECT = ConverseDialect(base_url="https://bedrock-runtime.us-east-1.amazonaws.com")
CLAUDE = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
WEATHER = Tool(name="weather", description="Tell the weather", parameters={"type": "object"}, strict=True)
CLOCK = Tool(name="clock")
HELLO = Message(role="user", content="Hello")


def written(*messages: Message, model: str = CLAUDE, stream: bool = False, **fields: Any) -> WireRequest:
    request = GenerateRequest(model=model, messages=messages or (HELLO,), **fields)
    return DIALECT.encode_generate(request, stream=stream)


def body_of(*messages: Message, model: str = CLAUDE, **fields: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(written(*messages, model=model, **fields).body)
    return body


def blocks_of(*parts: Any, role: Any = "user") -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = body_of(Message(role=role, content=parts))["messages"][0]["content"]
    return blocks


def test_a_plain_request() -> None:
    """Only what is set is sent; the model stands in the path, escaped."""
    wire = written()

    assert json.loads(wire.body) == {"messages": [{"role": "user", "content": [{"text": "Hello"}]}]}
    assert wire.url == (
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse"
    )


def test_an_arn_as_model() -> None:
    """The slash and the colons of an ARN are escaped too."""
    wire = written(model="arn:aws:bedrock:us-east-1:1:inference-profile/a.b", stream=True)

    assert wire.url.endswith("/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fa.b/converse-stream")
    assert ("accept", "application/vnd.amazon.eventstream") in wire.headers


def test_inference() -> None:
    """Sampling that all models share goes into inferenceConfig."""
    body = body_of(max_tokens=9, temperature=0.5, top_p=0.9, stop=("END",))

    assert body["inferenceConfig"] == {"maxTokens": 9, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]}


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (CLAUDE, {"top_k": 5}),
        ("amazon.nova-lite-v1:0", {"inferenceConfig": {"topK": 5}}),
        ("cohere.command-r-v1:0", {"k": 5}),
    ],
)
def test_top_k_goes_where_the_model_wants_it(model: str, fields: dict[str, Any]) -> None:
    """Converse has no field for it, the models' own differ."""
    assert body_of(model=model, top_k=5)["additionalModelRequestFields"] == fields


def test_top_k_of_an_unknown_model_is_refused() -> None:
    """Where its place is not known the error says what to do."""
    with pytest.raises(UnsupportedParameterError, match="additionalModelRequestFields"):
        body_of(model="acme.model-1", top_k=5)


def test_system_stands_apart() -> None:
    """System and developer messages go to the top, with their cache points."""
    body = body_of(
        Message(role="system", content=(TextPart(text="Be brief", cache=True),)),
        HELLO,
        Message(role="developer", content="Be kind"),
    )

    assert body["system"] == [{"text": "Be brief"}, {"cachePoint": {"type": "default"}}, {"text": "Be kind"}]
    assert len(body["messages"]) == 1


def test_turns_of_one_side_are_one() -> None:
    """Converse wants user and assistant by turns: messages of one side in a row are joined, empty ones left out."""
    body = body_of(
        HELLO, Message(role="user", content="Again"), Message(role="assistant"), Message(role="user", content="?")
    )

    assert body["messages"] == [{"role": "user", "content": [{"text": "Hello"}, {"text": "Again"}, {"text": "?"}]}]


def test_images() -> None:
    """Images go as bytes or by their place in S3, never by another URL."""
    blocks = blocks_of(
        MediaPart(kind="image", data=b"abc", media_type="image/jpg"),
        MediaPart(kind="image", url="s3://bucket/a.png"),
        MediaPart(kind="image", url="data:image/webp;base64,YWJj"),
    )

    assert blocks == [
        {"image": {"format": "jpeg", "source": {"bytes": "YWJj"}}},
        {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://bucket/a.png"}}}},
        {"image": {"format": "webp", "source": {"bytes": "YWJj"}}},
    ]
    with pytest.raises(UnsupportedParameterError, match="s3://"):
        blocks_of(MediaPart(kind="image", url="https://example.com/a.png"))


def test_documents() -> None:
    """Documents have a format and a name Bedrock takes; one without a name gets its number."""
    blocks = blocks_of(
        MediaPart(kind="file", data=b"%PDF", media_type="application/pdf", filename="Q3: report!.pdf"),
        MediaPart(kind="file", data=b"a", media_type="text/markdown", cache="1h"),
    )

    assert blocks == [
        {"document": {"format": "pdf", "name": "Q3 report", "source": {"bytes": "JVBERg=="}}},
        {"document": {"format": "md", "name": "Document 2", "source": {"bytes": "YQ=="}}},
        {"cachePoint": {"type": "default", "ttl": "1h"}},
    ]


def test_documents_to_cite_go_as_text() -> None:
    """With citations asked for, a text document goes as text, so that they can point into it."""
    (block,) = blocks_of(
        MediaPart(
            kind="file", data=b"Ruby is red", media_type="text/plain", filename="facts",
            options={"citations": {"enabled": True}, "context": "colours"},
        )
    )  # fmt: skip

    assert block["document"] == {
        "format": "txt", "name": "facts", "source": {"text": "Ruby is red"}, "citations": {"enabled": True},
        "context": "colours",
    }  # fmt: skip


def test_audio() -> None:
    """Audio goes as bytes."""
    (block,) = blocks_of(MediaPart(kind="audio", data=b"abc", media_type="audio/mpeg"))

    assert block == {"audio": {"format": "mp3", "source": {"bytes": "YWJj"}}}


def test_a_turn_with_tools() -> None:
    """Calls are blocks of the assistant, results blocks of the user's turn, failures say so, images may be results."""
    body = body_of(
        HELLO,
        Message(
            role="assistant",
            content="One moment.",
            tool_calls=(
                ToolCall(id="c1", name="weather", arguments='{"city": "Oslo"}'),
                ToolCall(id="c2", name="clock"),
            ),
        ),
        Message(role="tool", tool_call_id="c1", content="no such city", is_error=True),
        Message(
            role="tool",
            tool_call_id="c2",
            content=(
                MediaPart(kind="image", data=b"abc", media_type="image/png"),
                MediaPart(kind="file", data=b'{"hour": 9}', media_type="application/json", cache=True),
            ),
        ),
        Message(role="user", content="And?"),
    )

    assert body["messages"][1]["content"] == [
        {"text": "One moment."},
        {"toolUse": {"toolUseId": "c1", "name": "weather", "input": {"city": "Oslo"}}},
        {"toolUse": {"toolUseId": "c2", "name": "clock", "input": {}}},
    ]
    assert body["messages"][2] == {
        "role": "user",
        "content": [
            {"toolResult": {"toolUseId": "c1", "content": [{"text": "no such city"}], "status": "error"}},
            {
                "toolResult": {
                    "toolUseId": "c2",
                    "content": [{"image": {"format": "png", "source": {"bytes": "YWJj"}}}, {"json": {"hour": 9}}],
                }
            },
            {"cachePoint": {"type": "default"}},
            {"text": "And?"},
        ],
    }


def test_a_call_that_was_cut_off_is_refused() -> None:
    """Bedrock wants arguments as an object; the error names the tool, not what it was called with."""
    cut = Message(role="assistant", tool_calls=(ToolCall(id="c1", name="weather", arguments='{"city": "Os'),))

    with pytest.raises(InvalidRequestError, match="'weather'") as caught:
        body_of(HELLO, cut)

    assert "Os" not in caught.value.message


def test_reasoning_goes_back_as_it_came() -> None:
    """Signed and redacted reasoning return unchanged and in order; what nobody signed is left out."""
    blocks = blocks_of(
        ReasoningPart(text="Hm.", signature="sig=="),
        ReasoningPart(signature="cmVk", redacted=True),
        ReasoningPart(text="of another provider"),
        ReasoningPart(extra={"bedrock": {"toolResult": {"toolUseId": "s1"}}}),
        TextPart(text="So."),
        role="assistant",
    )

    assert blocks == [
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "sig=="}}},
        {"reasoningContent": {"redactedContent": "cmVk"}},
        {"toolResult": {"toolUseId": "s1"}},
        {"text": "So."},
    ]


def test_tools() -> None:
    """Tools have Converse's form; one without parameters gets an empty schema."""
    assert body_of(tools=(WEATHER, CLOCK))["toolConfig"] == {
        "tools": [
            {
                "toolSpec": {
                    "name": "weather",
                    "description": "Tell the weather",
                    "inputSchema": {"json": {"type": "object"}},
                    "strict": True,
                }
            },
            {"toolSpec": {"name": "clock", "inputSchema": {"json": {"type": "object", "properties": {}}}}},
        ]
    }


@pytest.mark.parametrize(
    ("choice", "said", "sent"),
    [
        (ToolChoice(), {"auto": {}}, ["weather", "clock"]),
        (ToolChoice(mode="required"), {"any": {}}, ["weather", "clock"]),
        (ToolChoice(mode="required", names=("clock",)), {"tool": {"name": "clock"}}, ["weather", "clock"]),
        (ToolChoice(mode="required", names=("clock", "date")), {"any": {}}, ["clock"]),
        (ToolChoice(mode="auto", names=("clock",)), {"auto": {}}, ["clock"]),
    ],
)
def test_tool_choice(choice: ToolChoice, said: dict[str, Any], sent: list[str]) -> None:
    """One tool is named, of several only these are sent."""
    date = (Tool(name="date"),) if "date" in choice.names else ()

    config = body_of(tools=(WEATHER, CLOCK, *date), tool_choice=choice)["toolConfig"]

    assert config["toolChoice"] == said
    assert [tool["toolSpec"]["name"] for tool in config["tools"]] == [*sent, *(one.name for one in date)]


def test_no_tools() -> None:
    """None is said by leaving the tools out, which cannot be once calls stand in the conversation."""
    none = ToolChoice(mode="none")
    called = Message(role="assistant", tool_calls=(ToolCall(id="c1", name="clock"),))

    assert "toolConfig" not in body_of(tools=(CLOCK,), tool_choice=none)
    with pytest.raises(UnsupportedParameterError, match="tool_choice"):
        body_of(HELLO, called, tools=(CLOCK,), tool_choice=none)


def test_a_required_tool_must_be_given() -> None:
    """Requiring a tool that was not given is refused before it is sent."""
    with pytest.raises(InvalidRequestError, match="no such tool"):
        body_of(tools=(CLOCK,), tool_choice=ToolChoice(mode="required", names=("weather",)))


def test_json_by_schema() -> None:
    """The schema goes as a text; JSON of any shape cannot be asked for."""
    wanted = ResponseFormat(schema={"type": "object"}, name="person", description="Who")

    body = body_of(response_format=wanted)

    assert body["outputConfig"]["textFormat"] == {
        "type": "json_schema",
        "structure": {"jsonSchema": {"name": "person", "schema": '{"type":"object"}', "description": "Who"}},
    }
    with pytest.raises(UnsupportedParameterError, match="schema"):
        body_of(response_format=ResponseFormat())


@pytest.mark.parametrize(
    ("model", "asked", "fields", "effort"),
    [
        (CLAUDE, {"reasoning_budget": 2000}, {"thinking": {"type": "enabled", "budget_tokens": 2000}}, None),
        (CLAUDE, {"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}, None),
        (CLAUDE, {"reasoning_effort": "medium", "max_tokens": 4000},
         {"thinking": {"type": "enabled", "budget_tokens": 2000}}, None),
        ("global.anthropic.claude-opus-4-8", {"reasoning_effort": "high"}, {"thinking": {"type": "adaptive"}}, "high"),
        ("us.anthropic.claude-opus-5-5", {"reasoning_effort": "minimal"}, {"thinking": {"type": "adaptive"}}, "low"),
        ("us.amazon.nova-2-lite-v1:0", {"reasoning_effort": "xhigh"},
         {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}, None),
        ("us.amazon.nova-2-lite-v1:0", {"reasoning_effort": "none"}, {"reasoningConfig": {"type": "disabled"}}, None),
        ("openai.gpt-oss-120b-1:0", {"reasoning_effort": "low"}, {"reasoning_effort": "low"}, None),
        ("qwen.qwen3-32b-v1:0", {"reasoning_effort": "high"}, {"reasoning_config": "high"}, None),
        ("qwen.qwen3-32b-v1:0", {"reasoning_effort": "none"}, None, None),
    ],
)  # fmt: skip
def test_reasoning(model: str, asked: dict[str, Any], fields: dict[str, Any] | None, effort: str | None) -> None:
    """Each family of models is told in its own words."""
    body = body_of(model=model, **asked)

    assert body.get("additionalModelRequestFields") == fields
    assert body.get("outputConfig", {}).get("effort") == effort


@pytest.mark.parametrize(
    ("model", "asked", "error"),
    [
        ("acme.model-1", {"reasoning_effort": "low"}, UnsupportedParameterError),
        ("us.amazon.nova-2-lite-v1:0", {"reasoning_budget": 5}, UnsupportedParameterError),
        ("openai.gpt-oss-120b-1:0", {"reasoning_effort": "none"}, UnsupportedParameterError),
        ("us.anthropic.claude-opus-5-5", {"reasoning_effort": "none"}, UnsupportedParameterError),
        (CLAUDE, {"reasoning_effort": "low", "max_tokens": 1000}, InvalidRequestError),
    ],
)
def test_reasoning_that_cannot_be_asked_for(model: str, asked: dict[str, Any], error: type[Exception]) -> None:
    """What a model is known not to do, or nothing is known about, is refused before it is sent."""
    with pytest.raises(error, match=r"reasoning|thinks|max_tokens"):
        body_of(model=model, **asked)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", 1),
        ("n", 2),
        ("logprobs", True),
        ("presence_penalty", 0.1),
        ("user", "u"),
        ("parallel_tool_calls", False),
    ],
)
def test_what_has_no_field_is_refused(name: str, value: Any) -> None:
    """The error names the parameter."""
    with pytest.raises(UnsupportedParameterError) as caught:
        body_of(**{name: value})

    assert caught.value.parameter == name


def test_extra_fields_are_merged() -> None:
    """Objects are merged, lists joined, anything else replaced: server tools stand beside functions."""
    body = body_of(
        tools=(CLOCK,),
        reasoning_budget=2000,
        max_tokens=5,
        extra_body={
            "toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}]},
            "additionalModelRequestFields": {"anthropic_beta": ["x"]},
            "inferenceConfig": {"maxTokens": 9},
            "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1"},
        },
    )

    assert [next(iter(tool)) for tool in body["toolConfig"]["tools"]] == ["toolSpec", "systemTool"]
    assert set(body["additionalModelRequestFields"]) == {"thinking", "anthropic_beta"}
    assert body["inferenceConfig"] == {"maxTokens": 9}
    assert body["guardrailConfig"]["guardrailIdentifier"] == "g"


def test_server_tools_alone() -> None:
    """Tools of the service need no function beside them."""
    config = {"tools": [{"systemTool": {"name": "nova_grounding"}}]}

    body = body_of(extra_body={"toolConfig": config}, tool_choice=ToolChoice(mode="required"))

    assert body["toolConfig"] == {**config, "toolChoice": {"any": {}}}


@pytest.mark.parametrize("name", ["Authorization", "X-Amz-Date", "content-type"])
def test_headers_of_the_signature_cannot_be_replaced(name: str) -> None:
    """Extra headers go along, but never in place of what the key or the signature needs."""
    assert ("x-a", "1") in written(extra_headers={"X-A": "1"}).headers
    with pytest.raises(InvalidRequestError, match=name.lower()):
        written(extra_headers={name: "x"})
