"""What can be set for Anthropic."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from attrs import field, frozen
from litellm_gateway.errors import ConfigurationError
from litellm_gateway.secrets import Secret, as_secret

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attrs import Attribute

KEY_VARIABLES: Final = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def _http_url(instance: object, attribute: Attribute[Any], value: str | None) -> None:  # noqa: ARG001 - attrs calls it so
    if value is None:
        return
    if not isinstance(value, str) or not value.startswith(("https://", "http://")) or any(map(str.isspace, value)):
        raise ConfigurationError(
            f"{attribute.name} must be a URL such as 'https://api.anthropic.com'", path=attribute.name
        )


def _version(instance: object, attribute: Attribute[Any], value: str | None) -> None:  # noqa: ARG001 - attrs calls it so
    if value is not None and not (isinstance(value, str) and _DATE.fullmatch(value)):
        raise ConfigurationError(f"{attribute.name} must be a date such as '2026-10-21'", path=attribute.name)


def _beta_names(value: str | Sequence[str] | None) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else list(value or ())
    stripped = tuple(name.strip() for name in names)
    if not all(_HEADER_NAME.fullmatch(name) for name in stripped):
        raise ConfigurationError("beta must be names such as 'files-api-2025-04-14'", path="beta")
    return stripped


def _headers(value: Mapping[str, str] | None) -> Mapping[str, Secret] | None:
    if value is None:
        return None
    for name, text in value.items():
        if not _HEADER_NAME.fullmatch(name) or not isinstance(text, str | Secret):
            raise ConfigurationError("headers must map header names to texts", path="headers")
    return {name.lower(): Secret(text) for name, text in value.items()}


@frozen(kw_only=True)
class AnthropicSettings:
    """Settings of the provider ``anthropic``.

    Attributes:
        api_key: The key, sent as ``x-api-key``; None reads ``ANTHROPIC_API_KEY``.
        auth_token: A token sent as ``Authorization: Bearer`` instead; None reads ``ANTHROPIC_AUTH_TOKEN`` when
            there is no key.
        base_url: Address of the API; None reads ``ANTHROPIC_BASE_URL``, else Anthropic's own.
        anthropic_version: Version of the API to speak. None speaks the newest known one (2026-10-21), but
            2023-06-01 for a request with temperature, top_p or top_k, which only that one still takes.
        beta: Names for the header ``anthropic-beta``, as a list or parted by commas.
        headers: Headers sent with every request, kept secret; None reads ``ANTHROPIC_CUSTOM_HEADERS``
            (lines of ``Name: value``).
    """

    api_key: Secret | None = field(default=None, converter=as_secret)
    auth_token: Secret | None = field(default=None, converter=as_secret)
    base_url: str | None = field(default=None, validator=_http_url)
    anthropic_version: str | None = field(default=None, validator=_version)
    beta: tuple[str, ...] = field(default=(), converter=_beta_names)
    headers: Mapping[str, Secret] | None = field(default=None, converter=_headers, repr=False)
