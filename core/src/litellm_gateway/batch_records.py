"""What travels to and from a provider's batch API: submissions, batches, results; all of it frozen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from litellm_gateway.errors import GatewayError
    from litellm_gateway.requests import Request
    from litellm_gateway.responses import EmbedResponse, GenerateResponse
    from litellm_gateway.wire import WireRequest

BatchState = Literal["queued", "running", "cancelling", "completed", "failed", "expired", "cancelled"]
DONE = frozenset({"completed", "failed", "expired", "cancelled"})
MADE_ID = "request-{:06d}"
"""A custom id made by the gateway; it counts from 0 in the order of submission."""
_MADE_ID = re.compile(r"request-(\d{6,})")


@frozen(kw_only=True)
class BatchItem:
    """One request of a batch, under the id its result will come back with."""

    custom_id: str
    request: Request


@frozen(kw_only=True)
class BatchSubmission:
    """A batch as it is sent: all its requests are of one kind.

    Attributes:
        model: Model of the first request; of all, unless the provider takes several in one batch.
        label: What the batch is to be called at the provider.
        most_bytes: Most bytes the written requests may take.
    """

    items: tuple[BatchItem, ...] = field(repr=lambda value: f"<{len(value)} requests>")
    model: str
    label: str
    most_bytes: int


@frozen(kw_only=True)
class BatchCounts:
    """How many requests of a batch are where; a provider that does not count leaves zeros.

    Attributes:
        total: All of them, None when not known.
        succeeded, failed, cancelled, expired: Those that are through.
    """

    total: int | None = None
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    expired: int = 0

    @property
    def finished(self) -> int:
        """Those that are through, however they ended."""
        return self.succeeded + self.failed + self.cancelled + self.expired


@frozen(kw_only=True)
class Batch:
    """A batch at a provider, as it stood when it was asked for.

    Attributes:
        id: ``provider:id``, all that any process needs to ask for it again.
        provider: Name of the provider.
        state: ``queued``, ``running``, ``cancelling``, ``completed``, ``failed``, ``expired`` or ``cancelled``.
        raw_state: The provider's own word for it.
        model: Model of its requests, where the provider says so.
        counts: How many requests are through.
        label: What it is called at the provider, where that keeps names.
        created_at, ended_at, expires_at: Moments, in UTC; None when not known.
        reasons: Why the provider failed it as a whole, in its own words.
        raw: The provider's own description.
    """

    id: str
    provider: str = ""
    state: BatchState
    raw_state: str | None = None
    model: str | None = None
    counts: BatchCounts = BatchCounts()
    label: str | None = None
    created_at: datetime | None = None
    ended_at: datetime | None = None
    expires_at: datetime | None = None
    reasons: tuple[str, ...] = ()
    raw: Mapping[str, Any] = field(factory=dict, repr=False)

    @property
    def done(self) -> bool:
        """Is it through, well or badly? Then its results can be read."""
        return self.state in DONE


@frozen(kw_only=True)
class BatchResult:
    """What became of one request of a batch: exactly one of ``response`` and ``error``.

    Attributes:
        custom_id: Id the request was submitted under; None when the provider's line about it cannot be read.
        response: The answer; its ``metadata`` holds provider, batch and ``cost`` at the batch price.
        error: The typed error of this one request; the others are not touched by it.
    """

    custom_id: str | None
    response: GenerateResponse | EmbedResponse | None = None
    error: GatewayError | None = None

    @property
    def index(self) -> int | None:
        """Place of the request in the submission, counted from 0; None when its id was the caller's own."""
        found = _MADE_ID.fullmatch(self.custom_id or "")
        return int(found[1]) if found else None

    def value(self) -> Any:
        """Give the answer, or raise the error."""
        if self.error is not None:
            raise self.error
        return self.response


@frozen(kw_only=True)
class BatchOutput:
    """Where the results of a batch lie: at once in the answer, or in files of one result per line.

    Attributes:
        entries: Results the answer itself held; read one by one.
        files: Requests for the files, in order.
        read: Reads one line of a file; what it stumbles over is the line's own error.
    """

    entries: Iterable[BatchResult] = ()
    files: tuple[WireRequest, ...] = ()
    read: Callable[[bytes], BatchResult] | None = None

    @property
    def is_empty(self) -> bool:
        """Are there no results at all?"""
        return not self.files and self.entries == ()
