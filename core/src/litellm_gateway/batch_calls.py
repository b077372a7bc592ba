"""Ask a provider about its batches, under the gateway's own retries and telemetry; :mod:`batches` is its face."""

from __future__ import annotations

from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import evolve

from litellm_gateway import batch_sending
from litellm_gateway.batch_building import build_items, split_id
from litellm_gateway.contracts import Route
from litellm_gateway.errors import CircuitOpenError, DeadlineExceededError, GatewayError
from litellm_gateway.telemetry import CallRecord

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence

    from litellm_gateway.attempts import Attempt
    from litellm_gateway.batch_records import Batch, BatchResult
    from litellm_gateway.composition import Composition
    from litellm_gateway.contracts import BatchRunner, Call
    from litellm_gateway.telemetry import Operation

    OpenCall = Callable[[Mapping[str, Any]], Call]

T = TypeVar("T")


class BatchCalls:
    """What can be asked of the batch APIs of one gateway's providers.

    Args:
        parts: The gateway's parts.
        open_call: Opens a call with the options of one.
    """

    def __init__(self, parts: Composition, open_call: OpenCall) -> None:
        self.parts = parts
        self._open_call = open_call

    async def submit(
        self, requests: Any, shared: Mapping[str, Any], label: str | None, options: Mapping[str, Any]
    ) -> Batch:
        """Check the requests and make a batch of them."""
        default = self.parts.pipeline.routes.default_model
        with self._recorded(self._open_call(options), "batch_submit", shared.get("model") or "") as record:
            items = build_items(requests, shared, default_model=default)
            planned = await batch_sending.plan(self.parts, record.call, items, label)
            record.provider, record.model = planned.route.provider, planned.route.model
            batch = await batch_sending.send(self.parts, record.call, planned)
        return _of(planned.route.provider, batch, planned)

    async def ask(
        self,
        operation: Operation,
        provider: str,
        options: Mapping[str, Any],
        question: Callable[[BatchRunner, Call], Awaitable[T]],
    ) -> T:
        """Ask a provider something that may be asked again."""
        runner, _ = batch_sending.runner_of(self.parts, provider)

        async def send(attempt: Attempt) -> T:
            answer = await question(runner, attempt.call)
            attempt.ended()
            return answer

        with self._recorded(self._open_call(options), operation, "*") as record:
            record.provider = provider
            route = Route(provider=provider, model="*")
            return await self.parts.pipeline.upstream.attempts.run(record.call, (route,), send)

    async def status(self, batch_id: str, options: Mapping[str, Any]) -> Batch:
        """Say how a batch stands."""
        provider, own = split_id(batch_id)
        found = await self.ask("batch_status", provider, options, lambda runner, call: runner.batch_status(own, call))
        return _of(provider, found)

    async def cancel(self, batch_id: str, options: Mapping[str, Any]) -> Batch:
        """Ask for a batch to be stopped."""
        provider, own = split_id(batch_id)
        found = await self.ask("batch_cancel", provider, options, lambda runner, call: runner.cancel_batch(own, call))
        return _of(provider, found)

    async def latest(self, provider: str, limit: int, options: Mapping[str, Any]) -> tuple[Batch, ...]:
        """List the latest batches of a provider's account."""
        found: Sequence[Batch] = await self.ask(
            "batch_list", provider, options, lambda runner, call: runner.list_batches(limit, call)
        )
        return tuple(_of(provider, batch) for batch in found)

    def results(self, batch_id: str, shape: Any, options: Mapping[str, Any]) -> AsyncGenerator[BatchResult, None]:
        """Give the results of a batch; what is wrong with the id is told at once."""
        provider, own = split_id(batch_id)
        runner, _ = batch_sending.runner_of(self.parts, provider)
        return self._results(runner, batch_id, own, shape, options)

    async def _results(
        self, runner: BatchRunner, batch_id: str, own: str, shape: Any, options: Mapping[str, Any]
    ) -> AsyncGenerator[BatchResult, None]:
        call = self._open_call(options)
        with self._recorded(call, "batch_results", "*") as record:
            record.provider = batch_sending.provider_of(batch_id)
            found = cast("AsyncGenerator[BatchResult, None]", runner.batch_results(own, call))
            try:
                async with aclosing(found) as results:
                    async for result in results:
                        if call.remaining() <= 0:
                            raise DeadlineExceededError(
                                "the time for reading the results is up; raise timeout", phase="total"
                            )
                        yield await batch_sending.finished(self.parts, call, result, batch_id, shape)
            except GatewayError as error:
                error.provider = error.provider or record.provider
                raise

    async def watch(
        self, batch_id: str, *, pause: float, timeout: float, tenant_id: str | None
    ) -> AsyncGenerator[Batch, None]:
        """Give a batch as it stands, again and again, until it is done.

        A provider that cannot be reached for a while is asked again until the time is up.
        """
        import asyncio

        call = self._open_call({"timeout": timeout, "tenant_id": tenant_id})
        failure: GatewayError | None = None
        while True:
            batch = None
            try:
                batch = await self.status(batch_id, {"tenant_id": tenant_id})
            except GatewayError as error:
                if not (error.retry_here or isinstance(error, CircuitOpenError | DeadlineExceededError)):
                    raise
                failure = error
            if batch is not None:
                yield batch
                if batch.done:
                    return
            if call.remaining() <= 0:
                raise DeadlineExceededError(
                    f"batch '{batch_id}' was not done after {timeout:g} seconds. It is worked on all the same: ask for "
                    "it again later",
                    phase="batch",
                ) from failure
            await asyncio.sleep(min(pause, call.remaining()))

    @contextmanager
    def _recorded(self, call: Call, operation: Operation, model: str) -> Iterator[CallRecord]:
        """Tell telemetry of the beginning and the end of a call, whatever happens between."""
        pipeline = self.parts.pipeline
        record = CallRecord(call=call, operation=operation)
        pipeline.in_flight.add(call)
        try:
            pipeline.telemetry.started(record, model)
            yield record
        except BaseException as error:
            record.failed(error)
            raise
        finally:
            pipeline.in_flight.discard(call)
            pipeline.telemetry.finished(record)


def _of(provider: str, batch: Batch, planned: batch_sending.Planned | None = None) -> Batch:
    """Give a batch under its whole id, with what is known of it from its submission."""
    named = evolve(batch, id=f"{provider}:{batch.id}", provider=provider)
    if planned is None:
        return named
    total = named.counts.total or len(planned.submission.items)
    return evolve(
        named,
        model=named.model or planned.submission.model,
        counts=evolve(named.counts, total=total),
    )
