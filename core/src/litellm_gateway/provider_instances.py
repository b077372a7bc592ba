"""Tell apart the providers one configuration makes of a plugin: under other names, and one for each key.

``{"eu": {"plugin": "openai", ...}}`` is the plugin ``openai`` under the name ``eu``;
``{"openai": {"api_keys": [...]}}`` makes ``openai``, ``openai#2``, ... of it, alike but for their key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from litellm_gateway.errors import ConfigurationError

if TYPE_CHECKING:
    from litellm_gateway.config import GatewayConfig

TWIN = "#"
"""Stands between a provider's name and the number of its key, from the second one on."""


@frozen(kw_only=True)
class ProviderInstance:
    """One provider a gateway is to build.

    Attributes:
        name: What the gateway calls it.
        family: The name it has in the configuration, which it shares with those that differ by key only.
        plugin: Name of the plugin that makes it.
        given: Its settings as the configuration has them, without what is read here.
    """

    name: str
    family: str
    plugin: str
    given: Any = field(repr=False)


def instances_of(name: str, config: GatewayConfig) -> list[ProviderInstance]:
    """Give the providers one name of the configuration stands for, the first one under that very name.

    Raises:
        ConfigurationError: ``plugin`` or ``api_keys`` is not what it must be.
    """
    path = f"providers.{name}"
    if TWIN in name:
        raise ConfigurationError(f"a provider's name must not hold '{TWIN}': {name!r}", path=path)
    given = config.providers.get(name)
    if not isinstance(given, Mapping):
        return [ProviderInstance(name=name, family=name, plugin=name, given=given)]
    settings = dict(given)
    plugin = settings.pop("plugin", name)
    if not isinstance(plugin, str) or not plugin:
        raise ConfigurationError(f"{path}.plugin must be the name of a plugin", path=f"{path}.plugin")
    keys = settings.pop("api_keys", None)
    if keys is None:
        return [ProviderInstance(name=name, family=name, plugin=plugin, given=settings)]
    if isinstance(keys, str) or not isinstance(keys, Sequence) or not keys or "api_key" in settings:
        raise ConfigurationError(
            f"{path}.api_keys must be a list of keys and stand in place of api_key", path=f"{path}.api_keys"
        )
    return [
        ProviderInstance(
            name=name if number == 1 else f"{name}{TWIN}{number}",
            family=name,
            plugin=plugin,
            given={**settings, "api_key": key},
        )
        for number, key in enumerate(keys, start=1)
    ]
