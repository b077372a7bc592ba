"""Recorded answers of Anthropic, read by the dialect and by a second, simple reader; and sent back again."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litellm_gateway.contracts import TokenCounter
from litellm_gateway.errors import GatewayError
from litellm_gateway.messages import Message, TextPart
from litellm_gateway.requests import GenerateRequest, TokenCountRequest
from litellm_gateway.testing.provider_driver import HELLO, ask, ask_streamed, build, new_call
from litellm_gateway.testing.wire_player import WirePlayer
from litellm_gateway_provider_anthropic.dialect import AnthropicDialect
from litellm_gateway_provider_anthropic.plugin import gateway_provider

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pytest
    from litellm_gateway.contracts import Provider
    from litellm_gateway.responses import GenerateResponse
    from litellm_gateway.testing.provider_driver import Outcome
    from litellm_gateway.testing.wire_player import Recording

    Corpus = Callable[[str, Sequence[str]], list[Recording]]

ERRORS: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "anthropic_errors.json").read_text())
INPUT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def _provider(recording: Recording) -> Provider:
    return build(gateway_provider(), {"api_key": "sk-ant-test0123456789"}, WirePlayer(recording.reply()))


def _replay(recording: Recording) -> Outcome:
    way = ask_streamed if recording.is_stream else ask
    return asyncio.run(way(_provider(recording)))


def _count(recording: Recording) -> int | GatewayError:
    provider = _provider(recording)
    assert isinstance(provider, TokenCounter)
    try:
        counted = asyncio.run(provider.count_tokens(TokenCountRequest(model="m", request=HELLO), new_call()))
    except GatewayError as error:
        return error
    return counted.tokens


def _arguments(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _read(answer: GenerateResponse) -> dict[str, Any]:
    return {
        "text": answer.text,
        "reasoning": "".join(part.text for part in answer.reasoning),
        "tool_calls": [(call.name, _arguments(call.arguments)) for call in answer.tool_calls],
        "finish": answer.raw_finish_reason,
        "model": answer.model,
        "input": answer.usage.prompt_tokens,
        "cache_read": answer.usage.cache_read_tokens,
        "cache_write": answer.usage.cache_write_tokens,
        "output": answer.usage.completion_tokens,
        "thinking": answer.usage.reasoning_tokens,
    }


def _derived(derived: dict[str, Any]) -> dict[str, Any]:
    usage = derived.get("usage") or {}
    return {
        "text": derived.get("text") or "",
        "reasoning": derived.get("reasoning") or "",
        "tool_calls": [(call["name"], call["arguments"]) for call in derived.get("tool_calls") or ()],
        "finish": derived.get("finish"),
        "model": derived["model"],
        "input": sum(usage.get(name) or 0 for name in INPUT),
        "cache_read": usage.get("cache_read_input_tokens") or 0,
        "cache_write": usage.get("cache_creation_input_tokens") or 0,
        "output": usage.get("output_tokens", 0),
        "thinking": (usage.get("output_tokens_details") or {}).get("thinking_tokens", 0),
    }


def _differences(recording: Recording, outcome: Outcome) -> list[str]:
    if outcome.error is not None or outcome.answer is None or not outcome.finished:
        return [f"{recording.id}: {outcome.error!r}"]
    mine, theirs = _read(outcome.answer), _derived(dict(recording.derived or {}))
    wrong = [name for name in theirs if mine[name] != theirs[name]]
    return [f"{recording.id}: {name}: {mine[name]!r} is not {theirs[name]!r}" for name in wrong]


def test_answers_agree_with_a_second_reading(corpus: Corpus) -> None:
    """Text, thinking, tool calls, finish, model and usage are those a second reader finds in the same bytes."""
    answers = [one for one in corpus("anthropic", ("messages",)) if one.id not in ERRORS]

    differences = [text for one in answers for text in _differences(one, _replay(one))]

    assert not differences, "\n".join(differences)


def test_counts_are_those_sent(corpus: Corpus) -> None:
    """A token count is the number Anthropic gives; a refused one is a typed error."""
    for one in corpus("anthropic", ("count_tokens",)):
        counted = _count(one)

        if isinstance(counted, GatewayError):
            assert _shown(counted) == ERRORS[one.id], one.id
        else:
            assert counted == json.loads(one.body)["input_tokens"], one.id


def test_errors_map_to_their_class(corpus: Corpus) -> None:
    """Every recorded error raises exactly the class listed for it, with the hint when to come back."""
    errors = [one for one in corpus("anthropic", ("messages",)) if one.status >= 400 or "stream_error" in one.tags]

    found = {one.id: _shown(_replay(one).error) for one in errors}

    assert found == {name: ERRORS.get(name) for name in found}


def _shown(error: GatewayError | None) -> dict[str, Any]:
    hint = getattr(error, "retry_after", None)
    shown: dict[str, Any] = {"error": type(error).__name__}
    return shown if hint is None else {**shown, "retry_after": hint}


def _sent_back(answer: GenerateResponse) -> list[dict[str, Any]]:
    """Send an answer back as the documentation says, and give the blocks of its turn."""
    text = (TextPart(text=answer.text),) if answer.text else ()
    turn = Message(role="assistant", content=(*answer.reasoning, *text), tool_calls=answer.tool_calls)
    asked = GenerateRequest(model="m", messages=(Message(role="user", content="Hello"), turn))
    turns = json.loads(AnthropicDialect().encode_generate(asked, stream=False).body)["messages"]
    return _meaning(turns[1]["content"]) if len(turns) > 1 else []


def _meaning(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Join texts in a row and leave out what is empty or the default."""
    blocks: list[dict[str, Any]] = []
    for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
        said = {name: value for name, value in block.items() if value is not None}
        if said["type"] == "tool_use" and said.get("caller") == {"type": "direct"}:
            del said["caller"]
        if blocks and said.keys() == blocks[-1].keys() == {"type", "text"}:
            blocks[-1] = {"type": "text", "text": blocks[-1]["text"] + said["text"]}
        elif said != {"type": "text", "text": ""}:
            blocks.append(said)
    return blocks


