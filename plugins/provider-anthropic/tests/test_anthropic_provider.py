"""Anthropic's own manners: settings, keys, versions, headers, token counts, models, prices."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway import create_gateway
from litellm_gateway.config import from_mapping
from litellm_gateway.contracts import Embedder, ModelLister, TokenCounter
from litellm_gateway.errors import (
    ConfigurationError,
    InvalidRequestError,
    MalformedResponseError,
    ModelNotFoundError,
    UnsupportedParameterError,
)
from litellm_gateway.messages import Message, Tool
from litellm_gateway.requests import GenerateRequest, ModelListRequest, TokenCountRequest
from litellm_gateway.testing.provider_driver import ask, build, new_call
from litellm_gateway.testing.wire_player import Reply, WirePlayer
from litellm_gateway_provider_anthropic import plugin
from litellm_gateway_provider_anthropic.plugin import gateway_provider
from litellm_gateway_provider_anthropic.settings import AnthropicSettings

if TYPE_CHECKING:
    from litellm_gateway.responses import ModelList
    from litellm_gateway.wire import WireRequest

KEY, TOKEN = "sk-ant-test0123456789", "token-0123456789"
ENVIRONMENT = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "ANTHROPIC_CUSTOM_HEADERS")
HELLO = (Message(role="user", content="Hello"),)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)


def _sent(settings: dict[str, Any], **fields: Any) -> WireRequest:
    player = WirePlayer(Reply(status=500))
    request = GenerateRequest(model="claude-sonnet-4-6", messages=HELLO, **fields)
    outcome = asyncio.run(ask(build(gateway_provider(), settings, player), request))
    if not player.requests:
        assert outcome.error is not None
        raise outcome.error
    return player.requests[0]


def _secrets(wire: WireRequest) -> dict[str, str]:
    return {name: value.reveal() for name, value in wire.secret_headers}


def _pages(*bodies: dict[str, Any]) -> tuple[ModelList, list[WireRequest]]:
    player = WirePlayer(*(Reply(pieces=(json.dumps(body).encode(),)) for body in bodies))
    provider = build(gateway_provider(), {"api_key": KEY}, player)
    assert isinstance(provider, ModelLister)
    return asyncio.run(provider.list_models(ModelListRequest(), new_call())), player.requests


def test_what_is_sent() -> None:
    """Address, key and version are Anthropic's of today."""
    wire = _sent({"api_key": KEY})

    assert (wire.method, wire.url) == ("POST", "https://api.anthropic.com/v1/messages")
    assert _secrets(wire) == {"x-api-key": KEY}
    assert dict(wire.headers) == {
        "content-type": "application/json", "accept": "application/json", "anthropic-version": "2026-10-21",
    }  # fmt: skip


@pytest.mark.parametrize("url", ["https://proxy.example", "https://proxy.example/", "https://proxy.example/v1/"])
def test_base_url(url: str) -> None:
    """The address is taken with and without its version."""
    assert _sent({"api_key": KEY, "base_url": url}).url == "https://proxy.example/v1/messages"


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Address and custom headers are read from the environment where the settings are silent."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "https://proxy.example")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Team: blue\nX-Pass: a:b\n")

    silent = _sent({"api_key": KEY})
    outspoken = _sent({"api_key": KEY, "base_url": "http://127.0.0.1:1", "headers": {"X-Team": "red"}})

    assert silent.url == "https://proxy.example/v1/messages"
    assert _secrets(silent) == {"x-team": "blue", "x-pass": "a:b", "x-api-key": KEY}
    assert outspoken.url == "http://127.0.0.1:1/v1/messages"
    assert _secrets(outspoken) == {"x-team": "red", "x-api-key": KEY}


def test_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token goes as bearer, from the settings or the environment; a key goes before it."""
    given = _sent({"auth_token": TOKEN})
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "token-env-0123")
    found, keyed = _sent({}), _sent({"api_key": KEY})

    assert _secrets(given) == {"authorization": f"Bearer {TOKEN}"}
    assert _secrets(found) == {"authorization": "Bearer token-env-0123"}
    assert _secrets(keyed) == {"x-api-key": KEY}


def test_the_gateway_finds_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the gateway finds in the token's variable is sent as a token, not as a key."""
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", TOKEN)

    assert _secrets(_sent({"api_key": TOKEN})) == {"authorization": f"Bearer {TOKEN}"}


def test_a_gateway_needs_a_key() -> None:
    """Without key and token a gateway is refused when it is made, naming both variables."""
    with pytest.raises(ConfigurationError, match="ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN") as caught:
        create_gateway(provider="anthropic", plugins=[plugin], discover=False)

    assert caught.value.path == "providers.anthropic.api_key"


def test_a_gateway_with_a_token() -> None:
    """A token alone is enough."""
    gateway = create_gateway(
        provider="anthropic", providers={"anthropic": {"auth_token": TOKEN}}, plugins=[plugin], discover=False
    )

    assert TOKEN not in json.dumps(gateway.describe(), default=str)


