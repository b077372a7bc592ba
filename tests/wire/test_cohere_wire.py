"""Cohere's recorded answers, read by the provider and by a second, simple reader."""

from __future__ import annotations

import asyncio
import json
from array import array
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litellm_gateway.requests import EmbedRequest, RerankRequest
from litellm_gateway.secrets import Secret
from litellm_gateway.testing.provider_driver import ask, ask_streamed, build
from litellm_gateway.testing.wire_player import WirePlayer
from litellm_gateway.wire import WireResponse
from litellm_gateway_provider_cohere.dialect import CohereDialect
from litellm_gateway_provider_cohere.plugin import gateway_provider

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pytest
    from litellm_gateway.errors import GatewayError
    from litellm_gateway.responses import GenerateResponse
    from litellm_gateway.testing.provider_driver import Outcome
    from litellm_gateway.testing.wire_player import Recording

    Corpus = Callable[[str, Sequence[str]], list[Recording]]

APIS = ("chat", "embed", "rerank")
KEY = "co-0123456789abcdefghijklmnop"
ERRORS: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "cohere_errors.json").read_text())


def _replay(recording: Recording) -> Outcome:
    way = ask_streamed if recording.is_stream else ask
    return asyncio.run(way(build(gateway_provider(), {"api_key": KEY}, WirePlayer(recording.reply()))))


def _dialect() -> CohereDialect:
    return CohereDialect(base_url="http://127.0.0.1:1", api_key=Secret(KEY))


def _response(recording: Recording) -> WireResponse:
    return WireResponse(status=recording.status, headers=recording.headers, body=recording.body)


def _shown(error: GatewayError | None) -> dict[str, Any]:
    shown: dict[str, Any] = {"error": type(error).__name__}
    hint = getattr(error, "retry_after", None)
    return shown if hint is None else {**shown, "retry_after": round(hint, 3)}


def _read(answer: GenerateResponse) -> dict[str, Any]:
    return {
        "text": answer.text,
        "reasoning": "".join(part.text for part in answer.reasoning),
        "tool_calls": [(call.name, json.loads(call.arguments)) for call in answer.tool_calls],
        "finish": answer.raw_finish_reason,
        "prompt_tokens": answer.usage.prompt_tokens,
        "completion_tokens": answer.usage.completion_tokens,
        "cached_tokens": answer.usage.cache_read_tokens,
        "reasoning_tokens": answer.usage.reasoning_tokens,
    }


def _derived(recording: Recording) -> dict[str, Any]:
    derived = recording.derived or {}
    usage = derived.get("usage") or {}
    tokens = usage.get("tokens") or {}
    return {
        "text": derived.get("text") or "",
        "reasoning": _plan(recording) + (derived.get("reasoning") or ""),
        "tool_calls": [(call["name"], call["arguments"]) for call in derived.get("tool_calls") or ()],
        "finish": derived.get("finish"),
        "prompt_tokens": tokens.get("input_tokens", 0),
        "completion_tokens": tokens.get("output_tokens", 0),
        "cached_tokens": usage.get("cached_tokens", 0),
        "reasoning_tokens": tokens.get("reasoning_tokens", 0),
    }


def _plan(recording: Recording) -> str:
    """The tool plan, which the second reading leaves out and the gateway counts as reasoning."""
    if not recording.is_stream:
        return json.loads(recording.body)["message"].get("tool_plan") or ""
    lines = [line[5:] for line in recording.body.decode().split("\n") if line.startswith("data:") and "{" in line]
    deltas = (event["delta"]["message"] for event in map(json.loads, lines) if event["type"] == "tool-plan-delta")
    return "".join(message["tool_plan"] for message in deltas)


