from __future__ import annotations

from typing import Any

import attrs
import pytest
from litellm_gateway.config import GatewayConfig
from litellm_gateway.contracts import GuardrailOffer, ProviderOffer
from litellm_gateway.discovery import InstalledPlugin
from litellm_gateway.doctor import examine, inspect_plugins
from litellm_gateway.errors import ConfigurationError, PluginLoadError
from litellm_gateway.hookspecs import hookimpl

KEY = "sk-acme-secret-value"


class Plugin:
    """What a plugin's module is to the gateway: an object with hooks."""

    def __init__(self, **hooks: Any) -> None:
        vars(self).update(hooks)


def provider_plugin(**fields: Any) -> Plugin:
    @hookimpl
    def gateway_provider() -> ProviderOffer:
        return ProviderOffer(name="acme", summary="ACME models", build=lambda settings, context: None, **fields)

    return Plugin(gateway_provider=gateway_provider)


def guardrail_plugin() -> Plugin:
    @hookimpl
    def gateway_guardrail() -> GuardrailOffer:
        return GuardrailOffer(name="strict", summary="Strict", build=lambda settings, context: None)

    return Plugin(gateway_guardrail=gateway_guardrail)


@attrs.define
class Installed:
    """What is installed: plugins by kind and name; an error stands for one that cannot be imported."""

    plugins: dict[tuple[str, str], Any]

    def installed(self, kind: str) -> tuple[InstalledPlugin, ...]:
        return tuple(
            InstalledPlugin(kind=kind, name=name, distribution=f"dist-{name}", version="1.2", target="x")
            for its_kind, name in self.plugins
            if its_kind == kind
        )

    def load(self, kind: str, name: str) -> Any:
        plugin = self.plugins[kind, name]
        if isinstance(plugin, Exception):
            raise plugin
        return plugin


class Opened:
    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def describe(self) -> dict[str, Any]:
        return {"default_provider": "acme", "providers": {"acme": "ACME models"}, "transport": "httpx"}


def look(plugins: dict[tuple[str, str], Any], *, open_gateway=lambda config: Opened(), environ=None, **config: Any):
    findings = examine(
        GatewayConfig(**config),
        open_gateway=open_gateway,
        discovery=Installed(plugins),
        environ=environ or {},
    )
    return {finding.subject: finding for finding in findings}


def test_a_sound_installation_is_ok_throughout():
    """Python, the plugin, its key, the provider alone, the whole gateway."""
    found = look({("provider", "acme"): provider_plugin(key_env=("ACME_API_KEY",))}, environ={"ACME_API_KEY": KEY})

    assert {subject: finding.state for subject, finding in found.items()} == {
        "python": "ok", "provider acme": "ok", "key of acme": "ok", "acme alone": "ok", "gateway": "ok",
    }  # fmt: skip


def test_a_key_is_told_by_the_name_of_its_variable():
    """The value stands in no finding."""
    found = look({("provider", "acme"): provider_plugin(key_env=("ACME_API_KEY",))}, environ={"ACME_API_KEY": KEY})

    assert found["key of acme"].detail == "ACME_API_KEY is set"
    assert KEY not in repr(found)


def test_a_missing_key_nobody_asked_for_is_a_note():
    """An installed provider that is not used may lack its key."""
    found = look({("provider", "acme"): provider_plugin(key_env=("ACME_API_KEY", "ACME_KEY"))})

    assert found["key of acme"].state == "note"
    assert "ACME_API_KEY or ACME_KEY" in found["key of acme"].detail


@pytest.mark.parametrize("config", [{"provider": "acme"}, {"providers": {"acme": {}}}])
def test_a_missing_key_of_a_wanted_provider_is_broken(config):
    """A configured provider needs its key."""
    found = look({("provider", "acme"): provider_plugin(key_env=("ACME_API_KEY",))}, **config)

    assert found["key of acme"].state == "broken"


def test_a_key_in_the_configuration_is_enough():
    """No variable is missed then."""
    found = look({("provider", "acme"): provider_plugin(key_env=("ACME_API_KEY",))}, provider="acme", api_key=KEY)

    assert "key of acme" not in found


def test_a_key_that_may_be_missing_is_never_broken():
    """A provider that works without a key is composed without one."""
    plugin = provider_plugin(key_env=("ACME_API_KEY",), key_required=False)

    found = look({("provider", "acme"): plugin}, provider="acme")

    assert found["key of acme"].state == "note"
    assert found["acme alone"].state == "ok"


def test_a_provider_that_cannot_be_composed_says_why():
    """Missing weights of a local model show here, before the first question."""

    def refuse(config):
        raise ConfigurationError("provider 'acme' finds no model file")

    found = look({("provider", "acme"): provider_plugin()}, open_gateway=refuse, provider="acme")

    assert (found["acme alone"].state, found["acme alone"].detail) == (
        "broken",
        "provider 'acme' finds no model file",
    )
    assert found["gateway"].state == "broken"


def test_each_provider_is_tried_alone():
    """Nothing else of the configuration can spoil the finding."""
    opened = []

    def remember(config):
        opened.append(config)
        return Opened()

    look({("provider", "acme"): provider_plugin()}, open_gateway=remember, provider="other", api_key=KEY,
         base_url="http://127.0.0.1:1")  # fmt: skip

    alone = opened[0]
    assert (alone.provider, alone.api_key, alone.base_url) == ("acme", None, None)
    assert (alone.guardrails, alone.telemetry, alone.policies) == ((), (), ())


def test_a_plugin_that_cannot_be_imported_is_a_note_when_nobody_wants_it():
    """An unused provider does not make an installation sick."""
    found = look({("provider", "acme"): PluginLoadError("acme cannot be imported")})

    assert (found["provider acme"].state, found["provider acme"].detail) == (
        "note",
        "acme cannot be imported",
    )


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("provider", {"provider": "acme"}),
        ("guardrail", {}),
        ("guardrail", {"guardrails": ["acme"]}),
        ("cache", {"enable_caching": True, "cache_backend": "acme"}),
        ("transport", {"transport": "acme"}),
        ("telemetry", {"telemetry": ["acme"]}),
    ],
)
def test_a_plugin_that_cannot_be_imported_is_broken_when_it_is_wanted(kind, config):
    """Guardrails run unless left out, the others when they are named."""
    found = look({(kind, "acme"): PluginLoadError("acme cannot be imported")}, **config)

    assert found[f"{kind} acme"].state == "broken"


def test_a_guardrail_left_out_may_be_broken():
    """guardrails=() wants none."""
    found = look({("guardrail", "acme"): PluginLoadError("acme cannot be imported")}, guardrails=())

    assert found["guardrail acme"].state == "note"


def test_a_plugin_without_a_hook_is_found_out():
    """Importing is not enough: the hooks are checked too."""
    found = look({("provider", "acme"): Plugin()}, provider="acme")

    assert found["provider acme"].state == "broken"
    assert "no hook" in found["provider acme"].detail


def test_inspections_hold_offer_or_error():
    """Listings get what a plugin offers, or why it cannot."""
    plugins = {
        ("provider", "acme"): PluginLoadError("acme cannot be imported"),
        ("guardrail", "strict"): guardrail_plugin(),
    }

    inspections = {inspection.plugin.name: inspection for inspection in inspect_plugins(Installed(plugins))}

    assert inspections["acme"].error.message == "acme cannot be imported"
    assert inspections["strict"].offer.summary == "Strict"
