"""Azure OpenAI: which address, which header, key or token."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from litellm_gateway.errors import AuthenticationError, ConfigurationError
from litellm_gateway.messages import Message
from litellm_gateway.requests import EmbedRequest, GenerateRequest, ModelListRequest
from litellm_gateway.testing.provider_driver import ask, build, new_call
from litellm_gateway.testing.wire_player import Reply, WirePlayer
from litellm_gateway_provider_openai_compatible.plugin import plugin_of

KEY = "0123456789abcdef0123456789abcdef"
ENDPOINT = "https://resource.openai.azure.example"
REQUEST = GenerateRequest(model="my gpt", messages=(Message(role="user", content="Hello"),))


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (
        "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_AD_TOKEN", "OPENAI_API_VERSION",
    ):  # fmt: skip
        monkeypatch.delenv(variable, raising=False)


def _provider(player: WirePlayer, settings: dict[str, Any]) -> Any:
    return build(plugin_of("azure").gateway_provider(), {"base_url": ENDPOINT, **settings}, player)


def _sent(**settings: Any) -> Any:
    player = WirePlayer(Reply(status=500))
    asyncio.run(ask(_provider(player, settings), REQUEST))
    [wire] = player.requests
    return wire


def _secrets(wire: Any) -> list[tuple[str, str]]:
    return [(name, value.reveal()) for name, value in wire.secret_headers]


def test_the_present_address() -> None:
    """A resource is addressed by /openai/v1, with the key in its own header."""
    wire = _sent(api_key=KEY)

    assert wire.url == f"{ENDPOINT}/openai/v1/chat/completions"
    assert _secrets(wire) == [("api-key", KEY)]


def test_the_older_address() -> None:
    """A dated version leads to the deployment that the model names, quoted."""
    wire = _sent(api_key=KEY, api_version="2024-10-21")

    assert wire.url == f"{ENDPOINT}/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21"


def test_the_other_older_addresses() -> None:
    """Embeddings have deployments too; Responses and the list of models stand beside them."""
    player = WirePlayer(Reply(status=500))
    provider = _provider(player, {"api_key": KEY, "api_version": "2025-03-01-preview", "api": "responses"})

    asyncio.run(ask(provider, REQUEST))
    for asking in (provider.embed(EmbedRequest(model="e", texts=("a",)), new_call()),
                   provider.list_models(ModelListRequest(), new_call())):  # fmt: skip
        with pytest.raises(Exception, match="500"):
            asyncio.run(asking)

    assert [wire.url.removeprefix(ENDPOINT).partition("?")[0] for wire in player.requests] == [
        "/openai/responses",
        "/openai/deployments/e/embeddings",
        "/openai/models",
    ]
    assert all(wire.url.endswith("?api-version=2025-03-01-preview") for wire in player.requests)


def test_a_version_that_is_no_date_stays_with_the_present_address() -> None:
    """``preview`` is a version of /openai/v1."""
    wire = _sent(api_key=KEY, api_version="preview")

    assert wire.url == f"{ENDPOINT}/openai/v1/chat/completions?api-version=preview"


def test_an_address_with_a_path_is_taken_as_it_is() -> None:
    """Whoever gives the whole address means it."""
    assert _sent(api_key=KEY, base_url=f"{ENDPOINT}/my/proxy/").url == f"{ENDPOINT}/my/proxy/chat/completions"


def test_all_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoint, version and token come from the variables Azure's users know."""
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://other.openai.azure.example/")
    monkeypatch.setenv("OPENAI_API_VERSION", "2024-10-21")
    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", "entra-token")

    wire = _sent(base_url=None)

    assert wire.url.startswith("https://other.openai.azure.example/openai/deployments/my%20gpt/")
    assert _secrets(wire) == [("authorization", "Bearer entra-token")]


def test_a_token_goes_before_the_key() -> None:
    """With both, the token is used."""
    assert _secrets(_sent(api_key=KEY, entra_token="entra-token")) == [("authorization", "Bearer entra-token")]


def test_a_fresh_token_for_each_request() -> None:
    """A token provider is asked each time, so that no request goes out with an old one."""
    tokens = iter(["first", "second"])
    player = WirePlayer(Reply(status=500))
    provider = _provider(player, {"entra_token_provider": lambda: next(tokens)})

    for _ in range(2):
        asyncio.run(ask(provider, REQUEST))

    assert [_secrets(wire) for wire in player.requests] == [
        [("authorization", "Bearer first")],
        [("authorization", "Bearer second")],
    ]


def test_a_token_provider_that_fails() -> None:
    """Its failure is a typed error with the cause chained, and nothing is sent."""

    def fail() -> str:
        raise OSError("no metadata service")

    player = WirePlayer(Reply())

    error = asyncio.run(ask(_provider(player, {"entra_token_provider": fail}), REQUEST)).error

    assert isinstance(error, AuthenticationError)
    assert isinstance(error.__cause__, OSError)
    assert not player.requests


def test_neither_key_nor_token() -> None:
    """The error names all the ways in."""
    with pytest.raises(ConfigurationError, match="AZURE_OPENAI_AD_TOKEN"):
        _sent()


def test_no_address() -> None:
    """The error names the variable."""
    with pytest.raises(ConfigurationError, match="AZURE_OPENAI_ENDPOINT"):
        _sent(base_url=None, api_key=KEY)
