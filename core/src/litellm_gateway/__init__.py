"""LiteLLM Gateway: one interface to many LLM providers, composed of whatever plugins are installed.

The public names are imported when they are first used.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

_NAMES = {
    "batch_errors": ("BatchFailedError BatchItemDroppedError BatchNotDoneError BatchNotFoundError BatchUncertainError"),
    "batch_records": "Batch BatchCounts BatchResult",
    "config": "CacheConfig GatewayConfig",
    "errors": (
        "AllRoutesFailedError AuthenticationError BudgetExceededError CircuitOpenError ConfigurationError "
        "ContentFilteredError ContextWindowExceededError DeadlineExceededError GatewayError GuardrailError "
        "InvalidRequestError MalformedResponseError ModelNotFoundError PermissionDeniedError PluginConflictError "
        "PluginContractError PluginError PluginLoadError PluginNotInstalledError ProviderConnectionError "
        "ProviderError ProviderOverloadedError ProviderTimeoutError QueueFullError QueueTimeoutError "
        "QuotaExceededError RateLimitError StreamInterruptedError StructuredOutputError UnsupportedParameterError"
    ),
    "fitting": "UnsupportedParameterWarning",
    "further_responses": ("ModelInfo ModelList Moderation ModerationResponse RerankResponse RerankResult TokenCount"),
    "gateway": "LiteLLMGateway create_gateway generate_text generate_text_async",
    "messages": "MediaPart Message ReasoningPart ResponseFormat TextPart Tool ToolCall ToolChoice",
    "responses": "EmbedResponse GenerateResponse StreamChunk ToolCallDelta",
    "limit_settings": "Budget RateLimitConfig",
    "route_config": "CircuitBreakerConfig HealthCheckConfig HedgingConfig RetryBudgetConfig RouteConfig",
    "secrets": "Secret",
    "token_usage": "Price TokenUsage",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = [*_HOME, "__version__"]


def __getattr__(name: str) -> Any:
    module = _HOME.get(name)
    if module is None:
        raise AttributeError(f"module 'litellm_gateway' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"litellm_gateway.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
