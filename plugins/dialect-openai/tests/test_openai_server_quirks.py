"""What single servers do differently is said by quirks, and read without being told."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from litellm_gateway.errors import ProviderError, UnsupportedParameterError
from litellm_gateway.framing import ServerEvent
from litellm_gateway.messages import MediaPart, Message, ReasoningPart, TextPart, Tool, ToolCall, ToolChoice
from litellm_gateway.requests import EmbedRequest, GenerateRequest, ModerationRequest
from litellm_gateway.wire import WireResponse
from litellm_gateway_dialect_openai import ChatQuirks, OpenAIChatDialect

USER = Message(role="user", content="Hello")
THOUGHT = ReasoningPart(text="hm", extra={"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]})
CALL = ToolCall(id="call_abcdef", name="clock")


def _dialect(**quirks: Any) -> OpenAIChatDialect:
    return OpenAIChatDialect(base_url="https://api.example/v1", quirks=ChatQuirks(**quirks))


def _write(request: dict[str, Any], **quirks: Any) -> dict[str, Any]:
    asked = GenerateRequest(**{"model": "m", "messages": (USER,), **request})
    body: dict[str, Any] = json.loads(_dialect(**quirks).encode_generate(asked, stream=False).body)
    return body


def _turn(message: Message, **quirks: Any) -> dict[str, Any]:
    turn: dict[str, Any] = _write({"messages": (message,)}, **quirks)["messages"][0]
    return turn


def _response(body: Any) -> WireResponse:
    return WireResponse(status=200, headers={}, body=json.dumps(body).encode())


def _answer(message: dict[str, Any], **fields: Any) -> Any:
    choice = {"finish_reason": "stop", "message": message, **fields.pop("choice", {})}
    return _dialect().decode_generate(
        GenerateRequest(model="m", messages=(USER,)), _response({"choices": [choice], **fields})
    )


def _stream(*events: dict[str, Any]) -> list[Any]:
    decoder = _dialect().stream_decoder(GenerateRequest(model="m", messages=(USER,)))
    pieces: list[Any] = []
    for event in events:
        pieces += decoder.feed(ServerEvent("", json.dumps(event).encode()))
    return [*pieces, *decoder.close()]


def test_short_ids_of_calls() -> None:
    """An id of another shape becomes one that fits, the same for a call and its result; one that fits stays."""
    fitting = ToolCall(id="Abc123xyz", name="clock")
    messages = (
        Message(role="assistant", tool_calls=(CALL, fitting)),
        Message(role="tool", tool_call_id=CALL.id, content="noon"),
    )

    turn, result = _write({"messages": messages}, tool_id_length=9)["messages"]

    made, kept = (call["id"] for call in turn["tool_calls"])
    assert kept == fitting.id
    assert len(made) == 9
    assert made.isalnum()
    assert result["tool_call_id"] == made


def test_a_word_for_any_tool() -> None:
    """Mistral asks for any tool with a word of its own."""
    asked = {"tools": (Tool(name="clock"),), "tool_choice": ToolChoice(mode="required")}

    assert _write(asked, required_word="any")["tool_choice"] == "any"
    assert _write(asked)["tool_choice"] == "required"


def test_own_tools_of_a_server_go_beside_functions() -> None:
    """Tools given as extra fields are added to the functions."""
    body = _write({"tools": (Tool(name="clock"),), "extra_body": {"tools": [{"type": "server:search"}]}})

    assert [tool["type"] for tool in body["tools"]] == ["function", "server:search"]


def test_reasoning_goes_back_in_each_servers_way() -> None:
    """As a field, only beside calls, as a part of the content, as the server's own list, or not at all."""
    said = Message(role="assistant", content=(THOUGHT, TextPart(text="Hi")))
    called = Message(role="assistant", content=(THOUGHT,), tool_calls=(CALL,))

    assert _turn(said)["content"] == [{"type": "text", "text": "Hi"}]
    assert set(_turn(said)) == {"role", "content"}
    assert _turn(said, reasoning_field="reasoning")["reasoning"] == "hm"
    assert "reasoning" not in _turn(said, reasoning_field="reasoning", reasoning_with_tools=True)
    assert _turn(called, reasoning_field="reasoning", reasoning_with_tools=True)["reasoning"] == "hm"
    assert _turn(said, reasoning_details=True)["reasoning_details"] == [{"type": "reasoning.text", "text": "hm"}]
    assert _turn(said, thinking_parts=True)["content"] == [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "Hi"},
    ]


