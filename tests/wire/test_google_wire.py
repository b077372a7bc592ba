"""Recorded answers of the Gemini API and of Vertex AI, read by the dialect and by a second, simple reader."""

from __future__ import annotations

import asyncio
import json
import struct
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway.errors import GatewayError
from litellm_gateway.requests import EmbedRequest, ModelListRequest, TokenCountRequest
from litellm_gateway.testing.provider_driver import HELLO, ask, ask_streamed, build, new_call
from litellm_gateway.testing.wire_player import WirePlayer
from litellm_gateway_provider_google import plugin, vertex_plugin
from litellm_gateway_provider_google.provider import GeminiProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from litellm_gateway.responses import GenerateResponse
    from litellm_gateway.testing.provider_driver import Outcome
    from litellm_gateway.testing.wire_player import Recording

    Corpus = Callable[[str, Sequence[str]], list[Recording]]

APIS = {
    "google": ("generateContent", "embedContent", "batchEmbedContents", "countTokens", "models"),
    "vertex": ("generateContent",),
}
HERE = Path(__file__).parent
EXCEPTIONS: dict[str, dict[str, str]] = json.loads((HERE / "google_exceptions.json").read_text())
ERRORS: dict[str, dict[str, Any]] = json.loads((HERE / "google_errors.json").read_text())
SETTINGS = {
    "google": (plugin, {"api_key": "AIza0123456789abcdefgh"}),
    "vertex": (vertex_plugin, {"access_token": "ya29.0123456789abcdefgh", "project": "test"}),
}


def _provider(recording: Recording) -> GeminiProvider:
    module, settings = SETTINGS[recording.provider]
    provider = build(module.gateway_provider(), settings, WirePlayer(recording.reply()))
    assert isinstance(provider, GeminiProvider)
    return provider


def _replay(recording: Recording) -> Outcome:
    way = ask_streamed if recording.is_stream else ask
    return asyncio.run(way(_provider(recording)))


def _read(answer: GenerateResponse) -> dict[str, Any]:
    """Give the gateway's reading in the words of the other one."""
    usage = answer.usage
    return {
        "text": answer.text,
        "reasoning": "".join(part.text for part in answer.reasoning),
        "finish": answer.raw_finish_reason,
        "tool_calls": [(call.name, json.loads(call.arguments)) for call in answer.tool_calls],
        "input": usage.prompt_tokens,
        "cached": usage.cache_read_tokens,
        "output": usage.output_tokens,
        "thoughts": usage.reasoning_tokens,
        "total": usage.total_tokens,
    }


def _derived(derived: dict[str, Any]) -> dict[str, Any]:
    raw = derived.get("usage") or {}
    return {
        "text": derived.get("text") or "",
        "reasoning": derived.get("reasoning") or "",
        "finish": derived.get("finish"),
        "tool_calls": [(call["name"], call["arguments"]) for call in derived.get("tool_calls") or ()],
        "input": raw.get("promptTokenCount", 0) + raw.get("toolUsePromptTokenCount", 0),
        "cached": raw.get("cachedContentTokenCount", 0),
        "output": raw.get("candidatesTokenCount", 0),
        "thoughts": raw.get("thoughtsTokenCount", 0),
        "total": raw.get("totalTokenCount", 0),
    }


def _differences(recording: Recording, outcome: Outcome) -> list[str]:
    excepted = EXCEPTIONS.get(recording.id, {}).get("field")
    if outcome.error is not None or outcome.answer is None:
        return [f"{recording.id}: {outcome.error!r}"]
    mine, theirs = _read(outcome.answer), _derived(dict(recording.derived or {}))
    wrong = [name for name in theirs if name != excepted and mine[name] != theirs[name]]
    if recording.is_stream and outcome.finished != bool(theirs["finish"]):
        wrong.append("the end")
    return [f"{recording.id}: {name}: {mine.get(name)!r} is not {theirs.get(name)!r}" for name in wrong]


@pytest.mark.parametrize("provider", APIS)
def test_answers_agree_with_a_second_reading(corpus: Corpus, provider: str) -> None:
    """Text, reasoning, tool calls, finish and usage are those a second reader finds in the same bytes."""
    answers = [one for one in corpus(provider, ("generateContent",)) if one.derived and one.id not in ERRORS]

    differences = [text for one in answers for text in _differences(one, _replay(one))]

    assert len(answers) >= 40
    assert not differences, "\n".join(differences)