def test_the_version_follows_the_request() -> None:
    """Sampling parameters go out under the last version that has them, all else under the newest."""
    assert dict(_sent({"api_key": KEY}, temperature=0.5).headers)["anthropic-version"] == "2023-06-01"
    assert dict(_sent({"api_key": KEY}, extra_body={"top_k": 5}).headers)["anthropic-version"] == "2023-06-01"
    assert dict(_sent({"api_key": KEY}, max_tokens=5).headers)["anthropic-version"] == "2026-10-21"


def test_a_version_that_is_set_stays() -> None:
    """A set version is spoken always; what it lacks is refused before anything is sent."""
    old = {"api_key": KEY, "anthropic_version": "2023-06-01"}

    assert dict(_sent(old).headers)["anthropic-version"] == "2023-06-01"
    assert dict(_sent(old, top_p=0.5).headers)["anthropic-version"] == "2023-06-01"
    with pytest.raises(UnsupportedParameterError, match="2023-06-01") as caught:
        _sent({"api_key": KEY, "anthropic_version": "2026-10-21"}, temperature=0.5)
    assert caught.value.parameter == "temperature"


def test_beta_names_are_joined() -> None:
    """Beta names of settings and request go in one header, each once; other headers of a request win."""
    settings = {"api_key": KEY, "beta": "files-api-2025-04-14, context-1m-2025-08-07"}

    wire = _sent(settings, extra_headers={"Anthropic-Beta": "mcp-1,files-api-2025-04-14", "accept": "x/y"})

    assert dict(wire.headers)["anthropic-beta"] == "files-api-2025-04-14,context-1m-2025-08-07,mcp-1"
    assert [value for name, value in wire.headers if name == "accept"] == ["x/y"]


def test_the_key_cannot_be_replaced_by_a_header() -> None:
    """A request may not carry the key in a plain header."""
    with pytest.raises(InvalidRequestError, match="x-api-key"):
        _sent({"api_key": KEY}, extra_headers={"X-Api-Key": "other"})


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("base_url", "api.anthropic.com"), ("base_url", "https://x.example/ v1"), ("base_url", ""),
        ("anthropic_version", "newest"), ("anthropic_version", 20261021), ("beta", ["a b"]), ("beta", "a,,b"),
        ("headers", {"a b": "c"}), ("headers", {"a": 1}),
    ],
)  # fmt: skip
def test_settings_are_checked(setting: str, value: Any) -> None:
    """An impossible setting is refused when the settings are made, and named."""
    with pytest.raises(ConfigurationError) as caught:
        from_mapping(AnthropicSettings, {setting: value}, path="providers.anthropic")

    assert caught.value.path == f"providers.anthropic.{setting}"


def test_custom_headers_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that holds no headers is refused by name, without its text."""
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "no header at all")

    with pytest.raises(ConfigurationError, match="ANTHROPIC_CUSTOM_HEADERS") as caught:
        _sent({"api_key": KEY})

    assert "no header" not in caught.value.message


def test_settings_can_be_printed() -> None:
    """Neither key, token nor headers are shown."""
    values = {"api_key": KEY, "auth_token": TOKEN, "headers": {"x-pass": "open-sesame"}}

    shown = repr(from_mapping(AnthropicSettings, values, path="providers.anthropic"))

    assert not [secret for secret in (KEY, TOKEN, "open-sesame") if secret in shown]


def test_count_tokens() -> None:
    """The count asks with all that counts and nothing else."""
    player = WirePlayer(Reply(headers={"request-id": "req_1"}, pieces=(b'{"input_tokens": 42}',)))
    provider = build(gateway_provider(), {"api_key": KEY}, player)
    assert isinstance(provider, TokenCounter)
    request = GenerateRequest(
        model="other", messages=HELLO, max_tokens=9, temperature=0.5, stop=("x",), user="u", tools=(Tool(name="f"),),
        reasoning_effort="low", extra_body={"service_tier": "auto"},
    )  # fmt: skip

    counted = asyncio.run(
        provider.count_tokens(TokenCountRequest(model="claude-opus-4-8", request=request), new_call())
    )

    sent = json.loads(player.requests[0].body)
    assert (counted.tokens, counted.model) == (42, "claude-opus-4-8")
    assert counted.metadata == {"provider_request_id": "req_1"}
    assert player.requests[0].url == "https://api.anthropic.com/v1/messages/count_tokens"
    assert dict(player.requests[0].headers)["anthropic-version"] == "2026-10-21"
    assert sent.keys() == {"model", "messages", "tools", "thinking", "output_config"}
    assert sent["model"] == "claude-opus-4-8"


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"input_tokens": "many"}', b"<html>"])
def test_counts_that_are_none(body: bytes) -> None:
    """A body without a count is a typed error."""
    provider = build(gateway_provider(), {"api_key": KEY}, WirePlayer(Reply(pieces=(body,))))
    assert isinstance(provider, TokenCounter)
    request = TokenCountRequest(model="m", request=GenerateRequest(model="m", messages=HELLO))

    with pytest.raises(MalformedResponseError):
        asyncio.run(provider.count_tokens(request, new_call()))


def test_models_over_all_pages() -> None:
    """Every page is fetched, each model once, in Anthropic's order."""
    first = {
        "data": [
            {"id": "claude-b", "display_name": "Claude B", "max_input_tokens": 1000000, "max_tokens": 128000},
            {"id": "claude a"},
        ],
        "has_more": True,
        "last_id": "claude a",
    }

    listed, requests = _pages(first, {"data": [{"id": "claude a"}, {"id": "claude-c"}], "has_more": False})

    assert [model.id for model in listed.models] == ["claude-b", "claude a", "claude-c"]
    best = listed.models[0]
    assert (best.name, best.context_tokens, best.max_output_tokens) == ("Claude B", 1000000, 128000)
    assert best.raw == first["data"][0]  # type: ignore[index]
    assert [(wire.method, wire.body) for wire in requests] == [("GET", b"")] * 2
    assert [wire.url.partition("?")[2] for wire in requests] == ["limit=1000", "limit=1000&after_id=claude%20a"]
    assert _secrets(requests[1]) == {"x-api-key": KEY}


