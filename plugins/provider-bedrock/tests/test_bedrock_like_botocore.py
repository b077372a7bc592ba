"""The same call made with AWS's own client: the same address, the same JSON, a stream read the same way."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from litellm_gateway.framing import reader_for
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
from litellm_gateway.testing.provider_driver import ask, ask_streamed, build
from litellm_gateway.testing.wire_player import Reply, WirePlayer, load_recordings
from litellm_gateway.wire import Limits
from litellm_gateway_provider_bedrock.dialect import ConverseDialect
from litellm_gateway_provider_bedrock.plugin import gateway_provider

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
HI = Message(role="user", content="Hi")
SAID_HI = {"role": "user", "content": [{"text": "Hi"}]}
STREAMS = [one for one in load_recordings(Path(__file__).parent / "wire") if one.is_stream]
CALL = {"toolUseId": "t1", "name": "weather", "input": {"city": "Oslo"}}
SPEC = {"name": "weather", "description": "Tell", "inputSchema": {"json": {"type": "object"}}}

CASES: dict[str, tuple[GenerateRequest, dict[str, Any]]] = {
    "plain": (GenerateRequest(model=MODEL, messages=(HI,)), {"messages": [SAID_HI]}),
    "arn": (GenerateRequest(model=ARN, messages=(HI,)), {"messages": [SAID_HI]}),
    "system": (
        GenerateRequest(model=MODEL, messages=(Message(role="system", content="Be brief"), HI)),
        {"messages": [SAID_HI], "system": [{"text": "Be brief"}]},
    ),
    "inference": (
        GenerateRequest(model=MODEL, messages=(HI,), max_tokens=9, temperature=0.5, top_p=0.25, stop=("END",)),
        {
            "messages": [SAID_HI],
            "inferenceConfig": {"maxTokens": 9, "temperature": 0.5, "topP": 0.25, "stopSequences": ["END"]},
        },
    ),
    "many turns": (
        GenerateRequest(model=MODEL, messages=(HI, Message(role="assistant", content="Hey"), HI)),
        {"messages": [SAID_HI, {"role": "assistant", "content": [{"text": "Hey"}]}, SAID_HI]},
    ),
    "image": (
        GenerateRequest(
            model=MODEL,
            messages=(Message(role="user", content=(MediaPart(kind="image", data=b"abc", media_type="image/png"),)),),
        ),
        {"messages": [{"role": "user", "content": [{"image": {"format": "png", "source": {"bytes": b"abc"}}}]}]},
    ),
    "image in S3": (
        GenerateRequest(
            model=MODEL, messages=(Message(role="user", content=(MediaPart(kind="image", url="s3://bucket/a.png"),)),)
        ),
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"image": {"format": "png", "source": {"s3Location": {"uri": "s3://bucket/a.png"}}}}],
                }
            ]
        },
    ),
    "document": (
        GenerateRequest(
            model=MODEL,
            messages=(
                Message(
                    role="user",
                    content=(
                        TextPart(text="Sum up"),
                        MediaPart(kind="file", data=b"%PDF", media_type="application/pdf", filename="a.pdf"),
                    ),
                ),
            ),
        ),
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"text": "Sum up"},
                        {"document": {"format": "pdf", "name": "a", "source": {"bytes": b"%PDF"}}},
                    ],
                }
            ]
        },
    ),
    "cache point": (
        GenerateRequest(model=MODEL, messages=(Message(role="user", content=(TextPart(text="Hi", cache="1h"),)),)),
        {"messages": [{"role": "user", "content": [{"text": "Hi"}, {"cachePoint": {"type": "default", "ttl": "1h"}}]}]},
    ),
    "tools": (
        GenerateRequest(
            model=MODEL,
            messages=(HI,),
            tools=(Tool(name="weather", description="Tell", parameters={"type": "object"}),),
            tool_choice=ToolChoice(mode="required", names=("weather",)),
        ),
        {
            "messages": [SAID_HI],
            "toolConfig": {"tools": [{"toolSpec": SPEC}], "toolChoice": {"tool": {"name": "weather"}}},
        },
    ),
    "tool results": (
        GenerateRequest(
            model=MODEL,
            messages=(
                HI,
                Message(
                    role="assistant", tool_calls=(ToolCall(id="t1", name="weather", arguments='{"city": "Oslo"}'),)
                ),
                Message(role="tool", tool_call_id="t1", content="no such city", is_error=True),
            ),
        ),
        {
            "messages": [
                SAID_HI,
                {"role": "assistant", "content": [{"toolUse": CALL}]},
                {
                    "role": "user",
                    "content": [
                        {"toolResult": {"toolUseId": "t1", "content": [{"text": "no such city"}], "status": "error"}}
                    ],
                },
            ]
        },
    ),
    "reasoning back": (
        GenerateRequest(
            model=MODEL,
            messages=(
                HI,
                Message(
                    role="assistant",
                    content=(
                        ReasoningPart(text="Hm.", signature="sig"),
                        ReasoningPart(signature=base64.b64encode(b"red").decode(), redacted=True),
                        TextPart(text="Hey"),
                    ),
                ),
                HI,
            ),
        ),
        {
            "messages": [
                SAID_HI,
                {
                    "role": "assistant",
                    "content": [
                        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "sig"}}},
                        {"reasoningContent": {"redactedContent": b"red"}},
                        {"text": "Hey"},
                    ],
                },
                SAID_HI,
            ]
        },
    ),
    "thinking": (
        GenerateRequest(model=MODEL, messages=(HI,), reasoning_budget=2000),
        {
            "messages": [SAID_HI],
            "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 2000}},
        },
    ),
    "schema": (
        GenerateRequest(model=MODEL, messages=(HI,), response_format=ResponseFormat(schema={"type": "object"})),
        {
            "messages": [SAID_HI],
            "outputConfig": {
                "textFormat": {
                    "type": "json_schema",
                    "structure": {"jsonSchema": {"name": "answer", "schema": '{"type":"object"}'}},
                }
            },
        },
    ),
    "guardrail": (
        GenerateRequest(
            model=MODEL,
            messages=(HI,),
            extra_body={"guardrailConfig": {"guardrailIdentifier": "g1", "guardrailVersion": "DRAFT"}},
        ),
        {"messages": [SAID_HI], "guardrailConfig": {"guardrailIdentifier": "g1", "guardrailVersion": "DRAFT"}},
    ),
}


class _Taken(Exception):
    def __init__(self, request: Any) -> None:
        super().__init__()
        self.request = request


@pytest.fixture(scope="module")
def sent_by_botocore() -> Callable[..., Any]:
    """Give what AWS's own client would send for a call; nothing is sent."""
    from botocore.session import Session

    def take(request: Any, **_: Any) -> None:
        raise _Taken(request)

    client = Session().create_client(
        "bedrock-runtime", region_name="us-east-1", aws_access_key_id="AKIAX", aws_secret_access_key="secret"
    )
    client.meta.events.register("before-send.bedrock-runtime", take)

    def call(operation: str, **arguments: Any) -> Any:
        try:
            getattr(client, operation)(**arguments)
        except _Taken as taken:
            return taken.request
        raise AssertionError("nothing was about to be sent")

    return call


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", CASES)
def test_the_same_request(sent_by_botocore: Callable[..., Any], name: str, stream: bool) -> None:
    """Method, address, body and signed headers are those AWS's own client sends for the same call."""
    asked, arguments = CASES[name]
    settings = {"region": "us-east-1", "access_key_id": "AKIAX", "secret_access_key": "secret"}
    player = WirePlayer(Reply(status=500))
    provider = build(gateway_provider(), settings, player)

    asyncio.run((ask_streamed if stream else ask)(provider, asked))
    theirs = sent_by_botocore("converse_stream" if stream else "converse", modelId=asked.model, **arguments)

    mine = player.requests[0]
    assert (mine.method, mine.url) == (theirs.method, theirs.url)
    assert urlsplit(mine.url).path.endswith("/converse-stream" if stream else "/converse")
    assert json.loads(mine.body) == json.loads(theirs.body)
    scope = dict(mine.secret_headers)["authorization"].reveal().split(", ")[0]
    assert scope == theirs.headers["Authorization"].decode().split(", ")[0]


@pytest.mark.parametrize("recording", STREAMS, ids=[one.id for one in STREAMS])
def test_frames_are_read_alike(recording: Any) -> None:
    """AWS's own reader finds the same events with the same payloads in a recorded stream."""
    from botocore.eventstream import EventStreamBuffer

    buffer = EventStreamBuffer()
    buffer.add_data(recording.body)
    theirs = [(event.headers[":event-type"], event.payload) for event in buffer]

    mine = reader_for(ConverseDialect(base_url="https://x.example").framing, Limits()).feed(recording.body)

    assert [tuple(event) for event in mine] == theirs
