"""Put together what several processes share, if the configuration names a store for it: flights and circuits.

It builds the store and hands it to the rooms that use it; what is shared, and when, is theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from litellm_gateway.discovery import known_plugins
from litellm_gateway.made import Made, decode_made, encode_made
from litellm_gateway.secrets import Secret
from litellm_gateway.shared_circuits import SharedCircuits
from litellm_gateway.shared_flight import SharedFlight
from litellm_gateway.shared_state import SharedStateSettings
from litellm_gateway.store_reach import StoreReach
from litellm_gateway.telemetry import SharedStateChanged

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from litellm_gateway.breakers import CircuitBreakers
    from litellm_gateway.config import GatewayConfig
    from litellm_gateway.offers import Offers
    from litellm_gateway.plugin_builder import PluginBuilder
    from litellm_gateway.shared_state import SharedState
    from litellm_gateway.telemetry import Telemetry


@frozen(eq=False)
class Sharing:
    """A store, and how to ask it."""

    store: SharedState
    reach: StoreReach
    _config: GatewayConfig
    _builder: PluginBuilder
    _clock: Callable[[], float]
    _sleep: Callable[[float], Awaitable[None]]

    def flights(self) -> SharedFlight[Made] | None:
        """Give what identical requests are shared through, None if they are not."""
        if not self._config.enable_request_deduplication:
            return None
        flights = SharedFlight(
            self.store,
            self.reach,
            ttl=self._config.deduplication_ttl,
            encode=encode_made,
            decode=decode_made,
            sleep=self._sleep,
        )
        self._builder.closers.append(flights)
        return flights

    def circuits(self, breakers: CircuitBreakers, identities: Mapping[str, str]) -> None:
        """Have circuits open and close with those of other processes, unless that is switched off."""
        from litellm_gateway import blocking

        config = self._config.circuit_breaker
        if config is not None and not config.shared:
            return
        circuits = SharedCircuits(
            self.store,
            self.reach,
            breakers,
            identities,
            clock=self._clock,
            sleep=self._sleep,
            spawn=blocking.start,
        )
        breakers.sharing = circuits
        self._builder.closers.append(circuits)


def share(
    config: GatewayConfig,
    offers: Offers,
    builder: PluginBuilder,
    telemetry: Telemetry,
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]],
) -> Sharing:
    """Build the store the configuration names.

    Raises:
        PluginError: Nobody offers a store for the scheme; the message says what to install.
    """
    assert config.shared_state is not None
    uri = config.shared_state.reveal().removeprefix("async+")
    scheme = uri.partition("://")[0]
    offered = offers.get("state", known_plugins()["store_schemes"].get(scheme, scheme))
    store = builder.build(offered, SharedStateSettings(uri=Secret(uri), timeout=config.shared_state_timeout))
    builder.closers.append(store)

    def note(error: str | None) -> None:
        if telemetry.active:
            telemetry.emit(SharedStateChanged(store=offered.name, reachable=error is None, error=error))

    reach = StoreReach(offered.name, timeout=config.shared_state_timeout, clock=clock, note=note)
    return Sharing(store, reach, config, builder, clock, sleep)
