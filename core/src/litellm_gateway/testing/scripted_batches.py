"""A provider whose batch API lives in memory, for tests of what a gateway or a program makes of batches."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import evolve

from litellm_gateway.batch_errors import BatchNotDoneError, BatchNotFoundError
from litellm_gateway.batch_records import Batch, BatchCounts, BatchResult
from litellm_gateway.contracts import BatchTerms
from litellm_gateway.dialect_batches import dropped, result_of
from litellm_gateway.hookspecs import hookimpl
from litellm_gateway.testing.scripted_provider import ScriptedProvider, answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from litellm_gateway.batch_records import BatchItem, BatchSubmission
    from litellm_gateway.contracts import BuildContext, Call, ProviderOffer

TERMS = BatchTerms(
    requests=1000,
    bytes=1_000_000,
    operations=frozenset({"generate", "embed"}),
    price=Decimal("0.5"),
    source="a test",
    as_of="2026-11-01",
)


class ScriptedBatches(ScriptedProvider):
    """Answers batches after some questions about them; also the plugin that offers it.

    Args:
        reply: Gives the answer to one request of a batch, or raises its error.
        questions: How often a batch is asked for before it is done.
        terms: What its offer says of batches.
        name: Name to be offered by.

    Attributes:
        submissions: What was submitted, in order.
        uploads: How often requests were uploaded.
        faults: Errors to raise, by the name of the method; each is raised once, in order.
        open_results: Readings of results that were begun and not ended.
    """

    def __init__(
        self,
        reply: Callable[[BatchItem], Any] = lambda item: answer(f"answer to {item.custom_id}"),
        *,
        questions: int = 0,
        terms: BatchTerms | None = TERMS,
        name: str = "scripted",
    ) -> None:
        super().__init__(answer(), name=name)
        self._reply = reply
        self._questions = questions
        self._terms = terms
        self._asked: dict[str, int] = {}
        self._stopped: set[str] = set()
        self.submissions: list[BatchSubmission] = []
        self.uploads = 0
        self.faults: dict[str, list[BaseException]] = {}
        self.open_results = 0

    @hookimpl
    def gateway_provider(self) -> ProviderOffer:
        """Offer this very object."""

        def build(_settings: object, _context: BuildContext) -> ScriptedBatches:
            return self

        return evolve(super().gateway_provider(), build=build, batches=self._terms)

    async def prepare_batch(self, submission: BatchSubmission, call: Call) -> str | None:
        """Count an upload."""
        self._fail("prepare_batch")
        self.uploads += 1
        return f"file-{self.uploads}"

    async def start_batch(self, submission: BatchSubmission, prepared: str | None, call: Call) -> Batch:
        """Keep the submission; a fault strikes after that, as an answer lost on its way does."""
        self.submissions.append(submission)
        self._fail("start_batch")
        return self._batch(len(self.submissions), state="queued")

    async def batch_status(self, batch_id: str, call: Call) -> Batch:
        """Count the question; the batch is done after some."""
        self._fail("batch_status")
        number = self._number(batch_id)
        self._asked[batch_id] = self._asked.get(batch_id, 0) + 1
        if batch_id in self._stopped:
            return self._batch(number, state="cancelled")
        return self._batch(number, state="completed" if self._asked[batch_id] > self._questions else "running")

    async def batch_results(self, batch_id: str, call: Call) -> AsyncIterator[BatchResult]:
        """Give the results, last one first, as no order is promised."""
        batch = await self.batch_status(batch_id, call)
        if not batch.done:
            raise BatchNotDoneError(f"batch '{batch_id}' is {batch.state}", state=batch.state)
        self.open_results += 1
        try:
            for item in reversed(self.submissions[self._number(batch_id) - 1].items):
                self._fail("batch_results")
                stopped = batch.state == "cancelled"
                yield dropped(item.custom_id, "cancelled") if stopped else result_of(item.custom_id, self._of(item))
        finally:
            self.open_results -= 1

    async def cancel_batch(self, batch_id: str, call: Call) -> Batch:
        """Stop it at once."""
        self._stopped.add(batch_id)
        return self._batch(self._number(batch_id), state="cancelled")

    async def list_batches(self, limit: int, call: Call) -> Sequence[Batch]:
        """List them, newest first."""
        numbers = range(len(self.submissions), 0, -1)
        return [self._batch(number, state="running") for number in numbers][:limit]

    def _of(self, item: BatchItem) -> Callable[[], Any]:
        return lambda: self._reply(item)

    def _fail(self, method: str) -> None:
        if self.faults.get(method):
            raise self.faults[method].pop(0)

    def _number(self, batch_id: str) -> int:
        number = int(batch_id.removeprefix("batch_")) if batch_id.removeprefix("batch_").isdigit() else 0
        if not 0 < number <= len(self.submissions):
            raise BatchNotFoundError(f"there is no batch '{batch_id}'", provider=self.name)
        return number

    def _batch(self, number: int, *, state: Any) -> Batch:
        submission = self.submissions[number - 1]
        total = len(submission.items)
        counts = BatchCounts(total=total, succeeded=total if state == "completed" else 0)
        return Batch(id=f"batch_{number}", state=state, model=submission.model, label=submission.label, counts=counts)
