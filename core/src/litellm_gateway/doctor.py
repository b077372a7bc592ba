"""Look an installation over and say what is well, what is worth knowing and what is broken.

It returns data and prints nothing, sends nothing, and shows the name of a key's variable, never its value.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Literal

from attrs import frozen

from litellm_gateway.discovery import GROUPS, Discovery
from litellm_gateway.errors import GatewayError
from litellm_gateway.plugins import OFFER_HOOKS, Plugins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from litellm_gateway.config import GatewayConfig
    from litellm_gateway.contracts import Offer
    from litellm_gateway.discovery import InstalledPlugin
    from litellm_gateway.gateway import LiteLLMGateway

OLDEST_PYTHON = (3, 11)
_CHOSEN_BY_NAME = frozenset({"provider", "cache", "transport"})


@frozen(kw_only=True)
class Finding:
    """One thing looked at.

    Attributes:
        topic: ``python``, ``plugin``, ``key`` or ``gateway``.
        subject: What was looked at, for example ``"provider openai"``.
        state: ``broken`` is something the configuration wants and cannot have; ``note`` is worth knowing.
        detail: What was found, and what to do about it.
    """

    topic: Literal["python", "plugin", "key", "gateway"]
    subject: str
    state: Literal["ok", "note", "broken"]
    detail: str


def examine(
    config: GatewayConfig,
    *,
    open_gateway: Callable[[GatewayConfig], LiteLLMGateway],
    discovery: Discovery | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """Look at Python, every installed plugin, the keys, and at a gateway composed from the configuration.

    Args:
        config: The settings to judge by: what they want must work.
        open_gateway: Composes a gateway; it is closed again at once, nothing is sent.
        discovery: What is installed; by default a fresh look.
        environ: Environment variables; by default those of the process.
    """
    look = discovery or Discovery()
    variables = os.environ if environ is None else environ
    findings = [_python()]
    for kind in GROUPS:
        for plugin in look.installed(kind):
            findings.extend(_plugin(plugin, look, config, variables))
    findings.append(_gateway(config, open_gateway))
    return tuple(findings)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] >= OLDEST_PYTHON:
        return Finding(topic="python", subject="python", state="ok", detail=version)
    oldest = ".".join(map(str, OLDEST_PYTHON))
    detail = f"{version} is too old, install {oldest} or newer"
    return Finding(topic="python", subject="python", state="broken", detail=detail)


def _plugin(
    plugin: InstalledPlugin, look: Discovery, config: GatewayConfig, environ: Mapping[str, str]
) -> Iterator[Finding]:
    """Import one plugin, ask for its offer, and for a provider look for its key."""
    subject = f"{plugin.kind} {plugin.name}"
    try:
        offer = _offer_of(plugin, look)
    except GatewayError as error:
        state: Literal["note", "broken"] = "broken" if _wanted(plugin, config) else "note"
        yield Finding(topic="plugin", subject=subject, state=state, detail=error.message)
        return
    summary = f": {offer.summary}" if offer else ""
    yield Finding(
        topic="plugin", subject=subject, state="ok", detail=f"{plugin.distribution} {plugin.version}{summary}"
    )
    key_env = tuple(getattr(offer, "key_env", ()))
    if key_env:
        yield _key(plugin, key_env, config, environ)


def _offer_of(plugin: InstalledPlugin, look: Discovery) -> Offer[object] | None:
    label = f"{plugin.kind} '{plugin.name}' of {plugin.distribution}"
    module = look.load(plugin.kind, plugin.name)
    plugins = Plugins()
    plugins.register(module, label)
    return plugins.offer(plugin.kind, module, label) if plugin.kind in OFFER_HOOKS else None


def _wanted(plugin: InstalledPlugin, config: GatewayConfig) -> bool:
    """Tell whether the configuration uses the plugin; guardrails, sinks and policies run unless left out."""
    if plugin.kind in _CHOSEN_BY_NAME:
        named: dict[str, tuple[str | None, ...]] = {
            "provider": (config.provider, *config.providers),
            "cache": (config.cache_backend if config.enable_caching else None,),
            "transport": (config.transport,),
        }
        return plugin.name in named[plugin.kind]
    lists = {"guardrail": config.guardrails, "telemetry": config.telemetry, "policy": config.policies}
    chosen = lists[plugin.kind]
    return chosen is None or plugin.name in chosen


def _key(
    plugin: InstalledPlugin, names: tuple[str, ...], config: GatewayConfig, environ: Mapping[str, str]
) -> Finding:
    subject = f"key of {plugin.name}"
    given = next((name for name in names if environ.get(name)), None)
    if given:
        return Finding(topic="key", subject=subject, state="ok", detail=f"{given} is set")
    wanted = plugin.name in (config.provider, *config.providers)
    if wanted and config.api_key is None:
        return Finding(topic="key", subject=subject, state="broken", detail=f"set {' or '.join(names)}")
    return Finding(topic="key", subject=subject, state="note", detail=f"not set: {' or '.join(names)}")


def _gateway(config: GatewayConfig, open_gateway: Callable[[GatewayConfig], LiteLLMGateway]) -> Finding:
    try:
        with open_gateway(config) as gateway:
            described = gateway.describe()
    except GatewayError as error:
        return Finding(topic="gateway", subject="gateway", state="broken", detail=error.message)
    return Finding(topic="gateway", subject="gateway", state="ok", detail=_choices(described))


def _choices(described: Mapping[str, object]) -> str:
    """Say in one line what the composed gateway would use."""
    return ", ".join(f"{name} {described[name]}" for name in ("provider", "transport") if described.get(name))
