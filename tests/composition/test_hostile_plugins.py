"""Plugins that break their contract: refused while the gateway is made where that can be seen, else one typed error."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from litellm_gateway import GatewayError, LiteLLMGateway, PluginContractError, PluginError, create_gateway
from litellm_gateway.contracts import GuardrailOffer, Offer, ProviderOffer, Route
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.testing.scripted_provider import ScriptedProvider, answer

if TYPE_CHECKING:
    from collections.abc import Callable


class Providing:
    """Gives whatever it is told as its offer of a provider."""

    def __init__(self, offer: Any) -> None:
        self._offer = offer

    @hookimpl
    def gateway_provider(self) -> Any:
        return self._offer


class Guarding(Providing):
    @hookimpl
    def gateway_guardrail(self) -> Any:
        return self._offer

    @hookimpl
    def gateway_provider(self) -> None:
        return None


class Sinking(Providing):
    @hookimpl
    def gateway_telemetry_sink(self) -> Any:
        return self._offer

    @hookimpl
    def gateway_provider(self) -> None:
        return None


class Routing:
    """Gives whatever it is told as routes."""

    def __init__(self, routes: Any) -> None:
        self._routes = routes

    @hookimpl
    def gateway_routes(self, request: Any, routes: Any) -> Any:
        return self._routes


class Sink:
    """A sink that raises what it is told."""

    def __init__(self, error: BaseException | None = None, *, listening: Any = None) -> None:
        self.error = error
        self.heard = 0
        if listening is not None:
            self.listening = listening

    def record(self, event: Any) -> None:
        self.heard += 1
        if self.error is not None:
            raise self.error

    async def aclose(self) -> None:
        return


def offer(built: Any = None, **fields: Any) -> ProviderOffer:
    return ProviderOffer(**{"name": "p", "summary": "", "build": lambda settings, context: built, **fields})


def guard(**fields: Any) -> GuardrailOffer:
    class Guard:
        async def check_input(self, text: str, call: Any) -> Any: ...
        async def check_output(self, text: str, call: Any) -> Any: ...
        async def aclose(self) -> None: ...

    return GuardrailOffer(**{"name": "g", "summary": "", "build": lambda settings, context: Guard(), **fields})


def make(*plugins: Any, **settings: Any) -> LiteLLMGateway:
    return create_gateway(
        provider="scripted", plugins=[ScriptedProvider(answer()), *plugins], discover=False, **settings
    )


@pytest.mark.parametrize(
    "rubbish",
    ["offer", 5, [offer()], object(), Offer(name="p", summary="", build=lambda settings, context: None),
     offer(name=5), offer(name=""), offer(build="build"), offer(settings={}), offer(api="1"), offer(api=2)],
)  # fmt: skip
def test_an_offer_that_is_none_is_refused(rubbish: Any) -> None:
    """Whoever gives it is named."""
    with pytest.raises(PluginContractError, match="Providing"):
        make(Providing(rubbish))


@pytest.mark.parametrize("built", [None, 5, object(), ScriptedProvider])
def test_an_offer_that_builds_no_provider_is_refused(built: Any) -> None:
    """While the gateway is made, not on the first call."""
    build: Callable[..., Any] = lambda settings, context: object() if built is ScriptedProvider else built  # noqa: E731

    with pytest.raises(PluginContractError, match="'p'"):
        create_gateway(provider="p", plugins=[Providing(offer(build=build))], discover=False)


@pytest.mark.parametrize(
    "fields",
    [
        {"stages": frozenset()},
        {"stages": frozenset({"inptu"})},
        {"stages": "input"},
        {"stages": None},
        {"window": -1},
        {"window": "8"},
        {"window": 1.5},
        {"window": True},
        {"build": lambda settings, context: None},
        {"build": lambda settings, context: object()},
    ],
)
def test_a_guardrail_that_would_not_guard_is_refused(fields: dict[str, Any]) -> None:
    """A wrong stage or window would let text pass unseen."""
    with pytest.raises(PluginContractError):
        make(Guarding(guard(**fields)))


@pytest.mark.parametrize(
    "routes",
    ["scripted", 5, [], [None], [Route(provider="nobody", model="m")], Route(provider="scripted", model="m"),
     [Route(provider=[], model="m")], [Route(provider="scripted", model=5)]],  # type: ignore[arg-type]
)  # fmt: skip
async def test_routes_that_are_none_are_the_policys_fault(routes: Any) -> None:
    """One typed error, and nothing is sent."""
    gateway = make(Routing(routes), guardrails=())

    with pytest.raises(PluginError):
        await gateway.generate_async("hi")
    assert gateway.get_health()["in_flight"] == 0


@pytest.mark.parametrize("error", [ValueError("x"), asyncio.CancelledError(), GeneratorExit()])
async def test_a_sink_has_no_say_in_a_call(error: BaseException) -> None:
    """Whatever it raises is counted."""
    sink = Sink(error)
    gateway = make(Sinking(Offer(name="s", summary="", build=lambda settings, context: sink)), guardrails=())

    response = await gateway.generate_async("hi")

    health = gateway.get_health()
    assert response.text == "ok"
    assert health["telemetry"]["errors"] == {"s": sink.heard}
    assert health["in_flight"] == 0


async def test_a_sink_that_ends_the_program_leaves_no_call_behind() -> None:
    """``SystemExit`` and Ctrl-C are not the gateway's to swallow, but the call is over all the same."""
    sink = Sink(SystemExit(3))
    gateway = make(Sinking(Offer(name="s", summary="", build=lambda settings, context: sink)), guardrails=())

    for ask in (gateway.generate_async("hi"), gateway.generate_stream_async("hi").response()):
        with pytest.raises(SystemExit):
            await ask

    assert gateway.get_health()["in_flight"] == 0


@pytest.mark.parametrize("listening", [lambda: 1 / 0, lambda: "maybe"])
async def test_a_sink_that_cannot_say_whether_it_listens_is_told(listening: Any) -> None:
    """Its error stays its own."""
    sink = Sink(listening=listening)
    gateway = make(Sinking(Offer(name="s", summary="", build=lambda settings, context: sink)), guardrails=())

    response = await gateway.generate_async("hi")

    assert response.text == "ok"
    assert sink.heard > 0


@pytest.mark.parametrize("built", [None, object()])
def test_a_sink_that_is_none_is_refused(built: Any) -> None:
    """A given one at least; it was asked for."""
    with pytest.raises(GatewayError):
        make(Sinking(Offer(name="s", summary="", build=lambda settings, context: built)))
