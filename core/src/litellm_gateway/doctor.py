"""Look an installation over and say what is well, what is worth knowing and what is broken.

It returns data and prints nothing, sends nothing, and shows the name of a key's variable, never its value.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen

from litellm_gateway.config import GatewayConfig
from litellm_gateway.contracts import ProviderOffer
from litellm_gateway.discovery import GROUPS, Discovery
from litellm_gateway.errors import GatewayError
from litellm_gateway.plugins import OFFER_HOOKS, Plugins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from litellm_gateway.contracts import Offer
    from litellm_gateway.discovery import InstalledPlugin
    from litellm_gateway.gateway import LiteLLMGateway

    OpenGateway = Callable[[GatewayConfig], LiteLLMGateway]

State = Literal["ok", "note", "broken"]
OLDEST_PYTHON = (3, 11)
_CHOSEN_BY_NAME = frozenset({"provider", "cache", "transport"})


@frozen(kw_only=True)
class Finding:
    """One thing looked at.

    Attributes:
        topic: ``python``, ``plugin``, ``key``, ``provider`` or ``gateway``.
        subject: What was looked at, for example ``"provider openai"``.
        state: ``broken`` is something the configuration wants and cannot have; ``note`` is worth knowing.
        detail: What was found, and what to do about it.
    """

    topic: Literal["python", "plugin", "key", "provider", "gateway"]
    subject: str
    state: State
    detail: str


@frozen(kw_only=True)
class Inspection:
    """One installed plugin, imported and asked: its ``offer`` (None for a policy), or its ``error``."""

    plugin: InstalledPlugin
    offer: Offer[Any] | None = None
    error: GatewayError | None = None


def inspect_plugins(discovery: Discovery | None = None) -> Iterator[Inspection]:
    """Import every installed plugin and ask it for its offer, one by one; failures come back as data."""
    look = discovery or Discovery()
    for kind in GROUPS:
        for plugin in look.installed(kind):
            try:
                yield Inspection(plugin=plugin, offer=_offer_of(plugin, look))
            except GatewayError as error:
                yield Inspection(plugin=plugin, error=error)


def examine(
    config: GatewayConfig,
    *,
    open_gateway: OpenGateway,
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
    variables = os.environ if environ is None else environ
    findings = [_python()]
    for inspection in inspect_plugins(discovery):
        findings.append(_plugin(inspection, config))
        if isinstance(inspection.offer, ProviderOffer):
            findings.extend(_provider(inspection.plugin.name, inspection.offer, config, variables, open_gateway))
    findings.append(_gateway(config, open_gateway))
    return tuple(findings)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] >= OLDEST_PYTHON:
        return Finding(topic="python", subject="python", state="ok", detail=version)
    oldest = ".".join(map(str, OLDEST_PYTHON))
    detail = f"{version} is too old, install {oldest} or newer"
    return Finding(topic="python", subject="python", state="broken", detail=detail)


def _plugin(inspection: Inspection, config: GatewayConfig) -> Finding:
    plugin, offer = inspection.plugin, inspection.offer
    subject = f"{plugin.kind} {plugin.name}"
    if inspection.error:
        state = _fault(wanted=_wanted(plugin, config))
        return Finding(topic="plugin", subject=subject, state=state, detail=inspection.error.message)
    package = f"{plugin.distribution} {plugin.version}"
    detail = f"{package}: {offer.summary}" if offer else package
    return Finding(topic="plugin", subject=subject, state="ok", detail=detail)


def _fault(*, wanted: bool) -> State:
    return "broken" if wanted else "note"


def _offer_of(plugin: InstalledPlugin, look: Discovery) -> Offer[Any] | None:
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


def _provider(
    name: str,
    offer: ProviderOffer,
    config: GatewayConfig,
    environ: Mapping[str, str],
    open_gateway: OpenGateway,
) -> Iterator[Finding]:
    """Look for a provider's key, then compose a gateway of it alone: finds bad keys and missing weights."""
    wanted = name in (config.provider, *config.providers)
    key_given = config.provider == name and config.api_key is not None
    if offer.key_env and not key_given:
        variable = next((variable for variable in offer.key_env if environ.get(variable)), None)
        variables = " or ".join(offer.key_env)
        state: State = "ok" if variable else _fault(wanted=wanted and offer.key_required)
        detail = f"{variable} is set" if variable else f"not set; put it into {variables}"
        yield Finding(topic="key", subject=f"key of {name}", state=state, detail=detail)
        if not variable and offer.key_required:
            return
    try:
        with open_gateway(_alone(name, config)):
            yield Finding(topic="provider", subject=f"{name} alone", state="ok", detail="can be used")
    except GatewayError as error:
        state = _fault(wanted=wanted)
        yield Finding(topic="provider", subject=f"{name} alone", state=state, detail=error.message)


def _alone(name: str, config: GatewayConfig) -> GatewayConfig:
    """Give the settings of one provider and nothing that could fail besides it."""
    chosen = config.provider == name
    return GatewayConfig(
        provider=name,
        api_key=config.api_key if chosen else None,
        base_url=config.base_url if chosen else None,
        providers={name: config.providers.get(name, {})},
        guardrails=(),
        telemetry=(),
        policies=(),
        transport=config.transport,
        plugins=config.plugins,
        discover=config.discover,
    )


def _gateway(config: GatewayConfig, open_gateway: OpenGateway) -> Finding:
    try:
        with open_gateway(config) as gateway:
            described = gateway.describe()
    except GatewayError as error:
        return Finding(topic="gateway", subject="gateway", state="broken", detail=error.message)
    return Finding(topic="gateway", subject="gateway", state="ok", detail=_choices(described))


def _choices(described: Mapping[str, Any]) -> str:
    """Say in one line what the composed gateway would use."""
    provider = described["default_provider"] or ", ".join(described["providers"])
    return f"provider {provider}, transport {described['transport']}"
