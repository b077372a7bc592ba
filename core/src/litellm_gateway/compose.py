"""Put a gateway together from its configuration and the plugins it wants: which parts, in which order, knowing whom.

It does no network I/O; a wrong configuration or plugin fails here, not on the first call.
"""

from __future__ import annotations

import random
import time
from contextlib import suppress
from operator import attrgetter, methodcaller
from typing import TYPE_CHECKING, Any

from litellm_gateway.attempts import Attempts, Target
from litellm_gateway.breakers import CircuitBreakers
from litellm_gateway.cache_mechanism import CacheMechanism
from litellm_gateway.composition import Composition, close_parts
from litellm_gateway.config import CacheConfig, check_keys
from litellm_gateway.errors import GatewayError
from litellm_gateway.ledger import Ledger
from litellm_gateway.offers import Offers
from litellm_gateway.pipeline import Pipeline
from litellm_gateway.plugin_builder import PluginBuilder
from litellm_gateway.plugins import Plugins
from litellm_gateway.provider_choice import default_provider, only_provider, wanted_providers
from litellm_gateway.provider_instances import instances_of
from litellm_gateway.provider_table import RouteTable, identities_of, prices_of
from litellm_gateway.rate_limiter import RateLimiter
from litellm_gateway.reserving import Reserving
from litellm_gateway.retry_budget import RetryBudget
from litellm_gateway.route_statistics import RouteStatistics
from litellm_gateway.route_strategies import StrategyMaker
from litellm_gateway.single_flight import SingleFlight
from litellm_gateway.store_choice import StoreChoice
from litellm_gateway.telemetry import Telemetry
from litellm_gateway.token_estimator import TokenEstimator
from litellm_gateway.upstream import Upstream
from litellm_gateway.usage_book import UsageBook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from litellm_gateway.config import GatewayConfig
    from litellm_gateway.health_check import HealthChecks
    from litellm_gateway.hedging import Hedging
    from litellm_gateway.sharing import Sharing


async def _sleep(seconds: float) -> None:
    import asyncio

    await asyncio.sleep(seconds)


def compose(config: GatewayConfig, *, cache: CacheMechanism | None = None) -> Composition:
    """Build the parts of a gateway.

    Raises:
        ConfigurationError: A setting is unknown, impossible or missing.
        PluginError: A plugin the configuration wants is missing or fails.
    """
    composer = Composer(config)
    try:
        return composer.compose(cache)
    except BaseException:
        composer.abandon()
        raise


