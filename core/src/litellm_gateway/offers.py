"""Collect the offers one gateway may use: from plugins it was given and from installed ones, loaded by name.

A plugin somebody asked for by name must work; any other that fails is set aside with its reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from litellm_gateway.discovery import GROUPS, Discovery
from litellm_gateway.errors import GatewayError, PluginConflictError, PluginContractError
from litellm_gateway.plugins import OFFER_HOOKS, Plugins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_gateway.contracts import Offer


CORE = "litellm-gateway"


@frozen(kw_only=True)
class Offered:
    """An offer and where it comes from; ``origin`` is ``"given"`` for plugins handed over as objects."""

    kind: str
    name: str
    offer: Offer[Any]
    origin: str
    version: str = ""


class Offers:
    """The offers within reach of one gateway.

    Args:
        plugins: Where plugins are registered.
        given: Modules or objects with hooks, in order of precedence.
        policies: Policy plugins to load; None takes every installed one.
        discover: Look at all installed plugins; else only at those the core brings along.
    """

    def __init__(
        self, plugins: Plugins, *, given: Sequence[Any], policies: Sequence[str] | None, discover: bool
    ) -> None:
        self._plugins = plugins
        self._discovery = Discovery(None if discover else CORE)
        self._offered: dict[tuple[str, str], Offered] = {}
        self._policies: set[str] = set()
        self.broken: dict[tuple[str, str], GatewayError] = {}
        self._load_policies(policies)
        for plugin in reversed(given):
            plugins.register(plugin, _label(plugin))
        for plugin in given:
            self._take_given(plugin)

    def names(self, kind: str) -> tuple[str, ...]:
        """Give the names within reach, given ones first; nothing is imported for this."""
        given = [name for group, name in self._offered if group == kind]
        return tuple(dict.fromkeys([*given, *self._discovery.names(kind)]))

    def get(self, kind: str, name: str) -> Offered:
        """Give one offer by name, importing its plugin on first use.

        Raises:
            PluginError: Nobody offers it, or its plugin fails; the message says what mends it.
        """
        known = self._offered.get((kind, name))
        if known is not None:
            return known
        if (kind, name) in self.broken:
            raise self.broken[kind, name]
        try:
            offered = self._load(kind, name)
        except GatewayError as error:
            self.broken[kind, name] = error
            raise
        self._offered[kind, name] = offered
        return offered

    def find(self, kind: str, name: str) -> Offered | None:
        """Give one offer by name, None when its plugin fails; the reason is kept in ``broken``."""
        try:
            return self.get(kind, name)
        except GatewayError:
            return None

    def is_given(self, kind: str, name: str) -> bool:
        """Tell whether the plugin was handed over as an object, which is as good as being asked for."""
        offered = self._offered.get((kind, name))
        return offered is not None and offered.origin == "given"

    def set_aside(self, kind: str, name: str, error: GatewayError) -> None:
        """Note that a plugin nobody asked for by name is not used, and why."""
        self._offered.pop((kind, name), None)
        self.broken[kind, name] = error

    def describe(self) -> list[dict[str, str | None]]:
        """List every plugin within reach with its state: ``loaded``, ``available`` or ``broken``."""
        rows = [
            _row(offered.kind, name, offered.origin, offered.version, "loaded")
            for (_, name), offered in self._offered.items()
        ]
        for kind in GROUPS:
            for plugin in self._discovery.installed(kind):
                if (kind, plugin.name) in self._offered:
                    continue
                error = self.broken.get((kind, plugin.name))
                state = "broken" if error or plugin.conflict else "available"
                if kind == "policy" and plugin.name in self._policies:
                    state = "loaded"
                reason = error.message if error else plugin.conflict and f"also claimed by {plugin.conflict}"
                rows.append(_row(kind, plugin.name, plugin.distribution, plugin.version, state, reason))
        return rows

    def _load(self, kind: str, name: str) -> Offered:
        record = self._discovery.find(kind, name)
        label = f"{kind} '{name}' of {record.distribution}"
        plugin = self._discovery.load(kind, name)
        is_known = self._plugins.knows(plugin)  # a module may stand behind several entry points
        if not is_known:
            self._plugins.register(plugin, label)
        try:
            offer = self._plugins.offer(kind, plugin, label)
            if offer is None or offer.name != name:
                found = "offers nothing" if offer is None else f"offers '{offer.name}'"
                raise PluginContractError(
                    f"{label} {found}; its entry point promises '{name}'", plugin=name, distribution=record.distribution
                )
        except GatewayError:
            if not is_known:
                self._plugins.unregister(plugin)
            raise
        return Offered(kind=kind, name=name, offer=offer, origin=record.distribution, version=record.version)

    def _take_given(self, plugin: Any) -> None:
        label = _label(plugin)
        for kind in OFFER_HOOKS:
            offer = self._plugins.offer(kind, plugin, label)
            if offer is None:
                continue
            if (kind, offer.name) in self._offered:
                raise PluginConflictError(f"two of the plugins given offer {kind} '{offer.name}'", plugin=offer.name)
            self._offered[kind, offer.name] = Offered(kind=kind, name=offer.name, offer=offer, origin="given")

    def _load_policies(self, wanted: Sequence[str] | None) -> None:
        for name in reversed(self._discovery.names("policy") if wanted is None else wanted):
            try:
                record = self._discovery.find("policy", name)
                plugin = self._discovery.load("policy", name)
                if not self._plugins.knows(plugin):
                    self._plugins.register(plugin, f"policy '{name}' of {record.distribution}")
                self._policies.add(name)
            except GatewayError as error:
                if wanted is not None:
                    raise
                self.broken["policy", name] = error


def _label(plugin: Any) -> str:
    return f"plugin '{getattr(plugin, '__name__', type(plugin).__name__)}'"


def _row(
    kind: str, name: str, origin: str, version: str, state: str, reason: str | None = None
) -> dict[str, str | None]:
    return {
        "kind": kind,
        "name": name,
        "distribution": origin,
        "version": version or None,
        "state": state,
        "reason": reason or None,
    }
