"""Put the dialect together with one server's address, key and quirks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from litellm_gateway.config import check_keys, read_environment
from litellm_gateway.dialects import DialectProvider
from litellm_gateway.errors import ConfigurationError
from litellm_gateway_dialect_openai import ChatQuirks
from litellm_gateway_dialect_openai.batches import OpenAIBatchDialect
from litellm_gateway_dialect_openai.provider import (
    OpenAIBatchChatProvider,
    OpenAIBatchEmbedder,
    OpenAIBatchModerator,
    OpenAIChatProvider,
    OpenAIEmbedder,
    OpenAIModerator,
)

from litellm_gateway_provider_openai_compatible import azure, ollama
from litellm_gateway_provider_openai_compatible.endpoints import careful_quirks
from litellm_gateway_provider_openai_compatible.settings import AzureSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from litellm_gateway.contracts import BuildContext
    from litellm_gateway.secrets import Secret
    from litellm_gateway.wire import WireRequest

    from litellm_gateway_provider_openai_compatible.endpoints import Endpoint
    from litellm_gateway_provider_openai_compatible.settings import EndpointSettings


def build_provider(endpoint: Endpoint, settings: EndpointSettings, context: BuildContext) -> DialectProvider:
    """Build the provider of one server.

    Raises:
        ConfigurationError: No address, no key where one is needed, or an unknown quirk.
    """
    quirks = {**careful_quirks(), **endpoint.quirks, **settings.quirks}
    check_keys(quirks, attrs.fields_dict(ChatQuirks), path=f"providers.{context.name}.quirks")
    base_url = _address(endpoint, settings, context.name)
    sign: Callable[[WireRequest], WireRequest] | None = None
    key = settings.api_key
    if isinstance(settings, AzureSettings):
        base_url, more = azure.address(base_url, settings)
        key, signing, sign = azure.access(settings, context.name)
        quirks = {**quirks, **more, **signing}
    elif endpoint.address == "ollama":
        base_url = ollama.base_url(base_url)
    if key is None and endpoint.key_required and endpoint.address != "azure":
        raise ConfigurationError(
            f"provider '{context.name}' has no key: set {' or '.join(endpoint.key_env)} or give api_key",
            path=f"providers.{context.name}.api_key",
            provider=context.name,
        )
    return _provider(endpoint, settings, context, base_url=base_url, key=key, quirks=quirks, sign=sign)


def _provider(
    endpoint: Endpoint,
    settings: EndpointSettings,
    context: BuildContext,
    *,
    base_url: str,
    key: Secret | None,
    quirks: Mapping[str, Any],
    sign: Callable[[WireRequest], WireRequest] | None,
) -> DialectProvider:
    speaks_responses = (settings.api or endpoint.api) == "responses"
    dialect = OpenAIBatchDialect(
        base_url=base_url,
        api_key=key,
        headers={**endpoint.headers, **settings.headers},
        quirks=ChatQuirks(**quirks),
        wants_responses=lambda _: speaks_responses,
    )
    kind = _kind(endpoint)
    return kind(dialect, context, secrets=(key,) if key else (), sign=sign)


def _kind(endpoint: Endpoint) -> type[DialectProvider]:
    has_batches = endpoint.batches is not None
    if "moderation" in endpoint.abilities:
        return OpenAIBatchModerator if has_batches else OpenAIModerator
    if "embeddings" in endpoint.abilities:
        return OpenAIBatchEmbedder if has_batches else OpenAIEmbedder
    if has_batches:
        return OpenAIBatchChatProvider
    return OpenAIChatProvider if "models" in endpoint.abilities else DialectProvider


def _address(endpoint: Endpoint, settings: EndpointSettings, name: str) -> str:
    found = read_environment(endpoint.base_url_env)
    base_url = settings.base_url or (found[1] if found else None) or endpoint.base_url
    if base_url is not None:
        return base_url
    variables = f", or set {' or '.join(endpoint.base_url_env)}" if endpoint.base_url_env else ""
    raise ConfigurationError(
        f"provider '{name}' has no address: give base_url{variables}",
        path=f"providers.{name}.base_url",
        provider=name,
    )
