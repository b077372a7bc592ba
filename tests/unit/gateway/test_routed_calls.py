"""A gateway's own names for models, several keys, special fallbacks, and what it tells of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from attrs import field, frozen
from litellm_gateway import (
    AuthenticationError,
    CircuitOpenError,
    ConfigurationError,
    ContentFilteredError,
    ContextWindowExceededError,
    LiteLLMGateway,
    PermissionDeniedError,
    ProviderError,
    ProviderTimeoutError,
    QuotaExceededError,
    RateLimitError,
    RouteConfig,
    create_gateway,
)
from litellm_gateway.contracts import ProviderOffer, Route
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.secrets import as_secret
from litellm_gateway.testing.scripted_provider import ScriptedProvider, answer, pieces


@frozen(kw_only=True)
class KeyedSettings:
    api_key: Any = field(default=None, converter=as_secret)


class Keyed:
    """Offers a provider that plays one script per key."""

    def __init__(self, **scripts: ScriptedProvider) -> None:
        self.scripts = scripts

    @hookimpl
    def gateway_provider(self) -> ProviderOffer:
        return ProviderOffer(
            name="keyed",
            summary="",
            settings=KeyedSettings,
            build=lambda settings, _context: self.scripts[settings.api_key.reveal().rpartition("-")[2]],
            default_model="m",
        )


def gateway(*plugins: Any, **settings: Any) -> LiteLLMGateway:
    fields = {"discover": False, "guardrails": (), "telemetry": (), "plugins": plugins, "max_retries": 0}
    return create_gateway(**(fields | settings))


def two_keys(one: ScriptedProvider, two: ScriptedProvider, **settings: Any) -> LiteLLMGateway:
    providers = {"keyed": {"api_keys": ["key-of-account-one", "key-of-account-two"]}}
    return gateway(Keyed(one=one, two=two), providers=providers, **settings)


async def test_a_name_of_routes_reaches_its_models() -> None:
    """The answer says which route gave it, and what failed before."""
    a, b = ScriptedProvider(ProviderError("down"), name="a"), ScriptedProvider(answer("from b"), name="b")
    async with gateway(a, b, routes={"fast": ["a/small", "b/tiny"]}) as made:
        response = await made.generate_async("Hello", model="fast")

    assert response.text == "from b"
    assert response.metadata["route"] == "b/tiny"
    assert response.metadata["attempts"] == 2
    assert response.metadata["failures"] == ("a/small: ProviderError",)


async def test_streams_name_their_route_too() -> None:
    """A failure before the first content is told in the whole answer of a stream."""
    a, b = ScriptedProvider(ProviderError("down"), name="a"), ScriptedProvider(pieces("Hi"), name="b")
    async with gateway(a, b, routes={"fast": ["a/small", "b/tiny"]}, default_model="fast") as made:
        stream = made.generate_stream_async("Hello")
        response = await stream.response()

    assert response.metadata["route"] == "b/tiny"
    assert response.metadata["failures"] == ("a/small: ProviderError",)


async def test_one_plugin_under_two_names() -> None:
    """Another endpoint of a provider is a provider of its own."""
    names = {"echo": {}, "near": {"plugin": "echo"}}
    async with gateway(providers=names, routes={"any": ["near/x", "echo/x"]}) as made:
        response = await made.generate_async("Hello", model="any")

    assert response.metadata["provider"] == "near"


@pytest.mark.parametrize("error", [AuthenticationError, QuotaExceededError, PermissionDeniedError])
async def test_a_dead_key_is_left_out_from_then_on(error: type[Exception]) -> None:
    """The other key answers, and the dead one is asked once only."""
    one, two = ScriptedProvider(error("dead")), ScriptedProvider(answer("alive"))
    async with two_keys(one, two, routes={"m": ["keyed/m"]}) as made:
        answers = [await made.generate_async("Hello", model="m") for _ in range(5)]
        health = made.get_health()

    assert {response.text for response in answers} == {"alive"}
    assert len(one.requests) == 1
    assert health["routes"]["keyed/m"]["left_alone"] == error.__name__
    assert health["routes"]["keyed#2/m"]["answered"] == 5


async def test_a_limited_key_lets_the_other_one_go_first() -> None:
    """Until its time is over the limited key is not asked."""
    one, two = ScriptedProvider(RateLimitError("slow", retry_after=30.0)), ScriptedProvider(answer("free"))
    async with two_keys(one, two, routes={"m": ["keyed/m"]}) as made:
        for _ in range(5):
            await made.generate_async("Hello", model="m")

    assert len(one.requests) == 1
    assert len(two.requests) == 5


async def test_idle_keys_share_the_load() -> None:
    """Without a configured route, the keys of a provider are used by what they have in flight."""

    async def slowly(_request: object) -> Any:
        await asyncio.sleep(0.01)
        return answer()

    one, two = ScriptedProvider(slowly), ScriptedProvider(slowly)
    async with two_keys(one, two) as made:
        await asyncio.gather(*(made.generate_async(f"Hello {number}") for number in range(20)))

    assert len(one.requests) == len(two.requests) == 10


@pytest.mark.parametrize(
    "given",
    [{"api_keys": []}, {"api_keys": "key-one"}, {"api_keys": ["x"], "api_key": "y"}, {"plugin": ""}],
)
def test_impossible_providers_are_refused(given: dict[str, Any]) -> None:
    """A list of keys is a list, stands alone, and a plugin has a name."""
    with pytest.raises(ConfigurationError, match=r"providers\.keyed"):
        gateway(Keyed(), providers={"keyed": given})


async def test_a_cached_answer_is_found_whatever_order_is_drawn() -> None:
    """The key of a cached answer depends on the routes configured, not on who was asked first."""
    a, b = ScriptedProvider(answer(), name="a"), ScriptedProvider(answer(), name="b")
    routes = {"any": RouteConfig(models=("a/m", "b/m"), strategy="weighted")}
    async with gateway(a, b, routes=routes, enable_caching=True) as made:
        answers = [await made.generate_async("Hello", model="any") for _ in range(20)]

    assert [response.metadata["cached"] for response in answers] == [False] + [True] * 19
    assert len({response.metadata["route"] for response in answers}) == 1


async def test_a_prompt_that_is_too_long_goes_to_a_larger_model() -> None:
    """``context_fallbacks`` answer what the asked model cannot hold, ``fallbacks`` are not asked."""
    small = ScriptedProvider(ContextWindowExceededError("too long"), name="small")
    other, large = ScriptedProvider(answer("other"), name="other"), ScriptedProvider(answer("large"), name="large")
    async with gateway(
        small, other, large, provider="small", fallbacks=["other/m"], context_fallbacks=["large/m"]
    ) as made:
        response = await made.generate_async("Hello")

    assert response.text == "large"
    assert other.requests == []


async def test_a_filtered_prompt_goes_where_it_may() -> None:
    """``content_fallbacks`` answer what the asked provider's filter refuses."""
    strict = ScriptedProvider(ContentFilteredError("refused"), name="strict")
    lenient = ScriptedProvider(answer("lenient"), name="lenient")
    async with gateway(strict, lenient, provider="strict", content_fallbacks=["lenient/m"]) as made:
        response = await made.generate_async("Hello")

    assert response.text == "lenient"


