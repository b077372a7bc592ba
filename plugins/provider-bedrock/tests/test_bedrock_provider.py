"""Bedrock's own manners: settings, environment, token counts, prices and abilities."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from litellm_gateway.config import from_mapping
from litellm_gateway.contracts import TokenCounter
from litellm_gateway.errors import ConfigurationError, MalformedResponseError
from litellm_gateway.messages import Message, Tool
from litellm_gateway.requests import GenerateRequest, TokenCountRequest
from litellm_gateway.testing.provider_driver import HELLO, ask, build, new_call
from litellm_gateway.testing.wire_player import Reply, WirePlayer
from litellm_gateway_provider_bedrock.plugin import gateway_provider
from litellm_gateway_provider_bedrock.settings import BedrockSettings

KEY = "bedrock-api-key-0123456789abcdef"


def first_url(**settings: Any) -> str:
    player = WirePlayer(Reply(status=500))
    asyncio.run(ask(build(gateway_provider(), {"api_key": KEY, **settings}, player)))
    return player.requests[0].url.partition("/model/")[0]


def test_a_key_goes_in_its_header_only() -> None:
    """A Bedrock API key is a bearer token; nothing is signed then."""
    player = WirePlayer(Reply(status=500))
    asyncio.run(ask(build(gateway_provider(), {"api_key": KEY, "region": "us-east-1"}, player)))

    (request,) = player.requests
    assert [(name, value.reveal()) for name, value in request.secret_headers] == [("authorization", f"Bearer {KEY}")]
    assert "x-amz-date" not in dict(request.headers)


def test_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The region comes from the settings, then AWS_REGION, then AWS_DEFAULT_REGION."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    default = first_url()
    monkeypatch.setenv("AWS_REGION", "us-west-2")

    assert default == "https://bedrock-runtime.eu-central-1.amazonaws.com"
    assert first_url() == "https://bedrock-runtime.us-west-2.amazonaws.com"
    assert first_url(region="cn-north-1") == "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"


def test_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address can be set, or comes from AWS's own variables; with a key it needs no region."""
    assert first_url(base_url="http://127.0.0.1:1/") == "http://127.0.0.1:1"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:3")
    assert first_url(region="us-east-1") == "http://127.0.0.1:3"
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://127.0.0.1:2")
    assert first_url(region="us-east-1") == "http://127.0.0.1:2"


def test_no_region() -> None:
    """Without a region the error says what to set."""
    with pytest.raises(ConfigurationError, match="AWS_REGION") as caught:
        build(gateway_provider(), {"api_key": KEY}, WirePlayer(Reply()))

    assert caught.value.path == "providers.bedrock.region"


@pytest.mark.parametrize("region", ["us-east-1.evil.example", "us east", "", "@x", "a/b"])
def test_a_region_is_no_part_of_an_address(region: str) -> None:
    """What would send the key to another host is refused when the settings are made."""
    with pytest.raises(ConfigurationError, match="region"):
        from_mapping(BedrockSettings, {"region": region}, path="providers.bedrock")


@pytest.mark.parametrize("url", ["bedrock.example", "ftp://x.example", "https://x.example/ y"])
def test_addresses_are_checked(url: str) -> None:
    """An address that is no URL is refused when the settings are made."""
    with pytest.raises(ConfigurationError, match="base_url"):
        from_mapping(BedrockSettings, {"base_url": url}, path="providers.bedrock")


def test_token_counts() -> None:
    """Counting sends the conversation and the tools, and nothing of how to answer."""
    player = WirePlayer(Reply(pieces=(b'{"inputTokens": 12}',)))
    provider = build(gateway_provider(), {"api_key": KEY, "region": "us-east-1"}, player)
    assert isinstance(provider, TokenCounter)
    asked = GenerateRequest(
        model="anthropic.claude-x",
        messages=(Message(role="user", content="Hi"),),
        tools=(Tool(name="a"),),
        max_tokens=5,
    )

    count = asyncio.run(provider.count_tokens(TokenCountRequest(model=asked.model, request=asked), new_call()))

    assert (count.tokens, count.model) == (12, "anthropic.claude-x")
    assert player.requests[0].url.endswith("/model/anthropic.claude-x/count-tokens")
    assert set(json.loads(player.requests[0].body)["input"]["converse"]) == {"messages", "toolConfig"}