def test_effort_in_each_servers_way() -> None:
    """Plainly, beside a switch, or in an object that also holds a budget."""
    assert _write({"reasoning_effort": "low"})["reasoning_effort"] == "low"
    assert (
        _write({"reasoning_effort": "high"}, thinking_switch=True).items()
        >= {
            "thinking": {"type": "enabled"},
            "reasoning_effort": "high",
        }.items()
    )
    switched_off = _write({"reasoning_effort": "none"}, thinking_switch=True)
    assert switched_off["thinking"] == {"type": "disabled"}
    assert "reasoning_effort" not in switched_off
    assert _write({"reasoning_budget": 99}, reasoning_object=True)["reasoning"] == {"max_tokens": 99}
    with pytest.raises(UnsupportedParameterError, match="reasoning_budget"):
        _write({"reasoning_budget": 99})


@pytest.mark.parametrize(
    ("asked", "sent"), [("minimal", "low"), ("low", "low"), ("medium", "low"), ("xhigh", "high"), ("none", "none")]
)
def test_a_step_of_effort_the_model_lacks(asked: str, sent: str) -> None:
    """The nearest step it has is sent, the lower of two; not to think at all is another matter."""
    efforts = (("grok-3", ("low", "high")),)

    assert _write({"model": "grok-3-mini", "reasoning_effort": asked}, efforts=efforts)["reasoning_effort"] == sent
    assert _write({"model": "grok-4", "reasoning_effort": asked}, efforts=efforts)["reasoning_effort"] == asked


def test_media_in_mistrals_way() -> None:
    """Documents by URL or data under a name of their own, audio as plain base64."""
    parts = (
        MediaPart(kind="file", url="https://x.example/a.pdf", filename="a.pdf"),
        MediaPart(kind="audio", data=b"RIFF", media_type="audio/wav"),
    )

    turn = _turn(Message(role="user", content=parts), document_parts=True, plain_audio=True)

    assert turn["content"] == [
        {"type": "document_url", "document_url": "https://x.example/a.pdf", "document_name": "a.pdf"},
        {"type": "input_audio", "input_audio": "UklGRg=="},
    ]


def test_cache_hints_say_how_long_where_they_can() -> None:
    """A text as hint is the time to live; a server without one gets the plain marker."""
    message = Message(role="user", content=(TextPart(text="long", cache="1h"),))
    marker = {"cache_control": {"type": "ephemeral"}}

    timed = _turn(message, cache_marker=marker, cache_ttl=True)["content"][0]
    plain = _turn(message, cache_marker=marker)["content"][0]

    assert timed["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert plain["cache_control"] == {"type": "ephemeral"}


def test_further_fields_of_a_part() -> None:
    """A part's options go out with it."""
    part = MediaPart(kind="image", url="https://x.example/a.png", options={"max_pixels": 99})

    assert _turn(Message(role="user", content=(part,)))["content"][0]["max_pixels"] == 99


def test_reasoning_details_are_kept() -> None:
    """A whole answer keeps OpenRouter's list of reasoning beside the text."""
    details = [{"type": "reasoning.encrypted", "data": "AAA", "index": 0}]

    answer = _answer({"content": "Hi", "reasoning": "hm", "reasoning_details": details})

    [part] = answer.reasoning
    assert (part.text, part.extra) == ("hm", {"reasoning_details": details})


def test_reasoning_details_of_a_stream_are_put_together() -> None:
    """Pieces of one block grow together; the list comes once, whole, before the end."""

    def event(**delta: Any) -> dict[str, Any]:
        return {"id": "x", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}

    def text(words: str, **more: Any) -> dict[str, Any]:
        return {"type": "reasoning.text", "index": 0, "text": words, **more}

    pieces = _stream(
        event(reasoning="h", reasoning_details=[text("h")]),
        event(reasoning="m", reasoning_details=[text("m", signature=None)]),
        event(reasoning_details=[text("", signature="sig")]),
        event(reasoning_details=[{"type": "reasoning.encrypted", "index": 1, "data": "AAA"}]),
        event(content="Hi"),
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "native_finish_reason": "end_turn"}]},
        {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.0012}, "provider": "Upstream"},
    )

    parts = [piece.reasoning for piece in pieces if piece.kind == "reasoning"]
    assert "".join(part.text for part in parts) == "hm"
    assert parts[-1].extra == {
        "reasoning_details": [
            {"type": "reasoning.text", "index": 0, "text": "hm", "signature": "sig"},
            {"type": "reasoning.encrypted", "index": 1, "data": "AAA"},
        ]
    }
    assert pieces[-1].data == {
        "native_finish_reason": "end_turn",
        "provider_cost": Decimal("0.0012"),
        "routed_to": "Upstream",
    }


