"""Bedrock's recorded answers, read by the provider and by a second, simple reader."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litellm_gateway.testing.provider_driver import ask, ask_streamed, build
from litellm_gateway.testing.wire_player import WirePlayer
from litellm_gateway_provider_bedrock.plugin import gateway_provider

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pytest
    from litellm_gateway.errors import GatewayError
    from litellm_gateway.responses import GenerateResponse
    from litellm_gateway.testing.provider_driver import Outcome
    from litellm_gateway.testing.wire_player import Recording

    Corpus = Callable[[str, Sequence[str]], list[Recording]]

HERE = Path(__file__).parent
ERRORS: dict[str, dict[str, Any]] = json.loads((HERE / "bedrock_errors.json").read_text())
EXCEPTIONS: dict[str, dict[str, str]] = json.loads((HERE / "bedrock_exceptions.json").read_text())
SETTINGS = {"api_key": "bedrock-api-key-0123456789abcdef", "region": "us-east-1"}


def _replay(recording: Recording) -> Outcome:
    way = ask_streamed if recording.is_stream else ask
    return asyncio.run(way(build(gateway_provider(), SETTINGS, WirePlayer(recording.reply()))))


def _shown(error: GatewayError | None) -> dict[str, Any]:
    shown: dict[str, Any] = {"error": type(error).__name__}
    return {**shown, "code": error.code} if error is not None and error.code else shown


def _read(answer: GenerateResponse) -> dict[str, Any]:
    usage = answer.usage
    return {
        "text": answer.text,
        "reasoning": "".join(part.text for part in answer.reasoning),
        "tool_calls": [(call.name, json.loads(call.arguments)) for call in answer.tool_calls],
        "finish": answer.raw_finish_reason,
        "input": usage.input_tokens,
        "cache_read": usage.cache_read_tokens,
        "cache_write": usage.cache_write_tokens,
        "output": usage.completion_tokens,
        "total": usage.total_tokens,
    }


def _derived(derived: dict[str, Any]) -> dict[str, Any]:
    usage = derived.get("usage") or {}
    return {
        "text": derived.get("text") or "",
        "reasoning": derived.get("reasoning") or "",
        "tool_calls": [(call["name"], call["arguments"]) for call in derived.get("tool_calls") or ()],
        "finish": derived.get("finish"),
        "input": usage.get("inputTokens", 0),
        "cache_read": usage.get("cacheReadInputTokens", 0),
        "cache_write": usage.get("cacheWriteInputTokens", 0),
        "output": usage.get("outputTokens", 0),
        "total": usage.get("totalTokens", 0),
    }


def _differences(recording: Recording, outcome: Outcome) -> list[str]:
    if outcome.answer is None or not outcome.finished:
        return [f"{recording.id}: {outcome.error!r}"]
    mine, theirs = _read(outcome.answer), _derived(dict(recording.derived or {}))
    excepted = EXCEPTIONS.get(recording.id, {}).get("field")
    return [
        f"{recording.id}: {name}: {mine[name]!r} is not {theirs[name]!r}"
        for name in theirs
        if name != excepted and mine[name] != theirs[name]
    ]


def test_answers_agree_with_a_second_reading(corpus: Corpus) -> None:
    """Text, reasoning, tool calls, finish and every count are those a second reader finds in the same bytes."""
    answers = [one for one in corpus("bedrock", ("converse",)) if one.derived]

    wrong = [text for one in answers for text in _differences(one, _replay(one))]

    assert len(answers) >= 35
    assert not wrong, "\n".join(wrong)


def test_citations_are_passed_on(corpus: Corpus) -> None:
    """Whole and streamed answers carry the citations as Bedrock gives them."""
    cited = [one for one in corpus("bedrock", ("converse",)) if "citations" in one.tags]

    notes = {one.id: _replay(one).answer.annotations for one in cited}  # type: ignore[union-attr]

    assert len(notes) >= 8
    assert all(note.get("location") or note.get("source") for found in notes.values() for note in found)
    assert all(notes.values())


def test_server_tools_are_kept_as_they_came(corpus: Corpus) -> None:
    """What the service's own tools did is no call for the caller, but stands among what goes back."""
    ran = [one for one in corpus("bedrock", ("converse",)) if one.id in EXCEPTIONS]

    for recording in ran:
        answer = _replay(recording).answer

        assert answer is not None
        kept = [part.extra["bedrock"] for part in answer.reasoning if part.extra]
        assert [next(iter(block)) for block in kept] == ["toolUse", "toolResult"], recording.id
        assert kept[0]["toolUse"]["input"], recording.id
        assert kept[1]["toolResult"]["toolUseId"] == kept[0]["toolUse"]["toolUseId"], recording.id
        assert kept[1]["toolResult"]["content"], recording.id


def test_errors_map_to_their_class(corpus: Corpus) -> None:
    """Every recorded error raises exactly the class listed for it, with AWS's name for it where one was recorded."""
    errors = [one for one in corpus("bedrock", ("converse", "invoke")) if one.status >= 400]

    seen = {one.id: _shown(_replay(one).error) for one in errors}

    assert seen == ERRORS


def test_count_of_exchanges(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    """Every exchange with Converse is replayed; answers of InvokeModel, which is not spoken here, are named."""
    converse, invoke = corpus("bedrock", ("converse",)), corpus("bedrock", ("invoke",))

    groups = Counter(_group(one) for one in converse)
    tags = Counter(tag for one in converse for tag in one.tags)
    foreign = [one.id for one in invoke if one.id not in ERRORS]

    with capsys.disabled():
        print(f"\nbedrock: {len(converse)} exchanges with Converse, all replayed: {dict(groups)}")
        print("  " + ", ".join(f"{tag} {count}" for tag, count in sorted(tags.items())))
        print(f"  answers of InvokeModel, another API: {', '.join(foreign)}")
    assert groups["unread"] == 0
    assert len(foreign) == 4
    assert set(ERRORS) | set(EXCEPTIONS) <= {one.id for one in (*converse, *invoke)}
    assert all(row["reason"] for row in EXCEPTIONS.values())


def _group(recording: Recording) -> str:
    if recording.id in ERRORS:
        return "errors"
    if recording.status >= 400 or not recording.derived:
        return "unread"
    return "streams" if recording.is_stream else "whole"