async def test_a_policy_has_the_last_word() -> None:
    """What ``gateway_routes`` gives is tried as it is, dead keys and all; special fallbacks do not apply."""

    class Policy:
        @hookimpl
        def gateway_routes(self, request: Any, routes: Any) -> Any:
            return [Route(provider="b", model="m")]

    a, b = ScriptedProvider(answer("a"), name="a"), ScriptedProvider(ContextWindowExceededError("long"), name="b")
    routes = {"any": RouteConfig(models=("a/m", "b/m"), strategy="least_busy")}
    async with gateway(a, b, Policy(), routes=routes, context_fallbacks=["a/m"]) as made:
        with pytest.raises(ContextWindowExceededError):
            await made.generate_async("Hello", model="any")

    assert a.requests == []


async def test_circuits_are_opened_and_closed_by_hand() -> None:
    """An operator takes a route out and back in; others are not touched."""
    a = ScriptedProvider(answer("a"), name="a")
    async with gateway(a, provider="a") as made:
        made.circuits["a/m"].open()
        with pytest.raises(CircuitOpenError) as caught:
            await made.generate_async("Hello", model="m")
        other = await made.generate_async("Hello", model="other")
        made.circuits["a/m"].reset()
        again = await made.generate_async("Hello", model="m")

    assert caught.value.retry_after is None
    assert (other.text, again.text) == ("a", "a")


async def test_a_stream_without_content_in_time_is_another_ones() -> None:
    """``first_token_timeout`` ends the wait for a first word with an error that names the phase, before content."""

    async def hang(_request: object) -> Any:
        await asyncio.sleep(30)

    slow, quick = ScriptedProvider(hang, name="slow"), ScriptedProvider(pieces("Hi"), name="quick")
    async with gateway(slow, quick, provider="slow", fallbacks=["quick/m"], first_token_timeout=0.05) as made:
        response = await made.generate_stream_async("Hello").response()
    async with gateway(ScriptedProvider(hang, name="slow"), provider="slow", first_token_timeout=0.05) as alone:
        with pytest.raises(ProviderTimeoutError) as caught:
            await alone.generate_stream_async("Hello").response()

    assert response.metadata["failures"] == ("slow/scripted: ProviderTimeoutError",)
    assert slow.open_streams == 0
    assert caught.value.phase == "first_token"


