"""Which of OpenAI's two APIs answers a request."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from litellm_gateway.contracts import ModelLister, Moderator
from litellm_gateway.errors import ConfigurationError, MalformedResponseError
from litellm_gateway.messages import MediaPart, Message, ReasoningPart, Tool
from litellm_gateway.requests import GenerateRequest, ModelListRequest, ModerationRequest
from litellm_gateway.testing.provider_driver import ask, build, new_call
from litellm_gateway.testing.wire_player import Reply, WirePlayer
from litellm_gateway_provider_openai.plugin import gateway_provider

KEY = "sk-test0123456789"
USER = Message(role="user", content="Hello")
TOOLS = (Tool(name="clock"),)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)


def _asked(settings: dict[str, object] | None = None, **fields: Any) -> tuple[str, dict[str, Any]]:
    """Give the path a request goes to, and its body."""
    player = WirePlayer(Reply(status=500))
    request = GenerateRequest(**{"model": "gpt-5.6-luna", "messages": (USER,), **fields})
    asyncio.run(ask(build(gateway_provider(), {"api_key": KEY, **(settings or {})}, player), request))
    [wire] = player.requests
    return wire.url.rpartition("/v1")[2], json.loads(wire.body)


def _parts(*parts: Any, role: Any = "user", **fields: Any) -> tuple[Message, ...]:
    return (Message(role=role, content=parts, **fields),)


REASONED = ReasoningPart(text="hm", extra={"responses_item": {"type": "reasoning", "id": "rs_1", "summary": []}})
REPORT = MediaPart(kind="file", url="https://x.example/report.pdf")
CHART = MediaPart(kind="image", url="https://x.example/chart.png")
SPEECH = MediaPart(kind="audio", data=b"RIFF", media_type="audio/wav")


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": TOOLS},
        {"tools": TOOLS, "reasoning_effort": "high"},
        {"model": "gpt-6.2-sol", "tools": TOOLS},
        {"model": "gpt-5.10-x", "tools": TOOLS},
        {"model": "o3-pro"},
        {"model": "gpt-5-pro-2025-10-06"},
        {"model": "gpt-5.1-codex-max"},
        {"model": "o4-mini-deep-research"},
        {"model": "gpt-4o", "messages": (*_parts(REASONED, role="assistant"), USER)},
        {"model": "gpt-4o", "messages": _parts(REPORT)},
        {"model": "gpt-4o", "messages": _parts(CHART, role="tool", tool_call_id="call_1")},
    ],
)
def test_what_responses_does_better_goes_there(fields: dict[str, Any]) -> None:
    """Models only it serves, tools with reasoning, reasoning played back, files by URL, media in results."""
    assert _asked(**fields)[0] == "/responses"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"model": "gpt-4o", "tools": TOOLS},
        {"model": "gpt-5.1", "tools": TOOLS, "reasoning_effort": "high"},
        {"model": "gpt-5.6-chat-latest", "tools": TOOLS},
        {"tools": TOOLS, "reasoning_effort": "none"},
        {"tools": TOOLS, "seed": 7},
        {"tools": TOOLS, "n": 2},
        {"model": "gpt-4o", "messages": _parts(CHART)},
        {"model": "gpt-4o", "messages": _parts(SPEECH, REPORT.__class__(kind="file", url="file-abc"))},
    ],
)
def test_all_else_goes_to_chat_completions(fields: dict[str, Any]) -> None:
    """What both can do, and what chat completions alone can say, stays there."""
    assert _asked(**fields)[0] == "/chat/completions"


def test_the_setting_decides() -> None:
    """``api`` set to one of them always means that one."""
    assert _asked({"api": "chat"}, tools=TOOLS)[0] == "/chat/completions"
    assert _asked({"api": "responses"})[0] == "/responses"


def test_other_servers_get_chat_completions() -> None:
    """At an address that is not OpenAI's only what was asked for is tried."""
    elsewhere = {"base_url": "http://127.0.0.1:1/v1"}

    assert _asked(elsewhere, tools=TOOLS)[0] == "/chat/completions"
    assert _asked({**elsewhere, "api": "responses"})[0] == "/responses"
    assert _asked({"base_url": "https://eu.api.openai.com/v1"}, tools=TOOLS)[0] == "/responses"


def test_an_unknown_api_is_refused() -> None:
    """A misspelt setting is found when the gateway is made."""
    with pytest.raises(ConfigurationError, match="api"):
        _asked({"api": "respones"})


def test_nothing_is_kept_at_the_server() -> None:
    """A request is not stored, and a model that reasons hands its reasoning over."""
    _, body = _asked({"api": "responses", "reasoning_summary": "auto"}, max_tokens=99, user="customer-7")

    assert body["store"] is False
    assert body["include"] == ["reasoning.encrypted_content"]
    assert body["reasoning"] == {"summary": "auto"}
    assert body["max_output_tokens"] == 99
    assert body["safety_identifier"] == "customer-7"


def test_models_without_reasoning_are_not_asked_for_it() -> None:
    """OpenAI refuses to encrypt what is not there."""
    _, body = _asked({"api": "responses", "reasoning_summary": "auto"}, model="gpt-4o")

    assert "include" not in body
    assert "reasoning" not in body


def test_moderation() -> None:
    """Texts are judged in order, with the provider's own categories."""
    answer = {
        "id": "modr-1",
        "model": "omni-moderation-latest",
        "results": [
            {"flagged": False, "categories": {"hate": False}, "category_scores": {"hate": 0.01}},
            {"flagged": True, "categories": {"hate": True, "x": None}, "category_scores": {"hate": 0.9, "x": None}},
        ],
    }
    player = WirePlayer(Reply(pieces=(json.dumps(answer).encode(),)))
    provider = build(gateway_provider(), {"api_key": KEY}, player)
    assert isinstance(provider, Moderator)

    judged = asyncio.run(provider.moderate(ModerationRequest(model="m", texts=("a", "b")), new_call()))

    [wire] = player.requests
    assert (wire.url, json.loads(wire.body)) == (
        "https://api.openai.com/v1/moderations",
        {"model": "m", "input": ["a", "b"]},
    )
    assert [one.flagged for one in judged.results] == [False, True]
    assert judged.results[1].scores == {"hate": 0.9}


def test_a_judgement_too_few_is_no_answer() -> None:
    """Judgements that do not match the texts never reach the caller."""
    provider = build(gateway_provider(), {"api_key": KEY}, WirePlayer(Reply(pieces=(b'{"results": []}',))))
    assert isinstance(provider, Moderator)

    with pytest.raises(MalformedResponseError):
        asyncio.run(provider.moderate(ModerationRequest(model="m", texts=("a",)), new_call()))


def test_the_list_of_models() -> None:
    """Models come in the server's order, asked for with the key and without a body."""
    answer = {"object": "list", "data": [{"id": "b", "owned_by": "x"}, {"id": "a"}]}
    player = WirePlayer(Reply(pieces=(json.dumps(answer).encode(),)))
    provider = build(gateway_provider(), {"api_key": KEY}, player)
    assert isinstance(provider, ModelLister)

    listed = asyncio.run(provider.list_models(ModelListRequest(), new_call()))

    [wire] = player.requests
    assert (wire.method, wire.url, wire.body) == ("GET", "https://api.openai.com/v1/models", b"")
    assert [name for name, _ in wire.secret_headers] == ["authorization"]
    assert [model.id for model in listed.models] == ["b", "a"]
    assert listed.models[0].raw["owned_by"] == "x"
