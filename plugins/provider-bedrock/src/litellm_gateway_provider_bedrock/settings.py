"""What can be set for Amazon Bedrock."""

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
            f"{attribute.name} must be a URL such as 'https://bedrock-runtime.us-east-1.amazonaws.com'",
            path=attribute.name,
        )


def _region(instance: object, attribute: Attribute[Any], value: str | None) -> None:  # noqa: ARG001 - attrs calls it so
    # It becomes part of a host name that gets a key: nothing but letters, digits and hyphens may be in it.
    if value is not None and not (isinstance(value, str) and value.isascii() and value.replace("-", "").isalnum()):
        raise ConfigurationError(f"{attribute.name} must be a region such as 'us-east-1'", path=attribute.name)


@frozen(kw_only=True)
class BedrockSettings:
    """Settings of the provider ``bedrock``.

    Attributes:
        api_key: A Bedrock API key; None reads ``AWS_BEARER_TOKEN_BEDROCK``. Without one, requests are signed.
        region: None reads ``AWS_REGION``, ``AWS_DEFAULT_REGION``, then the profile.
        profile: Profile of the AWS configuration files; None reads ``AWS_PROFILE``, else the default one.
        access_key_id, secret_access_key, session_token: Credentials to sign with; None lets botocore find some.
        base_url: Address of the service; None reads ``AWS_ENDPOINT_URL_BEDROCK_RUNTIME``, else the region's own.
    """

    api_key: Secret | None = field(default=None, converter=as_secret)
    region: str | None = field(default=None, validator=_region)
    profile: str | None = None
    access_key_id: str | None = None
    secret_access_key: Secret | None = field(default=None, converter=as_secret)
    session_token: Secret | None = field(default=None, converter=as_secret)
    base_url: str | None = field(default=None, validator=_http_url)

    def __attrs_post_init__(self) -> None:
        if bool(self.access_key_id) != bool(self.secret_access_key):
            raise ConfigurationError(
                "access_key_id and secret_access_key belong together: give both or none", path="access_key_id"
            )
