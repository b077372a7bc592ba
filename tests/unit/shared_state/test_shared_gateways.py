"""Gateways that share a state, as a user sees them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from litellm_gateway import ConfigurationError, GatewayConfig, LiteLLMGateway, PluginNotInstalledError, create_gateway
from litellm_gateway.breaker_table import CircuitBreakers
from litellm_gateway.contracts import Offer, ProviderOffer
from litellm_gateway.errors import ProviderOverloadedError
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.responses import EmbedResponse, GenerateResponse, StreamChunk, TokenUsage
from litellm_gateway.telemetry import SharedStateChanged
from litellm_gateway.testing.memory_state import MemoryState


class Slow:
    """A provider that counts what it is asked, all gateways together."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: Exception | None = None

    @hookimpl
    def gateway_provider(self) -> ProviderOffer:
        return ProviderOffer(
            name="slow", summary="Takes its time", build=lambda settings, context: self, default_model="m",
            default_embedding_model="e",
        )  # fmt: skip

    async def generate(self, request: Any, call: Any) -> GenerateResponse:
        await self._work()
        return GenerateResponse(text=f"answer {self.calls}", model="m", usage=TokenUsage(input_tokens=3))

    async def stream(self, request: Any, call: Any) -> Any:
        await self._work()
        yield StreamChunk(f"answer {self.calls}")
        yield StreamChunk(kind="finish", data={"reason": "stop"})

    async def embed(self, request: Any, call: Any) -> EmbedResponse:
        await self._work()
        vectors = tuple([float(self.calls), 0.5] for _ in request.texts)
        return EmbedResponse(vectors=vectors, model="e", usage=TokenUsage(input_tokens=3))

    async def _work(self) -> None:
        self.calls += 1
        await asyncio.sleep(0.05)
        if self.error is not None:
            raise self.error

    async def aclose(self) -> None:
        pass


class Watching:
    """Keeps what is told of the shared state."""

    def __init__(self) -> None:
        self.seen: list[SharedStateChanged] = []

    @hookimpl
    def gateway_telemetry_sink(self) -> Offer[Any]:
        return Offer(name="watching", summary="Keeps events", build=lambda settings, context: self)

    def record(self, event: Any) -> None:
        if isinstance(event, SharedStateChanged):
            self.seen.append(event)

    async def aclose(self) -> None:
        pass


def gateways(provider: Slow, state: MemoryState, number: int = 2, **settings: Any) -> list[LiteLLMGateway]:
    given: dict[str, Any] = {"enable_request_deduplication": True, "max_retries": 0, "telemetry": (), **settings}
    extra = given.pop("extra", ())
    given |= {"provider": "slow", "shared_state": "memory://", "discover": False}
    return [create_gateway(plugins=[provider, state.plugin(), *extra], **given) for _ in range(number)]


async def close(*every: LiteLLMGateway) -> None:
    for gateway in every:
        await gateway.aclose()


async def test_identical_requests_share_one_answer() -> None:
    """One upstream call; who did not make it pays nothing and is told it was shared."""
    provider, state = Slow(), MemoryState()
    every = gateways(provider, state, 4)

    answers = await asyncio.gather(*(gateway.generate_async("hi", tenant_id="a") for gateway in every * 5))
    usage = [gateway.usage() for gateway in every]
    await close(*every)

    assert provider.calls == 1
    assert {answer.text for answer in answers} == {"answer 1"}
    assert {(answer.metadata["provider"], answer.metadata["route"]) for answer in answers} == {("slow", "slow/m")}
    assert sum(each["calls"] for each in usage) == 20


async def test_embeddings_are_shared_too() -> None:
    """Vectors arrive as they were."""
    provider, state = Slow(), MemoryState()
    every = gateways(provider, state)

    one, other = await asyncio.gather(*(gateway.embed_async(["a", "b"]) for gateway in every))
    await close(*every)

    assert provider.calls == 1
    assert [list(vector) for vector in one] == [list(vector) for vector in other] == [[1.0, 0.5]] * 2


async def test_tenants_and_other_requests_are_apart() -> None:
    """Another tenant, another prompt or another setting is another call."""
    provider, state = Slow(), MemoryState()
    one, other = gateways(provider, state)

    await asyncio.gather(
        one.generate_async("hi", tenant_id="a"),
        other.generate_async("hi", tenant_id="b"),
        other.generate_async("hi!", tenant_id="a"),
        other.generate_async("hi", tenant_id="a", temperature=0.5),
    )
    await close(one, other)

    assert provider.calls == 4


async def test_streams_are_shared_within_a_gateway_only() -> None:
    """The store is never asked for a stream."""
    provider, state = Slow(), MemoryState()
    one, other = gateways(provider, state)

    async def read(gateway: LiteLLMGateway) -> str:
        return "".join([str(piece) async for piece in gateway.generate_stream_async("hi")])

    await asyncio.gather(read(one), read(one), read(other))
    await close(one, other)

    assert provider.calls == 2
    assert set(state.asked) <= {"listen"}


async def test_a_kept_answer_is_as_old_everywhere() -> None:
    """An answer of another process is kept here for the time it has left, not for its whole time again."""
    provider, state = Slow(), MemoryState()
    one, other = gateways(provider, state, deduplication_ttl=0.6)

    await one.generate_async("hi")
    await asyncio.sleep(0.35)
    kept = await other.generate_async("hi")
    asked = state.asked["put"]
    again = await other.generate_async("hi")
    kept_here = state.asked["put"] == asked
    await asyncio.sleep(0.3)
    fresh = await other.generate_async("hi")
    await close(one, other)

    assert (kept.text, again.text, fresh.text) == ("answer 1", "answer 1", "answer 2")
    assert kept_here


