"""Recorded answers of the Responses API, read by the dialect and by a second, simple reader."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from broken_answers import read_bytes
from litellm_gateway.contracts import ProviderOffer
from litellm_gateway.dialects import DialectProvider
from litellm_gateway.errors import GatewayError
from litellm_gateway.testing.provider_driver import ask, ask_streamed, build
from litellm_gateway.testing.wire_player import WirePlayer
from litellm_gateway_dialect_openai import OpenAIDialect
from litellm_gateway_provider_openai.provider import QUIRKS
from openai_responses_requests import OutOfReachError, meaning, read_responses

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from litellm_gateway.responses import GenerateResponse
    from litellm_gateway.testing.provider_driver import Outcome
    from litellm_gateway.testing.wire_player import Recording

    Corpus = Callable[[str, Sequence[str]], list[Recording]]

CUTS = int(os.environ.get("LITELLM_GATEWAY_WIRE_CUTS", "25"))
PROVIDERS = ("openai", "azure", "xai", "deepseek", "openrouter", "vllm")
APIS = ("responses",)
HERE = Path(__file__).parent
EXCEPTIONS: dict[str, dict[str, str]] = json.loads((HERE / "openai_responses_exceptions.json").read_text())
ERRORS: dict[str, dict[str, Any]] = json.loads((HERE / "openai_responses_errors.json").read_text())
REQUEST_EXCEPTIONS: dict[str, str] = json.loads((HERE / "openai_responses_request_exceptions.json").read_text())


def _dialect() -> OpenAIDialect:
    # as recorded, even what the server refused
    quirks = attrs.evolve(QUIRKS, user_field="user", minimum_output_tokens=0, efforts=())
    return OpenAIDialect(base_url="http://127.0.0.1:1/v1", wants_responses=lambda _: True, quirks=quirks)


def _replay(recording: Recording) -> Outcome:
    offer = ProviderOffer(
        name=recording.provider,
        summary="a server that speaks the Responses API",
        build=lambda _, context: DialectProvider(_dialect(), context),
    )
    way = ask_streamed if recording.is_stream else ask
    return asyncio.run(way(build(offer, {}, WirePlayer(recording.reply()))))


def _arguments(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _read(answer: GenerateResponse) -> dict[str, Any]:
    usage = answer.usage
    return {
        "text": answer.text,
        "reasoning": "".join(part.text for part in answer.reasoning),
        "refusal": answer.refusal or "",
        "finish": answer.raw_finish_reason,
        "input_tokens": usage.prompt_tokens,
        "output_tokens": usage.completion_tokens,
        "cached_tokens": usage.cache_read_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "tool_calls": [(call.name, _arguments(call.arguments)) for call in answer.tool_calls],
    }


def _derived(derived: dict[str, Any]) -> dict[str, Any]:
    raw = derived.get("usage") or {}
    reading = {
        "text": derived.get("text") or "",
        "reasoning": derived.get("reasoning") or "",
        "refusal": derived.get("refusal") or "",
        "finish": derived.get("finish"),
        "input_tokens": raw.get("input_tokens", 0),
        "output_tokens": raw.get("output_tokens", 0),
        "cached_tokens": (raw.get("input_tokens_details") or {}).get("cached_tokens") or 0,
        "reasoning_tokens": (raw.get("output_tokens_details") or {}).get("reasoning_tokens") or 0,
    }
    if derived.get("tool_calls") is not None:
        reading["tool_calls"] = [(call["name"], call["arguments"]) for call in derived["tool_calls"]]
    return reading


def _differences(recording: Recording, outcome: Outcome) -> list[str]:
    if outcome.error is not None or outcome.answer is None:
        return [f"{recording.id}: {outcome.error!r}"]
    excepted = EXCEPTIONS.get(recording.id, {}).get("field")
    mine, theirs = _read(outcome.answer), _derived(dict(recording.derived or {}))
    if not theirs["reasoning"]:
        del theirs["reasoning"]  # the second reader knows summaries only; vLLM and DeepSeek show the reasoning itself
    wrong = [name for name in theirs if excepted not in (name, "*") and mine[name] != theirs[name]]
    if recording.is_stream and not outcome.finished and excepted != "finish":
        wrong.append("the end")
    return [f"{recording.id}: {name}: {mine.get(name)!r} is not {theirs.get(name)!r}" for name in wrong]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_answers_agree_with_a_second_reading(corpus: Corpus, provider: str) -> None:
    """Text, reasoning, refusal, calls, status and usage are those a second reader finds in the same bytes."""
    answers = [one for one in corpus(provider, APIS) if one.derived and one.id not in ERRORS]

    differences = [text for one in answers for text in _differences(one, _replay(one))]

    assert not differences, "\n".join(differences)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_errors_map_to_their_class(corpus: Corpus, provider: str) -> None:
    """Every recorded error, in a stream too, raises exactly the class listed for it."""
    errors = [one for one in corpus(provider, APIS) if one.status >= 400 or one.id in ERRORS]

    found = {one.id: _shown(_replay(one).error) for one in errors}

    assert found == {name: ERRORS.get(name) for name in found}


def _shown(error: GatewayError | None) -> dict[str, Any]:
    shown: dict[str, Any] = {"error": type(error).__name__}
    hint = getattr(error, "retry_after", None)
    return shown if hint is None else {**shown, "retry_after": round(hint, 3)}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_cut_streams_have_no_end(corpus: Corpus, provider: str) -> None:
    """A stream that stops before its last event has no finish piece, so it counts as interrupted."""
    for recording in (one for one in corpus(provider, APIS) if one.is_stream and one.id not in (ERRORS | EXCEPTIONS)):
        end = recording.body.rfind(b"data: {")

        kinds = [fields.get("kind", "text") for _, fields in read_bytes(_dialect(), [recording.body[:end]])]

        assert "finish" not in kinds, recording.id


@pytest.mark.parametrize("provider", PROVIDERS)
def test_requests_mean_the_same(corpus: Corpus, provider: str) -> None:
    """Each recorded request, written again from the gateway's own form, has the same JSON meaning."""
    dialect, different = _dialect(), {}

    for recording in corpus(provider, APIS):
        if recording.request is None or recording.id in REQUEST_EXCEPTIONS:
            continue
        recorded = dict(recording.request)
        try:
            wire = dialect.encode_generate(read_responses(recorded), stream=bool(recorded.get("stream")))
        except (OutOfReachError, GatewayError) as error:
            different[recording.id] = repr(error)
            continue
        mine, theirs = meaning(json.loads(wire.body)), meaning(recorded)
        wrong = [name for name in {**mine, **theirs} if mine.get(name) != theirs.get(name)]
        if wrong:
            different[recording.id] = "; ".join(f"{name}: {mine.get(name)} is not {theirs.get(name)}" for name in wrong)

    assert not different, json.dumps(different, indent=1)


def test_count_of_exchanges(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    """Under 2 % of the exchanges are left out, each of them with a reason in the list of exceptions."""
    groups = ("whole", "streams", "errors", "excepted")
    rows = {}
    for provider in PROVIDERS:
        rows[provider] = Counter(_group(one) for one in corpus(provider, APIS))

    with capsys.disabled():
        print("\n" + "".join(f"{name:>12}" for name in ("responses", "all", *groups)))
        for provider, count in rows.items():
            print(f"{provider:>12}{count.total():>12}" + "".join(f"{count[group]:>12}" for group in groups))

    assert len(EXCEPTIONS) < sum(count.total() for count in rows.values()) * 0.02
    assert all(row["reason"] for row in EXCEPTIONS.values())
    assert len(REQUEST_EXCEPTIONS) < sum(count.total() for count in rows.values()) * 0.02


def _group(recording: Recording) -> str:
    if recording.id in EXCEPTIONS:
        return "excepted"
    if recording.id in ERRORS:
        return "errors"
    return "streams" if recording.is_stream else "whole"
