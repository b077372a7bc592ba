"""Batches as pure translation: the ``BatchDialect`` protocol, and the ``DialectBatches`` that sends for it.

Each step is one request and one answer, but for results, which are read line by line.
"""

from __future__ import annotations

import io
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from attrs import evolve

from litellm_gateway.batch_errors import BatchFailedError, BatchItemDroppedError, BatchNotDoneError, BatchNotFoundError
from litellm_gateway.batch_records import BatchResult
from litellm_gateway.dialects import Dialect, DialectProvider
from litellm_gateway.errors import GatewayError, InvalidRequestError, MalformedResponseError
from litellm_gateway.framing import reader_for
from litellm_gateway.secrets import redact
from litellm_gateway.wire import WireResponse

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
    from datetime import datetime

    from litellm_gateway.batch_records import Batch, BatchOutput, BatchSubmission
    from litellm_gateway.contracts import Call
    from litellm_gateway.responses import EmbedResponse, GenerateResponse
    from litellm_gateway.wire import OpenResponse, WireRequest

T = TypeVar("T")
LARGEST_RESULTS = 8 * 1024**3
"""Most bytes of one file of results; it is never held as a whole."""
_WRITTEN_APART = 200
_GONE = (404, 410)
_DROPPED = {"cancelled": "cancelled first", "expired": "not through in time"}


class BatchDialect(Dialect, Protocol):
    """A dialect that also speaks of batches. Ids of batches are the provider's own."""

    def encode_batch(self, submission: BatchSubmission, input_id: str | None) -> WireRequest:
        """Write the request that makes the batch."""
        ...

    def encode_batch_status(self, batch_id: str) -> WireRequest:
        """Write the question how a batch stands."""
        ...

    def decode_batch(self, response: WireResponse) -> Batch:
        """Read a batch from the answer to making it, or to asking how it stands."""
        ...

    def decode_batch_output(self, response: WireResponse) -> BatchOutput:
        """Say where the results lie, from the answer to asking how the batch stands."""
        ...

    def encode_batch_cancel(self, batch_id: str) -> WireRequest:
        """Write the request to stop a batch."""
        ...

    def decode_batch_cancel(self, response: WireResponse) -> Batch | None:
        """Read the batch from the answer to stopping it; None where that does not tell."""
        ...

    def encode_batch_list(self, limit: int) -> WireRequest:
        """Write the question for the latest batches."""
        ...

    def decode_batch_list(self, response: WireResponse) -> Sequence[Batch]:
        """Read them, newest first."""
        ...


class BatchFileDialect(BatchDialect, Protocol):
    """A dialect of batches whose requests go up as a file before the batch is made."""

    def encode_batch_input(self, submission: BatchSubmission) -> WireRequest:
        """Write the upload of the requests."""
        ...

    def decode_batch_input(self, response: WireResponse) -> str:
        """Read the id of the uploaded file."""
        ...


