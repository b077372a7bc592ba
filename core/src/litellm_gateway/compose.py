"""Build a gateway's parts from its configuration and the plugins it wants.

Only this room builds. It does no network I/O; a wrong configuration or plugin fails here, not on the first call.
"""

from __future__ import annotations

import random
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import attrs

from litellm_gateway.attempts import Attempts, Target
from litellm_gateway.cache_mechanism import CacheMechanism
from litellm_gateway.circuit_breaker import CircuitBreakers
from litellm_gateway.composition import Composition, LazyTransport, close_parts
from litellm_gateway.config import CacheConfig, check_keys, from_mapping
from litellm_gateway.contracts import BuildContext, ProviderOffer, TransportOffer
from litellm_gateway.errors import ConfigurationError, GatewayError, PluginLoadError
from litellm_gateway.guarding import Guards
from litellm_gateway.ledger import Ledger
from litellm_gateway.offers import Offered, Offers
from litellm_gateway.pipeline import Pipeline
from litellm_gateway.plugins import Plugins, check_built
from litellm_gateway.provider_choice import default_provider, identity, only_provider, settings_for, wanted_providers
from litellm_gateway.provider_table import RouteTable, capabilities_of, identities_of, prices_of
from litellm_gateway.rate_limiter import RateLimiter
from litellm_gateway.reserving import Reserving
from litellm_gateway.secrets import Secret, redact
from litellm_gateway.single_flight import SingleFlight
from litellm_gateway.store_choice import StoreChoice
from litellm_gateway.telemetry import Telemetry
from litellm_gateway.token_estimator import TokenEstimator
from litellm_gateway.upstream import Upstream
from litellm_gateway.usage_book import UsageBook
from litellm_gateway.wire import Timeouts, TransportSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from litellm_gateway.config import GatewayConfig


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
        self._timeouts = Timeouts(
            connect=config.connect_timeout, first_byte=config.first_byte_timeout, chunk=config.chunk_timeout
        )
        self._closers: list[Any] = []
        self._transport = self._choose_transport()

    def compose(self, cache: CacheMechanism | None) -> Composition:
        """Build every part in order and let plugins look at the whole."""
        config = self._config
        sinks = self._build_sinks()
        telemetry = Telemetry(sinks)
        self._closers.append(self._transport)
        names = self._provider_names()
        default = default_provider(config, names)
        for pattern in config.capabilities:
            check_keys([pattern.partition("/")[0]], names, path="capabilities")
        targets = {name: self._build_target(name, is_default=name == default) for name in names}
        breakers = CircuitBreakers(config.circuit_breaker, clock=self._clock, random=self._random)
        stores = StoreChoice(self._offers, self._build, self._closers, telemetry, self._clock)
        limiter = RateLimiter(
            config.rate_limit_config, config.budgets, clock=self._clock, share=stores, overspent=stores.overspent
        )
        ledger = Ledger(prices_of(self._plugins, targets))
        guards, guardrails = self._build_guards()
        cache = self._build_cache(cache)
        pipeline = Pipeline(
            routes=RouteTable(config, self._plugins, targets, default),
            identities=identities_of(targets),
            guards=guards,
            keys=cache or CacheMechanism(CacheConfig()),
            cache=cache,
            cache_ttl=config.cache_ttl,
            upstream=self._build_upstream(targets, breakers, self._build_reserving(limiter, ledger), telemetry),
            ledger=ledger,
            usage=UsageBook(),
            telemetry=telemetry,
        )
        composition = Composition(
            config=config,
            default=default,
            targets=targets,
            pipeline=pipeline,
            breakers=breakers,
            limiter=limiter,
            cache=cache,
            telemetry=telemetry,
            transport=self._transport,
            guardrails=guardrails,
            sinks=tuple(name for name, _ in sinks),
            offers=self._offers,
            closers=self._closers,
        )
        self._plugins.composed(composition)
        return composition

    def abandon(self) -> None:
        """Close what was built of a gateway that cannot be; the error that stopped it matters more than others."""
        from litellm_gateway import blocking

        if self._closers:
            with suppress(GatewayError):
                blocking.run(close_parts(self._closers))

    def _provider_names(self) -> list[str]:
        available = self._offers.names("provider")
        names = wanted_providers(self._config, available)
        return names or [only_provider(self._config, available, self._provider_offer)]

    def _provider_offer(self, name: str) -> ProviderOffer | None:
        offered = self._offers.find("provider", name)
        return offered.offer if offered is not None and isinstance(offered.offer, ProviderOffer) else None

    def _build_target(self, name: str, *, is_default: bool) -> Target:
        offered = self._offers.get("provider", name)
        offer = offered.offer
        assert isinstance(offer, ProviderOffer)
        settings = settings_for(name, offer, self._config, is_default=is_default)
        provider = self._build(offered, settings)
        self._closers.append(provider)
        return Target(
            offer=offer,
            provider=provider,
            identity=identity(name, f"{offered.origin} {offered.version}", settings),
            keeps_deadline=bool(getattr(provider, "keeps_deadline", False)),
            capabilities=capabilities_of(name, offer, self._config.capabilities),
        )

    def _build(self, offered: Offered, settings: Any) -> Any:
        context = BuildContext(
            name=offered.name,
            transport=self._transport,
            timeouts=self._timeouts,
            clock=self._clock,
            sleep=self._sleep,
            random=self._random,
        )
        try:
            built = offered.offer.build(settings, context)
        except GatewayError:
            raise
        except Exception as error:
            raise _not_built(offered, error, settings) from (None if _tells(error, settings) else error)
        check_built(offered.kind, offered.offer, built, f"{offered.kind} '{offered.name}' of {offered.origin}")
        return built

    def _choose_transport(self) -> LazyTransport:
        config = self._config
        settings = TransportSettings(
            max_connections=config.max_connections, keepalive=config.keepalive, trust_env=config.trust_env
        )
        return LazyTransport(self._transport_offer(config.transport), settings, self._build)

    def _transport_offer(self, name: str) -> Offered:
        if name != "auto":
            return self._offers.get("transport", name)
        found = [self._offers.find("transport", each) for each in self._offers.names("transport")]
        ranked = [each for each in found if each is not None and isinstance(each.offer, TransportOffer)]
        if not ranked:
            return self._offers.get("transport", "httpx")
        return max(ranked, key=lambda each: getattr(each.offer, "speed", 0))

    def _build_sinks(self) -> list[tuple[str, Any]]:
        config = self._config
        named = config.telemetry
        names = self._offers.names("telemetry") if named is None else named
        check_keys(config.telemetry_settings, names, path="telemetry_settings")
        sinks = []
        for name in names:
            try:
                sink = self._build_sink(name)
            except GatewayError as error:
                if named is not None or name in config.telemetry_settings or self._offers.is_given("telemetry", name):
                    raise
                self._offers.set_aside("telemetry", name, error)
                continue
            self._closers.append(sink)
            sinks.append((name, sink))
        return sinks

    def _build_sink(self, name: str) -> Any:
        offered = self._offers.get("telemetry", name)
        given = self._config.telemetry_settings.get(name)
        return self._build(offered, from_mapping(offered.offer.settings, given, path=f"telemetry_settings.{name}"))

    def _build_guards(self) -> tuple[Guards, tuple[str, ...]]:
        """Every guardrail must work, asked for by name or not: one that is missing would go unnoticed."""
        config = self._config
        names = self._offers.names("guardrail") if config.guardrails is None else config.guardrails
        check_keys(config.guardrail_settings, names, path="guardrail_settings")
        built = []
        for name in names:
            offered = self._offers.get("guardrail", name)
            given = config.guardrail_settings.get(name)
            settings = from_mapping(offered.offer.settings, given, path=f"guardrail_settings.{name}")
            guardrail = self._build(offered, settings)
            self._closers.append(guardrail)
            built.append((offered.offer, guardrail))
        return Guards(built), tuple(names)  # type: ignore[arg-type]

    def _build_cache(self, given: CacheMechanism | None) -> CacheMechanism | None:
        config = self._config
        if given is not None and not isinstance(given, CacheMechanism):
            raise ConfigurationError(f"cache must be a CacheMechanism, not {type(given).__name__}", path="cache")
        if given is not None and not config.enable_caching:
            raise ConfigurationError(
                "a cache is given, but enable_caching is False; set enable_caching=True, or give no cache", path="cache"
            )
        if not config.enable_caching:
            return None
        cache = given or CacheMechanism(CacheConfig(), clock=self._clock)
        if cache.backend is not None:
            return cache
        offered = self._offers.get("cache", config.cache_backend)
        values = config.cache_settings
        if values is None and offered.name == "memory":
            values = {"max_entries": cache.config.max_entries, "max_bytes": cache.config.max_bytes}
        backend = self._build(offered, from_mapping(offered.offer.settings, values, path="cache_settings"))
        cache.attach(backend)
        if given is None:
            self._closers.append(cache)
        return cache

    def _build_upstream(
        self, targets: Mapping[str, Target], breakers: CircuitBreakers, reserving: Reserving, telemetry: Telemetry
    ) -> Upstream:
        config = self._config
        shares = config.enable_request_deduplication
        return Upstream(
            embed_limits=lambda route: targets[route.provider].offer.embed_limits,
            single_flight=SingleFlight(ttl=config.deduplication_ttl, clock=self._clock) if shares else None,
            batching=self._build_batching(),
            reserving=reserving,
            attempts=Attempts(targets, breakers, telemetry, sleep=self._sleep, random=self._random),
        )

    def _build_reserving(self, limiter: RateLimiter, ledger: Ledger) -> Reserving:
        counts_money = any(budget.money is not None for budget in self._config.budgets)
        return Reserving(limiter=limiter, ledger=ledger, estimator=TokenEstimator(), counts_money=counts_money)

    def _build_batching(self) -> Any:
        config = self._config
        if not config.enable_request_batching:
            return None
        from litellm_gateway.request_batching import RequestBatching

        return RequestBatching(size=config.batch_size, timeout=config.batch_timeout)


def _secrets_in(settings: Any) -> list[Secret]:
    values = (
        (getattr(settings, name) for name in attrs.fields_dict(type(settings))) if attrs.has(type(settings)) else ()
    )
    return [value for value in values if isinstance(value, Secret)]


def _tells(error: Exception, settings: Any) -> bool:
    return any(str(secret.reveal()) in str(error) for secret in _secrets_in(settings))


def _not_built(offered: Offered, error: Exception, settings: Any) -> PluginLoadError:
    """Say that a plugin cannot be built, and mask its secrets in what it says about that."""
    return PluginLoadError(
        f"{offered.kind} '{offered.name}' of {offered.origin} cannot be built "
        f"({type(error).__name__}: {redact(str(error), _secrets_in(settings))})",
        plugin=offered.name,
        distribution=offered.origin,
    )