def test_answers_agree_with_a_second_reading(corpus: Corpus) -> None:
    """Text, reasoning, tool plan, calls, finish and usage are those a second reader finds in the same bytes."""
    answers = [one for one in corpus("cohere", ("chat",)) if one.derived and one.id not in ERRORS]
    wrong = []

    for recording in answers:
        outcome = _replay(recording)
        assert outcome.answer is not None, f"{recording.id}: {outcome.error!r}"
        assert outcome.finished, recording.id
        mine, theirs = _read(outcome.answer), _derived(recording)
        wrong += [f"{recording.id}: {name}: {mine[name]!r} is not {theirs[name]!r}"
                  for name in theirs if mine[name] != theirs[name]]  # fmt: skip

    assert answers
    assert not wrong, "\n".join(wrong)


def test_citations_are_passed_on(corpus: Corpus) -> None:
    """Whole and streamed answers carry the citations as Cohere gives them."""
    cited = [one for one in corpus("cohere", ("chat",)) if "citations" in one.tags]

    notes = {one.id: _replay(one).answer.annotations for one in cited}  # type: ignore[union-attr]

    assert len(notes) >= 15
    assert all(note["text"] and note["sources"] for found in notes.values() for note in found)
    assert all(notes.values())


def test_errors_map_to_their_class(corpus: Corpus) -> None:
    """Every recorded error raises exactly the class listed for it, with Cohere's hint when to come back."""
    errors = [one for one in corpus("cohere", APIS) if one.status >= 400 or one.id in ERRORS]

    seen = {one.id: _shown(_replay(one).error) for one in errors}

    assert seen == ERRORS


def test_vectors_agree_with_a_second_reading(corpus: Corpus) -> None:
    """Vectors and tokens of every embedding answer, also in the bare form of the first version."""
    for recording in corpus("cohere", ("embed",)):
        if recording.status >= 400:
            continue
        asked = recording.request or {}
        request = EmbedRequest(model=asked["model"], texts=tuple(asked.get("texts") or ()))

        answer = _dialect().decode_embed(request, _response(recording))

        body = json.loads(recording.body)
        found = body["embeddings"]
        rows = found if isinstance(found, list) else found["float"]
        billed = (body.get("meta") or {}).get("billed_units") or {}
        assert list(answer) == [array("f", row) for row in rows], recording.id
        assert answer.usage.prompt_tokens == billed.get("input_tokens", 0) + billed.get("image_tokens", 0)
        assert answer.model == asked["model"]


def test_rerank_agrees_with_a_second_reading(corpus: Corpus) -> None:
    """Places, scores and search units of every rerank answer."""
    for recording in corpus("cohere", ("rerank",)):
        asked = recording.request or {}
        request = RerankRequest(model=asked["model"], query=asked["query"], documents=tuple(asked["documents"]))

        answer = _dialect().decode_rerank(request, _response(recording))

        body = json.loads(recording.body)
        places = [(result["index"], result["relevance_score"]) for result in body["results"]]
        assert [(result.index, result.score) for result in answer.results] == places, recording.id
        assert answer.metadata["search_units"] == body["meta"]["billed_units"]["search_units"]


def test_count_of_exchanges(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    """Every exchange is replayed by one of the tests above; none is left out."""
    recordings = corpus("cohere", APIS)

    groups = Counter(_group(one) for one in recordings)
    tags = Counter(tag for one in recordings for tag in one.tags)

    with capsys.disabled():
        print(f"\ncohere: {len(recordings)} exchanges, {len(recordings)} replayed, 0 skipped: {dict(groups)}")
        print("  " + ", ".join(f"{tag} {count}" for tag, count in sorted(tags.items())))
    assert groups["unread"] == 0
    assert set(ERRORS) <= {one.id for one in recordings}


def _group(recording: Recording) -> str:
    if recording.id in ERRORS:
        return "errors"
    if recording.status >= 400 or (recording.api == "chat" and not recording.derived):
        return "unread"
    return {"embed": "embeddings", "rerank": "rerank"}.get(recording.api, "streams" if recording.is_stream else "whole")
