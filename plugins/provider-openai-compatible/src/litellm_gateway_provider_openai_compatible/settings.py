"""What can be set for a server that speaks OpenAI's format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen
from attrs.validators import in_, optional
from litellm_gateway.errors import ConfigurationError
from litellm_gateway.secrets import Secret, as_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from attrs import Attribute


def _http_url(instance: object, attribute: Attribute[Any], value: str | None) -> None:  # noqa: ARG001 - attrs calls it so
    if value is None:
        return
    if not isinstance(value, str) or not value.startswith(("https://", "http://")) or any(map(str.isspace, value)):
        raise ConfigurationError(
            f"{attribute.name} must be a URL such as 'https://api.example.com/v1'", path=attribute.name
        )


@frozen(kw_only=True)
class EndpointSettings:
    """Settings of a server that speaks OpenAI's format.

    Attributes:
        api_key: The key; None reads the server's environment variables.
        base_url: Other address of the API, version included.
        api: ``chat`` (completions) or ``responses``; None leaves it to the server's own row.
        headers: Sent with every request; never a key.
        quirks: How the server differs from its row: fields of ``ChatQuirks``.
    """

    api_key: Secret | None = field(default=None, converter=as_secret)
    base_url: str | None = field(default=None, validator=_http_url)
    api: Literal["chat", "responses"] | None = field(default=None, validator=optional(in_(("chat", "responses"))))
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    quirks: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True)
class AzureSettings(EndpointSettings):
    """Settings of Azure OpenAI; a token of Entra ID may take the place of the key.

    Attributes:
        api_version: ``"2024-10-21"`` and the like address deployments the older way; None reads
            ``OPENAI_API_VERSION``, and without it ``/openai/v1`` is used.
        entra_token: A token; None reads ``AZURE_OPENAI_AD_TOKEN``. It ends after about an hour.
        entra_token_provider: Gives a valid token each time it is called, quickly
            (``azure.identity.get_bearer_token_provider`` makes one).
    """

    api_version: str | None = None
    entra_token: Secret | None = field(default=None, converter=as_secret)
    entra_token_provider: Callable[[], str] | None = field(default=None, repr=False)
