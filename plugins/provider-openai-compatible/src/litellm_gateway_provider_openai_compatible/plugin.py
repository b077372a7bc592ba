"""The entry points: ``plugin:groq`` is the plugin of the row ``groq``, made when it is first asked for."""

from __future__ import annotations

from functools import lru_cache

from litellm_gateway_provider_openai_compatible.endpoint_plugin import EndpointPlugin
from litellm_gateway_provider_openai_compatible.endpoints import endpoint, names


@lru_cache(maxsize=64)
def plugin_of(name: str) -> EndpointPlugin:
    """Give the plugin of a row, always the same one."""
    return EndpointPlugin(endpoint(name))


def __getattr__(attribute: str) -> EndpointPlugin:
    name = attribute.replace("_", "-")
    if name not in names():
        raise AttributeError(f"module {__name__!r} has no attribute {attribute!r}")
    return plugin_of(name)