def test_answers_go_back_as_they_came(corpus: Corpus) -> None:
    """The turn sent back holds each block of the answer, signed thinking and server tools included, in order."""
    for one in corpus("anthropic", ("messages",)):
        if one.id in ERRORS:
            continue
        answer = _replay(one).answer
        assert answer is not None

        blocks = _sent_back(answer)

        if one.is_stream:
            assert blocks == _meaning(_streamed_blocks(one.body)), one.id
        else:
            assert blocks == _meaning(json.loads(one.body)["content"]), one.id


def _streamed_blocks(body: bytes) -> list[dict[str, Any]]:
    """Put the blocks of a stream together, in a way of its own."""
    blocks: dict[int, dict[str, Any]] = {}
    pieces: dict[int, str] = {}
    for line in body.decode().replace("\r\n", "\n").split("\n"):
        event: dict[str, Any] = json.loads(line[5:]) if line.startswith("data:") else {"type": None}
        if event["type"] == "content_block_start":
            blocks[event["index"]] = event["content_block"]
        elif event["type"] == "content_block_delta":
            _join(blocks[event["index"]], event["delta"], pieces, event["index"])
    for index, text in pieces.items():
        blocks[index]["input"] = json.loads(text or "{}")
    return [{name: value for name, value in block.items() if value != []} for block in blocks.values()]


def _join(block: dict[str, Any], delta: dict[str, Any], pieces: dict[int, str], index: int) -> None:
    for name, value in delta.items():
        if name == "partial_json":
            pieces[index] = pieces.get(index, "") + value
        elif name == "citation":
            block["citations"] = [*(block.get("citations") or []), value]
        elif name != "type":
            block[name] = (block.get(name) or "") + value


def test_count_of_exchanges(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    """Every recorded exchange is replayed; none is left out."""
    recordings = corpus("anthropic", ("messages", "count_tokens"))
    tags = Counter(tag for one in recordings for tag in one.tags)
    kinds = Counter("errors" if one.id in ERRORS else "streams" if one.is_stream else "whole" for one in recordings)

    with capsys.disabled():
        print(f"\nanthropic: {len(recordings)} replayed, 0 skipped: {dict(kinds)}")
        for start in range(0, len(tags), 6):
            print("".join(f"{name:>22} {count:>3}" for name, count in sorted(tags.items())[start : start + 6]))

    assert len(recordings) == sum(kinds.values())
    assert {one.id for one in recordings} >= ERRORS.keys()