def test_a_list_without_end() -> None:
    """A list that never ends is given up, not followed for ever."""
    with pytest.raises(MalformedResponseError, match="does not end"):
        _pages({"data": [{"id": "a"}], "has_more": True})


@pytest.mark.parametrize("body", [{}, {"data": [1]}, {"data": [{}]}, {"data": [{"id": "a", "max_tokens": "x"}]}])
def test_lists_that_are_none(body: dict[str, Any]) -> None:
    """A body of another shape is a typed error."""
    with pytest.raises(MalformedResponseError):
        _pages(body)


def test_a_list_that_is_refused() -> None:
    """An error status of a further ability is its typed error."""
    body = b'{"type":"error","error":{"type":"not_found_error","message":"Not found"}}'
    provider = build(gateway_provider(), {"api_key": KEY}, WirePlayer(Reply(status=404, pieces=(body,))))
    assert isinstance(provider, ModelLister)

    with pytest.raises(ModelNotFoundError):
        asyncio.run(provider.list_models(ModelListRequest(), new_call()))


def test_no_embeddings() -> None:
    """Anthropic makes none, and does not pretend to."""
    assert not isinstance(build(gateway_provider(), {"api_key": KEY}, WirePlayer(Reply())), Embedder)


def test_prices() -> None:
    """A dated name costs what its family costs, an unknown model has no price, each price has source and date."""
    price = gateway_provider().prices
    assert price is not None

    dated, unknown = price("claude-sonnet-4-5-20250929"), price("claude-99")

    assert dated is not None
    assert (dated.input, dated.output) == (Decimal("3"), Decimal("15"))
    assert (dated.cache_read, dated.cache_write) == (Decimal("0.3"), Decimal("3.75"))
    assert dated.source
    assert dated.as_of
    assert unknown is None


@pytest.mark.parametrize(
    ("model", "refused", "taken"),
    [
        (
            "claude-sonnet-5-5",
            {"temperature", "top_k", "reasoning_budget", "seed"},
            {"reasoning_effort", "json_schema"},
        ),
        ("claude-opus-4-7", {"temperature", "reasoning_budget"}, {"reasoning_effort"}),
        ("claude-opus-4-6", {"n", "audio"}, {"temperature", "reasoning_budget", "reasoning_effort"}),
        ("claude-opus-4-20250514", {"json_schema"}, {"temperature", "reasoning_budget"}),
        ("claude-3-5-haiku-latest", {"reasoning_effort", "json_schema"}, {"temperature"}),
        ("claude-99", {"seed", "logprobs"}, {"temperature", "reasoning_effort"}),
    ],
)
def test_capabilities(model: str, refused: set[str], taken: set[str]) -> None:
    """What a model does not take is known before anything is sent."""
    capabilities = gateway_provider().capabilities
    assert capabilities is not None

    without = capabilities(model).without

    assert refused <= without
    assert not taken & without


def test_the_default_model() -> None:
    """What is used when nobody chooses has a known cost and known limits."""
    offer = gateway_provider()
    assert offer.prices is not None
    assert offer.capabilities is not None

    assert offer.prices(offer.default_model or "") is not None
    assert offer.capabilities(offer.default_model or "").max_output_tokens == 128000


def test_the_offer_is_cheap_to_import() -> None:
    """Looking at the offer imports neither the dialect nor anything that talks to a network."""
    code = (
        "import sys, litellm_gateway_provider_anthropic.plugin as p; p.gateway_provider()\n"
        "own = 'litellm_gateway_provider_anthropic.dialect'\n"
        "heavy = {'asyncio', 'httpx', 'ssl', 'litellm_gateway.dialects', own}\n"
        "sys.exit(str(sorted(heavy & set(sys.modules))) if heavy & set(sys.modules) else 0)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_the_dialect_needs_no_network_and_no_event_loop() -> None:
    """The translation imports neither httpx nor asyncio."""
    code = (
        "import sys, litellm_gateway_provider_anthropic.dialect\n"
        "sys.exit(str({'asyncio', 'httpx', 'socket'} & set(sys.modules) or ''))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert not done.stderr.strip()
