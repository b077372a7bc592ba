"""Arguments of every wrong kind: a typed error that names the argument, before anything is sent, quoting no text."""

from __future__ import annotations

import collections
import decimal
import enum
from typing import Any

import pytest
from litellm_gateway import InvalidRequestError, LiteLLMGateway, Message, ResponseFormat, TextPart, Tool, create_gateway
from litellm_gateway.testing.scripted_provider import ScriptedProvider, answer

CONTENT = "what a user said in confidence"
HUGE = 10**5000


class Odd:
    """Nothing anybody expects."""

    def __repr__(self) -> str:
        return CONTENT

    def __eq__(self, other: object) -> Any:
        raise ValueError(CONTENT)

    __hash__ = None  # type: ignore[assignment]


class Low(enum.IntEnum):
    ONE = 1


def nested(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = {}
    for _ in range(depth):
        inner = {"a": inner}
    return inner


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider(answer())


@pytest.fixture
def gateway(provider: ScriptedProvider) -> LiteLLMGateway:
    return create_gateway(
        provider="scripted", plugins=[provider], discover=False, guardrails=(), enable_request_deduplication=True
    )


ODD: list[Any] = [b"bytes", bytearray(b"x"), Odd(), [Odd()], {CONTENT: 1}, {1: CONTENT}, object(), HUGE, -HUGE,
                  float("nan"), float("inf"), decimal.Decimal(1), iter(["x"]), (word for word in ["x"]), lambda: 1,
                  {"x"}, range(3), 1j]  # fmt: skip
NAMES = [
    "model", "system", "tenant_id", "timeout", "max_tokens", "temperature", "top_p", "top_k", "stop", "seed",
    "presence_penalty", "frequency_penalty", "n", "logprobs", "top_logprobs", "tools", "tool_choice",
    "parallel_tool_calls", "response_format", "reasoning_effort", "reasoning_budget", "on_unsupported", "user",
    "extra_body", "extra_headers",
]  # fmt: skip
FITTING = {("extra_body", 4), ("response_format", 4)}
"""A mapping is what these take."""


@pytest.mark.parametrize("name", NAMES)
async def test_each_argument_refuses_what_it_cannot_be(
    gateway: LiteLLMGateway, provider: ScriptedProvider, name: str
) -> None:
    """Whatever kind of thing is given."""
    for index, value in enumerate(ODD):
        if (name, index) in FITTING:
            continue

        with pytest.raises(InvalidRequestError) as caught:
            await gateway.generate_async("hi", **{name: value})

        assert caught.value.parameter is not None
        assert CONTENT not in str(caught.value) or name == "extra_headers"  # the name of a header is shown
    assert provider.requests == []


@pytest.mark.parametrize("name", ["prompt", "messages", "texts"])
async def test_each_text_refuses_what_it_cannot_be(
    gateway: LiteLLMGateway, provider: ScriptedProvider, name: str
) -> None:
    """A generator is no list: a request may have to be sent twice."""
    for value in ODD:
        with pytest.raises(InvalidRequestError) as caught:
            if name == "texts":
                await gateway.embed_async(value)
            else:
                await gateway.generate_async(**{name: value})

        assert CONTENT not in str(caught.value)
    assert provider.requests == []


@pytest.mark.parametrize(
    "message",
    [
        {"role": [], "content": CONTENT},
        {"role": CONTENT, "content": CONTENT},
        {"role": "user", "content": Odd()},
        {"role": "user", "content": (word for word in [CONTENT])},
        {"role": "user", "content": [Odd()]},
        {"role": "user", "content": [{"type": [], "text": CONTENT}]},
        {"role": "user", "content": [{"type": "text", "text": [CONTENT]}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": 5}]},
        {"role": "user", "content": [{"type": "file", "file": {"file_data": f"data:{CONTENT}"}}]},
        {"role": "user", "content": CONTENT, "name": [CONTENT]},
        {"role": "assistant", "content": CONTENT, "tool_calls": 5},
        {"role": "assistant", "content": CONTENT, "tool_calls": CONTENT},
        {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": {"a": Odd()}}}]},
        {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": [CONTENT]}}]},
        {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": nested(10**5)}}]},
        {"role": "tool", "content": CONTENT, "tool_call_id": 5},
        Message(role=CONTENT, content="x"),  # type: ignore[arg-type]
        Message(role=[], content="x"),  # type: ignore[arg-type]
        Message(role="user", content=5),  # type: ignore[arg-type]
        Message(role="user", content=(CONTENT,)),  # type: ignore[arg-type]
        Message(role="user", content=None),  # type: ignore[arg-type]
    ],
)  # fmt: skip
async def test_a_message_that_is_none_is_named_by_its_place(
    gateway: LiteLLMGateway, provider: ScriptedProvider, message: Any
) -> None:
    """And not by what it says."""
    with pytest.raises(InvalidRequestError, match=r"messages\[1\]") as caught:
        await gateway.generate_async(messages=[{"role": "user", "content": "hi"}, message])

    assert CONTENT not in str(caught.value)
    assert provider.requests == []


@pytest.mark.parametrize(
    "tool",
    [
        {"name": "f", "parameters": [CONTENT]},
        {"name": "f", "parameters": ""},
        {"name": "f", "parameters": {1: 2}},
        {"name": "f", "description": 5},
        {"name": "f", "strict": "yes"},
        {"name": ["f"]},
        {"name": "f" * 1000},
        {"function": CONTENT},
        Tool(name=5),  # type: ignore[arg-type]
        Tool(name="f", parameters=[]),  # type: ignore[arg-type]
        CONTENT,
        None,
    ],
)
async def test_a_tool_that_is_none_is_named_by_its_place(
    gateway: LiteLLMGateway, provider: ScriptedProvider, tool: Any
) -> None:
    """Made by hand or given as a mapping."""
    with pytest.raises(InvalidRequestError, match=r"tools\[1\]") as caught:
        await gateway.generate_async("hi", tools=[{"name": "fine"}, tool])

    assert CONTENT not in str(caught.value)
    assert provider.requests == []


async def test_a_list_of_parts_is_as_good_as_a_tuple(gateway: LiteLLMGateway, provider: ScriptedProvider) -> None:
    """A message made by hand with a list in it is frozen on the way."""
    parts: Any = [TextPart(text="a"), TextPart(text="b")]

    await gateway.generate_async(messages=[Message(role="user", content=parts)])

    assert provider.requests[0].messages[0].content == tuple(parts)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "options",
    [
        {"model": "m" * 10_000},
        {"seed": 2**63},
        {"max_tokens": 2**63},
        {"timeout": 1e300},
        {"extra_body": nested(10**5)},
        {"extra_headers": {"a": 5}},
        {"extra_headers": {"a": "b\r\nc: d"}},
        {"stop": [""]},
        {"response_format": ResponseFormat(schema=[CONTENT])},  # type: ignore[arg-type]
        {"on_unsupported": ""},
        {"on_unsupported": []},
    ],
)
async def test_what_fits_the_type_may_still_be_impossible(
    gateway: LiteLLMGateway, provider: ScriptedProvider, options: dict[str, Any]
) -> None:
    """Too long, too large, too deep, empty."""
    with pytest.raises(InvalidRequestError):
        await gateway.generate_async("hi", **options)
    assert provider.requests == []


async def test_relatives_of_the_right_types_are_taken(gateway: LiteLLMGateway, provider: ScriptedProvider) -> None:
    """Subclasses of dict, str and int, ten million characters, lone surrogates: what a user has is sent."""

    class Text(str):
        __slots__ = ()

    turn = collections.OrderedDict(role="user", content=Text("x" * 10_000_000))

    await gateway.generate_async(messages=[turn], max_tokens=Low.ONE, stop=("a", Text("b")))
    await gateway.generate_async("half an emoji \ud83d")

    assert len(provider.requests) == 2
