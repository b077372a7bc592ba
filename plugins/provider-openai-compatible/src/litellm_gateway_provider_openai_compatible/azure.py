"""Azure OpenAI's own addresses and ways in: ``/openai/v1`` or deployments, key or token of Entra ID."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

import attrs
from litellm_gateway.config import read_environment
from litellm_gateway.errors import AuthenticationError, ConfigurationError
from litellm_gateway.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_gateway.wire import WireRequest

    from litellm_gateway_provider_openai_compatible.settings import AzureSettings

_DATED: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_DEPLOYMENT: Final = "/openai/deployments/{model}"


def address(base_url: str, settings: AzureSettings) -> tuple[str, dict[str, Any]]:
    """Give the base URL and the quirks that address the resource.

    A resource's bare address leads to ``/openai/v1``, or to its deployments when a dated API version is set;
    one with a path is taken as it is.
    """
    version = settings.api_version or _environment("OPENAI_API_VERSION")
    query = {"query": f"api-version={quote(version, safe='')}"} if version else {}
    root = base_url.rstrip("/")
    if urlsplit(root).path:
        return root, query
    if version is None or not _DATED.match(version):
        return f"{root}/openai/v1", query
    return root, {
        "chat_path": f"{_DEPLOYMENT}/chat/completions",
        "embeddings_path": f"{_DEPLOYMENT}/embeddings",
        "responses_path": "/openai/responses",
        "models_path": "/openai/models",
        **query,
    }


def access(
    settings: AzureSettings, name: str
) -> tuple[Secret | None, dict[str, str], Callable[[WireRequest], WireRequest] | None]:
    """Give the secret, the quirks of the header it goes into, and what signs each request, if anything does.

    A token goes before a key.

    Raises:
        ConfigurationError: There is neither.
    """
    bearer = {"auth_header": "authorization", "auth_scheme": "Bearer "}
    if settings.entra_token_provider is not None:
        return None, {}, _signer(settings.entra_token_provider)
    if settings.entra_token is not None:
        return settings.entra_token, bearer, None
    if settings.api_key is not None:
        return settings.api_key, {}, None
    token = _environment("AZURE_OPENAI_AD_TOKEN")
    if token is None:
        raise ConfigurationError(
            f"provider '{name}' has no key: set AZURE_OPENAI_API_KEY or AZURE_OPENAI_AD_TOKEN, "
            "or give api_key, entra_token or entra_token_provider",
            path=f"providers.{name}.api_key",
            provider=name,
        )
    return Secret(token), bearer, None


def _signer(token_provider: Callable[[], str]) -> Callable[[WireRequest], WireRequest]:
    def sign(request: WireRequest) -> WireRequest:
        try:
            token = token_provider()
        except Exception as error:
            raise AuthenticationError(f"entra_token_provider gave no token: {type(error).__name__}") from error
        header = ("authorization", Secret(f"Bearer {token}"))
        return attrs.evolve(request, secret_headers=(*request.secret_headers, header))

    return sign


def _environment(variable: str) -> str | None:
    found = read_environment((variable,))
    return found[1] if found else None