@pytest.mark.parametrize("body", [b"{}", b'{"inputTokens": "x"}', b"[]"])
def test_counts_that_are_none(body: bytes) -> None:
    """A body without a count is a typed error."""
    provider = build(gateway_provider(), {"api_key": KEY, "region": "us-east-1"}, WirePlayer(Reply(pieces=(body,))))
    assert isinstance(provider, TokenCounter)

    with pytest.raises(MalformedResponseError):
        asyncio.run(provider.count_tokens(TokenCountRequest(model="m", request=HELLO), new_call()))


def test_prices() -> None:
    """Prices depend on where a model is asked for; a dated name has the price of its family."""
    prices = gateway_provider().prices
    assert prices is not None

    world = prices("global.anthropic.claude-haiku-4-5-20251001-v1:0")
    region = prices("us.anthropic.claude-haiku-4-5-20251001-v1:0")

    assert world is not None
    assert region is not None
    assert (world.input, world.cache_read, world.cache_write) == (Decimal("1"), Decimal("0.1"), Decimal("1.25"))
    assert region.output == Decimal("5.5")
    assert region.as_of
    assert prices("acme.model-1") is None


def test_the_default_model_has_a_price() -> None:
    """What is used when nobody chooses has a known cost."""
    offer = gateway_provider()
    assert offer.prices is not None

    assert offer.prices(offer.default_model or "") is not None


def test_abilities() -> None:
    """What a model does not take is known by its family, wherever its name stands; unknown ones take the common."""
    capabilities = gateway_provider().capabilities
    assert capabilities is not None

    newest = capabilities("arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-5-v1:0")
    older, unknown = capabilities("eu.anthropic.claude-sonnet-4-5-20250929-v1:0"), capabilities("acme.model-1")

    assert {"temperature", "top_k", "reasoning_budget"} <= newest.without
    assert not {"temperature", "top_k", "reasoning_budget", "reasoning_effort"} & older.without
    assert {"seed", "n", "logprobs", "user", "reasoning_effort", "top_k"} <= unknown.without
    assert older.context_tokens == 200_000


def _imports(code: str, unwanted: set[str]) -> subprocess.CompletedProcess[str]:
    check = f"import sys\n{code}\nfound = sorted({unwanted!r} & set(sys.modules))\nsys.exit(str(found) if found else 0)"
    return subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)


def test_the_offer_is_cheap_to_import() -> None:
    """Looking at the offer imports neither the dialect, nor botocore, nor anything that talks to a network."""
    done = _imports(
        "import litellm_gateway_provider_bedrock.plugin",
        {"asyncio", "httpx", "ssl", "botocore", "litellm_gateway_provider_bedrock.dialect", "litellm_gateway.dialects"},
    )

    assert done.returncode == 0, done.stderr


def test_the_dialect_needs_no_network_no_event_loop_and_no_botocore() -> None:
    """The translation imports none of them."""
    done = _imports(
        "import litellm_gateway_provider_bedrock.dialect", {"asyncio", "httpx", "socket", "botocore", "urllib3"}
    )

    assert done.returncode == 0, done.stderr


def test_with_a_key_botocore_is_never_imported() -> None:
    """Whoever has a key does not pay for what signs."""
    code = (
        "from litellm_gateway.testing.provider_driver import build\n"
        "from litellm_gateway.testing.wire_player import Reply, WirePlayer\n"
        "from litellm_gateway_provider_bedrock.plugin import gateway_provider\n"
        f"build(gateway_provider(), {{'api_key': {KEY!r}, 'region': 'us-east-1'}}, WirePlayer(Reply()))"
    )

    done = _imports(code, {"botocore"})

    assert done.returncode == 0, done.stderr
