"""Plugins handed over as objects need no packaging, and may stand alone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from litellm_gateway.builtin import echo
from litellm_gateway.contracts import GuardrailOffer, ProviderOffer
from litellm_gateway.errors import PluginConflictError, PluginContractError, PluginNotInstalledError
from litellm_gateway.hookspecs import hookimpl


def offer(name: str, summary: str = "given") -> ProviderOffer:
    return ProviderOffer(
        name=name, summary=summary, settings=echo.EchoSettings, build=echo.build, default_model="parrot"
    )


class Parrot:
    @hookimpl
    def gateway_provider(self) -> ProviderOffer:
        return offer("parrot")


def test_a_given_plugin_works_without_packaging(compose) -> None:
    """``plugins=[...]`` is all it takes; ``discover=False`` keeps installed ones out."""
    gateway = compose(provider="parrot", plugins=[Parrot()], discover=False)

    assert gateway.generate("Hello").text == "Hello"


def test_without_discovery_installed_plugins_stay_unseen(shelf, compose) -> None:
    """Only what was given and what core brings along is within reach."""
    shelf.put_provider("acme")

    gateway = compose(provider="parrot", plugins=[Parrot()], discover=False)

    origins = {row["distribution"] for row in gateway.describe()["plugins"]}
    assert origins == {"given", "litellm-gateway"}
    assert shelf.imported() == set()


def test_without_discovery_an_installed_name_is_unknown(shelf, compose) -> None:
    """Asking for an installed plugin while discovery is off is refused."""
    shelf.put_provider("acme")

    with pytest.raises(PluginNotInstalledError, match="no provider 'acme'"):
        compose(provider="acme", discover=False)


def test_a_given_plugin_goes_before_an_installed_one_of_its_name(shelf, compose, row) -> None:
    """An application may put its own in the place of an installed plugin."""
    shelf.put_provider("parrot")

    gateway = compose(provider="parrot", plugins=[Parrot()])

    assert row(gateway, "provider", "parrot")["distribution"] == "given"
    assert shelf.imported() == set()


def test_given_and_installed_plugins_work_side_by_side(shelf, compose) -> None:
    """One gateway holds both."""
    shelf.put_provider("acme")

    gateway = compose(provider="parrot", providers=["parrot", "acme"], plugins=[Parrot()])

    assert gateway.generate("Hi", model="acme/any").metadata["provider"] == "acme"


def test_two_given_plugins_of_one_name_are_refused(compose) -> None:
    """Nobody could tell which is meant."""
    with pytest.raises(PluginConflictError, match="'parrot'"):
        compose(provider="parrot", plugins=[Parrot(), Parrot()])


def test_a_plugin_given_twice_is_refused(compose) -> None:
    """The same object twice is a mistake."""
    parrot = Parrot()

    with pytest.raises(PluginConflictError, match="given twice"):
        compose(provider="parrot", plugins=[parrot, parrot])


def test_a_given_object_without_hooks_is_refused(compose) -> None:
    """An object that marks no hook cannot be a plugin."""
    with pytest.raises(PluginContractError, match="implements no hook"):
        compose(provider="echo", plugins=[SimpleNamespace(gateway_provider=lambda: offer("parrot"))])


def test_a_given_plugin_that_is_also_installed_counts_once(shelf, compose) -> None:
    """Giving the very module an entry point leads to is no conflict."""
    shelf.put_provider("acme")
    import shelf_acme

    gateway = compose(provider="acme", plugins=[shelf_acme])

    assert gateway.generate("Hello").text == "Hello"


def test_two_gateways_do_not_share_given_plugins(compose) -> None:
    """What one gateway was given, another does not know."""
    compose(provider="parrot", plugins=[Parrot()])

    with pytest.raises(PluginNotInstalledError):
        compose(provider="parrot")


def test_a_name_is_no_plugin(compose) -> None:
    """What is meant is the module of that name."""
    with pytest.raises(PluginContractError, match="import what it names"):
        compose(provider="echo", plugins=["litellm_gateway_provider_acme"])


@pytest.mark.parametrize("stages", [("input", "output"), ["output"], {"input"}])
def test_stages_may_be_any_collection(stages) -> None:
    """They are a set afterwards."""
    offered = GuardrailOffer(name="g", summary="", build=lambda settings, context: None, stages=stages)

    assert offered.stages == set(stages)
