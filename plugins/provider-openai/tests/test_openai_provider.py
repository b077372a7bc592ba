"""OpenAI's own manners: settings, environment, headers, prices."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from litellm_gateway.config import from_mapping
from litellm_gateway.errors import ConfigurationError
from litellm_gateway.messages import Message
from litellm_gateway.requests import EmbedRequest, GenerateRequest
from litellm_gateway.testing.provider_driver import ask, build
from litellm_gateway.testing.wire_player import Reply, WirePlayer
from litellm_gateway_provider_openai.catalog import catalog
from litellm_gateway_provider_openai.plugin import gateway_provider
from litellm_gateway_provider_openai.settings import OpenAISettings

if TYPE_CHECKING:
    from litellm_gateway.wire import WireRequest

KEY = "sk-test0123456789"
ENVIRONMENT = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID")
REQUEST = GenerateRequest(
    model="gpt-5-mini", messages=(Message(role="user", content="Hello"),), max_tokens=9, user="customer-7"
)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)


def _sent(settings: dict[str, object]) -> WireRequest:
    player = WirePlayer(Reply(status=500))
    asyncio.run(ask(build(gateway_provider(), {"api_key": KEY, **settings}, player), REQUEST))
    return player.requests[0]


def test_what_is_sent() -> None:
    """Address, key and field names are OpenAI's of today."""
    wire = _sent({})

    body = json.loads(wire.body)
    assert wire.url == "https://api.openai.com/v1/chat/completions"
    assert [(name, value.reveal()) for name, value in wire.secret_headers] == [("authorization", f"Bearer {KEY}")]
    assert body["max_completion_tokens"] == 9
    assert body["safety_identifier"] == "customer-7"


def test_settings_go_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Base URL, organisation and project are read from the environment where the settings are silent."""
    monkeypatch.setenv("OPENAI_BASE_URL", "https://proxy.example/v1")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-env")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-env")

    silent, outspoken = _sent({}), _sent({"base_url": "http://127.0.0.1:1/v1", "organization": "org-set"})

    assert silent.url == "https://proxy.example/v1/chat/completions"
    assert dict(silent.headers).items() >= {"openai-organization": "org-env", "openai-project": "proj-env"}.items()
    assert outspoken.url == "http://127.0.0.1:1/v1/chat/completions"
    assert dict(outspoken.headers)["openai-organization"] == "org-set"


def test_no_key() -> None:
    """Without a key the error names the variable that would hold it."""
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY") as caught:
        build(gateway_provider(), {}, WirePlayer(Reply()))

    assert caught.value.path == "providers.openai.api_key"


@pytest.mark.parametrize("url", ["api.openai.com/v1", "ftp://x.example", "https://x.example/ v1", ""])
def test_addresses_are_checked(url: str) -> None:
    """An address that is no URL is refused when the settings are made."""
    with pytest.raises(ConfigurationError, match="base_url"):
        from_mapping(OpenAISettings, {"base_url": url}, path="providers.openai")


def test_the_key_is_not_in_the_settings_repr() -> None:
    """Settings can be printed."""
    assert KEY not in repr(from_mapping(OpenAISettings, {"api_key": KEY}, path="providers.openai"))


def test_prices() -> None:
    """A dated name costs what its family costs, an unknown model has no price, each price has source and date."""
    dated, older, unknown = map(catalog().price, ("gpt-4o-2024-08-06", "gpt-4o-2024-05-13", "gpt-99"))

    assert dated is not None
    assert older is not None
    assert (dated.input, dated.output, dated.cache_read) == (Decimal("2.5"), Decimal("10"), Decimal("1.25"))
    assert older.input == Decimal("5")
    assert dated.source
    assert dated.as_of == "2025-11-13"
    assert unknown is None


def test_default_models_have_a_price() -> None:
    """What is used when nobody chooses has a known cost."""
    offer = gateway_provider()

    assert catalog().price(offer.default_model or "") is not None
    assert catalog().price(offer.default_embedding_model or "") is not None


def test_the_offer_is_cheap_to_import() -> None:
    """Looking at the offer imports neither the dialect nor anything that talks to a network."""
    code = (
        "import sys, litellm_gateway_provider_openai.plugin\n"
        "heavy = {'asyncio', 'httpx', 'ssl', 'litellm_gateway_dialect_openai', 'litellm_gateway.dialects'}\n"
        "sys.exit(str(sorted(heavy & set(sys.modules))) if heavy & set(sys.modules) else 0)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_the_dialect_needs_no_network_and_no_event_loop() -> None:
    """The translation imports neither httpx nor asyncio."""
    code = (
        "import sys, litellm_gateway_dialect_openai\n"
        "sys.exit(1 if {'asyncio', 'httpx', 'socket'} & set(sys.modules) else 0)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_wrong_number_of_vectors_is_refused() -> None:
    """Vectors that do not match the texts never reach the caller."""
    from litellm_gateway.contracts import Embedder
    from litellm_gateway.errors import MalformedResponseError
    from litellm_gateway.testing.provider_driver import new_call

    provider = build(
        gateway_provider(),
        {"api_key": KEY},
        WirePlayer(Reply(pieces=(b'{"data": [{"index": 0, "embedding": [1.0]}]}',))),
    )
    assert isinstance(provider, Embedder)

    with pytest.raises(MalformedResponseError):
        asyncio.run(provider.embed(EmbedRequest(model="m", texts=("a", "b")), new_call()))


@pytest.mark.parametrize("model", ["o3", "o4-mini", "o1-2024-12-17", "gpt-5", "gpt-5-mini", "gpt-5.6-pro"])
def test_reasoning_models_take_no_sampling(model: str) -> None:
    """What reasoning models refuse is known before anything is sent."""
    without = catalog().capabilities(model).without

    assert without >= {"temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "stop"}


@pytest.mark.parametrize("model", ["gpt-5.1", "gpt-5.6-sol", "gpt-4o", "gpt-4.1-mini", "gpt-5-chat-latest"])
def test_other_models_take_a_temperature(model: str) -> None:
    """A temperature goes through where a model takes one, if only without reasoning."""
    assert "temperature" not in catalog().capabilities(model).without


def test_no_more_texts_than_the_server_takes() -> None:
    """One request for embeddings holds at most what OpenAI allows."""
    limits = gateway_provider().embed_limits

    assert (limits.texts, limits.tokens) == (2048, 300_000)
