"""Plugins of the other kinds: caches and transports by name, sinks and guardrails in order."""

from __future__ import annotations

import pytest
from litellm_gateway.builtin import echo, memory_cache
from litellm_gateway.contracts import Offer, ProviderOffer
from litellm_gateway.errors import ConfigurationError
from litellm_gateway.hookspecs import hookimpl

CACHE = """
from litellm_gateway.builtin import memory_cache
from litellm_gateway.contracts import Offer
from litellm_gateway.hookspecs import hookimpl

@hookimpl
def gateway_cache_backend():
    settings, build = memory_cache.gateway_cache_backend().settings, memory_cache.gateway_cache_backend().build
    return Offer(name="drawer", summary="A drawer", settings=settings, build=build)
"""
GUARDRAIL = """
from litellm_gateway.contracts import Allow, Block, GuardrailOffer, Modify
from litellm_gateway.hookspecs import hookimpl

class Tag:
    async def check_input(self, text, call):
        return Modify(text + "{tag}")
    async def check_output(self, text, call):
        return Allow()
    async def aclose(self):
        pass

@hookimpl
def gateway_guardrail():
    return GuardrailOffer(name="{name}", summary="Adds {tag}", build=lambda settings, context: Tag(), window=0)
"""


def put_guardrail(shelf, name: str, tag: str) -> None:
    text = GUARDRAIL.format(name=name, tag=tag)
    shelf.put(f"litellm-gateway-guardrail-{name}", modules={f"shelf_{name}": text}, guardrail={name: f"shelf_{name}"})


def test_a_cache_backend_is_taken_by_name(shelf, compose) -> None:
    """``cache_backend`` names an installed one; the second identical request is answered from it."""
    shelf.put("litellm-gateway-cache-drawer", modules={"shelf_drawer": CACHE}, cache={"drawer": "shelf_drawer"})
    gateway = compose(provider="echo", enable_caching=True, cache_backend="drawer")

    answers = [gateway.generate("Hello") for _ in range(2)]

    assert gateway.describe()["cache"] == "drawer"
    assert [answer.text for answer in answers] == ["Hello", "Hello"]
    assert gateway.get_health()["cache"]["hits"] == 1


def test_a_cache_backend_nobody_named_is_not_imported(shelf, compose) -> None:
    """Having a cache installed does not make anybody use it."""
    shelf.put("litellm-gateway-cache-drawer", modules={"shelf_drawer": CACHE}, cache={"drawer": "shelf_drawer"})

    compose(provider="echo", enable_caching=True)

    assert shelf.imported() == set()


def test_settings_reach_the_cache_backend(compose) -> None:
    """``cache_settings`` become an instance of the offer's own settings."""
    seen = []

    class Drawer:
        @hookimpl
        def gateway_cache_backend(self) -> Offer:
            offer = memory_cache.gateway_cache_backend()
            return Offer(
                name="drawer",
                summary="d",
                settings=offer.settings,
                build=lambda settings, context: seen.append(settings) or offer.build(settings, context),
            )

    compose(
        provider="echo",
        plugins=[Drawer()],
        enable_caching=True,
        cache_backend="drawer",
        cache_settings={"max_entries": 7},
    )

    assert [settings.max_entries for settings in seen] == [7]


def test_installed_guardrails_run_by_name_order(shelf, compose) -> None:
    """Without a list every installed guardrail runs, in the order of their names."""
    put_guardrail(shelf, "zeta", " z")
    put_guardrail(shelf, "alpha", " a")

    answer = compose(provider="echo").generate("Hello")

    assert answer.text == "Hello a z"


def test_listed_guardrails_run_in_the_order_of_the_list(shelf, compose) -> None:
    """The configuration's order counts, and only what it lists runs."""
    put_guardrail(shelf, "zeta", " z")
    put_guardrail(shelf, "alpha", " a")
    put_guardrail(shelf, "unlisted", " u")

    answer = compose(provider="echo", guardrails=["zeta", "alpha"]).generate("Hello")

    assert answer.text == "Hello z a"


def test_timeouts_of_each_phase_reach_what_is_built(compose) -> None:
    """``connect_timeout``, ``first_byte_timeout`` and ``chunk_timeout`` are handed to every plugin."""
    seen = []

    class Watched:
        @hookimpl
        def gateway_provider(self) -> ProviderOffer:
            def build(settings, context):
                seen.append(context.timeouts)
                return echo.EchoProvider(settings, context)

            return ProviderOffer(name="watched", summary="w", settings=echo.EchoSettings, build=build)

    compose(provider="watched", plugins=[Watched()], connect_timeout=1.5, first_byte_timeout=2.5, chunk_timeout=3.5)

    [timeouts] = seen
    assert (timeouts.connect, timeouts.first_byte, timeouts.chunk) == (1.5, 2.5, 3.5)


def test_a_sink_that_cannot_be_built_fails_when_it_was_named(compose) -> None:
    """What the configuration asks for must work."""
    with pytest.raises(ConfigurationError, match=r"telemetry_settings\.log"):
        compose(provider="echo", telemetry=["log"], telemetry_settings={"log": {"logger": 7}})


def test_a_transport_is_taken_by_name(compose) -> None:
    """``transport="httpx"`` takes that one, whatever else is installed."""
    assert compose(provider="echo", transport="httpx").describe()["transport"] == "httpx"
