"""Every error the gateway raises, one tree; it formats nothing but itself and knows no other room.

::

    GatewayError
    ├── ConfigurationError
    ├── PluginError
    │   ├── PluginNotInstalledError      ├── PluginLoadError
    │   ├── PluginConflictError          └── PluginContractError
    ├── InvalidRequestError
    │   ├── ContextWindowExceededError   ├── ModelNotFoundError
    │   └── UnsupportedParameterError
    ├── AuthenticationError              ├── PermissionDeniedError
    ├── RateLimitError
    │   ├── QuotaExceededError
    │   ├── QueueTimeoutError            └── QueueFullError
    ├── BudgetExceededError
    ├── CircuitOpenError
    ├── GuardrailError
    ├── ContentFilteredError
    ├── StructuredOutputError
    ├── ProviderError
    │   ├── ProviderOverloadedError      ├── ProviderTimeoutError
    │   ├── ProviderConnectionError      ├── MalformedResponseError
    │   └── StreamInterruptedError
    ├── DeadlineExceededError
    └── AllRoutesFailedError

Three class flags steer what happens next: ``retry_here`` and ``try_next_route`` are all that
``attempts`` reads, ``provider_fault`` is all that ``circuit_breaker`` reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_gateway.responses import GenerateResponse


class GatewayError(Exception):
    """Anything that went wrong in or behind the gateway.

    Attributes:
        message: What happened, to what, and what to do next; never holds a key, a prompt or an answer.
        provider: Name of the provider concerned, if one was.
        status_code: HTTP status the provider answered with, if it did.
        request_id: The provider's own id of the exchange, if it gave one.
        model: Model asked for, if known.
        code: The provider's own error code, verbatim.
        partial: The answer as far as it came and guardrails let it pass, when a stream ended in this error; else None.
    """

    retry_here = False
    """May the same request be sent again to the same route?"""
    try_next_route = False
    """May another route answer instead?"""
    provider_fault = False
    """Does it speak against the health of the provider?"""

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        status_code: int | None = None,
        request_id: str | None = None,
        model: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.provider = provider
        self.status_code = status_code
        self.request_id = request_id
        self.model = model
        self.code = code
        self.partial: GenerateResponse | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(kind: type[GatewayError], args: tuple[Any, ...], state: dict[str, Any]) -> GatewayError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigurationError(GatewayError):
    """A setting is missing, unknown or impossible; ``path`` names it (``"providers.openai.api_key"``)."""

    def __init__(self, message: str, *, path: str | None = None, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.path = path


class PluginError(GatewayError):
    """A plugin could not be used; ``plugin`` is its name, ``distribution`` the package it came in."""

    def __init__(
        self, message: str, *, plugin: str | None = None, distribution: str | None = None, **fields: Any
    ) -> None:
        super().__init__(message, **fields)
        self.plugin = plugin
        self.distribution = distribution


class PluginNotInstalledError(PluginError):
    """No installed distribution offers a plugin of that name."""


class PluginLoadError(PluginError):
    """The plugin is installed, but importing or building it failed; the cause is chained."""


class PluginConflictError(PluginError):
    """Two distributions claim one plugin name."""


class PluginContractError(PluginError):
    """The plugin breaks its contract: an unknown hook, a wrong offer, another ``PLUGIN_API``."""


class InvalidRequestError(GatewayError):
    """The request itself is wrong; sending it again cannot help. ``parameter`` names the culprit if known."""

    def __init__(self, message: str, *, parameter: str | None = None, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.parameter = parameter


class ContextWindowExceededError(InvalidRequestError):
    """Prompt and answer together do not fit the model's context window."""

    try_next_route = True


class ModelNotFoundError(InvalidRequestError):
    """The provider does not know the model, or the key may not use it."""

    try_next_route = True


class UnsupportedParameterError(InvalidRequestError):
    """The provider or the model does not take this parameter."""


class AuthenticationError(GatewayError):
    """The provider refused the key (401)."""

    try_next_route = True


class PermissionDeniedError(GatewayError):
    """The key is valid but may not do this (403)."""

    try_next_route = True


