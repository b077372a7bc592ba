"""Say which error an HTTP status amounts to where a provider has no words of its own for it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from litellm_gateway.errors import (
    AuthenticationError,
    GatewayError,
    InvalidRequestError,
    ModelNotFoundError,
    PermissionDeniedError,
    ProviderError,
    ProviderOverloadedError,
    ProviderTimeoutError,
    QuotaExceededError,
    RateLimitError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_gateway.wire import WireResponse

USUAL_ERRORS: Final[Mapping[int, type[GatewayError]]] = MappingProxyType(
    {
        401: AuthenticationError,
        402: QuotaExceededError,
        403: PermissionDeniedError,
        404: ModelNotFoundError,
        408: ProviderTimeoutError,
        409: ProviderError,
        429: RateLimitError,
        499: ProviderError,
        503: ProviderOverloadedError,
        504: ProviderTimeoutError,
        529: ProviderOverloadedError,
    }
)
"""What nearly all providers mean by a status; one that differs says so: ``{**USUAL_ERRORS, 498: ...}``."""


def kind_of_status(status: int, kinds: Mapping[int, type[GatewayError]] = USUAL_ERRORS) -> type[GatewayError]:
    """Give the class of error for a status.

    Args:
        status: HTTP status of the answer, or the one its body names.
        kinds: The statuses that mean something in particular.

    Returns:
        The class ``kinds`` names; else ``InvalidRequestError`` for any other 4xx, and ``ProviderError`` for all the
        rest: an error without a status, or under a good one, is no mistake of the caller as far as anybody knows.
    """
    known = kinds.get(status)
    if known is not None:
        return known
    return InvalidRequestError if 400 <= status < 500 else ProviderError


def no_reason(who: str, response: WireResponse) -> str:
    """Give the message of an error whose body tells no readable reason: what came in its place, not what it said.

    Args:
        who: The provider, as the beginning of a sentence.
        response: The whole answer.
    """
    content_type = response.headers.get("content-type", "no content type")
    return f"{who} gave no readable reason ({content_type}, {len(response.body)} bytes)"