async def test_errors_are_shared() -> None:
    """Who waits elsewhere gets the provider's error; health and the next call are not marked by it."""
    provider, state = Slow(), MemoryState()
    provider.error = ProviderOverloadedError("busy", status_code=529, retry_after=9.0)
    one, other = gateways(provider, state, deduplication_ttl=60.0)

    asked = (one.generate_async("hi"), other.generate_async("hi"))
    errors = await asyncio.gather(*asked, return_exceptions=True)
    provider.error = None
    answer = await other.generate_async("hi")
    await close(one, other)

    assert [(type(error), error.status_code, error.retry_after) for error in errors] == [  # type: ignore[attr-defined]
        (ProviderOverloadedError, 529, 9.0)
    ] * 2
    assert answer.text == "answer 2"


async def test_what_the_store_holds_names_no_tenant_and_no_prompt_in_keys() -> None:
    """Keys are digests; only values hold the answer."""
    provider, state = Slow(), MemoryState()
    (gateway,) = gateways(provider, state, 1, deduplication_ttl=60.0)

    await gateway.generate_async("canary prompt", tenant_id="canary-tenant", system="canary system")
    await gateway.aclose()

    (key,) = state.held()
    entry = state.look(key)
    assert entry is not None
    assert "canary" not in key + entry.tag
    assert b"canary prompt" not in entry.value
    assert b"canary system" not in entry.value


async def test_an_answer_under_another_tenant_s_key_is_refused() -> None:
    """Whoever moves entries in the store gives no tenant another's answer."""
    provider, state = Slow(), MemoryState()
    (gateway,) = gateways(provider, state, 1, deduplication_ttl=60.0)
    await gateway.generate_async("hi", tenant_id="a")
    await asyncio.sleep(0.01)
    (first,) = state.held()
    moved = state.look(first)
    assert moved is not None
    (probe,) = gateways(provider, probing := MemoryState(), 1, deduplication_ttl=60.0)
    await probe.generate_async("hi", tenant_id="b")
    await asyncio.sleep(0.01)
    await state.put(probing.held()[0], moved.tag, moved.value, 60.0)

    answer = await gateway.generate_async("hi", tenant_id="b")
    await close(gateway, probe)

    assert answer.text == "answer 3"


async def test_circuits_open_in_every_gateway() -> None:
    """What one gateway opens, the other refuses."""
    provider, state = Slow(), MemoryState()
    one, other = gateways(provider, state)
    await other.generate_async("hi")

    one.circuits["slow/m"].open()
    await asyncio.sleep(0.05)
    state_there = other.get_health()["circuit_breaker"]["state"]
    await close(one, other)

    assert state_there == "open"


async def test_circuits_stay_apart_when_asked_to() -> None:
    """``shared=False`` keeps each gateway's circuits its own."""
    provider, state = Slow(), MemoryState()
    one, other = gateways(provider, state, circuit_breaker={"shared": False})
    await other.generate_async("hi")

    one.circuits["slow/m"].open()
    await asyncio.sleep(0.05)
    state_there = other.get_health()["circuit_breaker"]["state"]
    await close(one, other)

    assert state_there == "closed"
    assert state.asked["listen"] == 0


async def test_health_and_telemetry_say_that_the_store_is_away() -> None:
    """Once when it goes, once when it is back; calls are answered all along."""
    provider, state, watching = Slow(), MemoryState(), Watching()
    (gateway,) = gateways(provider, state, 1, telemetry=["watching"], extra=[watching])
    await gateway.generate_async("one")
    well = gateway.get_health()

    state.break_off(ConnectionError("no route to host"))
    await gateway.generate_async("two")
    away = gateway.get_health()
    state.error = None
    async with asyncio.timeout(5):
        while not gateway.get_health()["shared_state"]["reachable"]:
            await gateway.generate_async("three")
    back = gateway.get_health()
    await gateway.aclose()

    assert (well["status"], away["status"], back["status"]) == ("healthy", "degraded", "healthy")
    assert well["shared_state"] == {"name": "memory", "reachable": True, "failures": 0, "error": None}
    assert away["shared_state"]["error"] == "ConnectionError"
    assert watching.seen == [
        SharedStateChanged(store="memory", reachable=False, error="ConnectionError"),
        SharedStateChanged(store="memory", reachable=True),
    ]


def test_without_it_nothing_is_shared() -> None:
    """No store is looked for, and health says None."""
    with create_gateway(provider="echo", enable_request_deduplication=True) as gateway:
        assert gateway.get_health()["shared_state"] is None
        assert gateway.describe()["shared_state"] is None


@pytest.mark.parametrize("value", ["redis", "", "://x", 3])
def test_what_is_no_uri_is_refused(value: Any) -> None:
    """A wrong value is refused when the configuration is made, without being shown."""
    with pytest.raises(ConfigurationError, match="shared_state must be a URI") as refused:
        GatewayConfig(shared_state=value)

    assert refused.value.path == "shared_state"


def test_the_uri_is_hidden() -> None:
    """Neither the configuration nor its repr shows the password."""
    config = GatewayConfig.from_dict({"shared_state": "redis://:hush-hush@localhost/0", "shared_state_timeout": 1.0})

    assert "hush-hush" not in repr(config)


def test_an_unknown_scheme_says_what_to_install() -> None:
    """The message names the package that is known for it."""
    with pytest.raises(PluginNotInstalledError, match="litellm-gateway-state-redis"):
        create_gateway(provider="echo", shared_state="valkeys://127.0.0.1/0", discover=False)


def test_a_plain_set_of_breakers_shares_nothing() -> None:
    """Sharing is handed in; by default there is none."""
    assert CircuitBreakers(None, clock=lambda: 0.0, random=None).sharing is None  # type: ignore[arg-type]
