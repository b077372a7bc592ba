"""Put the Gemini dialect together with Google's addresses, keys and manners."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from litellm_gateway.config import read_environment
from litellm_gateway.dialect_batches import DialectBatches
from litellm_gateway.dialects import DialectEmbedder
from litellm_gateway.errors import ConfigurationError, MalformedResponseError
from litellm_gateway.responses import ModelList
from litellm_gateway.secrets import Secret, check_api_key

from litellm_gateway_provider_google.batches import GeminiBatchDialect
from litellm_gateway_provider_google.dialect import GeminiDialect
from litellm_gateway_provider_google.generate_request import Manners
from litellm_gateway_provider_google.settings import GoogleSettings, VertexSettings
from litellm_gateway_provider_google.wire_address import GEMINI_URL, WireAddress

if TYPE_CHECKING:
    from litellm_gateway.contracts import BuildContext, Call
    from litellm_gateway.requests import ModelListRequest, TokenCountRequest
    from litellm_gateway.responses import ModelInfo, TokenCount

GEMINI_VERSION: Final = "v1beta"
VERTEX_VERSION: Final = "v1"
_MOST_PAGES = 50
_TOKENS_START_WITH = "ya29."
_VERTEX_BETA = {"beta": "v1beta1", "v1beta": "v1beta1"}
_GEMINI_BETA = {"beta": "v1beta", "v1beta1": "v1beta"}


class GeminiProvider(DialectEmbedder):
    """Text, embeddings, token counts and the list of models."""

    dialect: GeminiDialect

    async def count_tokens(self, request: TokenCountRequest, call: Call) -> TokenCount:
        """Count the input tokens the request would have."""
        write = partial(self.dialect.encode_count, request)
        return await self.ask(write, partial(self.dialect.decode_count, request), call, request.model)

    async def list_models(self, request: ModelListRequest, call: Call) -> ModelList:
        """List every model, over all pages."""
        models: list[ModelInfo] = []
        page_token = ""
        for _ in range(_MOST_PAGES):
            write = partial(self.dialect.encode_model_list, page_token)
            page, page_token = await self.ask(write, self.dialect.decode_model_list, call, request.model)
            models += page
            if not page_token:
                return ModelList(models=tuple(models))
        raise MalformedResponseError(f"the list of models has no end after {_MOST_PAGES} pages", provider=self.name)


class GeminiBatchProvider(GeminiProvider, DialectBatches):
    """What Vertex AI has, and batches without buckets."""

    dialect: GeminiBatchDialect


def build_google(settings: GoogleSettings, context: BuildContext) -> GeminiBatchProvider:
    """Build the provider ``google`` from its settings and, where they are silent, from the environment.

    Raises:
        ConfigurationError: There is no key.
    """
    key = settings.api_key
    if not key:
        raise _missing(context, "api_key", "has no key: set GOOGLE_API_KEY or give api_key")
    base_url = settings.base_url or _from_environment("GOOGLE_GEMINI_BASE_URL") or GEMINI_URL
    version = settings.api_version or _version(GEMINI_VERSION, _GEMINI_BETA)
    checked = GoogleSettings(base_url=base_url, api_version=version)
    address = WireAddress.of_gemini(checked.base_url or GEMINI_URL, checked.api_version or GEMINI_VERSION, key)
    return GeminiBatchProvider(GeminiBatchDialect(address, _manners(settings)), context, secrets=(key,))


def build_vertex(settings: VertexSettings, context: BuildContext) -> GeminiProvider:
    """Build the provider ``vertex`` from its settings and, where they are silent, from the environment.

    Raises:
        ConfigurationError: There is neither a token with a project nor a key.
    """
    checked = VertexSettings(
        project=settings.project or _from_environment("GOOGLE_CLOUD_PROJECT"),
        location=settings.location or _from_environment("GOOGLE_CLOUD_LOCATION") or "global",
        base_url=settings.base_url or _from_environment("GOOGLE_VERTEX_BASE_URL"),
        api_version=settings.api_version or _version(VERTEX_VERSION, _VERTEX_BETA),
    )
    address, secret = _vertex_address(settings, checked, context)
    return GeminiProvider(GeminiDialect(address, _manners(settings)), context, secrets=(secret,))


def _vertex_address(
    settings: VertexSettings, checked: VertexSettings, context: BuildContext
) -> tuple[WireAddress, Secret]:
    """A token goes before a key, and a key that is given before a token of the environment."""
    version, token, key = checked.api_version or VERTEX_VERSION, settings.access_token, settings.api_key
    if token is None and key is not None and key.reveal().startswith(_TOKENS_START_WITH):
        token = key
    if token is None and key is None:
        found = _from_environment("GOOGLE_OAUTH_ACCESS_TOKEN")
        token = Secret(found) if found else None
    if token is None and key is None:
        raise _missing(context, "access_token", "has no access: give access_token, or set GOOGLE_OAUTH_ACCESS_TOKEN")
    if token is None:
        assert key is not None
        check_api_key(key, provider=context.name, path=f"providers.{context.name}.api_key")
        return WireAddress.of_express(checked.base_url, version, key), key
    check_api_key(token, provider=context.name, path=f"providers.{context.name}.access_token")
    if checked.project is None:
        raise _missing(context, "project", "has no project: give project, or set GOOGLE_CLOUD_PROJECT")
    address = WireAddress.of_vertex(
        checked.base_url, version, project=checked.project, location=checked.location or "global", access_token=token
    )
    return address, token


def _manners(settings: GoogleSettings | VertexSettings) -> Manners:
    return Manners(
        safety_settings=settings.safety_settings,
        include_thoughts=settings.include_thoughts,
        openapi=settings.schema_dialect == "openapi",
    )


def _version(usual: str, beta: dict[str, str]) -> str:
    """Give the version the environment names; the two APIs write their beta differently."""
    named = _from_environment("GOOGLE_GENAI_API_VERSION")
    return beta.get(named, named) if named else usual


def _missing(context: BuildContext, name: str, fault: str) -> ConfigurationError:
    return ConfigurationError(
        f"provider '{context.name}' {fault}", path=f"providers.{context.name}.{name}", provider=context.name
    )


def _from_environment(variable: str) -> str | None:
    found = read_environment((variable,))
    return found[1] if found else None
