"""What can be set for Cohere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen
from litellm_gateway.errors import ConfigurationError
from litellm_gateway.secrets import Secret, as_secret

if TYPE_CHECKING:
    from attrs import Attribute


def _http_url(instance: object, attribute: Attribute[Any], value: str | None) -> None:  # noqa: ARG001 - attrs calls it so
    if value is None:
        return
    if not isinstance(value, str) or not value.startswith(("https://", "http://")) or any(map(str.isspace, value)):
        raise ConfigurationError(
            f"{attribute.name} must be a URL such as 'https://api.cohere.com'", path=attribute.name
        )


@frozen(kw_only=True)
class CohereSettings:
    """Settings of the provider ``cohere``.

    Attributes:
        api_key: The key; None reads ``CO_API_KEY``, then ``COHERE_API_KEY``.
        base_url: Address of the API without its version; None reads ``CO_API_URL``, else Cohere's own.
        client_name: Told to Cohere as the name of the calling project (``X-Client-Name``).
    """

    api_key: Secret | None = field(default=None, converter=as_secret)
    base_url: str | None = field(default=None, validator=_http_url)
    client_name: str | None = None