class DialectBatches(DialectProvider):
    """A :class:`~litellm_gateway.dialects.DialectProvider` whose dialect also speaks of batches."""

    dialect: BatchDialect

    async def prepare_batch(self, submission: BatchSubmission, call: Call) -> str | None:
        """Upload the requests, where the provider wants a file."""
        if not hasattr(self.dialect, "encode_batch_input"):
            return None
        dialect = cast("BatchFileDialect", self.dialect)
        wire = await self._written_apart(partial(dialect.encode_batch_input, submission), submission)
        return await self._exchange(wire, dialect.decode_batch_input, call, submission.model)

    async def start_batch(self, submission: BatchSubmission, prepared: str | None, call: Call) -> Batch:
        """Make the batch, with one request that is never repeated."""
        write = partial(self.dialect.encode_batch, submission, prepared)
        wire = await self._written_apart(write, submission)
        return self._masked(
            await self._exchange(evolve(wire, once=True), self.dialect.decode_batch, call, submission.model)
        )

    async def batch_status(self, batch_id: str, call: Call) -> Batch:
        """Say how a batch stands."""
        return self._masked(await self._look_up(batch_id, self.dialect.decode_batch, call))

    async def batch_results(self, batch_id: str, call: Call) -> AsyncIterator[BatchResult]:
        """Give the results one by one, in the provider's order; one that cannot be read is an error of its own."""

        def read(response: WireResponse) -> tuple[Batch, BatchOutput]:
            return self.dialect.decode_batch(response), self.dialect.decode_batch_output(response)

        batch, output = await self._look_up(batch_id, read, call)
        self._check_output(self._masked(batch), output, batch_id)
        for result in output.entries:
            yield self._checked(result)
        for wire in output.files:
            opened = await self._open_file(wire, batch_id, call)
            try:
                async with aclosing(self._lines(opened)) as lines:
                    async for line in lines:
                        yield self._result_of(line, output, opened)
            finally:
                await opened.aclose()

    async def cancel_batch(self, batch_id: str, call: Call) -> Batch:
        """Ask for a batch to be stopped; what was answered by then keeps its results."""
        wire = self._written(partial(self.dialect.encode_batch_cancel, batch_id), "")
        batch = await self._found(self._exchange(wire, self.dialect.decode_batch_cancel, call, ""), batch_id)
        return await self.batch_status(batch_id, call) if batch is None else self._masked(batch)

    async def list_batches(self, limit: int, call: Call) -> Sequence[Batch]:
        """List the latest batches, newest first."""
        write = partial(self.dialect.encode_batch_list, limit)
        return [self._masked(batch) for batch in await self.ask(write, self.dialect.decode_batch_list, call, "")]

    async def _written_apart(self, write: Callable[[], WireRequest], submission: BatchSubmission) -> WireRequest:
        """Write many requests in a thread: a loop that serves others must not stand still for seconds."""
        if len(submission.items) < _WRITTEN_APART:
            return self._written(write, submission.model)
        import asyncio

        return await asyncio.to_thread(self._written, write, submission.model)

    async def _look_up(self, batch_id: str, read: Callable[[WireResponse], T], call: Call) -> T:
        wire = self._written(partial(self.dialect.encode_batch_status, batch_id), "")
        return await self._found(self._exchange(wire, read, call, ""), batch_id)

    async def _open_file(self, wire: WireRequest, batch_id: str, call: Call) -> OpenResponse:
        wire = evolve(wire, answer_limit=LARGEST_RESULTS)
        return await self._found(self._open(wire, call, ""), batch_id, what="keeps no results of batch")

    async def _found(self, asked: Awaitable[T], batch_id: str, what: str = "knows no batch") -> T:
        """Turn the provider's "not found", which might be about anything, into one that is about the batch."""
        try:
            return await asked
        except GatewayError as error:
            if error.status_code not in _GONE:
                raise
            raise BatchNotFoundError(
                f"'{self.name}' {what} '{batch_id}': it may be another account's, or too long ago (status "
                f"{error.status_code})",
                provider=self.name,
                status_code=error.status_code,
                code=error.code,
                request_id=error.request_id,
            ) from error

    def _check_output(self, batch: Batch, output: BatchOutput, batch_id: str) -> None:
        """Refuse a batch without results, and say why it has none."""
        if not batch.done:
            raise BatchNotDoneError(
                f"batch '{batch_id}' of '{self.name}' is {batch.state}; its results come when it is done",
                state=batch.state,
                provider=self.name,
            )
        if not output.is_empty:
            return
        if batch.state == "failed":
            reasons = "; ".join(batch.reasons[:3]) or "it gives no reason"
            raise BatchFailedError(
                f"'{self.name}' failed batch '{batch_id}' as a whole: {reasons}",
                reasons=batch.reasons,
                provider=self.name,
            )
        if batch.state == "completed" and batch.counts.total != 0:
            raise BatchNotFoundError(f"'{self.name}' keeps no results of batch '{batch_id}'", provider=self.name)

    async def _lines(self, opened: OpenResponse) -> AsyncGenerator[bytes, None]:
        """Cut a file into lines; one line may be as large as a whole answer."""
        reader = reader_for("ndjson", evolve(self._limits, line=self._limits.body))
        try:
            async for data in opened.chunks():
                for event in reader.feed(data):
                    yield event.data
            for event in reader.close():
                yield event.data
        except GatewayError as error:
            raise self._named(error, "") from error.__cause__

    def _result_of(self, line: bytes, output: BatchOutput, opened: OpenResponse) -> BatchResult:
        assert output.read is not None, "files of results without what reads them"
        try:
            return self._checked(output.read(line))
        except Exception as error:
            seen = WireResponse(status=opened.status, headers=opened.headers, body=line)
            return BatchResult(custom_id=None, error=self._read_error(error, seen, ""))

    def _checked(self, result: BatchResult) -> BatchResult:
        if result.error is not None:
            self._named(result.error, "")
        return result

    def _masked(self, batch: Batch) -> Batch:
        """Let no key through in the provider's words."""
        return evolve(batch, reasons=tuple(redact(reason, self._secrets) for reason in batch.reasons))


def result_of(custom_id: str | None, read: Callable[[], GenerateResponse | EmbedResponse]) -> BatchResult:
    """Read the answer to one request; what is wrong with it is its own error, and no other's."""
    try:
        return BatchResult(custom_id=custom_id, response=read())
    except GatewayError as error:
        return BatchResult(custom_id=custom_id, error=error)
    except Exception as error:
        malformed = MalformedResponseError(f"the answer to request '{custom_id}' of the batch cannot be read")
        malformed.__cause__ = error
        return BatchResult(custom_id=custom_id, error=malformed)


def dropped(custom_id: str | None, why: str) -> BatchResult:
    """Give the result of a request that was never answered: ``why`` is ``cancelled`` or ``expired``."""
    error = BatchItemDroppedError(f"request '{custom_id}' was not answered: its batch was {_DROPPED[why]}", code=why)
    return BatchResult(custom_id=custom_id, error=error)


def moment(value: Any) -> datetime | None:
    """Read a moment: seconds since 1970, or ISO 8601; None for anything else."""
    from datetime import UTC, datetime

    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        return None
    return found if found is None or found.tzinfo is not None else found.replace(tzinfo=UTC)


def joined_lines(lines: Iterable[bytes], submission: BatchSubmission, *, head: bytes = b"", tail: bytes = b"") -> bytes:
    """Write one request per line into one body, held once only.

    Raises:
        InvalidRequestError: It takes more bytes than the provider does.
    """
    return _joined(lines, submission, b"\n", head=head, tail=b"\n" + tail)


def joined_entries(entries: Iterable[bytes], submission: BatchSubmission, *, head: bytes, tail: bytes) -> bytes:
    """Write requests as the entries of one JSON list; raises as :func:`joined_lines` does."""
    return _joined(entries, submission, b",", head=head, tail=tail)


def _joined(parts: Iterable[bytes], submission: BatchSubmission, between: bytes, *, head: bytes, tail: bytes) -> bytes:
    body = io.BytesIO()
    body.write(head)
    most = submission.most_bytes + len(head)
    for index, part in enumerate(parts):
        if index:
            body.write(between)
        body.write(part)
        if body.tell() > most:
            raise InvalidRequestError(
                f"the batch takes more than the {submission.most_bytes} bytes the provider does, "
                f"from request {index + 1} of {len(submission.items)} on; submit it in parts",
                parameter="requests",
            )
    body.write(tail)
    return body.getvalue()
