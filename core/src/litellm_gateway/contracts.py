"""The contracts plugins fulfil and the frozen offers they make; nothing here does anything.

The numbered promises behind each contract stand in ``docs/reference/contracts.md``; the suites in
``litellm_gateway.testing`` check them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, runtime_checkable

from attrs import define, field, frozen

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from litellm_gateway.errors import GatewayError
    from litellm_gateway.requests import (
        EmbedRequest,
        GenerateRequest,
        ModelListRequest,
        ModerationRequest,
        OnUnsupported,
        RerankRequest,
        TokenCountRequest,
    )
    from litellm_gateway.responses import (
        EmbedResponse,
        GenerateResponse,
        ModelList,
        ModerationResponse,
        Price,
        RerankResponse,
        StreamChunk,
        TokenCount,
    )
    from litellm_gateway.telemetry import Event
    from litellm_gateway.wire import OpenResponse, Timeouts, WireRequest

PLUGIN_API = 1
"""Version of the plugin interface; an offer made for another one is refused with a clear error."""

T_co = TypeVar("T_co", covariant=True)


@define(eq=False)
class Call:
    """One call's life: who asks, until when, and how many retries are left.

    Attributes:
        id: ``req_`` and 24 hex digits, made by the gateway.
        tenant: Tenant the call belongs to; ``""`` when none was named.
        deadline: Point on ``clock`` when the call must have ended, in seconds.
        retries_left: Requests that may still be sent again after a failure, over all routes; the first
            request to each route is not counted.
        clock: Monotonic clock, in seconds.
        errors: Errors of the attempts made so far, in order.
        attempts: Requests sent so far.
        on_unsupported: What to do with a parameter the model does not take.
        priority: The higher, the earlier among the tenant's own calls that wait for a limit.
        provider_headers: Headers of the answer that came last, names in lower case; None before the first.
    """

    id: str
    tenant: str
    deadline: float
    retries_left: int
    clock: Callable[[], float]
    started_at: float
    errors: list[GatewayError] = field(factory=list, repr=False)
    attempts: int = 0
    on_unsupported: OnUnsupported = "error"
    priority: int = 0
    provider_headers: Mapping[str, str] | None = field(default=None, repr=False)

    def remaining(self) -> float:
        """Give the seconds left until the deadline, never below zero."""
        return max(0.0, self.deadline - self.clock())


@runtime_checkable
class Provider(Protocol):
    """Answers requests for text. One instance serves many calls and event loops at once.

    A provider whose every wait ends at ``call.deadline`` by itself (as those on the gateway's transport do) may
    say so with a class attribute ``keeps_deadline = True``; for others the gateway sets a timer.
    """

    async def generate(self, request: GenerateRequest, call: Call) -> GenerateResponse:
        """Send the request once and give the whole answer; never retry."""
        ...

    def stream(self, request: GenerateRequest, call: Call) -> AsyncIterator[StreamChunk]:
        """Send the request once and give the answer in pieces.

        Pieces end with exactly one of kind ``finish``, whatever came before it. An end without it is read as a
        broken stream. Closing the iterator early must free the connection at once.
        """
        ...

    async def aclose(self) -> None:
        """Free what the provider holds; called once, and no call comes after it."""
        ...


@runtime_checkable
class Embedder(Protocol):
    """A provider that also makes embeddings."""

    async def embed(self, request: EmbedRequest, call: Call) -> EmbedResponse:
        """Embed all texts of the request, in order."""
        ...


@runtime_checkable
class Reranker(Protocol):
    """A provider that also orders documents by relevance."""

    async def rerank(self, request: RerankRequest, call: Call) -> RerankResponse:
        """Order the documents, best first."""
        ...


@runtime_checkable
class Moderator(Protocol):
    """A provider that also judges texts by its content policy."""

    async def moderate(self, request: ModerationRequest, call: Call) -> ModerationResponse:
        """Judge the texts, in order."""
        ...


@runtime_checkable
class TokenCounter(Protocol):
    """A provider that also counts the tokens of a request."""

    async def count_tokens(self, request: TokenCountRequest, call: Call) -> TokenCount:
        """Count the input tokens the request would have."""
        ...


@runtime_checkable
class ModelLister(Protocol):
    """A provider that also lists its models."""

    async def list_models(self, request: ModelListRequest, call: Call) -> ModelList:
        """List every model, over all pages."""
        ...


@frozen
class Allow:
    """Let it pass as it is."""


@frozen
class Modify:
    """Go on with this text instead; ``reason`` says why, without quoting the text."""

    text: str = field(repr=False)
    reason: str = ""


@frozen
class Block:
    """Stop here; ``reason`` reaches the caller and must not quote the text."""

    reason: str


Verdict = Allow | Modify | Block


@runtime_checkable
class Guardrail(Protocol):
    """Looks at texts on their way in and out. One instance serves many calls at once."""

    async def check_input(self, text: str, call: Call) -> Verdict:
        """Judge one message of the request."""
        ...

    async def check_output(self, text: str, call: Call) -> Verdict:
        """Judge the answer, or the window of it held back while streaming."""
        ...

    async def aclose(self) -> None:
        """Free what the guardrail holds."""
        ...


@frozen(cache_hash=True)
class CacheKey:
    """Where an entry lives: the tenant, and a 32-byte digest of everything that shapes the answer, in hex."""

    tenant: str
    digest: str


@runtime_checkable
class CacheBackend(Protocol):
    """Keeps bytes for a time. It never interprets them, and never unpickles."""

    async def get(self, key: CacheKey) -> bytes | None:
        """Give the bytes stored under the key, None when there are none or their time is up."""
        ...

    async def set(self, key: CacheKey, value: bytes, ttl: float) -> None:
        """Store bytes for ``ttl`` seconds."""
        ...

    async def delete(self, key: CacheKey) -> None:
        """Forget the entry; none there is no error."""
        ...

    async def clear(self, tenant: str) -> None:
        """Forget all entries of one tenant."""
        ...

    async def aclose(self) -> None:
        """Free what the backend holds."""
        ...


@runtime_checkable
class TelemetrySink(Protocol):
    """Takes events. A failing sink never fails a call; its errors are counted.

    A sink that is deaf for now may say so with a method ``listening() -> bool``; while all sinks are, no event is
    built.
    """

    def record(self, event: Event) -> None:
        """Take one event; quick, from any thread, never blocking: queue what takes time."""
        ...

    async def aclose(self) -> None:
        """Write what is queued and free what the sink holds."""
        ...


@runtime_checkable
class Transport(Protocol):
    """The HTTP door. It sends once: no retry but for a kept-alive connection found dead before it was read."""

    async def open(self, request: WireRequest, *, timeouts: Timeouts, deadline: float) -> OpenResponse:
        """Send, and return as soon as the response headers are there.

        Raises:
            ProviderConnectionError: Not reachable, or hung up before it answered.
            ProviderTimeoutError: A phase took too long; ``phase`` names it.
            DeadlineExceededError: ``deadline`` (``time.monotonic`` seconds) has passed.
            MalformedResponseError: Not HTTP, or headers over their limit.
        """
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...


@frozen(kw_only=True)
class BuildContext:
    """What a plugin gets to build from.

    Attributes:
        name: Name the plugin was chosen by.
        transport: Gives the gateway's HTTP door; a plugin without HTTP never calls it, so none is built.
        timeouts: The gateway's timeouts per phase.
        clock, sleep, random: Time and chance; use these, so that tests can drive them.
    """

    name: str
    transport: Callable[[], Transport]
    timeouts: Timeouts
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    random: random.Random


@frozen(kw_only=True)
class Offer(Generic[T_co]):
    """What a plugin offers: a name, and a way to build it once it is wanted.

    Attributes:
        name: Name of the entry point, and what configuration calls it.
        summary: One line for listings.
        settings: An attrs class; configuration for the plugin is turned into one instance of it.
        build: Makes the object from its settings. No I/O; heavy imports belong inside it.
        api: ``PLUGIN_API`` the plugin was written for.
    """

    name: str
    summary: str
    build: Callable[[Any, BuildContext], T_co]
    settings: type = object
    api: int = PLUGIN_API


@frozen(kw_only=True)
class Capabilities:
    """What one model takes.

    Attributes:
        without: What it does not take: names of ``GenerateRequest`` fields, and ``image``, ``file``, ``audio``,
            ``json_schema``, ``system``.
        context_tokens: Most tokens of prompt and answer together, None when unknown.
        max_output_tokens: Most tokens of an answer, None when unknown.
    """

    without: frozenset[str] = frozenset()
    context_tokens: int | None = None
    max_output_tokens: int | None = None


@frozen(kw_only=True)
class EmbedLimits:
    """Most texts, and most tokens over all texts, of one request for embeddings; None for no limit."""

    texts: int | None = None
    tokens: int | None = None


@frozen(kw_only=True)
class ProviderOffer(Offer[Provider]):
    """Offer of a provider.

    Attributes:
        key_env: Environment variables that may hold the key, first match wins; empty when it takes none.
        key_required: Refuse to compose without a key; only looked at when ``key_env`` names variables.
        key_prefixes: What its keys start with, to tell them from other providers' keys.
        default_model, default_embedding_model: Used when neither call nor configuration names one.
        prices: Price per model name, for ``cost``.
        capabilities: What a model takes, per model name; None says nothing and lets everything through.
        embed_limits: How many texts one request for embeddings may hold; more are split and sent together.
    """

    key_env: Sequence[str] = ()
    key_required: bool = True
    key_prefixes: Sequence[str] = ()
    default_model: str | None = None
    default_embedding_model: str | None = None
    prices: Callable[[str], Price | None] | None = None
    capabilities: Callable[[str], Capabilities] | None = None
    embed_limits: EmbedLimits = EmbedLimits()


@frozen(kw_only=True)
class GuardrailOffer(Offer[Guardrail]):
    """Offer of a guardrail.

    Attributes:
        stages: Which of ``input`` and ``output`` it looks at.
        window: Characters of a streamed answer held back for it; None holds back the whole answer,
            0 shows it every piece as it comes.
        fail_open: Let the text pass when the guardrail itself fails; the default blocks.
    """

    stages: frozenset[str] = frozenset({"input", "output"})
    window: int | None = None
    fail_open: bool = False


@frozen(kw_only=True)
class TransportOffer(Offer[Transport]):
    """Offer of a transport; ``settings`` is :class:`~litellm_gateway.wire.TransportSettings`.

    Attributes:
        speed: Rank for ``transport="auto"``, which takes the highest one installed.
    """

    speed: int = 0


@frozen(kw_only=True)
class Route:
    """One way to answer: a provider and the model to ask of it."""

    provider: str
    model: str

    @property
    def id(self) -> str:
        """``provider/model``."""
        return f"{self.provider}/{self.model}"