@pytest.mark.parametrize("provider", APIS)
def test_errors_map_to_their_class(corpus: Corpus, provider: str) -> None:
    """Every recorded error raises exactly the class listed for it, with Google's hint when to come back."""
    errors = [one for one in corpus(provider, APIS[provider]) if one.status >= 400 or one.id in ERRORS]

    found = {one.id: _replay(one).error for one in errors}

    assert {name: _shown(error) for name, error in found.items()} == {name: ERRORS.get(name) for name in found}


def _shown(error: GatewayError | None) -> dict[str, Any]:
    shown: dict[str, Any] = {"error": type(error).__name__}
    hint = getattr(error, "retry_after", None)
    return shown if hint is None else {**shown, "retry_after": round(hint, 3)}


def _asked(recording: Recording, ability: Callable[..., Coroutine[Any, Any, Any]], request: object) -> Any:
    try:
        return asyncio.run(ability(_provider(recording), request, new_call()))
    except GatewayError as error:
        return error


def test_embeddings_are_the_numbers_that_came(corpus: Corpus) -> None:
    """Vectors and their order are those in the body, as 32-bit floats; errors are the listed ones."""
    for recording in corpus("google", ("embedContent", "batchEmbedContents")):
        asked = (recording.request or {}).get("requests") or [recording.request]
        request = EmbedRequest(model="m", texts=tuple(f"text {place}" for place in range(len(asked))))

        answer = _asked(recording, GeminiProvider.embed, request)

        if isinstance(answer, GatewayError):
            assert _shown(answer) == ERRORS[recording.id], recording.id
            continue
        rows = [item["values"] for item in json.loads(recording.body)["embeddings"]]
        assert [list(vector) for vector in answer] == [_floats(row) for row in rows], recording.id


def _floats(row: list[float]) -> list[float]:
    return list(struct.unpack(f"<{len(row)}f", struct.pack(f"<{len(row)}f", *row)))


def test_token_counts_and_models(corpus: Corpus) -> None:
    """A count is the total that came; a list of models has a row for each, with its limits."""
    for recording in corpus("google", ("countTokens",)):
        request = TokenCountRequest(model="m", request=HELLO)
        answer = _asked(recording, GeminiProvider.count_tokens, request)
        if isinstance(answer, GatewayError):
            assert _shown(answer) == ERRORS[recording.id], recording.id
        else:
            assert answer.tokens == json.loads(recording.body)["totalTokens"], recording.id
    for recording in corpus("google", ("models",)):
        listed = _asked(recording, GeminiProvider.list_models, ModelListRequest())
        rows = json.loads(recording.body)["models"]
        assert [model.id for model in listed.models] == [row["name"].removeprefix("models/") for row in rows]
        assert [model.context_tokens for model in listed.models] == [row["inputTokenLimit"] for row in rows]


def test_count_of_exchanges(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    """Under 2 % of the exchanges are left out, each of them with a reason in the list of exceptions."""
    recordings = [one for provider, apis in APIS.items() for one in corpus(provider, apis)]
    known = {one.id for one in recordings}

    with capsys.disabled():
        _print_table(recordings)

    assert set(EXCEPTIONS) <= known
    assert set(ERRORS) <= known
    assert len(EXCEPTIONS) < len(recordings) * 0.02
    assert all(row["reason"] for row in EXCEPTIONS.values())


def _group(recording: Recording) -> str:
    if recording.id in ERRORS:
        return "errors"
    if recording.api != "generateContent":
        return "others"
    return "streams" if recording.is_stream else "whole"


def _print_table(recordings: list[Recording]) -> None:
    groups = ("whole", "streams", "others", "errors", "excepted")
    print("\n" + f"{'':>22}" + "".join(f"{name:>10}" for name in ("all", *groups)))
    rows: dict[str, list[Recording]] = {provider: [] for provider in APIS}
    for one in recordings:
        for name in (one.provider, *sorted(one.tags - {"usage"})):
            rows.setdefault(name, []).append(one)
    for name, found in rows.items():
        count = Counter("excepted" if one.id in EXCEPTIONS else _group(one) for one in found)
        print(f"{name:>22}{len(found):>10}" + "".join(f"{count[group]:>10}" for group in groups))
