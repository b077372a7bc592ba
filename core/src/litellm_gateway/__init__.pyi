"""The public names of the package, for type checkers; ``__init__.py`` imports them on first use."""

from litellm_gateway.batch_errors import (
    BatchFailedError as BatchFailedError,
    BatchItemDroppedError as BatchItemDroppedError,
    BatchNotDoneError as BatchNotDoneError,
    BatchNotFoundError as BatchNotFoundError,
    BatchUncertainError as BatchUncertainError,
)
from litellm_gateway.batch_records import (
    Batch as Batch,
    BatchCounts as BatchCounts,
    BatchResult as BatchResult,
)
from litellm_gateway.config import (
    CacheConfig as CacheConfig,
    GatewayConfig as GatewayConfig,
)
from litellm_gateway.errors import (
    AllRoutesFailedError as AllRoutesFailedError,
    AuthenticationError as AuthenticationError,
    BudgetExceededError as BudgetExceededError,
    CircuitOpenError as CircuitOpenError,
    ConfigurationError as ConfigurationError,
    ContentFilteredError as ContentFilteredError,
    ContextWindowExceededError as ContextWindowExceededError,
    DeadlineExceededError as DeadlineExceededError,
    GatewayError as GatewayError,
    GuardrailError as GuardrailError,
    InvalidRequestError as InvalidRequestError,
    MalformedResponseError as MalformedResponseError,
    ModelNotFoundError as ModelNotFoundError,
    PermissionDeniedError as PermissionDeniedError,
    PluginConflictError as PluginConflictError,
    PluginContractError as PluginContractError,
    PluginError as PluginError,
    PluginLoadError as PluginLoadError,
    PluginNotInstalledError as PluginNotInstalledError,
    ProviderConnectionError as ProviderConnectionError,
    ProviderError as ProviderError,
    ProviderOverloadedError as ProviderOverloadedError,
    ProviderTimeoutError as ProviderTimeoutError,
    QueueFullError as QueueFullError,
    QueueTimeoutError as QueueTimeoutError,
    QuotaExceededError as QuotaExceededError,
    RateLimitError as RateLimitError,
    StreamInterruptedError as StreamInterruptedError,
    StructuredOutputError as StructuredOutputError,
    UnsupportedParameterError as UnsupportedParameterError,
)
from litellm_gateway.fitting import (
    UnsupportedParameterWarning as UnsupportedParameterWarning,
)
from litellm_gateway.further_responses import (
    ModelInfo as ModelInfo,
    ModelList as ModelList,
    Moderation as Moderation,
    ModerationResponse as ModerationResponse,
    RerankResponse as RerankResponse,
    RerankResult as RerankResult,
    TokenCount as TokenCount,
)
from litellm_gateway.gateway import (
    LiteLLMGateway as LiteLLMGateway,
    create_gateway as create_gateway,
    generate_text as generate_text,
    generate_text_async as generate_text_async,
)
from litellm_gateway.limit_settings import (
    Budget as Budget,
    RateLimitConfig as RateLimitConfig,
)
from litellm_gateway.messages import (
    MediaPart as MediaPart,
    Message as Message,
    ReasoningPart as ReasoningPart,
    ResponseFormat as ResponseFormat,
    TextPart as TextPart,
    Tool as Tool,
    ToolCall as ToolCall,
    ToolChoice as ToolChoice,
)
from litellm_gateway.responses import (
    EmbedResponse as EmbedResponse,
    GenerateResponse as GenerateResponse,
    StreamChunk as StreamChunk,
    ToolCallDelta as ToolCallDelta,
)
from litellm_gateway.route_config import (
    CircuitBreakerConfig as CircuitBreakerConfig,
    HealthCheckConfig as HealthCheckConfig,
    HedgingConfig as HedgingConfig,
    RetryBudgetConfig as RetryBudgetConfig,
    RouteConfig as RouteConfig,
)
from litellm_gateway.secrets import (
    Secret as Secret,
)
from litellm_gateway.token_usage import (
    Price as Price,
    TokenUsage as TokenUsage,
)

__version__: str