class Composer:
    """One composition in the making."""

    def __init__(
        self,
        config: GatewayConfig,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Any] = _sleep,
        chance: random.Random | None = None,
    ) -> None:
        self._config = config
        self._clock = clock
        self._sleep = sleep
        self._random = chance or random.Random()  # noqa: S311 - jitter, not cryptography
        self._plugins = Plugins()
        self._offers = Offers(self._plugins, given=config.plugins, policies=config.policies, discover=config.discover)
        self._builder = PluginBuilder(config, self._offers, clock=clock, sleep=sleep, random=self._random)

    def compose(self, cache: CacheMechanism | None) -> Composition:
        """Build every part in order and let plugins look at the whole."""
        config, builder = self._config, self._builder
        sinks = builder.sinks()
        telemetry = Telemetry(sinks)
        builder.closers.append(builder.transport)
        targets, default = self._build_targets()
        breakers = CircuitBreakers(config.circuit_breaker, clock=self._clock, random=self._random)
        statistics = RouteStatistics(clock=self._clock, key_rest=config.key_rest)
        budget = RetryBudget(config.retry_budget, clock=self._clock, at_least=config.max_retries)
        ledger = Ledger(prices_of(self._plugins, targets))
        usage = UsageBook(ledger.cost, late=telemetry.late)
        attempts = Attempts(
            targets, breakers, telemetry, statistics=statistics, budget=budget, sleep=self._sleep, random=self._random
        )
        limiter = self._build_limiter(telemetry)
        sharing = self._share(telemetry, breakers, targets)
        guards, guardrails = builder.guards()
        cache = builder.cache(cache)
        strategies = StrategyMaker(statistics, self._random, ledger.price)
        pipeline = Pipeline(
            routes=RouteTable(config, self._plugins, targets, default, strategies),
            identities=identities_of(targets),
            guards=guards,
            keys=cache or CacheMechanism(CacheConfig()),
            cache=cache,
            cache_ttl=config.cache_ttl,
            upstream=self._build_upstream(targets, attempts, self._build_reserving(limiter, ledger), usage, sharing),
            ledger=ledger,
            usage=usage,
            telemetry=telemetry,
            checks=self._build_checks(targets, breakers),
        )
        composition = Composition(
            config=config,
            default=default,
            targets=targets,
            pipeline=pipeline,
            breakers=breakers,
            statistics=statistics,
            budget=budget,
            limiter=limiter,
            cache=cache,
            telemetry=telemetry,
            transport=builder.transport,
            guardrails=guardrails,
            sinks=tuple(name for name, _ in sinks),
            hedging=pipeline.upstream.hedging,
            shared_state=None if sharing is None else sharing.reach,
            offers=self._offers,
            closers=builder.closers,
        )
        self._plugins.composed(composition)
        return composition

    def abandon(self) -> None:
        """Close what was built of a gateway that cannot be; the error that stopped it matters more than others."""
        from litellm_gateway import blocking

        if self._builder.closers:
            with suppress(GatewayError):
                blocking.run(close_parts(self._builder.closers))

    def _build_targets(self) -> tuple[dict[str, Target], str | None]:
        """Build the providers, and say which is the default one."""
        config = self._config
        names = self._provider_names()
        default = default_provider(config, names)
        for pattern in config.capabilities:
            check_keys([pattern.partition("/")[0]], names, path="capabilities")
        targets = {
            each.name: self._builder.target(each, is_default=name == default)
            for name in names
            for each in instances_of(name, config)
        }
        return targets, default

    def _provider_names(self) -> list[str]:
        available = self._offers.names("provider")
        names = wanted_providers(self._config, available)
        return names or [only_provider(self._config, available, self._builder.provider_offer)]

    def _build_limiter(self, telemetry: Telemetry) -> RateLimiter:
        config, builder = self._config, self._builder
        stores = StoreChoice(self._offers, builder.build, builder.closers, telemetry, self._clock)
        make = RateLimiter
        if config.enable_request_batching:
            from litellm_gateway.party_limiter import PartyLimiter

            make = PartyLimiter
        return make(
            config.rate_limit_config, config.budgets, clock=self._clock, share=stores, overspent=stores.overspent
        )

    def _share(self, telemetry: Telemetry, breakers: CircuitBreakers, targets: Mapping[str, Target]) -> Sharing | None:
        if self._config.shared_state is None:
            return None
        from litellm_gateway.sharing import share

        sharing = share(self._config, self._offers, self._builder, telemetry, clock=self._clock, sleep=self._sleep)
        sharing.circuits(breakers, {name: target.identity for name, target in targets.items()})
        return sharing

    def _build_upstream(
        self,
        targets: Mapping[str, Target],
        attempts: Attempts,
        reserving: Reserving,
        usage: UsageBook,
        sharing: Sharing | None,
    ) -> Upstream:
        config = self._config
        if config.enable_request_deduplication:
            flight = SingleFlight(
                ttl=config.deduplication_ttl,
                clock=self._clock,
                fresh_for=attrgetter("fresh_for"),
                apart=methodcaller("apart"),
            )
        else:
            flight = None
        return Upstream(
            embed_limits=lambda route: targets[route.provider].offer.embed_limits,
            single_flight=flight,
            **self._build_batching(reserving),
            reserving=reserving,
            attempts=attempts,
            spent=usage.spent,
            hedging=self._build_hedging(reserving.ledger),
            shared_flight=None if sharing is None else sharing.flights(),
        )

    def _build_reserving(self, limiter: RateLimiter, ledger: Ledger) -> Reserving:
        counts_money = any(budget.money is not None for budget in self._config.budgets)
        return Reserving(limiter=limiter, ledger=ledger, estimator=TokenEstimator(), counts_money=counts_money)

    def _build_hedging(self, ledger: Ledger) -> Hedging | None:
        if self._config.hedging is None:
            return None
        from litellm_gateway.hedging import Hedging

        return Hedging(self._config.hedging, price=ledger.estimate)

    def _build_checks(self, targets: Mapping[str, Target], breakers: CircuitBreakers) -> HealthChecks | None:
        if self._config.health_check is None:
            return None
        from litellm_gateway.health_check import HealthChecks

        checks = HealthChecks(self._config.health_check, targets, breakers, clock=self._clock, random=self._random)
        self._builder.closers.append(checks)  # closed before the providers it asks
        return checks

    def _build_batching(self, reserving: Reserving) -> dict[str, Any]:
        if not self._config.enable_request_batching:
            return {"batching": None}
        from litellm_gateway.batch_slot import BatchSlot
        from litellm_gateway.party_limiter import PartyLimiter
        from litellm_gateway.prompts_together import PromptsTogether
        from litellm_gateway.request_batching import RequestBatching

        assert isinstance(reserving.limiter, PartyLimiter)
        size, timeout = self._config.batch_size, self._config.batch_timeout
        return {
            "batching": RequestBatching(size=size, timeout=timeout),
            "slot": BatchSlot(size=size, timeout=timeout, reserving=reserving, limiter=reserving.limiter),
            "together": PromptsTogether(size=size),
        }
