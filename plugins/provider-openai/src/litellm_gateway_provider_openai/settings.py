"""What can be set for OpenAI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen
from attrs.validators import in_, optional
from litellm_gateway.errors import ConfigurationError
from litellm_gateway.secrets import Secret, as_secret

if TYPE_CHECKING:
    from attrs import Attribute


def _http_url(instance: object, attribute: Attribute[Any], value: str | None) -> None:  # noqa: ARG001 - attrs calls it so
    if value is None:
        return
    if not isinstance(value, str) or not value.startswith(("https://", "http://")) or any(map(str.isspace, value)):
        raise ConfigurationError(
            f"{attribute.name} must be a URL such as 'https://api.openai.com/v1'", path=attribute.name
        )


@frozen(kw_only=True)
class OpenAISettings:
    """Settings of the provider ``openai``.

    Attributes:
        api_key: The key; None reads ``OPENAI_API_KEY``.
        base_url: Address of the API; None reads ``OPENAI_BASE_URL``, else OpenAI's own.
        organization: Organisation to bill; None reads ``OPENAI_ORG_ID``.
        project: Project to bill; None reads ``OPENAI_PROJECT_ID``.
        api: ``chat`` and ``responses`` always use that API; ``auto`` chooses by model and request, and keeps to
            chat completions where ``base_url`` is not OpenAI's.
        reasoning_summary: Ask reasoning models for a summary of their reasoning (``auto``, ``concise``,
            ``detailed``), where the Responses API answers; some models give it to verified organisations only.
    """

    api_key: Secret | None = field(default=None, converter=as_secret)
    base_url: str | None = field(default=None, validator=_http_url)
    organization: str | None = None
    project: str | None = None
    api: Literal["auto", "chat", "responses"] = field(default="auto", validator=in_(("auto", "chat", "responses")))
    reasoning_summary: Literal["auto", "concise", "detailed"] | None = field(
        default=None, validator=optional(in_(("auto", "concise", "detailed")))
    )
