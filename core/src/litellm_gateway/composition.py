"""What a gateway is made of once composed: its parts, their description, and how they are closed again."""

from __future__ import annotations

from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from attrs import define, field

from litellm_gateway.circuits import Circuits
from litellm_gateway.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from litellm_gateway.attempts import Target
    from litellm_gateway.breaker_table import CircuitBreakers
    from litellm_gateway.cache_mechanism import CacheMechanism
    from litellm_gateway.config import GatewayConfig
    from litellm_gateway.contracts import Transport
    from litellm_gateway.hedging import Hedging
    from litellm_gateway.offers import Offered, Offers
    from litellm_gateway.pipeline import Pipeline
    from litellm_gateway.rate_limiter import RateLimiter
    from litellm_gateway.retry_budget import RetryBudget
    from litellm_gateway.route_statistics import RouteStatistics
    from litellm_gateway.store_reach import StoreReach
    from litellm_gateway.telemetry import Telemetry
    from litellm_gateway.wire import TransportSettings

_CLOSING = 10.0


@define(eq=False)
class Composition:
    """A gateway's parts, ready to work.

    Attributes:
        config: What they were built from.
        default: Name of the default provider, None when calls must name one.
        targets: Providers by name.
        pipeline: The way of a request through the parts.
        breakers, statistics, budget, limiter, cache, telemetry, hedging, shared_state: Parts whose state can be asked
            for.
    """

    config: GatewayConfig
    default: str | None
    targets: Mapping[str, Target]
    pipeline: Pipeline
    breakers: CircuitBreakers
    statistics: RouteStatistics
    budget: RetryBudget
    limiter: RateLimiter
    cache: CacheMechanism | None
    telemetry: Telemetry
    transport: LazyTransport
    guardrails: tuple[str, ...]
    sinks: tuple[str, ...]
    hedging: Hedging | None
    shared_state: StoreReach | None
    _offers: Offers
    _closers: list[Any] = field(factory=list)

    def describe(self) -> dict[str, Any]:
        """Say what this gateway is made of, as plain data: providers, parts, and every plugin within reach."""
        config = self.config
        return {
            "default_provider": self.default,
            "providers": {name: target.offer.summary for name, target in self.targets.items()},
            "routes": {name: list(entry.models) for name, entry in config.routes.items()},
            "guardrails": list(self.guardrails),
            "telemetry": list(self.sinks),
            "transport": self.transport.name,
            "cache": config.cache_backend if self.cache is not None else None,
            "rate_limit": self.limiter.active,
            "deduplication": config.enable_request_deduplication,
            "shared_state": None if self.shared_state is None else self.shared_state.name,
            "batching": config.enable_request_batching,
            "plugins": self._offers.describe(),
        }

    @property
    def circuits(self) -> Circuits:
        """The circuit breakers, by route."""
        return Circuits(self.breakers, self.targets)

    def batch_providers(self) -> list[str]:
        """Name the providers within reach that have a batch API; this imports them all."""
        found = [(name, self._offers.find("provider", name)) for name in self._offers.names("provider")]
        return [name for name, each in found if each is not None and getattr(each.offer, "batches", None) is not None]

    def broken_plugins(self) -> list[str]:
        """Name the plugins that were set aside."""
        return [f"{kind} '{name}'" for kind, name in self._offers.broken]

    async def aclose(self) -> None:
        """Close every part, last built first; an error of one does not keep the others open."""
        failures = await close_parts(self._closers)
        if failures:
            raise PluginError(
                f"{len(failures)} part(s) failed while closing, first {type(failures[0]).__name__}: {failures[0]}"
            ) from failures[0]


async def close_parts(parts: list[Any]) -> list[Exception]:
    """Take parts off the list and close them, the last one first; gives the errors of those that failed."""
    import asyncio

    failures: list[Exception] = []
    while parts:
        part = parts.pop()
        try:
            async with asyncio.timeout(_CLOSING):
                await part.aclose()
        except Exception as error:
            failures.append(error)
    return failures


class LazyTransport:
    """The gateway's transport, chosen at once and built when the first provider asks for it."""

    def __init__(self, offered: Offered, settings: TransportSettings, build: Callable[[Offered, Any], Any]) -> None:
        self.name = offered.name
        self._make: Callable[[], Transport] = partial(build, offered, settings)
        self._lock = Lock()
        self._built: Transport | None = None

    def __call__(self) -> Transport:
        """Give the transport."""
        if self._built is None:
            with self._lock:
                if self._built is None:
                    self._built = self._make()
        return self._built

    async def aclose(self) -> None:
        """Close it, if anybody ever asked for it."""
        if self._built is not None:
            await self._built.aclose()
