"""Decide which of the gateway's errors an AWS exception or status amounts to."""

from __future__ import annotations

import re
from typing import Final

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

_BY_NAME: Final[dict[str, tuple[type[GatewayError], int]]] = {
    "AccessDeniedException": (PermissionDeniedError, 403),
    "UnrecognizedClientException": (AuthenticationError, 403),
    "ExpiredTokenException": (AuthenticationError, 403),
    "ExpiredToken": (AuthenticationError, 403),
    "InvalidSignatureException": (AuthenticationError, 403),
    "SignatureDoesNotMatch": (AuthenticationError, 403),
    "IncompleteSignatureException": (AuthenticationError, 403),
    "IncompleteSignature": (AuthenticationError, 400),
    "InvalidClientTokenId": (AuthenticationError, 403),
    "MissingAuthenticationTokenException": (AuthenticationError, 403),
    "MissingAuthenticationToken": (AuthenticationError, 403),
    "NotAuthorized": (PermissionDeniedError, 403),
    "OptInRequired": (PermissionDeniedError, 403),
    "ThrottlingException": (RateLimitError, 429),
    "TooManyRequestsException": (RateLimitError, 429),
    "ServiceQuotaExceededException": (QuotaExceededError, 400),
    "ModelNotReadyException": (ProviderOverloadedError, 429),
    "ModelTimeoutException": (ProviderTimeoutError, 408),
    "ModelErrorException": (ProviderError, 424),
    "ModelStreamErrorException": (ProviderError, 424),
    "InternalServerException": (ProviderError, 500),
    "InternalFailure": (ProviderError, 500),
    "ServiceUnavailableException": (ProviderOverloadedError, 503),
    "ServiceUnavailable": (ProviderOverloadedError, 503),
    "ResourceNotFoundException": (ModelNotFoundError, 404),
    "ValidationException": (InvalidRequestError, 400),
}
"""Class of each exception, and the status it has where none is sent with it: in a stream."""

_BY_STATUS: Final[dict[int, type[GatewayError]]] = {
    **USUAL_ERRORS,
    424: ProviderError,
    # AWS has no word for these two: they are what their range says.
    499: InvalidRequestError,
    529: ProviderError,
}
_OVERLOADED: Final = frozenset({429, 503, 529})
_BAD_CREDENTIALS: Final = re.compile(
    r"security token|signature|credential|bearer token|api key|authentication failed|access key"
)
_DAILY: Final = re.compile(r"(tokens|requests) per day|daily")
_REFUSED: Final[tuple[tuple[type[GatewayError], re.Pattern[str]], ...]] = (
    (
        ContextWindowExceededError,
        re.compile(
            r"input is too long|(number of )?input tokens exceed|too many (input )?tokens|prompt is too long|"
            r"maximum context length|context (window|length|limit)|exceeds? the (maximum|model)[^.]{0,40}tokens"
        ),
    ),
    (
        ModelNotFoundError,
        re.compile(
            r"model identifier is invalid|on-demand throughput|could not resolve the foundation model|end of its life|"
            r"model\b.{0,60}(not found|does not exist|doesn.t exist)|marked by provider as legacy"
        ),
    ),
    (PermissionDeniedError, re.compile(r"operation not allowed|not authorized|don.t have access")),
    (ContentFilteredError, re.compile(r"content filter|content policy|blocked by (our )?content|usage policy")),
    (
        UnsupportedParameterError,
        re.compile(r"(doesn.t|does not|not) support|isn.t supported|unsupported|deprecated for this model"),
    ),
)
"""What a ValidationException complains about, by phrases of its message; the first that fits decides."""


def kind_of_exception(name: str, status: int, text: str, original_status: int | None) -> type[GatewayError]:
    """Give the class.

    Args:
        name: Name of the exception, ``""`` when none was given.
        status: HTTP status, 0 when there was none.
        text: The message in lower case.
        original_status: Status of the model's own answer, where an exception tells it.
    """
    known = _BY_NAME.get(name)
    kind = known[0] if known else kind_of_status(status, _BY_STATUS)
    if kind is PermissionDeniedError and _BAD_CREDENTIALS.search(text):
        return AuthenticationError
    if kind is RateLimitError and _DAILY.search(text):
        return QuotaExceededError
    if kind is ProviderError and original_status in _OVERLOADED:
        return ProviderOverloadedError
    if kind is InvalidRequestError:
        return next((found for found, phrase in _REFUSED if phrase.search(text)), InvalidRequestError)
    return kind


def status_of_exception(name: str) -> int:
    """Give the status an exception stands for, 500 for one that is not known."""
    known = _BY_NAME.get(name)
    return known[1] if known else 500