class RateLimitError(GatewayError):
    """A rate limit was hit: the provider's (``scope="provider"``) or the gateway's own (``"gateway"``).

    Attributes:
        retry_after: Seconds until a new try may succeed, None when unknown.
        scope: Who refused.
    """

    retry_here = True
    try_next_route = True

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        scope: Literal["gateway", "provider"] = "provider",
        **fields: Any,
    ) -> None:
        super().__init__(message, **fields)
        self.retry_after = retry_after
        self.scope = scope


class QuotaExceededError(RateLimitError):
    """Credit or quota is used up (402, or a 429 about billing): waiting does not help, another key may."""

    retry_here = False


class QueueTimeoutError(RateLimitError):
    """The request waited in the gateway's queue for as long as it may."""

    retry_here = False
    try_next_route = False

    def __init__(self, message: str, **fields: Any) -> None:
        super().__init__(message, **{"scope": "gateway", **fields})


class QueueFullError(QueueTimeoutError):
    """The gateway's queue holds as many requests as it may; refused at once."""


class BudgetExceededError(GatewayError):
    """The tenant's or the gateway's budget in money or tokens is spent; ``retry_after`` in seconds, None if unknown."""

    def __init__(self, message: str, *, retry_after: float | None = None, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.retry_after = retry_after


class CircuitOpenError(GatewayError):
    """The circuit breaker keeps requests from a failing provider; ``retry_after`` in seconds."""

    try_next_route = True

    def __init__(self, message: str, *, retry_after: float | None = None, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.retry_after = retry_after


class GuardrailError(GatewayError):
    """A guardrail blocked the request (``stage="input"``) or the answer (``"output"``)."""

    def __init__(self, message: str, *, guardrail: str, stage: str, reason: str, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.guardrail = guardrail
        self.stage = stage
        self.reason = reason


class ContentFilteredError(GatewayError):
    """The provider's own content filter refused the request."""


class StructuredOutputError(GatewayError):
    """The answer does not fit the ``response_format`` asked for; ``response`` is the answer as it came."""

    def __init__(self, message: str, *, response: GenerateResponse, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.response = response


class ProviderError(GatewayError):
    """The provider failed (5xx, or an error it reports inside an answer).

    ``retry_after`` is the provider's own hint in seconds, None when it gave none.
    """

    retry_here = True
    try_next_route = True
    provider_fault = True

    def __init__(self, message: str, *, retry_after: float | None = None, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.retry_after = retry_after


class ProviderOverloadedError(ProviderError):
    """The provider is overloaded (503, 529, or its own word for it)."""


class ProviderTimeoutError(ProviderError, TimeoutError):
    """The provider was too slow; ``phase`` is ``connect``, ``write``, ``first_byte``, ``first_token`` or ``chunk``."""

    def __init__(self, message: str, *, phase: str | None = None, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.phase = phase


class ProviderConnectionError(ProviderError):
    """The provider could not be reached (``phase`` is ``connect``: nothing was sent), or hung up (None)."""

    phase: str | None = None


class MalformedResponseError(ProviderError):
    """The answer cannot be read: HTML, cut JSON, an unknown shape, or larger than allowed.

    Attributes:
        body: The first bytes of the body with known secrets masked; only here, never in the message.
        content_type: Content type as sent.
    """

    def __init__(self, message: str, *, body: bytes = b"", content_type: str | None = None, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.body = body
        self.content_type = content_type


class StreamInterruptedError(ProviderError):
    """A stream broke after its first content; ``partial`` is the answer as far as it came."""

    retry_here = False
    try_next_route = False

    def __init__(self, message: str, *, partial: GenerateResponse | None = None, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.partial: GenerateResponse | None = partial


class DeadlineExceededError(GatewayError, TimeoutError):
    """The call's own total time is up; ``phase`` says what it was waiting for."""

    def __init__(self, message: str, *, phase: str | None = None, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.phase = phase


class AllRoutesFailedError(GatewayError):
    """Every route failed; ``attempts`` holds the error of each in order, the last one is chained."""

    def __init__(self, message: str, *, attempts: Sequence[GatewayError] = (), **fields: Any) -> None:
        super().__init__(message, **fields)
        self.attempts = tuple(attempts)
