"""Settings of every wrong shape: refused while the gateway is made, by name, and nothing is left out silently."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from attrs import frozen
from litellm_gateway import ConfigurationError, GatewayConfig, GatewayError, LiteLLMGateway, create_gateway
from litellm_gateway.cache_mechanism import CacheConfig, CacheMechanism
from litellm_gateway.contracts import ProviderOffer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.testing.scripted_provider import ScriptedProvider, answer

if TYPE_CHECKING:
    from litellm_gateway.secrets import Secret

FLAGS = ["enable_caching", "enable_request_deduplication", "enable_request_batching", "trust_env", "discover"]
NUMBERS = ["timeout", "connect_timeout", "first_byte_timeout", "chunk_timeout", "max_retries", "cache_ttl",
           "deduplication_ttl", "batch_size", "batch_timeout", "max_connections", "keepalive"]  # fmt: skip
TEXTS = ["provider", "base_url", "default_model", "default_embedding_model", "cache_backend", "transport"]
LISTS = ["fallbacks", "guardrails", "telemetry", "policies", "plugins"]
MAPPINGS = ["providers", "guardrail_settings", "telemetry_settings", "capabilities"]
OBJECTS = ["rate_limit_config", "circuit_breaker"]
WRONG: dict[str, list[Any]] = {
    **{name: ["yes", 1, [], {}] for name in FLAGS},
    **{name: ["1", -1, True, float("nan"), float("inf"), 10**400, [1]] for name in NUMBERS},
    **{name: ["", 5, b"x", ["x"], {}] for name in TEXTS},
    **{name: [5, {"a": 1}, object(), iter(["a"])] for name in LISTS},
    **{name: [5, {1: {}}, [5], [("a", "b")], object()] for name in MAPPINGS},
    **{name: [5, "on", True, [1]] for name in OBJECTS},
}


@frozen(kw_only=True)
class Settings:
    api_key: Secret | None = None
    base_url: str = "https://usual.example"


class Keyed(ScriptedProvider):
    @hookimpl
    def gateway_provider(self) -> ProviderOffer:
        return ProviderOffer(
            name=self.name, summary="", build=lambda settings, context: self, settings=Settings,
            key_env=("NO_SUCH_VARIABLE",), key_required=False, default_model="m",
        )  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_each_setting_refuses_what_it_cannot_be(name: str) -> None:
    """The error's path is the setting's name."""
    for value in WRONG[name]:
        with pytest.raises(ConfigurationError) as caught:
            GatewayConfig.from_dict({name: value})

        assert caught.value.path == name, value


@pytest.mark.parametrize(
    ("name", "inner"),
    [
        ("rate_limit_config", {"request_per_hours": 5}),
        ("rate_limit_config", {"enable_queuing": "yes"}),
        ("circuit_breaker", {"failure_rate": "half"}),
        ("circuit_breaker", {"windows": 5}),
        ("capabilities", {"scripted/m": {"with": 5}}),
        ("capabilities", {"scripted/m": {"with": "temperature"}}),
        ("capabilities", {"scripted/m": {"context_tokens": "many"}}),
        ("capabilities", {"skripted/m": {"with": ["temperature"]}}),
        ("providers", {"scripted": 5}),
        ("providers", {"scripted": {"unknown": 5}}),
        ("guardrail_settings", {"nobody": {}}),
        ("telemetry_settings", {"nobody": {}}),
        ("cache_settings", {"max_entriez": 5}),
        ("cache_settings", 5),
    ],
)
def test_what_is_inside_a_setting_is_checked_too(name: str, inner: Any) -> None:
    """A misspelt or impossible part is refused, with the way to it."""
    settings: dict[str, Any] = {name: inner, "enable_caching": name == "cache_settings"}

    with pytest.raises(ConfigurationError) as caught:
        create_gateway(provider="scripted", plugins=[ScriptedProvider(answer())], discover=False, **settings)

    assert caught.value.path is not None
    assert caught.value.path.startswith(name)


@pytest.mark.parametrize("config", [{}, "echo", 5, [("provider", "echo")]])
def test_a_config_must_be_one(config: Any) -> None:
    """A mapping goes through ``from_dict``, and nothing but a mapping does."""
    with pytest.raises(ConfigurationError, match="GatewayConfig"):
        LiteLLMGateway(config=config)
    if not isinstance(config, dict):
        with pytest.raises(ConfigurationError, match="mapping"):
            GatewayConfig.from_dict(config)


def test_a_cache_that_would_not_be_used_is_refused() -> None:
    """Given without ``enable_caching``, every call would be paid for in silence."""
    cache = CacheMechanism(CacheConfig())

    with pytest.raises(ConfigurationError, match="enable_caching"):
        create_gateway(provider="echo", cache=cache)
    with pytest.raises(ConfigurationError, match="enable_caching"):
        LiteLLMGateway(config=GatewayConfig(provider="echo"), cache=cache)
    with pytest.raises(ConfigurationError, match="CacheMechanism"):
        create_gateway(provider="echo", enable_caching=True, cache={})  # type: ignore[arg-type]


@pytest.mark.parametrize("setting", [{"api_key": "sk-0123456789"}, {"base_url": "https://else.example"}])
def test_a_setting_of_the_default_provider_needs_one(setting: dict[str, Any]) -> None:
    """With several providers and no choice, it is not clear whose key or address it is."""
    providers = [Keyed(answer(), name="one"), Keyed(answer(), name="two")]

    with pytest.raises(ConfigurationError, match="one, two"):
        create_gateway(providers=["one", "two"], plugins=providers, discover=False, **setting)


def test_an_address_beside_a_settings_object_is_refused() -> None:
    """It would not be used."""
    with pytest.raises(ConfigurationError, match="base_url"):
        create_gateway(
            provider="one", base_url="https://else.example", providers={"one": Settings()},
            plugins=[Keyed(answer(), name="one")], discover=False,
        )  # fmt: skip


def test_a_key_is_given_to_nobody_who_takes_none() -> None:
    """An example written for a paid provider runs on one without a key as it is."""
    provider = ScriptedProvider(answer("fine"))

    gateway = create_gateway("sk-0123456789", "scripted", plugins=[provider], discover=False)

    assert gateway.generate("hi").text == "fine"
    assert "sk-0123456789" not in repr(vars(provider))


@pytest.mark.parametrize("value", [-1, "soon", float("nan"), True, 10**400])
def test_rate_limits_set_later_are_checked_as_well(value: Any) -> None:
    """``configure_rate_limiting`` takes a config or None."""
    gateway = create_gateway(provider="echo")

    with pytest.raises(GatewayError):
        gateway.configure_rate_limiting(value)
