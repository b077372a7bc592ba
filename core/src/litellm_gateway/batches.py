"""The providers' batch APIs behind one interface: ``gateway.batches``. Nothing about a batch is kept here but its id.

Requests are checked as ``generate`` and ``embed`` check them, and pass the guardrails; cache, deduplication, limits
and fallbacks have no part in it.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from litellm_gateway.argument_checks import seconds
from litellm_gateway.batch_building import check_label
from litellm_gateway.batch_calls import BatchCalls
from litellm_gateway.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from litellm_gateway.batch_calls import OpenCall
    from litellm_gateway.batch_records import Batch, BatchResult
    from litellm_gateway.blocking import BlockingIterator
    from litellm_gateway.composition import Composition
    from litellm_gateway.requests import OnUnsupported

    Asked = str | Mapping[str, Any]

_SUBMITTING = 600.0
_READING = 3600.0
_WAITING = 25 * 3600.0
_POLL = 30.0
_MOST_LISTED = 100


class Batches:
    """Batches at the providers of one gateway; each call has an awaited and a blocking form.

    A batch's id is all there is to keep: any process with the same key can ask for it, as long as the provider
    keeps it.
    """

    def __init__(self, parts: Composition, open_call: OpenCall) -> None:
        self._calls = BatchCalls(parts, open_call)

    async def submit_async(
        self,
        requests: Sequence[Asked],
        *,
        label: str | None = None,
        tenant_id: str | None = None,
        timeout: float = _SUBMITTING,
        on_unsupported: OnUnsupported | None = None,
        **shared: Any,
    ) -> Batch:
        """Submit requests to be answered within hours, for less.

        Args:
            requests: Prompts, or mappings of ``generate``'s arguments, or of ``embed``'s with ``texts``; each may
                have a ``custom_id``.
            label: What the batch is called at the provider; the gateway makes up a name by itself.
            tenant_id: Whose batch it is, for guardrails, routes and telemetry.
            timeout: Seconds checking and sending may take.
            on_unsupported: As for ``generate``.
            **shared: Arguments for all of them, such as ``model`` or ``max_tokens``; a request's own go first.

        Raises:
            InvalidRequestError: A request is wrong, or there are too many; nothing was sent.
            UnsupportedParameterError: The provider has no batch API; the message names those that have.
            BatchUncertainError: The answer was lost: the batch may exist. Nothing was sent twice.
            GatewayError: Every other failure; no batch was made.
        """
        options = {"tenant_id": tenant_id, "timeout": timeout, "on_unsupported": on_unsupported}
        return await self._calls.submit(requests, shared, check_label(label), options)

    async def status_async(self, batch_id: str, *, tenant_id: str | None = None, timeout: float | None = None) -> Batch:
        """Say how a batch stands.

        Raises:
            BatchNotFoundError: The provider knows no such batch.
        """
        return await self._calls.status(batch_id, {"tenant_id": tenant_id, "timeout": timeout})

    async def cancel_async(self, batch_id: str, *, tenant_id: str | None = None, timeout: float | None = None) -> Batch:
        """Ask for a batch to be stopped; what was answered by then keeps its results, and is billed."""
        return await self._calls.cancel(batch_id, {"tenant_id": tenant_id, "timeout": timeout})

    async def list_async(
        self,
        provider: str | None = None,
        *,
        limit: int = 20,
        tenant_id: str | None = None,
        timeout: float | None = None,
    ) -> tuple[Batch, ...]:
        """List the latest batches of a provider's account, newest first; the default provider when none is named."""
        if not isinstance(limit, int) or not 1 <= limit <= _MOST_LISTED:
            raise InvalidRequestError(f"limit must be a whole number from 1 to {_MOST_LISTED}", parameter="limit")
        parts = self._calls.parts
        name = provider or parts.default
        if name is None:
            raise InvalidRequestError(
                f"name the provider whose batches to list: {', '.join(parts.targets)}", parameter="provider"
            )
        return await self._calls.latest(name, limit, {"tenant_id": tenant_id, "timeout": timeout})

    def results_async(
        self,
        batch_id: str,
        *,
        response_format: Any = None,
        tenant_id: str | None = None,
        timeout: float = _READING,
    ) -> AsyncGenerator[BatchResult, None]:
        """Give the results one by one as they are read: ``async for result in ...``, in the provider's order.

        Args:
            batch_id: The batch; it must be done.
            response_format: Fill ``parsed`` of each answer, as ``generate`` does with it.
            tenant_id: Whose it is, for guardrails and telemetry.
            timeout: Seconds for reading them all.

        Raises:
            BatchNotDoneError: While iterating: there are none yet.
            BatchNotFoundError: There are none any more.
            BatchFailedError: The provider gave the batch up as a whole.
        """
        return self._calls.results(batch_id, response_format, {"tenant_id": tenant_id, "timeout": timeout})

    async def wait_async(
        self,
        batch_id: str,
        *,
        on_progress: Callable[[Batch], object] | None = None,
        poll: float = _POLL,
        timeout: float = _WAITING,
        tenant_id: str | None = None,
    ) -> Batch:
        """Wait until a batch is done.

        Args:
            batch_id: The batch.
            on_progress: Called with the batch each time it was asked for.
            poll: Seconds between two questions.
            timeout: Seconds to wait at most.
            tenant_id: Whose it is, for telemetry.

        Raises:
            DeadlineExceededError: It is not done by then; it is worked on all the same.
        """
        async with aclosing(self._watched(batch_id, poll, timeout, tenant_id)) as watched:
            async for batch in watched:
                if on_progress is not None:
                    on_progress(batch)
        return batch

    def submit(self, requests: Sequence[Asked], **options: Any) -> Batch:
        """Submit requests, blocking; see :meth:`submit_async`."""
        from litellm_gateway import blocking

        return blocking.run(self.submit_async(requests, **options))

    def status(self, batch_id: str, **options: Any) -> Batch:
        """Say how a batch stands, blocking; see :meth:`status_async`."""
        from litellm_gateway import blocking

        return blocking.run(self.status_async(batch_id, **options))

    def cancel(self, batch_id: str, **options: Any) -> Batch:
        """Ask for a batch to be stopped, blocking; see :meth:`cancel_async`."""
        from litellm_gateway import blocking

        return blocking.run(self.cancel_async(batch_id, **options))

    def list(self, provider: str | None = None, **options: Any) -> tuple[Batch, ...]:
        """List batches, blocking; see :meth:`list_async`."""
        from litellm_gateway import blocking

        return blocking.run(self.list_async(provider, **options))

    def results(self, batch_id: str, **options: Any) -> BlockingIterator[BatchResult]:
        """Give the results one by one, blocking; see :meth:`results_async`. Its ``close()`` breaks off."""
        from litellm_gateway.blocking import BlockingIterator

        return BlockingIterator(self.results_async(batch_id, **options))

    def wait(
        self,
        batch_id: str,
        *,
        on_progress: Callable[[Batch], object] | None = None,
        poll: float = _POLL,
        timeout: float = _WAITING,
        tenant_id: str | None = None,
    ) -> Batch:
        """Wait until a batch is done, blocking; ``on_progress`` is called in this thread. See :meth:`wait_async`."""
        from litellm_gateway.blocking import BlockingIterator

        watched = BlockingIterator(self._watched(batch_id, poll, timeout, tenant_id))
        try:
            for batch in watched:
                if on_progress is not None:
                    on_progress(batch)
        finally:
            watched.close()
        return batch

    def _watched(
        self, batch_id: str, poll: float, timeout: float, tenant_id: str | None
    ) -> AsyncGenerator[Batch, None]:
        pause = seconds("poll", poll)
        return self._calls.watch(batch_id, pause=pause, timeout=timeout, tenant_id=tenant_id)
