"""Policy plugins: veto what was composed, choose routes, set prices."""

from __future__ import annotations

from decimal import Decimal

import pytest
from litellm_gateway.builtin import echo
from litellm_gateway.contracts import ProviderOffer, Route
from litellm_gateway.errors import ConfigurationError, PluginError
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.responses import Price

PRICE_POLICY = """
from decimal import Decimal

from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.responses import Price

@hookimpl
def gateway_model_price(provider, model):
    return Price(input=Decimal({price}), output=Decimal({price}), source="{name}")
"""


def put_price(shelf, name: str, price: int) -> None:
    text = PRICE_POLICY.format(price=price, name=name)
    shelf.put(f"litellm-gateway-policy-{name}", modules={f"shelf_{name}": text}, policy={name: f"shelf_{name}"})


class ClosingProvider(echo.EchoProvider):
    closed = 0

    async def aclose(self) -> None:
        ClosingProvider.closed += 1


class Watched:
    @hookimpl
    def gateway_provider(self) -> ProviderOffer:
        return ProviderOffer(name="watched", summary="w", settings=echo.EchoSettings, build=ClosingProvider)


class Veto:
    @hookimpl
    def gateway_composed(self, composition) -> None:
        if "memory" not in str(composition.describe()["cache"]):
            raise ConfigurationError("this house wants a cache", path="enable_caching")


class Reroute:
    def __init__(self, *routes: Route) -> None:
        self.routes = routes
        self.asked = 0

    @hookimpl
    def gateway_routes(self, request, routes):
        self.asked += 1
        return self.routes


def test_a_veto_reaches_the_caller(compose) -> None:
    """``gateway_composed`` refuses a gateway by raising a configuration error."""
    with pytest.raises(ConfigurationError, match="wants a cache") as caught:
        compose(provider="echo", plugins=[Veto()])

    assert caught.value.path == "enable_caching"


def test_a_veto_sees_the_finished_gateway(compose) -> None:
    """The same policy lets a gateway pass that has what it asks for."""
    gateway = compose(provider="echo", plugins=[Veto()], enable_caching=True)

    assert gateway.generate("Hello").text == "Hello"


def test_what_was_built_before_a_veto_is_closed(compose) -> None:
    """A refused gateway leaves no provider open."""
    ClosingProvider.closed = 0

    with pytest.raises(ConfigurationError):
        compose(provider="watched", plugins=[Watched(), Veto()])

    assert ClosingProvider.closed == 1


def test_what_was_built_before_a_wrong_setting_was_found_is_closed(compose) -> None:
    """A gateway that fails half-way leaves no provider open."""
    ClosingProvider.closed = 0

    with pytest.raises(ConfigurationError):
        compose(provider="watched", plugins=[Watched()], guardrail_settings={"size": {"no_such_setting": 1}})

    assert ClosingProvider.closed == 1


def test_an_error_in_a_veto_fails_composition(compose) -> None:
    """A policy that breaks while it looks is not taken for consent."""

    class Clumsy:
        @hookimpl
        def gateway_composed(self, composition) -> None:
            raise ZeroDivisionError

    with pytest.raises(PluginError, match="gateway_composed raised ZeroDivisionError"):
        compose(provider="echo", plugins=[Clumsy()])


def test_a_policy_chooses_the_route(shelf, compose) -> None:
    """``gateway_routes`` decides which provider and model answer."""
    shelf.put_provider("acme")
    policy = Reroute(Route(provider="acme", model="fine"))
    gateway = compose(provider="echo", providers=["echo", "acme"], plugins=[policy])

    answer = gateway.generate("Hello", model="coarse")

    assert (answer.metadata["provider"], answer.model) == ("acme", "fine")


def test_a_policy_is_asked_once_per_request(compose) -> None:
    """Routes are decided once, not per try or per chunk."""
    policy = Reroute(Route(provider="echo", model="any"))
    gateway = compose(provider="echo", plugins=[policy])

    "".join(map(str, gateway.generate_stream("one two three")))

    assert policy.asked == 1


