"""Build what plugins offer: providers, sinks, guardrails, cache, transport, each with its checked settings.

It does no network I/O and knows nothing of how the parts work together; that is ``compose``'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from litellm_gateway.attempts import Target
from litellm_gateway.cache_mechanism import CacheMechanism
from litellm_gateway.composition import LazyTransport
from litellm_gateway.config import CacheConfig, check_keys, from_mapping
from litellm_gateway.contracts import BuildContext, ProviderOffer, TransportOffer
from litellm_gateway.errors import ConfigurationError, GatewayError, PluginLoadError
from litellm_gateway.guarding import Guards
from litellm_gateway.plugins import check_built
from litellm_gateway.provider_choice import identity, settings_for
from litellm_gateway.provider_table import capabilities_of
from litellm_gateway.secrets import Secret, redact
from litellm_gateway.wire import Timeouts, TransportSettings

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from litellm_gateway.config import GatewayConfig
    from litellm_gateway.offers import Offered, Offers
    from litellm_gateway.provider_instances import ProviderInstance


class PluginBuilder:
    """Builds for one gateway.

    Attributes:
        closers: What was built so far and is to be closed again, first built first.
        transport: What providers send through; it is closed by whoever puts it among the closers.
    """

    def __init__(
        self,
        config: GatewayConfig,
        offers: Offers,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Any],
        random: random.Random,
    ) -> None:
        self._config = config
        self._offers = offers
        self._clock = clock
        self._sleep = sleep
        self._random = random
        self._timeouts = Timeouts(
            connect=config.connect_timeout, first_byte=config.first_byte_timeout, chunk=config.chunk_timeout
        )
        self.closers: list[Any] = []
        self.transport = self._choose_transport()

    def provider_offer(self, name: str) -> ProviderOffer | None:
        """Give a provider's offer, None when there is none."""
        offered = self._offers.find("provider", name)
        return offered.offer if offered is not None and isinstance(offered.offer, ProviderOffer) else None

    def target(self, instance: ProviderInstance, *, is_default: bool) -> Target:
        """Build a provider."""
        offered = attrs.evolve(self._offers.get("provider", instance.plugin), name=instance.name)
        offer = offered.offer
        assert isinstance(offer, ProviderOffer)
        settings = settings_for(instance.family, offer, self._config, given=instance.given, is_default=is_default)
        provider = self.build(offered, settings)
        self.closers.append(provider)
        return Target(
            offer=offer,
            provider=provider,
            identity=identity(instance.name, f"{offered.origin} {offered.version}", settings),
            keeps_deadline=bool(getattr(provider, "keeps_deadline", False)),
            capabilities=capabilities_of(instance.family, offer, self._config.capabilities),
            first_token_timeout=self._config.first_token_timeout,
        )

    def sinks(self) -> list[tuple[str, Any]]:
        """Build the telemetry sinks, with their names; one that fails and nobody asked for is set aside."""
        config = self._config
        named = config.telemetry
        names = self._offers.names("telemetry") if named is None else named
        check_keys(config.telemetry_settings, names, path="telemetry_settings")
        sinks = []
        for name in names:
            try:
                sink = self._sink(name)
            except GatewayError as error:
                if named is not None or name in config.telemetry_settings or self._offers.is_given("telemetry", name):
                    raise
                self._offers.set_aside("telemetry", name, error)
                continue
            self.closers.append(sink)
            sinks.append((name, sink))
        return sinks

    def _sink(self, name: str) -> Any:
        offered = self._offers.get("telemetry", name)
        given = self._config.telemetry_settings.get(name)
        return self.build(offered, from_mapping(offered.offer.settings, given, path=f"telemetry_settings.{name}"))

    def guards(self) -> tuple[Guards, tuple[str, ...]]:
        """Every guardrail must work, asked for by name or not: one that is missing would go unnoticed."""
        config = self._config
        names = self._offers.names("guardrail") if config.guardrails is None else config.guardrails
        check_keys(config.guardrail_settings, names, path="guardrail_settings")
        built = []
        for name in names:
            offered = self._offers.get("guardrail", name)
            given = config.guardrail_settings.get(name)
            settings = from_mapping(offered.offer.settings, given, path=f"guardrail_settings.{name}")
            guardrail = self.build(offered, settings)
            self.closers.append(guardrail)
            built.append((offered.offer, guardrail))
        return Guards(built), tuple(names)  # type: ignore[arg-type]

    def cache(self, given: CacheMechanism | None) -> CacheMechanism | None:
        """Give the cache the configuration asks for, with a backend; None for none."""
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
        backend = self.build(offered, from_mapping(offered.offer.settings, values, path="cache_settings"))
        cache.attach(backend)
        if given is None:
            self.closers.append(cache)
        return cache

    def build(self, offered: Offered, settings: Any) -> Any:
        """Build one offer with its settings, and check what came of it."""
        context = BuildContext(
            name=offered.name,
            transport=self.transport,
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
        return LazyTransport(self._transport_offer(config.transport), settings, self.build)

    def _transport_offer(self, name: str) -> Offered:
        if name != "auto":
            return self._offers.get("transport", name)
        found = [self._offers.find("transport", each) for each in self._offers.names("transport")]
        ranked = [each for each in found if each is not None and isinstance(each.offer, TransportOffer)]
        if not ranked:
            return self._offers.get("transport", "httpx")
        return max(ranked, key=lambda each: getattr(each.offer, "speed", 0))


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