async def test_slow_streams_are_judged_by_their_first_content() -> None:
    """``slow_call_seconds`` looks at the wait for content, not at how long an answer is."""

    async def slowly(_request: object) -> Any:
        await asyncio.sleep(0.05)
        return pieces("Hi")

    breaker = {"minimum_calls": 2, "slow_call_seconds": 0.02, "slow_call_rate": 1.0}
    async with gateway(ScriptedProvider(slowly, name="a"), provider="a", circuit_breaker=breaker) as made:
        for _ in range(2):
            await made.generate_stream_async("Hello").response()
        with pytest.raises(CircuitOpenError):
            await made.generate_stream_async("Hello").response()


async def test_a_callers_impatience_is_not_the_providers_fault() -> None:
    """A thousand calls with a deadline nobody can keep do not open the circuit for others."""

    async def slowly(_request: object) -> Any:
        await asyncio.sleep(0.05)
        return answer("others")

    async with gateway(ScriptedProvider(slowly, name="a"), provider="a") as made:
        errors = await asyncio.gather(
            *(made.generate_async("Hello", timeout=0.001) for _ in range(200)), return_exceptions=True
        )
        response = await made.generate_async("Hello")

    assert all(isinstance(error, Exception) for error in errors)
    assert response.text == "others"
    assert made.get_health()["circuit_breaker"]["state"] == "closed"


async def test_health_tells_the_retry_budget_and_every_route() -> None:
    """What was sent, retried and is in flight, per route and in all."""
    a = ScriptedProvider(ProviderError("down", retry_after=0.0), answer(), name="a")
    async with gateway(a, provider="a", max_retries=2, retry_budget={"share": 0.5}) as made:
        await made.generate_async("Hello", model="m")
        health = made.get_health()

    assert health["retry_budget"] == {"requests": 1, "retries": 1, "remaining": 2, "refused": 0}
    route = health["routes"]["a/m"]
    assert (route["in_flight"], route["answered"], route["failed"]) == (0, 1, 1)
    assert route["seconds"] is not None


async def test_explain_tells_everything_and_does_nothing() -> None:
    """A dry run lists guardrails, key, routes, limits and price; no provider, cache or limiter hears of it."""
    a, b = ScriptedProvider(answer(), name="a"), ScriptedProvider(answer(), name="b")
    limits = {"requests_per_minute": 5}
    async with gateway(
        a,
        b,
        routes={"fast": ["a/m", "b/m"]},
        context_fallbacks=["b/long"],
        rate_limit_config=limits,
        enable_caching=True,
        guardrails=("size",),
    ) as made:
        made.circuits["b/m"].open()
        told = made.explain("Hello", model="fast", tenant_id="acme", max_tokens=10)
        remaining = made.get_health(tenant_id="acme")["rate_limit"]["remaining"]

    assert [route["route"] for route in told["routes"]] == ["a/m", "b/m"]
    assert [route["circuit"] for route in told["routes"]] == ["closed", "open"]
    assert told["further_routes"] == {"context": ["b/long"], "content": []}
    assert told["guardrails"] == {"input": ["size"], "output": ["size"]}
    assert told["limits"]["requests"] == 1
    assert told["limits"]["tokens"] >= 10
    assert told["price"]["answer_tokens"] == 10
    assert len(told["cache_key"]) == 64
    assert told["tenant"] == "acme"
    assert told["attempts"]["max_retries"] == 0
    assert a.requests == b.requests == []
    assert remaining == 5


async def test_explain_shows_a_dead_key_left_out() -> None:
    """The routes are those a call would try now."""
    one, two = ScriptedProvider(AuthenticationError("dead")), ScriptedProvider(answer("alive"))
    async with two_keys(one, two, routes={"m": ["keyed/m"]}, key_rest=60.0) as made:
        await made.generate_async("Hello", model="m")
        told = made.explain("Hello", model="m")

    assert [route["route"] for route in told["routes"]] == ["keyed#2/m"]
    assert told["limits"] is None
    assert told["cache_key"] is None


async def test_a_sticky_tenant_keeps_its_route() -> None:
    """With ``sticky`` a tenant's calls go one way, tenants go different ways."""
    a, b = ScriptedProvider(answer(), name="a"), ScriptedProvider(answer(), name="b")
    routes = {"any": RouteConfig(models=("a/m", "b/m"), sticky=True)}
    async with gateway(a, b, routes=routes) as made:
        seen = {
            tenant: {
                (await made.generate_async("Hello", model="any", tenant_id=tenant)).metadata["route"] for _ in range(3)
            }
            for tenant in map(str, range(20))
        }

    assert all(len(routes) == 1 for routes in seen.values())
    assert {route for routes in seen.values() for route in routes} == {"a/m", "b/m"}
