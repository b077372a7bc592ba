"""Which typed error each of Bedrock's answers with an error status is."""

from __future__ import annotations

import json

import pytest
from litellm_gateway.errors import (
    AuthenticationError,
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
from litellm_gateway.wire import WireResponse
from litellm_gateway_provider_bedrock.dialect import ConverseDialect

DIALECT = ConverseDialect(base_url="https://bedrock-runtime.us-east-1.amazonaws.com")


def error(status: int, name: str = "", message: str = "no", **fields: object) -> GatewayError:
    headers = {"x-amzn-errortype": f"{name}:http://internal.amazon.com/", "x-amzn-requestid": "r1"} if name else {}
    body = json.dumps({"message": message, **fields}).encode()
    return DIALECT.decode_error(WireResponse(status=status, headers=headers, body=body))


@pytest.mark.parametrize(
    ("status", "name", "message", "kind"),
    [
        (400, "ValidationException", "Value at 'x' failed", InvalidRequestError),
        (400, "ValidationException", "Input is too long for requested model.", ContextWindowExceededError),
        (400, "ValidationException", "prompt is too long: 9 tokens > 5 maximum", ContextWindowExceededError),
        (400, "ValidationException", "The provided model identifier is invalid.", ModelNotFoundError),
        (400, "ValidationException", "This model doesn't support tool use.", UnsupportedParameterError),
        (400, "ValidationException", "Operation not allowed", PermissionDeniedError),
        (400, "ServiceQuotaExceededException", "Too many", QuotaExceededError),
        (403, "AccessDeniedException", "You don't have access to the model", PermissionDeniedError),
        (403, "AccessDeniedException", "Authentication failed: make sure your API Key is valid.", AuthenticationError),
        (403, "UnrecognizedClientException", "The security token is invalid.", AuthenticationError),
        (403, "InvalidSignatureException", "Signature expired", AuthenticationError),
        (404, "ResourceNotFoundException", "Could not find it", ModelNotFoundError),
        (408, "ModelTimeoutException", "too slow", ProviderTimeoutError),
        (424, "ModelErrorException", "it broke", ProviderError),
        (429, "ThrottlingException", "Too many requests, please wait", RateLimitError),
        (429, "ThrottlingException", "Too many tokens per day, please wait", QuotaExceededError),
        (429, "ModelNotReadyException", "warming up", ProviderOverloadedError),
        (500, "InternalServerException", "oops", ProviderError),
        (503, "ServiceUnavailableException", "busy", ProviderOverloadedError),
        (401, "", "no", AuthenticationError),
        (418, "", "no", InvalidRequestError),
        (502, "", "no", ProviderError),
        (504, "", "no", ProviderTimeoutError),
    ],
)
def test_kinds(status: int, name: str, message: str, kind: type[GatewayError]) -> None:
    """Each exception and message is exactly one class, with AWS's name and request id."""
    found = error(status, name, message)

    assert type(found) is kind
    assert message in found.message
    assert (found.status_code, found.code) == (status, name or None)
    assert found.request_id == ("r1" if name else None)


def test_a_model_that_was_overloaded_itself() -> None:
    """The status of the model's own answer tells an overload from a failure."""
    assert type(error(424, "ModelErrorException", "it broke", originalStatusCode=503)) is ProviderOverloadedError


def test_a_daily_limit_is_not_tried_again() -> None:
    """Waiting a moment does not mend a limit per day; it does any other throttling."""
    assert not error(429, "ThrottlingException", "Too many tokens per day").retry_here
    assert error(429, "ThrottlingException", "Too many tokens").retry_here


def test_a_wrong_signature_does_not_show_the_token() -> None:
    """AWS quotes the whole request in its message, session token included: that part is left out."""
    told = "The request signature does not match. The Canonical String for this request: x-amz-security-token:IQoJb3"

    found = error(403, "InvalidSignatureException", told)

    assert "IQoJb3" not in found.message
    assert "does not match" in found.message


@pytest.mark.parametrize("body", [b"", b"<html>Bad Gateway</html>", b"[1]", b'{"message": 5}', b"\xff"])
def test_bodies_without_a_reason(body: bytes) -> None:
    """The status alone decides, and the message says how little there was."""
    found = DIALECT.decode_error(WireResponse(status=502, headers={"content-type": "text/html"}, body=body))

    assert type(found) is ProviderError
    assert f"text/html, {len(body)} bytes" in found.message