@pytest.mark.parametrize(
    "routes",
    [(), (Route(provider="elsewhere", model="m"),), ("echo/m",)],
    ids=["no route", "a provider the gateway lacks", "no routes at all"],
)
def test_an_impossible_route_is_refused(compose, routes) -> None:
    """A policy cannot send a request where the gateway has nobody; the call fails clearly."""
    gateway = compose(provider="echo", plugins=[Reroute(*routes)])

    with pytest.raises(PluginError, match="gateway_routes of plugin 'Reroute'") as caught:
        gateway.generate("Hello")

    assert caught.value.plugin == "plugin 'Reroute'"


def test_a_policy_without_opinion_changes_nothing(compose) -> None:
    """None means no opinion."""

    class Silent:
        @hookimpl
        def gateway_routes(self, request, routes):
            return None

    assert compose(provider="echo", plugins=[Silent()]).generate("Hello").metadata["provider"] == "echo"


def test_an_installed_policy_sets_the_price(shelf, compose) -> None:
    """An installed policy works without being named, and its price goes before the provider's."""
    put_price(shelf, "dear", 1_000_000)

    answer = compose(provider="echo").generate("one two", model="m")

    assert answer.metadata["cost"] == Decimal(4)


def test_policies_have_their_say_in_the_order_of_the_configuration(shelf, compose) -> None:
    """The first of the list that has an opinion wins."""
    put_price(shelf, "dear", 1_000_000)
    put_price(shelf, "cheap", 500_000)

    costs = [
        compose(provider="echo", policies=order).generate("one", model="m").metadata["cost"]
        for order in (["dear", "cheap"], ["cheap", "dear"])
    ]

    assert costs == [Decimal(2), Decimal(1)]


def test_policies_may_be_left_out(shelf, compose) -> None:
    """An empty list takes none."""
    put_price(shelf, "dear", 1_000_000)

    answer = compose(provider="echo", policies=[]).generate("one", model="m")

    assert answer.metadata["cost"] == 0
    assert shelf.imported() == set()


def test_a_given_policy_goes_before_installed_ones(shelf, compose) -> None:
    """What the application hands over has the first word."""
    put_price(shelf, "dear", 1_000_000)

    class Free:
        @hookimpl
        def gateway_model_price(self, provider, model) -> Price:
            return Price(input=Decimal(0), output=Decimal(0), source="free")

    answer = compose(provider="echo", plugins=[Free()]).generate("one", model="m")

    assert answer.metadata["cost"] == 0


def test_a_failing_price_counts_as_no_answer(compose) -> None:
    """A price policy that breaks never fails a call; the provider's own price is taken."""

    class Clumsy:
        @hookimpl
        def gateway_model_price(self, provider, model) -> Price:
            raise ZeroDivisionError

    answer = compose(provider="echo", plugins=[Clumsy()]).generate("one", model="m")

    assert answer.metadata["cost"] == 0


def test_a_broken_policy_nobody_named_is_set_aside(shelf, compose, row) -> None:
    """It is a line in ``describe()``."""
    shelf.put("policy-package", modules={"shelf_bad": "import nowhere_to_be_found"}, policy={"bad": "shelf_bad"})

    described = row(compose(provider="echo"), "policy", "bad")

    assert (described["state"], described["distribution"]) == ("broken", "policy-package")
    assert "nowhere_to_be_found" in described["reason"]


def test_a_policy_at_work_is_listed_as_loaded(shelf, compose, row) -> None:
    """``describe()`` tells policies that decide from those that merely could."""
    put_price(shelf, "dear", 1)
    put_price(shelf, "cheap", 1)

    gateway = compose(provider="echo", policies=["dear"])

    assert row(gateway, "policy", "dear")["state"] == "loaded"
    assert row(gateway, "policy", "cheap")["state"] == "available"
