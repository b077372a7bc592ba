"""Servers that speak OpenAI's format as providers of LiteLLM Gateway, one row of ``endpoints.json`` each.

:func:`openai_compatible_plugin` makes a plugin for a server that has no row.
"""

from litellm_gateway_provider_openai_compatible.endpoint_plugin import EndpointPlugin, openai_compatible_plugin

__all__ = ["EndpointPlugin", "openai_compatible_plugin"]
