"""Providers asked in the background: when, how often, what is told, and that it ends with the gateway."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from attrs import define
from litellm_gateway import (
    CircuitBreakerConfig,
    GatewayError,
    HealthCheckConfig,
    LiteLLMGateway,
    ModelList,
    ProviderConnectionError,
    create_gateway,
)
from litellm_gateway.contracts import ProviderOffer
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.testing.scripted_provider import answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

INTERVAL = 0.05


@define(eq=False)
class Lister:
    """A provider that can be down, and counts how often it is asked for its models."""

    name: str = "lister"
    down: bool = False
    hangs: bool = False
    lists: int = 0
    asking: int = 0
    checks: weakref.ref[Any] | None = None

    @hookimpl
    def gateway_composed(self, composition: Any) -> None:
        self.checks = weakref.ref(composition.pipeline.checks) if composition.pipeline.checks else None

    @hookimpl
    def gateway_provider(self) -> ProviderOffer:
        return ProviderOffer(
            name=self.name, summary="", build=lambda settings, context: self, default_model="m"
        )  # fmt: skip

    async def generate(self, request: Any, call: Any) -> Any:
        if self.down:
            raise ProviderConnectionError("down")
        return answer()

    async def stream(self, request: Any, call: Any) -> AsyncIterator[Any]:
        raise ProviderConnectionError("down")
        yield

    async def list_models(self, request: Any, call: Any) -> ModelList:
        self.lists += 1
        self.asking += 1
        try:
            if self.hangs:
                await asyncio.sleep(60)
            if self.down:
                raise ProviderConnectionError("down")
            return ModelList(models=())
        finally:
            self.asking -= 1

    async def aclose(self) -> None:
        assert self.asking == 0


def make(*listers: Lister, timeout: float = 0.04, **settings: Any) -> LiteLLMGateway:
    return create_gateway(
        providers=[each.name for each in listers], provider=listers[0].name, plugins=list(listers), discover=False,
        health_check=HealthCheckConfig(interval=INTERVAL, timeout=timeout), max_retries=0, **settings,
    )  # fmt: skip


async def use(gateway: LiteLLMGateway, seconds: float) -> None:
    """Go on calling for a while."""
    until = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < until:
        await asyncio.gather(gateway.generate_async("x"), return_exceptions=True)
        await asyncio.sleep(0.005)


async def test_providers_are_asked_while_the_gateway_is_used() -> None:
    """About once in an interval, and health tells for each provider and route."""
    here, there = Lister(), Lister(name="there", down=True)
    gateway = make(here, there)
    before = gateway.get_health()

    await use(gateway, 0.4)
    health = gateway.get_health()
    await gateway.aclose()

    assert before["checks"]["lister"] == {"reachable": None, "seconds": None, "age": None, "error": None}
    assert 2 <= here.lists <= 9
    assert health["checks"]["lister"]["reachable"] is True
    assert health["checks"]["there"]["error"] == "ProviderConnectionError"
    assert health["routes"]["lister/m"]["reachable"] is True


async def test_an_idle_gateway_asks_nobody() -> None:
    """After the last use there is one round at most."""
    here = Lister()
    gateway = make(here)
    await gateway.generate_async("x")
    await asyncio.sleep(3 * INTERVAL)
    asked = here.lists

    await asyncio.sleep(5 * INTERVAL)

    assert asked == here.lists == 1
    await gateway.aclose()


async def test_without_the_setting_nobody_is_asked() -> None:
    """It is off by default."""
    here = Lister()
    gateway = create_gateway(provider="lister", plugins=[here], discover=False)

    await use(gateway, 0.1)

    assert here.lists == 0
    assert gateway.get_health()["checks"] is None
    await gateway.aclose()


async def test_a_provider_that_is_back_is_probed_at_once() -> None:
    """An open circuit need not wait for its recovery timeout."""
    here = Lister(down=True)
    gateway = make(here, circuit_breaker=CircuitBreakerConfig(minimum_calls=2, recovery_timeout=600.0))
    for _ in range(3):
        with pytest.raises(GatewayError):
            await gateway.generate_async("x")
    assert gateway.get_health()["circuit_breaker"]["state"] == "open"

    here.down = False
    await use(gateway, 0.3)

    assert gateway.get_health()["circuit_breaker"]["state"] == "closed"
    await gateway.aclose()


async def test_a_circuit_opened_by_hand_stays_open() -> None:
    """What a person decided is not undone."""
    here = Lister()
    gateway = make(here)
    gateway.circuits["lister/m"].open()

    await use(gateway, 0.2)

    assert here.lists > 0
    assert gateway.circuits["lister/m"].state == "open"
    await gateway.aclose()


async def test_a_provider_that_hangs_is_given_up() -> None:
    """Each has its time limit, and rounds do not pile up."""
    here = Lister(hangs=True)
    gateway = make(here, timeout=0.05)

    await use(gateway, 0.3)

    assert gateway.get_health()["checks"]["lister"]["error"] == "DeadlineExceededError"
    assert here.asking <= 1
    await gateway.aclose()


async def test_closing_breaks_off_what_is_asked() -> None:
    """Nothing is asked of a provider that is closed, and no task is left."""
    here = Lister(hangs=True)
    gateway = make(here, timeout=0.3)
    await use(gateway, 0.4)
    assert here.asking == 1

    await gateway.aclose()

    assert here.asking == 0
    assert len(asyncio.all_tasks()) == 1


async def test_the_timer_does_not_hold_the_gateway() -> None:
    """One that is dropped without being closed goes away."""
    here = Lister()
    gateway = make(here)
    await gateway.generate_async("x")
    dropped = here.checks
    assert dropped is not None
    assert dropped() is not None

    del gateway
    gc.collect()

    assert dropped() is None


async def test_several_loops_share_one_round() -> None:
    """Two threads with loops of their own do not double the questions."""
    here = Lister()
    gateway = make(here)
    other = threading.Thread(target=lambda: asyncio.run(use(gateway, 0.4)))
    other.start()

    await use(gateway, 0.4)
    other.join()

    assert 2 <= here.lists <= 9
    await gateway.aclose()
