"""Recorded answers of servers that speak OpenAI's format, read by the dialect and by a second, simple reader."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway.contracts import ProviderOffer
from litellm_gateway.dialects import DialectEmbedder
from litellm_gateway.errors import GatewayError
from litellm_gateway.requests import EmbedRequest
from litellm_gateway.testing.provider_driver import ask, ask_streamed, build, new_call
from litellm_gateway.testing.wire_player import WirePlayer
from litellm_gateway_dialect_openai import OpenAIChatDialect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from litellm_gateway.responses import EmbedResponse, GenerateResponse
    from litellm_gateway.testing.provider_driver import Outcome
    from litellm_gateway.testing.wire_player import Recording

    Corpus = Callable[[str, Sequence[str]], list[Recording]]

PROVIDERS = (
    "openai", "azure", "groq", "deepseek", "mistral", "openrouter", "together", "xai", "vllm", "llamacpp",
    "perplexity", "cerebras", "huggingface", "zai", "ollama",
)  # fmt: skip
CHAT = {"ollama": ("openai_chat",)}
HERE = Path(__file__).parent
EXCEPTIONS: dict[str, dict[str, str]] = json.loads((HERE / "openai_chat_exceptions.json").read_text())
ERRORS: dict[str, dict[str, Any]] = json.loads((HERE / "openai_chat_errors.json").read_text())


def _chats(corpus: Corpus, provider: str) -> list[Recording]:
    return corpus(provider, CHAT.get(provider, ("chat",)))


def _provider(recording: Recording) -> DialectEmbedder:
    offer = ProviderOffer(
        name=recording.provider,
        summary="a server that speaks OpenAI's format",
        build=lambda _, context: DialectEmbedder(OpenAIChatDialect(base_url="http://127.0.0.1:1/v1"), context),
        settings=SimpleNamespace,
    )
    provider = build(offer, {}, WirePlayer(recording.reply()))
    assert isinstance(provider, DialectEmbedder)
    return provider


def _replay(recording: Recording) -> Outcome:
    way = ask_streamed if recording.is_stream else ask
    return asyncio.run(way(_provider(recording)))


def _arguments(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _read(answer: GenerateResponse, derived: dict[str, Any]) -> dict[str, Any]:
    """Give the gateway's reading in the words of the other one; only of what that one says."""
    usage, raw = answer.usage, derived.get("usage") or {}
    details = raw.get("completion_tokens_details") or {}
    reasoning = details.get("reasoning_tokens") or 0
    outside = bool(raw) and raw.get("total_tokens") == raw["prompt_tokens"] + raw["completion_tokens"] + reasoning
    reading: dict[str, Any] = {
        "text": answer.text,
        "reasoning": "".join(part.text for part in answer.reasoning),
        "refusal": answer.refusal or "",
        "finish": answer.raw_finish_reason,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.output_tokens if outside and reasoning else usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "cached_tokens": usage.cache_read_tokens,
    }
    if derived.get("tool_calls") is not None:  # it has none where the arguments are cut
        reading["tool_calls"] = [(call.name, _arguments(call.arguments)) for call in answer.tool_calls]
    return reading


