"""Put the dialect together with Anthropic's address, key and further abilities."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from litellm_gateway.config import read_environment
from litellm_gateway.dialect_batches import DialectBatches
from litellm_gateway.errors import ConfigurationError, MalformedResponseError
from litellm_gateway.responses import ModelList
from litellm_gateway.secrets import Secret

from litellm_gateway_provider_anthropic.address import BASE_URL
from litellm_gateway_provider_anthropic.batches import AnthropicBatchDialect
from litellm_gateway_provider_anthropic.settings import KEY_VARIABLES, AnthropicSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_gateway.contracts import BuildContext, Call
    from litellm_gateway.requests import ModelListRequest, TokenCountRequest
    from litellm_gateway.responses import ModelInfo, TokenCount

_MOST_PAGES: Final = 50


class AnthropicProvider(DialectBatches):
    """Messages, streams, token counts, batches and the list of models."""

    dialect: AnthropicBatchDialect

    async def count_tokens(self, request: TokenCountRequest, call: Call) -> TokenCount:
        """Count the input tokens the request would have; Anthropic calls its count an estimate."""
        write, read = partial(self.dialect.encode_count, request), partial(self.dialect.decode_count, request)
        return await self.ask(write, read, call, request.model)

    async def list_models(self, request: ModelListRequest, call: Call) -> ModelList:
        """List every model, newest first, over all pages."""
        models: dict[str, ModelInfo] = {}
        after: str | None = None
        for _ in range(_MOST_PAGES):
            write = partial(self.dialect.encode_list_models, after)
            page = await self.ask(write, self.dialect.decode_list_models, call, request.model)
            models.update((model.id, model) for model in page.models)
            if page.next_after is None:
                return ModelList(models=tuple(models.values()))
            after = page.next_after
        raise MalformedResponseError(f"the list of models does not end after {_MOST_PAGES} pages", provider=self.name)


def build_provider(settings: AnthropicSettings, context: BuildContext) -> AnthropicProvider:
    """Build the provider from its settings and, where they are silent, from the environment.

    Raises:
        ConfigurationError: There is neither key nor token, or a setting from the environment cannot be read.
    """
    base_url = settings.base_url or _from_environment("ANTHROPIC_BASE_URL") or BASE_URL
    checked = AnthropicSettings(base_url=base_url)
    custom = settings.headers
    if custom is None:
        custom = _custom_headers(_from_environment("ANTHROPIC_CUSTOM_HEADERS") or "")
    headers = {**custom, **_credentials(settings, context.name)}
    dialect = AnthropicBatchDialect(
        base_url=checked.base_url or BASE_URL,
        secret_headers=headers,
        version=settings.anthropic_version,
        beta=settings.beta,
    )
    secrets = [Secret(value.reveal().removeprefix("Bearer ")) for value in headers.values()]
    return AnthropicProvider(dialect, context, secrets=secrets)


def _credentials(settings: AnthropicSettings, name: str) -> Mapping[str, Secret]:
    """Give the header that carries the key, else the one that carries the token."""
    key, token = settings.api_key, settings.auth_token
    if token is None and _is_token_of_environment(key):
        key, token = None, key
    if key:
        return {"x-api-key": key}
    if token is None and (found := _from_environment("ANTHROPIC_AUTH_TOKEN")):
        token = Secret(found)
    if token:
        return {"authorization": Secret("Bearer " + token.reveal())}
    raise ConfigurationError(
        f"provider '{name}' has no key: set {' or '.join(KEY_VARIABLES)}, or give api_key or auth_token",
        path=f"providers.{name}.api_key",
        provider=name,
    )


def _is_token_of_environment(key: Secret | None) -> bool:
    """Tell whether what the gateway found in the environment and took for the key is the token."""
    found = read_environment(KEY_VARIABLES)
    return key is not None and found == ("ANTHROPIC_AUTH_TOKEN", key.reveal())


def _custom_headers(lines: str) -> Mapping[str, Secret]:
    pairs = [line.partition(":") for line in lines.split("\n") if line.strip()]
    if not all(colon for _, colon, _ in pairs):
        raise ConfigurationError("ANTHROPIC_CUSTOM_HEADERS must be lines of 'Name: value'", path="headers")
    checked = AnthropicSettings(headers={name.strip(): value.strip() for name, _, value in pairs})
    return checked.headers or {}


def _from_environment(variable: str) -> str | None:
    found = read_environment((variable,))
    return found[1] if found else None
