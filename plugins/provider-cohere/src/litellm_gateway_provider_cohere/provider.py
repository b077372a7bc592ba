"""Put the dialect together with Cohere's address and key, and add the abilities beyond chat and embeddings."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from litellm_gateway.config import read_environment
from litellm_gateway.dialects import DialectEmbedder
from litellm_gateway.errors import ConfigurationError, MalformedResponseError
from litellm_gateway.responses import ModelList

from litellm_gateway_provider_cohere.dialect import CohereDialect
from litellm_gateway_provider_cohere.settings import CohereSettings

if TYPE_CHECKING:
    from litellm_gateway.contracts import BuildContext, Call
    from litellm_gateway.requests import ModelListRequest, RerankRequest
    from litellm_gateway.responses import ModelInfo, RerankResponse

BASE_URL: Final = "https://api.cohere.com"
_MOST_PAGES: Final = 50


class CohereProvider(DialectEmbedder):
    """Cohere: what every dialect gives, and rerank and the list of models."""

    dialect: CohereDialect

    async def rerank(self, request: RerankRequest, call: Call) -> RerankResponse:
        """Order the documents, best first."""
        write = partial(self.dialect.encode_rerank, request)
        return await self.ask(write, partial(self.dialect.decode_rerank, request), call, request.model)

    async def list_models(self, request: ModelListRequest, call: Call) -> ModelList:
        """List every model, page by page."""
        models: list[ModelInfo] = []
        token = ""
        for _ in range(_MOST_PAGES):
            write = partial(self.dialect.encode_models, token)
            page, token = await self.ask(write, self.dialect.decode_models, call, request.model)
            models += page
            if not token:
                return ModelList(models=tuple(models), model=request.model)
        raise MalformedResponseError(
            f"'{self.name}' lists its models on more than {_MOST_PAGES} pages", provider=self.name
        )


def build_provider(settings: CohereSettings, context: BuildContext) -> CohereProvider:
    """Build the provider from its settings and, where they are silent, from the environment.

    Raises:
        ConfigurationError: There is no key.
    """
    key = settings.api_key
    if not key:
        raise ConfigurationError(
            f"provider '{context.name}' has no key: set CO_API_KEY or give api_key",
            path=f"providers.{context.name}.api_key",
            provider=context.name,
        )
    found = read_environment(("CO_API_URL",))
    checked = CohereSettings(api_key=key, base_url=settings.base_url or (found[1] if found else BASE_URL))
    dialect = CohereDialect(base_url=checked.base_url or BASE_URL, api_key=key, client_name=settings.client_name)
    return CohereProvider(dialect, context, secrets=(key,))
