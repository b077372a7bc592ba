"""A plugin that fails is set aside with its reason, or stops composition when somebody asked for it."""

from __future__ import annotations

import pytest
from litellm_gateway.errors import PluginLoadError

BREAKAGES = {
    "missing_dependency": ("import a_package_nobody_has", "ModuleNotFoundError"),
    "assertion": ("assert False, 'not on this machine'", "AssertionError"),
    "exit": ("raise SystemExit(3)", "SystemExit"),
    "syntax": ("def broken(:", "SyntaxError"),
    "missing_object": ("here = 1", "AttributeError"),
}


def put_broken(shelf, kind: str = "provider", breakage: str = "missing_dependency") -> None:
    text, _ = BREAKAGES[breakage]
    target = "shelf_broken:absent" if breakage == "missing_object" else "shelf_broken"
    shelf.put("litellm-gateway-broken", modules={"shelf_broken": text}, **{kind: {"broken": target}})


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_wanted_plugin_that_fails_stops_composition(shelf, compose, breakage: str) -> None:
    """Whatever importing it raises, the error names plugin, distribution, cause and cure."""
    put_broken(shelf, breakage=breakage)

    with pytest.raises(PluginLoadError) as caught:
        compose(provider="broken")

    assert caught.value.distribution == "litellm-gateway-broken"
    assert BREAKAGES[breakage][1] in caught.value.message
    assert "pip install --force-reinstall litellm-gateway-broken" in caught.value.message
    assert type(caught.value.__cause__).__name__ == BREAKAGES[breakage][1]


def test_an_unwanted_broken_plugin_is_a_line_in_describe(shelf, compose, row) -> None:
    """A sink nobody named that cannot be imported leaves the gateway working and says why it is missing."""
    put_broken(shelf, kind="telemetry")

    gateway = compose(provider="echo")

    described = row(gateway, "telemetry", "broken")
    assert gateway.generate("Hello").text == "Hello"
    assert (described["state"], described["distribution"]) == ("broken", "litellm-gateway-broken")
    assert "a_package_nobody_has" in described["reason"]


def test_health_names_broken_plugins(shelf, compose) -> None:
    """Who looks at the health of a gateway learns of plugins that were set aside."""
    put_broken(shelf, kind="telemetry")

    health = compose(provider="echo").get_health()

    assert health["plugins"]["broken"] == ["telemetry 'broken'"]


def test_a_broken_guardrail_stops_composition_even_when_nobody_named_it(shelf, compose) -> None:
    """An installed guardrail that fails must not go unnoticed."""
    put_broken(shelf, kind="guardrail")

    with pytest.raises(PluginLoadError, match="guardrail 'broken' of litellm-gateway-broken"):
        compose(provider="echo")


def test_a_broken_guardrail_may_be_left_out(shelf, compose) -> None:
    """A list of guardrails that does not name it composes."""
    put_broken(shelf, kind="guardrail")

    gateway = compose(provider="echo", guardrails=["size"])

    assert gateway.describe()["guardrails"] == ["size"]


def test_a_broken_transport_is_passed_over_by_auto(shelf, compose, row) -> None:
    """``transport="auto"`` takes the fastest one that works."""
    put_broken(shelf, kind="transport")

    gateway = compose(provider="echo")

    assert gateway.describe()["transport"] != "broken"
    assert row(gateway, "transport", "broken")["state"] == "broken"


def test_a_broken_provider_does_not_keep_the_right_one_from_being_chosen(shelf, compose, row, monkeypatch) -> None:
    """Choosing a provider by its key looks at all of them and survives one that fails."""
    put_broken(shelf)
    shelf.put_provider("acme", more="settings=KeyedSettings, key_env=('ACME_API_KEY',)")
    monkeypatch.setenv("ACME_API_KEY", "acme-4f1c9d2e7b6a5038")

    gateway = compose()

    assert gateway.describe()["default_provider"] == "acme"
    assert row(gateway, "provider", "broken")["state"] == "broken"


def test_a_plugin_that_cannot_be_built_names_itself(shelf, compose) -> None:
    """An error in ``build`` reaches the caller with plugin, distribution and cause."""
    shelf.put_provider("acme", more="settings=dict")
    module = shelf.folder / "shelf_acme.py"
    module.write_text(module.read_text().replace("build=build", "build=lambda settings, context: 1 / 0"))

    with pytest.raises(PluginLoadError, match="'acme' of litellm-gateway-provider-acme cannot be built") as caught:
        compose(provider="acme")

    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_interrupting_an_import_is_no_broken_plugin(shelf, compose) -> None:
    """Ctrl-C while plugins are imported ends the program, not the plugin."""
    shelf.put("slow-package", modules={"shelf_slow": "raise KeyboardInterrupt"}, provider={"slow": "shelf_slow"})

    with pytest.raises(KeyboardInterrupt):
        compose(provider="slow")


SINK = """
from litellm_gateway.contracts import Offer
from litellm_gateway.hookspecs import hookimpl


def build(settings, context):
    raise RuntimeError("no disk")


@hookimpl
def gateway_telemetry_sink():
    return Offer(name="failing", summary="cannot be built", build=build)
"""


def test_a_sink_nobody_named_that_cannot_be_built_is_set_aside(shelf, compose, row) -> None:
    """The gateway works, and its description says why the sink is missing."""
    shelf.put("litellm-gateway-failing", modules={"shelf_failing": SINK}, telemetry={"failing": "shelf_failing"})

    gateway = compose(provider="echo")

    described = row(gateway, "telemetry", "failing")
    assert described["state"] == "broken"
    assert "no disk" in described["reason"]
    with pytest.raises(PluginLoadError, match="no disk"):
        compose(provider="echo", telemetry=["failing"])
