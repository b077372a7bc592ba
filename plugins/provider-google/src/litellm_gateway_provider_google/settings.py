"""What can be set for the providers ``google`` and ``vertex``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen, validators
from litellm_gateway.errors import ConfigurationError
from litellm_gateway.secrets import Secret, as_secret

if TYPE_CHECKING:
    from attrs import Attribute

_CATEGORY = "HARM_CATEGORY_"
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")


def _http_url(instance: object, attribute: Attribute[Any], value: str | None) -> None:  # noqa: ARG001 - attrs calls it so
    if value is None:
        return
    if not isinstance(value, str) or not value.startswith(("https://", "http://")) or any(map(str.isspace, value)):
        raise ConfigurationError(
            f"{attribute.name} must be a URL such as 'https://generativelanguage.googleapis.com'", path=attribute.name
        )


def _path_segment(instance: object, attribute: Attribute[Any], value: str | None) -> None:  # noqa: ARG001 - as above
    """Refuse what would lead a URL elsewhere; a project may carry its domain (``example.com:project``)."""
    if value is None:
        return
    if not isinstance(value, str) or not _SEGMENT.fullmatch(value):
        raise ConfigurationError(
            f"{attribute.name} must be a name of letters, digits, '-', '_' and '.'", path=attribute.name
        )


def _safety(value: Any) -> Any:
    """Turn ``{"hate_speech": "BLOCK_NONE"}`` into the wire's list; a list passes as it is."""
    if isinstance(value, Mapping):
        return tuple({"category": _category(name), "threshold": threshold} for name, threshold in value.items())
    return value if isinstance(value, str) or value is None else tuple(value)


def _category(name: Any) -> str:
    upper = str(name).upper()
    return upper if upper.startswith(_CATEGORY) else _CATEGORY + upper


def _safety_list(instance: object, attribute: Attribute[Any], value: Any) -> None:  # noqa: ARG001 - as above
    if isinstance(value, tuple) and all(
        isinstance(item, Mapping) and all(isinstance(text, str) for text in item.values()) for item in value
    ):
        return
    raise ConfigurationError(
        f"{attribute.name} must map categories to thresholds, such as {{'hate_speech': 'BLOCK_ONLY_HIGH'}}",
        path=attribute.name,
    )


@frozen(kw_only=True)
class GoogleSettings:
    """Settings of the provider ``google``.

    Attributes:
        api_key: The key; None reads ``GOOGLE_API_KEY``, then ``GEMINI_API_KEY``.
        base_url: Address of the API, with or without its version; None reads ``GOOGLE_GEMINI_BASE_URL``, else
            Google's own.
        api_version: ``v1beta`` or ``v1``; None reads ``GOOGLE_GENAI_API_VERSION``, else ``v1beta``.
        safety_settings: Threshold per harm category, sent with every request; ``HARM_CATEGORY_`` may be left out.
        include_thoughts: Ask for the model's thoughts whenever a request says how much to think.
        schema_dialect: Send schemas as JSON Schema (``"json"``), or cut down to the older OpenAPI subset
            (``"openapi"``).
    """

    api_key: Secret | None = field(default=None, converter=as_secret)
    base_url: str | None = field(default=None, validator=_http_url)
    api_version: str | None = field(default=None, validator=_path_segment)
    safety_settings: tuple[Mapping[str, str], ...] = field(default=(), converter=_safety, validator=_safety_list)
    include_thoughts: bool = field(default=True, validator=validators.instance_of(bool))
    schema_dialect: Literal["json", "openapi"] = field(default="json", validator=validators.in_(("json", "openapi")))


@frozen(kw_only=True)
class VertexSettings:
    """Settings of the provider ``vertex``.

    Attributes:
        access_token: OAuth access token, as ``gcloud auth print-access-token`` prints it; None reads
            ``GOOGLE_OAUTH_ACCESS_TOKEN``. It lives for about an hour: whoever gives it renews it.
        api_key: Key of Vertex AI in express mode, in place of token, project and location; an access token
            (``ya29...``) given here is taken for what it is.
        project: Google Cloud project; None reads ``GOOGLE_CLOUD_PROJECT``.
        location: ``global``, ``us``, ``eu`` or a region; None reads ``GOOGLE_CLOUD_LOCATION``, else ``global``.
        base_url: Address of the API; None works it out of the location.
        api_version: ``v1`` or ``v1beta1``; None reads ``GOOGLE_GENAI_API_VERSION``, else ``v1``.
        safety_settings, include_thoughts, schema_dialect: As for ``google``.
    """

    access_token: Secret | None = field(default=None, converter=as_secret)
    api_key: Secret | None = field(default=None, converter=as_secret)
    project: str | None = field(default=None, validator=_path_segment)
    location: str | None = field(default=None, validator=_path_segment)
    base_url: str | None = field(default=None, validator=_http_url)
    api_version: str | None = field(default=None, validator=_path_segment)
    safety_settings: tuple[Mapping[str, str], ...] = field(default=(), converter=_safety, validator=_safety_list)
    include_thoughts: bool = field(default=True, validator=validators.instance_of(bool))
    schema_dialect: Literal["json", "openapi"] = field(default="json", validator=validators.in_(("json", "openapi")))