def _derived(derived: dict[str, Any]) -> dict[str, Any]:
    raw = derived.get("usage") or {}
    reading = {
        "text": derived.get("text") or "",
        "reasoning": derived.get("reasoning") or "",
        "refusal": derived.get("refusal") or "",
        "finish": derived.get("finish"),
        "prompt_tokens": raw.get("prompt_tokens", 0),
        "completion_tokens": raw.get("completion_tokens", 0),
        "total_tokens": raw.get("total_tokens", 0),
        "reasoning_tokens": (raw.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0,
        "cached_tokens": _cached(raw),
    }
    if derived.get("tool_calls") is not None:
        reading["tool_calls"] = [(call["name"], call["arguments"]) for call in derived["tool_calls"]]
    return reading


def _cached(raw: dict[str, Any]) -> int:
    """Look for every name any server has for it; Grok on Azure names more than the prompt has."""
    places = [raw, raw.get("prompt_tokens_details") or {}, raw.get("prompt_token_details") or {}]
    names = ("cached_tokens", "num_cached_tokens", "prompt_cache_hit_tokens")
    counts: list[int] = [place.get(name) or 0 for place in places for name in names]
    return min(max(counts), raw.get("prompt_tokens", 0))


def _differences(recording: Recording, outcome: Outcome) -> list[str]:
    derived = dict(recording.derived or {})
    excepted = EXCEPTIONS.get(recording.id, {}).get("field")
    if outcome.error is not None or outcome.answer is None:
        return [f"{recording.id}: {outcome.error!r}"]
    mine, theirs = _read(outcome.answer, derived), _derived(derived)
    wrong = [name for name in theirs if name != excepted and mine[name] != theirs[name]]
    if recording.is_stream and not outcome.finished and excepted != "finish":
        wrong.append("the end")
    return [f"{recording.id}: {name}: {mine.get(name)!r} is not {theirs.get(name)!r}" for name in wrong]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_answers_agree_with_a_second_reading(corpus: Corpus, provider: str) -> None:
    """Text, reasoning, refusal, tool calls, finish and usage are those a second reader finds in the same bytes."""
    answers = [one for one in _chats(corpus, provider) if one.derived and one.id not in ERRORS]

    differences = [text for one in answers for text in _differences(one, _replay(one))]

    assert not differences, "\n".join(differences)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_errors_map_to_their_class(corpus: Corpus, provider: str) -> None:
    """Every recorded error raises exactly the class listed for it, with the provider's hint when to come back."""
    chats = _chats(corpus, provider)
    errors = [one for one in chats if one.status >= 400 or one.id in ERRORS]

    found = {one.id: _replay(one).error for one in errors}

    seen = {name: _shown(error) for name, error in found.items()}
    assert seen == {name: ERRORS.get(name) for name in found}


def _shown(error: GatewayError | None) -> dict[str, Any]:
    shown: dict[str, Any] = {"error": type(error).__name__}
    hint = getattr(error, "retry_after", None)
    return shown if hint is None else {**shown, "retry_after": round(hint, 3)}


@pytest.mark.parametrize("provider", ["openai", "azure", "mistral", "openrouter", "llamacpp"])
def test_embeddings_agree_with_a_second_reading(corpus: Corpus, provider: str) -> None:
    """Vectors, their order and the tokens are those a second reader finds; errors are the listed ones."""
    for recording in corpus(provider, ("embeddings",)):
        answer = _embed(recording)

        if isinstance(answer, GatewayError):
            assert _shown(answer) == ERRORS[recording.id], recording.id
            continue
        body = json.loads(recording.body)
        assert [list(vector) for vector in answer] == _vectors(body), recording.id
        assert answer.usage.prompt_tokens == body["usage"]["prompt_tokens"], recording.id


def _embed(recording: Recording) -> EmbedResponse | GatewayError:
    asked = (recording.request or {})["input"]
    texts = (asked,) if isinstance(asked, str) else tuple(map(str, asked))
    try:
        return asyncio.run(_provider(recording).embed(EmbedRequest(model="m", texts=texts), new_call()))
    except GatewayError as error:
        return error


def _vectors(body: dict[str, Any]) -> list[list[float]]:
    rows = [item["embedding"] for item in sorted(body["data"], key=lambda item: item["index"])]
    unpacked = []
    for row in rows:
        raw = base64.b64decode(row) if isinstance(row, str) else struct.pack(f"<{len(row)}f", *row)
        unpacked.append(list(struct.unpack(f"<{len(raw) // 4}f", raw)))
    return unpacked


def test_count_of_exchanges(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    """Under 2 % of the exchanges are left out, each of them with a reason in the list of exceptions."""
    rows = []
    known: set[str] = set()
    for provider in PROVIDERS:
        recordings = [*_chats(corpus, provider), *corpus(provider, ("embeddings",))]
        known.update(one.id for one in recordings)
        count = Counter("excepted" if one.id in EXCEPTIONS else _group(one) for one in recordings)
        rows.append((provider, len(recordings), count))

    with capsys.disabled():
        _print_table(rows)

    total = sum(size for _, size, _ in rows)
    assert set(EXCEPTIONS) <= known
    assert set(ERRORS) <= known
    assert len(EXCEPTIONS) < total * 0.02
    assert all(row["reason"] for row in EXCEPTIONS.values())


def _group(recording: Recording) -> str:
    if recording.id in ERRORS:
        return "errors"
    if recording.api == "embeddings":
        return "embeddings"
    return "streams" if recording.is_stream else "whole"


def _print_table(rows: list[tuple[str, int, Counter[str]]]) -> None:
    groups = ("whole", "streams", "embeddings", "errors", "excepted")
    print("\n" + "".join(f"{name:>12}" for name in ("", "all", *groups)))
    for provider, size, count in rows:
        print(f"{provider:>12}{size:>12}" + "".join(f"{count[group]:>12}" for group in groups))
