"""The contracts plugins fulfil; nothing here does anything. The offers they make can be imported from here as well.

The numbered promises behind each contract stand in ``docs/reference/contracts.md``; the suites in
``litellm_gateway.testing`` check them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from attrs import Factory, field, frozen

from litellm_gateway.call import Call as Call, Spent as Spent  # noqa: TC001 - plugins import them from here
from litellm_gateway.plugin_offers import (
    PLUGIN_API as PLUGIN_API,
    BatchTerms as BatchTerms,
    BuildContext as BuildContext,
    Capabilities as Capabilities,
    EmbedLimits as EmbedLimits,
    GuardrailOffer as GuardrailOffer,
    Offer as Offer,
    ProviderOffer as ProviderOffer,
    TransportOffer as TransportOffer,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Sequence

    from litellm_gateway.batch_records import Batch, BatchResult, BatchSubmission
    from litellm_gateway.errors import GatewayError
    from litellm_gateway.kept_form import KeptAnswer
    from litellm_gateway.requests import (
        EmbedRequest,
        GenerateRequest,
        ModelListRequest,
        ModerationRequest,
        RerankRequest,
        TokenCountRequest,
    )
    from litellm_gateway.responses import (
        EmbedResponse,
        GenerateResponse,
        ModelList,
        ModerationResponse,
        RerankResponse,
        StreamChunk,
        TokenCount,
    )
    from litellm_gateway.telemetry import Event
    from litellm_gateway.wire import OpenResponse, Timeouts, WireRequest


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
class MultiGenerator(Protocol):
    """A provider that also answers several prompts by one request; asked only when requests are batched."""

    async def generate_many(
        self, requests: Sequence[GenerateRequest], call: Call
    ) -> Sequence[GenerateResponse | GatewayError]:
        """Send all of them once, and give an answer or an error for each, in order.

        The requests, two at least, differ in nothing but their messages. Each answer holds its own usage. What is
        raised goes for all of them.
        """
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


@runtime_checkable
class BatchRunner(Protocol):
    """A provider that also takes many requests at once, to be answered within hours for less.

    Ids are the provider's own. Its offer names its terms in ``batches``.
    """

    async def prepare_batch(self, submission: BatchSubmission, call: Call) -> str | None:
        """Send what must be there before the batch is made, such as a file; give its id. It may be sent again."""
        ...

    async def start_batch(self, submission: BatchSubmission, prepared: str | None, call: Call) -> Batch:
        """Make the batch with exactly one request (``WireRequest.once``)."""
        ...

    async def batch_status(self, batch_id: str, call: Call) -> Batch:
        """Say how a batch stands; ``BatchNotFoundError`` when there is none."""
        ...

    def batch_results(self, batch_id: str, call: Call) -> AsyncIterator[BatchResult]:
        """Give the results one by one; ``BatchNotDoneError`` while there are none yet."""
        ...

    async def cancel_batch(self, batch_id: str, call: Call) -> Batch:
        """Ask for a batch to be stopped, and say how it stands."""
        ...

    async def list_batches(self, limit: int, call: Call) -> Sequence[Batch]:
        """List the latest batches, newest first."""
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
    """Looks at texts on their way in and out. One instance serves many calls at once.

    A check that waits for something is an ``async def``; one that does not may be a plain function, which costs less.
    """

    def check_input(self, text: str, call: Call) -> Verdict | Awaitable[Verdict]:
        """Judge one message of the request."""
        ...

    def check_output(self, text: str, call: Call) -> Verdict | Awaitable[Verdict]:
        """Judge the answer, or the window of it held back while streaming."""
        ...

    async def aclose(self) -> None:
        """Free what the guardrail holds."""
        ...


class CacheKey(NamedTuple):
    """Where an entry lives: the tenant, and a 32-byte digest of everything that shapes the answer, in hex.

    A tuple and no attrs class, because a call looks it up a dozen times and a tuple's hash needs no Python.
    """

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
class LocalCache(CacheBackend, Protocol):
    """A cache backend within this process: it also keeps answers themselves, so that none is written or read.

    Neither method waits for anything.
    """

    def keep(self, key: CacheKey, answer: KeptAnswer, ttl: float) -> None:
        """Keep an answer, which nobody can change, for ``ttl`` seconds; its ``size`` is about what it takes."""
        ...

    def find(self, key: CacheKey) -> KeptAnswer | bytes | None:
        """Give what was kept or set under the key, None when there is nothing or its time is up."""
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
class Route:
    """One way to answer: a provider and the model to ask of it; ``id`` is ``provider/model``."""

    provider: str
    model: str
    id: str = field(
        init=False, eq=False, repr=False, default=Factory(lambda self: f"{self.provider}/{self.model}", takes_self=True)
    )