def test_what_a_router_says_beside_the_answer() -> None:
    """Its own cost, upstream and word for the end are in the metadata."""
    answer = _answer(
        {"content": "Hi"}, choice={"native_finish_reason": "STOP"}, usage={"cost": 0.5}, provider="Upstream"
    )

    assert answer.metadata["provider_cost"] == Decimal("0.5")
    assert answer.metadata["routed_to"] == "Upstream"
    assert answer.metadata["native_finish_reason"] == "STOP"


def test_sources_of_an_answer_from_the_web() -> None:
    """Perplexity's sources and itemised cost are in the metadata."""
    answer = _answer(
        {"content": "Hi"}, citations=["https://x.example"], search_results=[], usage={"cost": {"total_cost": 0.006}}
    )

    assert answer.metadata["citations"] == ["https://x.example"]
    assert answer.metadata["provider_cost"] == Decimal("0.006")


def test_a_call_the_server_itself_refuses() -> None:
    """Groq's tool_use_failed is the model's slip: worth another try, and no sign of a failing server."""
    body = {"error": {"message": "Failed to call a function", "code": "tool_use_failed", "failed_generation": "<x"}}

    error = _dialect().decode_error(WireResponse(status=400, headers={}, body=json.dumps(body).encode()))

    assert type(error) is ProviderError
    assert error.retry_here
    assert not error.provider_fault


def test_paths_that_hold_the_model() -> None:
    """A path may name the model, which is quoted for it."""
    dialect = _dialect(chat_path="/deployments/{model}/chat/completions", query="api-version=1")

    wire = dialect.encode_generate(GenerateRequest(model="a b/c", messages=(USER,)), stream=False)

    assert wire.url == "https://api.example/v1/deployments/a%20b%2Fc/chat/completions?api-version=1"


def test_embeddings_in_mistrals_way() -> None:
    """Length and type of vectors have names of their own; a server without types refuses them."""
    request = EmbedRequest(model="m", texts=("a",), dimensions=64, encoding="int8")
    mistral = _dialect(
        dimensions_field="output_dimension", embedding_type_field="output_dtype", embedding_encoding=None
    )

    answer = mistral.decode_embed(request, _response({"data": [{"index": 0, "embedding": [-128, 127]}]}))

    assert json.loads(mistral.encode_embed(request).body) == {
        "model": "m",
        "input": ["a"],
        "output_dimension": 64,
        "output_dtype": "int8",
    }
    assert memoryview(answer[0]).format == "b"  # type: ignore[arg-type]
    assert list(answer[0]) == [-128, 127]
    with pytest.raises(UnsupportedParameterError, match="int8"):
        _dialect().encode_embed(request)


def test_moderation_without_a_verdict() -> None:
    """A server that gives categories only means flagged by any of them."""
    request = ModerationRequest(model="m", texts=("a", "b"))
    results = [{"categories": {"hate": True}, "category_scores": {"hate": 0.9}}, {"categories": {"hate": False}}]

    judged = _dialect().decode_moderation(request, _response({"results": results, "usage": {"prompt_tokens": 7}}))

    assert [one.flagged for one in judged.results] == [True, False]
    assert judged.usage.prompt_tokens == 7


def test_lists_of_models() -> None:
    """Bare or wrapped, with whatever each server calls the lengths."""
    items = [
        {"id": "a", "context_window": 8192, "max_completion_tokens": 1024},
        {"id": "b", "context_length": 131072, "name": "B", "top_provider": {"max_completion_tokens": 99}},
        {"id": "c", "max_model_len": 2048},
    ]

    bare, wrapped = (_dialect().decode_list_models(_response(body)) for body in (items, {"data": items}))

    assert bare.models == wrapped.models
    assert [model.context_tokens for model in bare.models] == [8192, 131072, 2048]
    assert [model.max_output_tokens for model in bare.models] == [1024, 99, None]
    assert bare.models[1].name == "B"


@pytest.mark.parametrize("body", [{}, "x", {"data": [{}]}, {"data": 3}])
def test_what_is_no_list_of_models(body: Any) -> None:
    """A body of another shape is refused."""
    with pytest.raises(ValueError):  # noqa: PT011 - the provider makes a typed error of it
        _dialect().decode_list_models(_response(body))
