"""Recorded requests, read into the gateway's own form and written again, mean what they meant."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from litellm_gateway.errors import GatewayError
from litellm_gateway_dialect_openai import ChatQuirks, OpenAIChatDialect
from litellm_gateway_provider_openai.provider import QUIRKS
from litellm_gateway_provider_openai_compatible.endpoints import careful_quirks, endpoint, names
from openai_chat_requests import OutOfReachError, meaning, read_chat, read_embed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from litellm_gateway.testing.wire_player import Recording

    Corpus = Callable[[str, Sequence[str]], list[Recording]]

PROVIDERS = (
    "openai", "azure", "groq", "deepseek", "mistral", "openrouter", "together", "xai", "vllm", "llamacpp",
    "perplexity", "cerebras", "huggingface", "zai", "ollama",
)  # fmt: skip
CHAT = {"ollama": ("openai_chat",)}
OUTSIDE = {"zai": {"reasoning_field": "reasoning_content"}}
"""What a plugin for a server without a row would say of it."""
EXCEPTIONS: dict[str, str] = json.loads((Path(__file__).parent / "openai_request_exceptions.json").read_text())


def _quirks(provider: str) -> ChatQuirks:
    if provider == "openai":
        return attrs.evolve(QUIRKS, user_field="user")  # the newer name means the same; recordings are older
    row = endpoint(provider if provider in names() else "openai-compatible")
    return ChatQuirks(**{**careful_quirks(), **row.quirks, **OUTSIDE.get(provider, {})})


def _dialect(provider: str) -> OpenAIChatDialect:
    return OpenAIChatDialect(base_url="http://127.0.0.1:1/v1", quirks=_quirks(provider))


def _chats(corpus: Corpus, provider: str) -> list[Recording]:
    return [one for one in corpus(provider, CHAT.get(provider, ("chat",))) if one.request is not None]


def _difference(written: dict[str, Any], recorded: dict[str, Any]) -> str:
    mine, theirs = meaning(written), meaning(recorded)
    wrong = [name for name in {**mine, **theirs} if mine.get(name) != theirs.get(name)]
    return "; ".join(f"{name}: {str(mine.get(name))[:300]} is not {str(theirs.get(name))[:300]}" for name in wrong)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_chat_requests_mean_the_same(corpus: Corpus, provider: str) -> None:
    """Each recorded chat request, written again from the gateway's own form, has the same JSON meaning."""
    dialect, different = _dialect(provider), {}

    for recording in _chats(corpus, provider):
        if recording.id in EXCEPTIONS:
            continue
        recorded = dict(recording.request or {})
        try:
            wire = dialect.encode_generate(read_chat(recorded), stream=bool(recorded.get("stream")))
        except (OutOfReachError, GatewayError) as error:
            different[recording.id] = repr(error)
            continue
        written = json.loads(wire.body)
        if "model" not in recorded:  # the deployment in the URL names it
            del written["model"]
        if difference := _difference(written, recorded):
            different[recording.id] = difference

    assert not different, json.dumps(different, indent=1)


@pytest.mark.parametrize("provider", ["openai", "azure", "mistral", "openrouter", "llamacpp"])
def test_embedding_requests_mean_the_same(corpus: Corpus, provider: str) -> None:
    """Each recorded request for embeddings too; in which encoding vectors travel is the gateway's own choice."""
    dialect = _dialect(provider)

    for recording in corpus(provider, ("embeddings",)):
        recorded = dict(recording.request or {})
        if recording.id in EXCEPTIONS:
            continue
        written = json.loads(dialect.encode_embed(read_embed(recorded)).body)
        if isinstance(recorded["input"], str):
            recorded["input"] = [recorded["input"]]
        recorded.setdefault("model", "")
        recorded.pop("encoding_format", None)
        written.pop("encoding_format", None)

        assert written == recorded, recording.id


def test_count_of_requests(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    """Under 2 % of the requests are left out, each of them with a reason in the list of exceptions."""
    rows: dict[str, Counter[str]] = {}
    for provider in PROVIDERS:
        recordings = [*_chats(corpus, provider), *corpus(provider, ("embeddings",))]
        rows[provider] = Counter("excepted" if one.id in EXCEPTIONS else one.api for one in recordings)

    with capsys.disabled():
        print("\n" + "".join(f"{name:>12}" for name in ("requests", "all", "chat", "embeddings", "excepted")))
        for provider, count in rows.items():
            chats = count["chat"] + count["openai_chat"]
            cells = (count.total(), chats, count["embeddings"], count["excepted"])
            print(f"{provider:>12}" + "".join(f"{cell:>12}" for cell in cells))

    total = sum(count.total() for count in rows.values())
    assert sum(count["excepted"] for count in rows.values()) == len(EXCEPTIONS)
    assert len(EXCEPTIONS) < total * 0.02
