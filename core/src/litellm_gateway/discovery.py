"""Answer two questions: what is installed, and can it be imported? Failures come back as data or typed errors.

The door to stevedore. Listing imports no plugin; loading imports exactly one.
"""

from __future__ import annotations

import difflib
import json
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from attrs import frozen

from litellm_gateway.errors import PluginConflictError, PluginError, PluginLoadError, PluginNotInstalledError

GROUPS = {
    "provider": "litellm_gateway.providers",
    "guardrail": "litellm_gateway.guardrails",
    "cache": "litellm_gateway.caches",
    "telemetry": "litellm_gateway.telemetry",
    "transport": "litellm_gateway.transports",
    "policy": "litellm_gateway.policies",
    "limits": "litellm_gateway.limit_stores",
    "state": "litellm_gateway.shared_states",
}


@frozen(kw_only=True)
class InstalledPlugin:
    """A plugin as its distribution announces it; nothing of it has been imported.

    Attributes:
        kind: One of ``GROUPS``.
        name: Name configuration calls it by.
        distribution, version: The package it came in.
        target: Module or object it lives in.
        conflict: The other distribution that claims the name, None when there is none.
    """

    kind: str
    name: str
    distribution: str
    version: str
    target: str
    conflict: str | None = None


class Discovery:
    """One look at what is installed; make a new one to look again.

    Args:
        distribution: Look into this one distribution only.
    """

    def __init__(self, distribution: str | None = None) -> None:
        found = metadata.distribution(distribution).entry_points if distribution else metadata.entry_points()
        self._entry_points = {kind: tuple(found.select(group=group)) for kind, group in GROUPS.items()}

    def installed(self, kind: str) -> tuple[InstalledPlugin, ...]:
        """List the plugins of one kind by name, without importing any."""
        claims: dict[str, list[metadata.EntryPoint]] = {}
        for point in self._entry_points[kind]:
            claims.setdefault(point.name, []).append(point)
        return tuple(_record(kind, claims[name]) for name in sorted(claims))

    def names(self, kind: str) -> tuple[str, ...]:
        """Give the names installed for one kind, in order."""
        return tuple(sorted({point.name for point in self._entry_points[kind]}))

    def find(self, kind: str, name: str) -> InstalledPlugin:
        """Give the record of one plugin.

        Raises:
            PluginNotInstalledError: Nobody offers it; the message lists who is there and how to get it.
            PluginConflictError: Two distributions claim the name.
        """
        for plugin in self.installed(kind):
            if plugin.name != name:
                continue
            if plugin.conflict is None:
                return plugin
            raise PluginConflictError(
                f"{kind} '{name}' is claimed by two packages, {plugin.distribution} and {plugin.conflict}. "
                f"Uninstall one of them: pip uninstall {plugin.conflict}",
                plugin=name,
                distribution=plugin.distribution,
            )
        raise not_installed(kind, name, self.names(kind))

    def load(self, kind: str, name: str) -> Any:
        """Import one plugin and give its module or object.

        Raises:
            PluginNotInstalledError, PluginConflictError: See :meth:`find`.
            PluginLoadError: Importing it failed; the cause is chained.
        """
        from stevedore import DriverManager

        plugin = self.find(kind, name)
        group, points = GROUPS[kind], list(self._entry_points[kind])

        class Driver(DriverManager):  # type: ignore[type-arg]
            # stevedore's own cache is on disk, serves stale entry points and forgets their distribution
            ENTRY_POINT_CACHE = {group: points}

        try:
            return Driver(group, name).driver
        except PluginError:
            raise
        except (Exception, SystemExit) as error:  # a stranger's module may raise anything while it is imported
            raise PluginLoadError(
                f"{kind} '{name}' of {plugin.distribution} {plugin.version} cannot be imported "
                f"({type(error).__name__}: {error}). Mend it with: pip install --force-reinstall "
                f"{plugin.distribution}",
                plugin=name,
                distribution=plugin.distribution,
            ) from error


def installed(kind: str) -> tuple[InstalledPlugin, ...]:
    """List what is installed for one kind now, without importing any of it."""
    return Discovery().installed(kind)


def not_installed(kind: str, name: str, present: tuple[str, ...]) -> PluginNotInstalledError:
    """Say that nobody offers a name: who is there, what comes near, and the pip command that helps."""
    packages = known_plugins()["packages"].get(kind, {})
    close = difflib.get_close_matches(name, {*present, *packages}, n=1)
    parts = [f"no {kind} '{name}' is installed."]
    if name in packages:
        parts.append(f"`pip install {packages[name]}` installs it.")
    elif close:
        parts = [f"no {kind} '{name}' is installed: did you mean '{close[0]}'?"]
        if close[0] not in present:
            parts.append(f"`pip install {packages[close[0]]}` installs that.")
    else:
        parts.append(f"If there is a package for it, `pip install litellm-gateway-{kind}-{name}` installs it.")
    parts.append(f"Installed {GROUPS[kind].rpartition('.')[2]}: {', '.join(present) or 'none'}.")
    return PluginNotInstalledError(" ".join(parts), plugin=name)


@lru_cache(maxsize=1)
def known_plugins() -> dict[str, Any]:
    """Give the names and packages of plugins this project knows of, and the prefixes keys start with."""
    data: dict[str, Any] = json.loads(Path(__file__).with_name("known_plugins.json").read_text(encoding="utf-8"))
    return data


def _record(kind: str, points: list[metadata.EntryPoint]) -> InstalledPlugin:
    owners = [point.dist.name if point.dist else "unknown" for point in points]
    first = points[0]
    return InstalledPlugin(
        kind=kind,
        name=first.name,
        distribution=owners[0],
        version=first.dist.version if first.dist else "unknown",
        target=first.value,
        conflict=owners[1] if len(points) > 1 else None,
    )
