"""Put the OpenAI dialect together with OpenAI's address, headers and manners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from litellm_gateway.config import read_environment
from litellm_gateway.errors import ConfigurationError
from litellm_gateway_dialect_openai import ChatQuirks
from litellm_gateway_dialect_openai.batches import OpenAIBatchDialect
from litellm_gateway_dialect_openai.provider import OpenAIBatchModerator

from litellm_gateway_provider_openai.api_choice import chooser
from litellm_gateway_provider_openai.settings import OpenAISettings

if TYPE_CHECKING:
    from litellm_gateway.contracts import BuildContext

    from litellm_gateway_provider_openai.api_choice import Api

BASE_URL: Final = "https://api.openai.com/v1"
QUIRKS: Final = ChatQuirks(
    max_tokens_field="max_completion_tokens",
    user_field="safety_identifier",
    encrypted_reasoning=r"(o\d|gpt-[5-9]|codex)(?!.*chat)",
    efforts=(
        (r"o\d", ("low", "medium", "high")),
        (r"gpt-5-pro", ("high",)),
        (r"gpt-5-codex", ("low", "medium", "high")),
        (r"gpt-5(-|$)", ("minimal", "low", "medium", "high")),
        (r"gpt-5\.1-codex-max", ("none", "low", "medium", "high", "xhigh")),
        (r"gpt-5\.1", ("none", "low", "medium", "high")),
        (r"gpt-5\.[2-5]", ("none", "low", "medium", "high", "xhigh")),
    ),
    minimum_output_tokens=16,
    cache_marker={"prompt_cache_breakpoint": {"mode": "explicit"}},
    cache_models=r"gpt-(5\.([6-9]|\d\d)|[6-9])",
)
_HEADERS: Final = (
    ("openai-organization", "organization", "OPENAI_ORG_ID"),
    ("openai-project", "project", "OPENAI_PROJECT_ID"),
)


def build_provider(settings: OpenAISettings, context: BuildContext) -> OpenAIBatchModerator:
    """Build the provider from its settings and, where they are silent, from the environment.

    Raises:
        ConfigurationError: There is no key.
    """
    key = settings.api_key
    if not key:
        raise ConfigurationError(
            f"provider '{context.name}' has no key: set OPENAI_API_KEY or give api_key",
            path=f"providers.{context.name}.api_key",
            provider=context.name,
        )
    base_url = settings.base_url or _from_environment("OPENAI_BASE_URL") or BASE_URL
    checked = OpenAISettings(api_key=key, base_url=base_url)
    headers = {
        header: value
        for header, name, variable in _HEADERS
        if (value := getattr(settings, name) or _from_environment(variable))
    }
    dialect = OpenAIBatchDialect(
        base_url=checked.base_url or BASE_URL,
        api_key=key,
        headers=headers,
        quirks=QUIRKS,
        wants_responses=chooser(_api(settings, base_url)),
        reasoning_summary=settings.reasoning_summary,
    )
    return OpenAIBatchModerator(dialect, context, secrets=(key,))


def _api(settings: OpenAISettings, base_url: str) -> Api:
    """Another server at ``base_url`` most likely speaks chat completions only: keep to them unless asked."""
    is_elsewhere = not (urlsplit(base_url).hostname or "").endswith("openai.com")
    return "chat" if settings.api == "auto" and is_elsewhere else settings.api


def _from_environment(variable: str) -> str | None:
    found = read_environment((variable,))
    return found[1] if found else None
