"""Recorded exchanges of servers that speak OpenAI's format, through the providers people choose by name.

What is read is compared elsewhere, byte by byte; here it is the whole provider of each row: its address, its key's
header, what it sends for a recorded request, and that each recorded answer or error comes out typed.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway.errors import GatewayError
from litellm_gateway.testing.provider_driver import HELLO, ask, ask_streamed, build
from litellm_gateway.testing.wire_player import WirePlayer
from litellm_gateway_provider_openai_compatible.endpoints import endpoint
from litellm_gateway_provider_openai_compatible.plugin import plugin_of
from openai_chat_requests import read_chat

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from litellm_gateway.requests import GenerateRequest
    from litellm_gateway.testing.provider_driver import Outcome
    from litellm_gateway.testing.wire_player import Recording

    Corpus = Callable[[str, Sequence[str]], list[Recording]]

PROVIDERS = (
    "azure", "cerebras", "deepseek", "groq", "llamacpp", "mistral", "ollama", "openrouter", "perplexity", "together",
    "vllm", "xai",
)  # fmt: skip
CHAT = {"ollama": ("openai_chat",)}
KEY = "key-0123456789abcdef"
HERE = Path(__file__).parent
NOT_OURS: dict[str, str] = json.loads((HERE / "openai_request_exceptions.json").read_text())
ERRORS: dict[str, dict[str, Any]] = json.loads((HERE / "openai_chat_errors.json").read_text())
BROKEN_OFF: dict[str, dict[str, str]] = json.loads((HERE / "openai_chat_exceptions.json").read_text())


def _chats(corpus: Corpus, provider: str) -> list[Recording]:
    return corpus(provider, CHAT.get(provider, ("chat",)))


def _request(recording: Recording) -> GenerateRequest:
    """Give what was asked; something else where that is not known or beyond the gateway's words."""
    is_known = recording.request is not None and recording.id not in NOT_OURS
    return read_chat(dict(recording.request or {})) if is_known else HELLO


def _exchange(provider: str, recording: Recording) -> tuple[Outcome, WirePlayer]:
    player = WirePlayer(recording.reply())
    settings = {"base_url": "https://resource.openai.azure.example"} if provider == "azure" else {}
    built = build(plugin_of(provider).gateway_provider(), {"api_key": KEY, **settings}, player)
    way = ask_streamed if recording.is_stream else ask
    return asyncio.run(way(built, _request(recording))), player


@pytest.mark.parametrize("provider", PROVIDERS)
def test_whole_exchanges(corpus: Corpus, provider: str) -> None:
    """A recorded request goes to the row's address once; its recorded answer comes back, or its listed error."""
    row = endpoint(provider)
    for recording in _chats(corpus, provider):
        outcome, player = _exchange(provider, recording)

        [wire] = player.requests
        assert wire.url.startswith(row.base_url or "https://resource.openai.azure.example/"), recording.id
        assert [value.reveal().endswith(KEY) for _, value in wire.secret_headers] == [True], recording.id
        assert KEY not in repr(wire), recording.id
        assert player.held == 0, recording.id
        expected = ERRORS.get(recording.id)
        assert type(outcome.error).__name__ == (expected["error"] if expected else "NoneType"), recording.id
        assert expected or outcome.finished or recording.id in BROKEN_OFF, recording.id


@pytest.mark.parametrize("provider", PROVIDERS)
def test_errors_say_where_they_come_from(corpus: Corpus, provider: str) -> None:
    """Each recorded error names provider, status and model, and shows no key and no line break."""
    for recording in _chats(corpus, provider):
        if recording.id not in ERRORS:
            continue

        error = _exchange(provider, recording)[0].error

        assert isinstance(error, GatewayError)
        assert error.provider == provider
        assert error.status_code is not None
        assert KEY not in str(error)
        assert str(error).isprintable()


def test_count_of_exchanges_by_tag(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    """Every tag of the recordings is replayed through the providers; few with another request."""
    recordings = [one for provider in PROVIDERS for one in _chats(corpus, provider)]
    tags = Counter(tag for one in recordings for tag in one.tags)
    others = Counter(tag for one in recordings if one.id in NOT_OURS for tag in one.tags)

    with capsys.disabled():
        print(f"\n{'tag':>24}{'exchanges':>12}{'own request':>12}")
        for tag, count in sorted(tags.items()):
            print(f"{tag:>24}{count:>12}{count - others[tag]:>12}")

    assert sum(tags.values()) > sum(others.values()) * 40
