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
        "invalid_image invalid_image_format invalid_base64_image invalid_image_url image_too_large"
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

_REFUSALS: Final = frozenset({"invalid_request_error", "invalid_prompt"})
"""Words that tell a refused request, but not why."""
_SPENT = re.compile(
    r"insufficient (balance|quota|credits|funds)|used all available credits|any credits yet|spend(ing)? (cap|limit)|"
    r"requires more credits|credit balance|prepay\w* (credits?|balance)"
)
_QUOTA = "exceeded your current quota"
_OF_GOOGLE = re.compile(r"quota exceeded for metric|resource_exhausted|retry in ")
_OF_THE_DAY = re.compile(r"perday|limit: 0\b")
_TOO_LONG = re.compile(
    r"maximum context length|context (size|window|length)|prompt (is )?too long|messages is too long|"
    r"too many (prompt |input )?tokens|maximum prompt length|max(imum)? model length|exceeds the max_model_len|"
    r"`inputs` (tokens \+ `max_new_tokens` must|must have less than)|exceeds the maximum number of tokens|"
    r"exceeded model token limit"
)
_EXCEEDED = re.compile(
    r"exceed|overflow|too (long|many)|(greater|longer) than|maximum (context|prompt|model) length is"
)
_FILTERED = re.compile(
    r"content (management )?policy|violat(es|ing) (our |the )?\w* ?usage|usage guidelines|flagged|content exists risk"
)
_NO_SUCH_MODEL = re.compile(
    r"model\b.{0,120}?(does not exist|not found|not a valid model|decommissioned|deprecated|no longer)|"
    r"invalid model|not a valid model|not a chat model|no endpoints found|model not exist"
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
        return _failed(status, report)
    if status in (400, 403, 404, 412, 413, 422):
        return _refused(status, report)
    if status in (402, 429) and (_by_word(report) is QuotaExceededError or _is_spent(report)):
        return QuotaExceededError
    return kind_of_status(status, _BY_STATUS)


def _by_word(report: ErrorReport) -> type[GatewayError] | None:
    return next((kind for words, kind in _BY_WORD if words & report.words), None)


def _is_spent(report: ErrorReport) -> bool:
    """Tell a bill that is due from a limit that waiting mends: Google says both in OpenAI's words for a bill."""
    if _SPENT.search(report.text):
        return True
    if _QUOTA not in report.text:
        return False
    of_google = "resource_exhausted" in report.words or _OF_GOOGLE.search(report.text)
    return not of_google or _OF_THE_DAY.search(report.text) is not None


def _overflowed(report: ErrorReport) -> bool:
    """Tell a prompt that is too long where no status blames the request: the window must be named and exceeded."""
    return _TOO_LONG.search(report.text) is not None and _EXCEEDED.search(report.text) is not None


def _failed(status: int, report: ErrorReport) -> type[GatewayError]:
    """Heed a word for what is no plain fault of the server; some blame themselves for a prompt that is too long."""
    named = _by_word(report)
    if named in (ProviderOverloadedError, UnsupportedParameterError, RateLimitError, ContextWindowExceededError):
        return named
    kind = kind_of_status(status, _BY_STATUS)
    return ContextWindowExceededError if kind is ProviderError and _overflowed(report) else kind


def _refused(status: int, report: ErrorReport) -> type[GatewayError]:
    """Tell apart the many reasons behind a refused request; a precise code goes before a phrase."""
    named = _by_word(report)
    if named is not None:
        return named
    if _TOO_LONG.search(report.text):
        return ContextWindowExceededError
    if _FILTERED.search(report.text):
        return ContentFilteredError
    if status in (403, 412) and _is_spent(report):
        return QuotaExceededError
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
    if _is_spent(report):
        return QuotaExceededError
    if _REFUSALS & report.words:
        return _refused(400, report)
    if _overflowed(report):
        return ContextWindowExceededError
    return ContentFilteredError if _FILTERED.search(report.text) else ProviderError
