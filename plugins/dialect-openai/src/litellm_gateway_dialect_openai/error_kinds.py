"""Decide which of the gateway's errors a status and a server's words amount to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from litellm_gateway.error_statuses import USUAL_ERRORS, kind_of_status
from litellm_gateway.errors import (
    AuthenticationError,
    ContentFilteredError,
    ContextWindowExceededError,
    GatewayError,
    InvalidRequestError,
    ModelNotFoundError,
    PermissionDeniedError,
    ProviderError,
    ProviderOverloadedError,
    ProviderTimeoutError,
    QuotaExceededError,
    RateLimitError,
    UnsupportedParameterError,
)

if TYPE_CHECKING:
    from litellm_gateway_dialect_openai.error_report import ErrorReport

_WORDS: Final[tuple[tuple[type[GatewayError], str], ...]] = (
    (
        QuotaExceededError,
        "insufficient_quota credit_balance_exhausted organization_spend_limit_exceeded quota_exceeded"
        " project_spend_limit_exceeded organization_usage_limit_exceeded billing_hard_limit_reached"
        " billing_not_active insufficient_balance insufficient_credits account_deactivated",
    ),
    (
        ContentFilteredError,
        "content_filter content_filtered content_policy_violation image_content_policy_violation"
        " cyber_policy_violation bio_policy responsibleaipolicyviolation moderation_blocked",
    ),
    (
        ContextWindowExceededError,
        "context_length_exceeded exceed_context_size_error too_many_prompt_tokens context_window_exceeded",
    ),
    (
        ModelNotFoundError,
        "model_not_found deploymentnotfound invalid_model model_decommissioned unknown_model"
        " model_not_available unsupported_model",
    ),
    # The model wrote a call or JSON that its own server refuses: another try may go well.
    (ProviderError, "tool_use_failed json_validate_failed output_parse_failed"),
    (
        InvalidRequestError,
        "invalid_prompt invalid_image invalid_image_format invalid_base64_image invalid_image_url image_too_large"
        " image_too_small image_parse_error invalid_image_mode image_file_too_large"
        " unsupported_image_media_type empty_image_file failed_to_download_image image_file_not_found",
    ),
    (AuthenticationError, "invalid_api_key authentication_error invalid_authentication"),
    (UnsupportedParameterError, "unsupported_parameter unsupported_value not_supported_error"),
    (RateLimitError, "rate_limit_exceeded rate_limit_error rate_limited ratelimitreached slow_down"),
    (
        ProviderOverloadedError,
        "server_is_overloaded service_unavailable_error overloaded_error engine_overloaded",
    ),
)
_BY_WORD: Final = tuple((frozenset(words.split()), kind) for kind, words in _WORDS)
"""The first set that holds one of the server's words decides: what no retry can mend comes first."""

_OVER_QUOTA = re.compile(
    r"insufficient (balance|quota|credits|funds)|used all available credits|spending limit|"
    r"exceeded your current quota|requires more credits|credit balance"
)
_TOO_LONG = re.compile(
    r"maximum context length|context (size|window|length)|prompt (is )?too long|messages is too long|"
    r"too many (prompt |input )?tokens"
)
_FILTERED = re.compile(r"content (management )?policy|violates (our |the )?\w* ?usage|usage guidelines|flagged")
_NO_SUCH_MODEL = re.compile(
    r"model\b.{0,120}?(does not exist|not found|not a valid model|decommissioned|deprecated|no longer)|"
    r"invalid model|not a valid model|not a chat model|no endpoints found"
)
_NOT_SUPPORTED = re.compile(
    r"unsupported|not support|not enabled|unknown parameter|unrecognized request argument|"
    r"extra (inputs are|fields) not permitted"
)
_BAD_KEY = re.compile(r"(incorrect|invalid) api key|api key not valid")

_BY_STATUS: Final[dict[int, type[GatewayError]]] = {
    **USUAL_ERRORS,
    498: ProviderOverloadedError,
    501: UnsupportedParameterError,
    524: ProviderTimeoutError,
}


def kind_of_error(status: int, report: ErrorReport) -> type[GatewayError]:
    """Give the class; ``status`` below 400 means that only the words tell."""
    if status < 400:
        return _by_words_alone(report)
    if status >= 500:
        named = _by_word(report)
        server_side = (ProviderOverloadedError, UnsupportedParameterError, RateLimitError)
        return named if named in server_side else kind_of_status(status, _BY_STATUS)
    if status in (400, 403, 404, 413, 422):
        return _refused(status, report)
    if status in (402, 429) and (_by_word(report) is QuotaExceededError or _OVER_QUOTA.search(report.text)):
        return QuotaExceededError
    return kind_of_status(status, _BY_STATUS)


def _by_word(report: ErrorReport) -> type[GatewayError] | None:
    return next((kind for words, kind in _BY_WORD if words & report.words), None)


def _refused(status: int, report: ErrorReport) -> type[GatewayError]:
    """Tell apart the many reasons behind a refused request; a precise code goes before a phrase."""
    named = _by_word(report)
    if named is not None:
        return named
    if _TOO_LONG.search(report.text):
        return ContextWindowExceededError
    if _FILTERED.search(report.text):
        return ContentFilteredError
    if status == 403:
        return PermissionDeniedError
    if report.parameter == "model" or _NO_SUCH_MODEL.search(report.text):
        return ModelNotFoundError
    if _BAD_KEY.search(report.text):
        return AuthenticationError
    if _NOT_SUPPORTED.search(report.text):
        return UnsupportedParameterError
    return ModelNotFoundError if status == 404 else InvalidRequestError


def _by_words_alone(report: ErrorReport) -> type[GatewayError]:
    """Judge an error inside a 200 that names no status: its type tells whose fault it was."""
    named = _by_word(report)
    if named is not None:
        return named
    if _OVER_QUOTA.search(report.text):
        return QuotaExceededError
    if "invalid_request_error" in report.words:
        return _refused(400, report)
    return ProviderError
