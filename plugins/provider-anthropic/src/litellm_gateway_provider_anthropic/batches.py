"""The Message Batches API: requests go up in one body, results come down as a file of lines."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from litellm_gateway import json_codec
from litellm_gateway.batch_records import Batch, BatchCounts, BatchOutput
from litellm_gateway.dialect_batches import dropped, joined_entries, moment, result_of
from litellm_gateway.errors import InvalidRequestError, UnsupportedParameterError
from litellm_gateway.requests import EmbedRequest
from litellm_gateway.wire import WireResponse
from litellm_gateway.wire_shapes import as_count, as_list, as_object, as_text, read_object

from litellm_gateway_provider_anthropic.answer import read_answer
from litellm_gateway_provider_anthropic.dialect import NEWEST_VERSION, AnthropicDialect
from litellm_gateway_provider_anthropic.errors import error_in_stream, read_body
from litellm_gateway_provider_anthropic.request_body import SAMPLING, write_messages_request

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from litellm_gateway.batch_records import BatchItem, BatchResult, BatchState, BatchSubmission
    from litellm_gateway.responses import GenerateResponse
    from litellm_gateway.wire import WireRequest

_DROPPED: Final = {"canceled": "cancelled", "expired": "expired"}


class AnthropicBatchDialect(AnthropicDialect):
    """Speaks of batches too, with the arguments of :class:`AnthropicDialect`."""

    def encode_batch(self, submission: BatchSubmission, input_id: str | None) -> WireRequest:
        """Write the batch with all its requests; one version holds for all of them."""
        sampled = next((name for item in submission.items for name in SAMPLING if _has(item, name)), None)
        version = self._version_for({} if sampled is None else {sampled: True})
        body = joined_entries(self._entries(submission), submission, head=b'{"requests":[', tail=b"]}")
        return self._address.post(self._address.batches_url, body, version, {})

    def encode_batch_status(self, batch_id: str) -> WireRequest:
        """Ask how a batch stands."""
        return self._get(self._own(batch_id))

    def decode_batch(self, response: WireResponse) -> Batch:
        """Read a batch."""
        return _batch(_object(response))

    def decode_batch_output(self, response: WireResponse) -> BatchOutput:
        """Say where the results lie. Only this account's own server is asked, whatever address the answer names."""
        body = _object(response)
        named = as_text(body.get("results_url"), "results_url")
        if not named:
            return BatchOutput()
        own = self._own(as_text(body.get("id"), "id")) + "/results"
        return BatchOutput(files=(self._get(named if _same_server(named, own) else own),), read=read_line)

    def encode_batch_cancel(self, batch_id: str) -> WireRequest:
        """Ask for a batch to be stopped."""
        return self._address.post(f"{self._own(batch_id)}/cancel", b"", self._version or NEWEST_VERSION, {})

    def decode_batch_cancel(self, response: WireResponse) -> Batch | None:
        """Read the batch as it stands then."""
        return self.decode_batch(response)

    def encode_batch_list(self, limit: int) -> WireRequest:
        """Ask for the latest batches."""
        return self._get(f"{self._address.batches_url}?limit={limit}")

    def decode_batch_list(self, response: WireResponse) -> Sequence[Batch]:
        """Read them."""
        return [_batch(as_object(row, "batch")) for row in as_list(_object(response).get("data"), "data")]

    def _own(self, batch_id: str) -> str:
        return f"{self._address.batches_url}/{quote(batch_id, safe='')}"

    def _get(self, url: str) -> WireRequest:
        return self._address.get(url, self._version or NEWEST_VERSION)

    def _entries(self, submission: BatchSubmission) -> Iterator[bytes]:
        for item in submission.items:
            if isinstance(item.request, EmbedRequest):
                raise UnsupportedParameterError("Anthropic makes no embeddings", parameter="texts")
            params = write_messages_request(item.request, self._traits.of(item.request.model), stream=False)
            try:
                yield json_codec.encode({"custom_id": item.custom_id, "params": params})
            except ValueError as error:
                raise InvalidRequestError(f"request '{item.custom_id}' cannot be written as JSON: {error}") from error


def read_line(line: bytes) -> BatchResult:
    """Read the line of one result, good or bad.

    Raises:
        ValueError: It is no such line.
    """
    item = read_object(line, "a line of results")
    custom_id = as_text(item.get("custom_id"), "custom_id")
    if not custom_id:
        raise ValueError("a line of results without custom_id")
    result = as_object(item.get("result"), "result")
    why = _DROPPED.get(as_text(result.get("type"), "type"))
    return dropped(custom_id, why) if why else result_of(custom_id, partial(_answer, result))


def _answer(result: dict[str, Any]) -> GenerateResponse:
    if result.get("type") == "errored":
        raise error_in_stream(as_object(result.get("error"), "error"))
    body = json_codec.encode(result.get("message"))
    return read_answer(WireResponse(status=200, headers={}, body=body), asked_model="")


def _object(response: WireResponse) -> dict[str, Any]:
    return read_body(response, "an answer about batches")


def _batch(body: dict[str, Any]) -> Batch:
    batch_id, word = as_text(body.get("id"), "id"), as_text(body.get("processing_status"), "processing_status")
    if not batch_id or not word:
        raise ValueError("a batch without id and status")
    tallies = as_object(body.get("request_counts"), "request_counts")
    counts = {name: as_count(value, name) for name, value in tallies.items()}
    return Batch(
        id=batch_id,
        state=_state(word, counts, stopped=bool(body.get("cancel_initiated_at"))),
        raw_state=word,
        counts=BatchCounts(
            total=sum(counts.values()) if counts else None,
            succeeded=counts.get("succeeded", 0),
            failed=counts.get("errored", 0),
            cancelled=counts.get("canceled", 0),
            expired=counts.get("expired", 0),
        ),
        created_at=moment(body.get("created_at")),
        ended_at=moment(body.get("ended_at")),
        expires_at=moment(body.get("expires_at")),
        raw=body,
    )


def _state(word: str, counts: dict[str, int], *, stopped: bool) -> BatchState:
    """Tell the ways to end apart, which Anthropic does by counting."""
    if word == "canceling":
        return "cancelling"
    if word != "ended":
        return "running"
    if stopped and counts.get("canceled"):
        return "cancelled"
    return "expired" if counts.get("expired") else "completed"


def _has(item: BatchItem, name: str) -> bool:
    request = item.request
    return getattr(request, name, None) is not None or name in request.extra_body


def _same_server(url: str, own: str) -> bool:
    """Tell whether a URL leads to the very server the key is for: same scheme, host and port, no user in between."""
    there, here = urlsplit(url), urlsplit(own)
    return (there.scheme, there.netloc) == (here.scheme, here.netloc)
