"""A plugin that does not fit its hooks is refused when it is loaded, not when it is called."""

from __future__ import annotations

import attrs
import pytest
from litellm_gateway.builtin import echo
from litellm_gateway.contracts import ProviderOffer
from litellm_gateway.errors import ConfigurationError, PluginContractError, PluginError
from litellm_gateway.hookspecs import hookimpl

HEAD = """
from litellm_gateway.builtin import echo
from litellm_gateway.contracts import PLUGIN_API, GuardrailOffer, Offer, ProviderOffer
from litellm_gateway.hookspecs import hookimpl

def offer(name="acme", **more):
    return ProviderOffer(name=name, summary="s", settings=echo.EchoSettings, build=echo.build, **more)

"""


def put(shelf, text: str, *, kind: str = "provider") -> None:
    shelf.put("acme-package", modules={"shelf_acme": HEAD + text}, **{kind: {"acme": "shelf_acme"}})


REFUSED = {
    "a misspelt hook": ("@hookimpl\ndef gateway_provder():\n    return offer()", "gateway_provder"),
    "an async hook": ("@hookimpl\nasync def gateway_provider():\n    return offer()", "async def"),
    "a wrong argument": ("@hookimpl\ndef gateway_provider(model):\n    return offer()", "model"),
    "no hook at all": ("def gateway_provider():\n    return offer()", "implements no hook"),
    "nothing offered": ("@hookimpl\ndef gateway_provider():\n    return None", "offers nothing"),
    "a hook of another kind": ("@hookimpl\ndef gateway_model_price(model):\n    return None", "offers nothing"),
    "another name": ("@hookimpl\ndef gateway_provider():\n    return offer('acme2')", "offers 'acme2'"),
    "no offer": ("@hookimpl\ndef gateway_provider():\n    return {'name': 'acme'}", "ProviderOffer, not dict"),
    "another offer": (
        "@hookimpl\ndef gateway_provider():\n    return Offer(name='acme', summary='s', build=echo.build)",
        "ProviderOffer, not Offer",
    ),
    "a newer API": ("@hookimpl\ndef gateway_provider():\n    return offer(api=PLUGIN_API + 1)", "upgrade the core"),
    "an older API": ("@hookimpl\ndef gateway_provider():\n    return offer(api=PLUGIN_API - 1)", "upgrade the plugin"),
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_plugin_that_breaks_its_contract_is_refused(shelf, compose, text: str, reason: str) -> None:
    """The error says what is wrong and names plugin and distribution."""
    put(shelf, text)

    with pytest.raises(PluginContractError) as caught:
        compose(provider="acme")

    assert reason in caught.value.message
    assert "provider 'acme' of acme-package" in caught.value.message


def test_a_misspelt_hook_lists_the_hooks_there_are(shelf, compose) -> None:
    """Whoever mistyped a hook can read its right name in the error."""
    put(shelf, "@hookimpl\ndef gateway_provder():\n    return offer()")

    with pytest.raises(PluginContractError, match="gateway_provider"):
        compose(provider="acme")


def test_a_hook_that_raises_names_its_plugin(shelf, compose) -> None:
    """An error inside a hook is chained to one that says whose it is."""
    put(shelf, "@hookimpl\ndef gateway_provider():\n    return offer() if 1 / 0 else None")

    with pytest.raises(PluginError, match="provider 'acme' of acme-package") as caught:
        compose(provider="acme")

    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_refused_plugin_leaves_nothing_behind(shelf, compose) -> None:
    """No hook of a plugin that was refused is ever called."""
    put(
        shelf,
        kind="telemetry",
        text="@hookimpl\ndef gateway_model_price(model):\n    raise SystemExit\n\n"
        "@hookimpl\ndef gateway_provder():\n    return offer()\n",
    )

    answer = compose(provider="echo").generate("Hello")

    assert answer.metadata["cost"] == 0


def test_a_mistake_stays_a_mistake_when_asked_again(shelf, compose) -> None:
    """Composing a second gateway gives the same clear error as the first."""
    put(shelf, "@hookimpl\ndef gateway_provder():\n    return offer()")
    messages = []

    for _ in range(2):
        with pytest.raises(PluginContractError) as caught:
            compose(provider="acme")
        messages.append(caught.value.message)

    assert messages[0] == messages[1]


def test_the_hooks_of_one_plugin_are_asked_for_its_own_offer(shelf, compose) -> None:
    """Each provider answers for itself, whatever the order they were loaded in."""
    shelf.put_provider("acme")
    shelf.put_provider("umbra")

    described = compose(provider="umbra", providers=["acme", "umbra", "echo"]).describe()

    assert described["providers"]["acme"] == "Says it again as acme"
    assert described["providers"]["umbra"] == "Says it again as umbra"


def test_a_misspelt_hook_is_set_right(compose) -> None:
    """The error names the hook that was meant."""

    class Misspelt:
        @hookimpl
        def gateway_route(self, request, routes):
            return None

    with pytest.raises(PluginContractError, match="did you mean 'gateway_routes'"):
        compose(provider="echo", plugins=[Misspelt()])


def test_a_class_in_place_of_an_instance_is_told(compose) -> None:
    """The error says what to pass."""

    class Policy:
        @hookimpl
        def gateway_routes(self, request, routes):
            return None

    with pytest.raises(PluginContractError, match=r"give an instance of it: Policy\(\)"):
        compose(provider="echo", plugins=[Policy])


@pytest.mark.parametrize("table", ["prices", "capabilities"])
def test_a_table_that_is_no_function_is_refused(compose, table: str) -> None:
    """Else no model would ever have a price, and no budget would bind."""

    class Priced:
        @hookimpl
        def gateway_provider(self):
            return ProviderOffer(name="priced", summary="", build=echo.build, **{table: {"m": 1}})

    with pytest.raises(PluginContractError, match=f"{table} that are no function"):
        compose(provider="priced", plugins=[Priced()])


def test_a_setting_that_is_wrong_beside_another_is_not_blamed_alone(compose) -> None:
    """A check that looks at the other settings cannot be asked about one: the plugin is named, and its words."""

    @attrs.frozen(kw_only=True)
    class Settings:
        least: int = 0
        most: int = attrs.field(default=9)

        @most.validator
        def check(self, attribute, value) -> None:
            if value < self.least:
                raise ValueError("most is below least")

    class Plugin:
        @hookimpl
        def gateway_provider(self):
            return ProviderOffer(name="ranged", summary="", settings=Settings, build=echo.build)

    with pytest.raises(ConfigurationError, match="most is below least") as caught:
        compose(provider="ranged", plugins=[Plugin()], providers={"ranged": {"least": 5, "most": 2}})

    assert caught.value.path == "providers.ranged"
