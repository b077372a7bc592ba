"""Choose where limits are counted by the scheme of ``storage``, and build that store when it is wanted."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from litellm_gateway.discovery import known_plugins
from litellm_gateway.errors import ConfigurationError
from litellm_gateway.limit_store import LimitStoreSettings
from litellm_gateway.telemetry import BudgetReached, LimitStoreChanged

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_gateway.limit_plans import Limit
    from litellm_gateway.limit_settings import RateLimitConfig
    from litellm_gateway.offers import Offered, Offers
    from litellm_gateway.shared_limits import SharedLimits
    from litellm_gateway.telemetry import Telemetry

MEMORY = "memory"


class StoreChoice:
    """Gives what limits are shared through; one object as long as the configuration names the same storage.

    Args:
        offers: Where stores are found.
        build: Builds an offer with its settings.
        closers: Takes what is to be closed with the gateway.
        telemetry: Told when a store goes out of reach or comes back.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        offers: Offers,
        build: Callable[[Offered, Any], Any],
        closers: list[Any],
        telemetry: Telemetry,
        clock: Callable[[], float],
    ) -> None:
        self._offers = offers
        self._build = build
        self._closers = closers
        self._telemetry = telemetry
        self._clock = clock
        self._lock = threading.Lock()
        self._made: dict[tuple[str, float, str], SharedLimits] = {}

    def __call__(self, config: RateLimitConfig) -> SharedLimits | None:
        """Give what the configuration's limits are shared through, None when this process counts alone.

        Raises:
            ConfigurationError: The URI has no scheme.
            PluginError: Nobody offers a store for the scheme; the message says what to install.
        """
        uri = config.storage.removeprefix("async+")
        scheme = uri.partition("://")[0]
        if not scheme:
            raise ConfigurationError("storage must be a URI such as 'memory://'", path="rate_limit_config.storage")
        if scheme == MEMORY:
            return None
        key = (uri, config.storage_timeout, config.on_storage_failure)
        with self._lock:
            if key not in self._made:
                self._made[key] = self._make(scheme, uri, config)
            return self._made[key]

    def overspent(self, tenant: str, limit: Limit, spent: int) -> None:
        """Tell that the use of a tenant has reached a soft budget."""
        budget = limit.budget
        if budget is not None and self._telemetry.active:
            unit = "tokens" if limit.metric == 1 else "money"
            self._telemetry.emit(
                BudgetReached(
                    tenant=tenant, budget=budget.tenant, unit=unit, window=limit.seconds, used=limit.shown(spent)
                )
            )

    def _make(self, scheme: str, uri: str, config: RateLimitConfig) -> SharedLimits:
        from litellm_gateway.shared_limits import SharedLimits

        offered = self._offers.get("limits", known_plugins()["store_schemes"].get(scheme, scheme))
        store = self._build(offered, LimitStoreSettings(uri=uri, timeout=config.storage_timeout))
        sharing = SharedLimits(
            offered.name,
            store,
            clock=self._clock,
            timeout=config.storage_timeout,
            refuses=config.on_storage_failure == "refuse",
            note=lambda error: self._changed(offered.name, error),
        )
        self._closers.append(sharing)
        return sharing

    def _changed(self, store: str, error: str | None) -> None:
        if self._telemetry.active:
            self._telemetry.emit(LimitStoreChanged(store=store, reachable=error is None, error=error))
