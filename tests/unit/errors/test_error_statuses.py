"""Every status has its usual error, and a provider changes only what it says."""

from __future__ import annotations

import pytest
from litellm_gateway.error_statuses import USUAL_ERRORS, kind_of_status
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

USUAL = {
    401: AuthenticationError, 402: QuotaExceededError, 403: PermissionDeniedError, 404: ModelNotFoundError,
    408: ProviderTimeoutError, 409: ProviderError, 429: RateLimitError, 499: ProviderError,
    503: ProviderOverloadedError, 504: ProviderTimeoutError, 529: ProviderOverloadedError,
}  # fmt: skip


def _expected(status: int) -> type[GatewayError]:
    return USUAL.get(status) or (InvalidRequestError if status < 500 else ProviderError)


def test_every_status_has_its_error() -> None:
    """Known ones by what they mean, other 4xx are the caller's, all from 500 on the provider's."""
    found = {status: kind_of_status(status) for status in range(400, 700)}

    assert found == {status: _expected(status) for status in range(400, 700)}


@pytest.mark.parametrize("status", [0, 100, 200, 302, 399])
def test_an_error_without_a_status_is_the_providers(status: int) -> None:
    """An error under a good status, or under none, says nothing against the request."""
    assert kind_of_status(status) is ProviderError


def test_a_provider_says_what_differs() -> None:
    """Its own meanings go before the usual ones, which stay as they are."""
    own = {**USUAL_ERRORS, 403: RateLimitError, 498: AuthenticationError}

    assert kind_of_status(403, own) is RateLimitError
    assert kind_of_status(498, own) is AuthenticationError
    assert kind_of_status(404, own) is ModelNotFoundError
    assert kind_of_status(418, own) is InvalidRequestError
    assert kind_of_status(403) is PermissionDeniedError


def test_nobody_changes_the_table_for_others() -> None:
    """The table is shared by all plugins, so it cannot be written to."""
    with pytest.raises(TypeError):
        USUAL_ERRORS[418] = ProviderError  # type: ignore[index]
