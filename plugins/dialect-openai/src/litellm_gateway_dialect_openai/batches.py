"""Batches as OpenAI has them: requests go up as a file of lines, results come down as one or two."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from litellm_gateway import json_codec
from litellm_gateway.batch_records import Batch, BatchCounts, BatchOutput
from litellm_gateway.dialect_batches import joined_lines, moment
from litellm_gateway.errors import InvalidRequestError
from litellm_gateway.requests import EmbedRequest, GenerateRequest
from litellm_gateway.wire_shapes import as_count, as_list, as_object, as_text

from litellm_gateway_dialect_openai.batch_lines import CHAT, EMBEDDINGS, RESPONSES, read_line, write_line
from litellm_gateway_dialect_openai.chat_request import write_chat_request
from litellm_gateway_dialect_openai.dialect import OpenAIDialect
from litellm_gateway_dialect_openai.embeddings import write_embed_request
from litellm_gateway_dialect_openai.errors import read_body
from litellm_gateway_dialect_openai.responses_request import write_responses_request

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from litellm_gateway.batch_records import BatchState, BatchSubmission
    from litellm_gateway.requests import Request
    from litellm_gateway.wire import WireRequest, WireResponse

_STATES: Final[dict[str, BatchState]] = {
    "validating": "queued",
    "in_progress": "running",
    "finalizing": "running",
    "completed": "completed",
    "failed": "failed",
    "expired": "expired",
    "cancelling": "cancelling",
    "cancelled": "cancelled",
}
_BOUNDARY: Final = "gateway-batch-file"
"""It cannot stand in the file: after a line's end there, there is always the ``{`` of the next."""
_HEAD: Final = (
    f'--{_BOUNDARY}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
    f'--{_BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="batch.jsonl"\r\n'
    "content-type: application/jsonl\r\n\r\n"
).encode()
_TAIL: Final = f"\r\n--{_BOUNDARY}--\r\n".encode()
_LABEL: Final = "label"
_ENDS: Final = ("completed_at", "failed_at", "expired_at", "cancelled_at")


class OpenAIBatchDialect(OpenAIDialect):
    """Speaks of batches too, with the arguments of :class:`OpenAIDialect`."""

    def encode_batch_input(self, submission: BatchSubmission) -> WireRequest:
        """Write the upload of the requests, one per line."""
        body = joined_lines(self._lines(submission), submission, head=_HEAD, tail=_TAIL)
        content_type = {"content-type": f"multipart/form-data; boundary={_BOUNDARY}"}
        return self._address.request(self._address.files_url, body, content_type)

    def decode_batch_input(self, response: WireResponse) -> str:
        """Read the id of the uploaded file."""
        file_id = as_text(_object(response).get("id"), "id")
        if not file_id:
            raise ValueError("an uploaded file without an id")
        return file_id

    def encode_batch(self, submission: BatchSubmission, input_id: str | None) -> WireRequest:
        """Write the request that makes the batch of an uploaded file."""
        body = {
            "input_file_id": input_id,
            "endpoint": self._endpoint(submission),
            "completion_window": "24h",
            "metadata": {_LABEL: submission.label},
        }
        return self._address.request(self._address.batches_url, json_codec.encode(body), {})

    def encode_batch_status(self, batch_id: str) -> WireRequest:
        """Ask how a batch stands."""
        return self._address.lookup(_below(self._address.batches_url, batch_id))

    def decode_batch(self, response: WireResponse) -> Batch:
        """Read a batch."""
        return _batch(_object(response))

    def decode_batch_output(self, response: WireResponse) -> BatchOutput:
        """Say in which files the results lie; those of failed requests have one of their own."""
        body = _object(response)
        ids = [as_text(body.get(name), name) for name in ("output_file_id", "error_file_id")]
        urls = [_below(self._address.files_url, file_id, "/content") for file_id in ids if file_id]
        endpoint = as_text(body.get("endpoint"), "endpoint") or CHAT
        return BatchOutput(files=tuple(map(self._address.lookup, urls)), read=partial(read_line, endpoint=endpoint))

    def encode_batch_cancel(self, batch_id: str) -> WireRequest:
        """Ask for a batch to be stopped."""
        return self._address.request(_below(self._address.batches_url, batch_id, "/cancel"), b"", {})

    def decode_batch_cancel(self, response: WireResponse) -> Batch | None:
        """Read the batch as it stands then."""
        return self.decode_batch(response)

    def encode_batch_list(self, limit: int) -> WireRequest:
        """Ask for the latest batches."""
        url = self._address.batches_url
        return self._address.lookup(f"{url}{'&' if '?' in url else '?'}limit={limit}")

    def decode_batch_list(self, response: WireResponse) -> Sequence[Batch]:
        """Read them."""
        return [_batch(as_object(item, "batch")) for item in as_list(_object(response).get("data"), "data")]

    def _endpoint(self, submission: BatchSubmission) -> str:
        """Give the one API all requests go to; what only the Responses API can say takes all of them there."""
        first = submission.items[0].request
        if isinstance(first, EmbedRequest):
            return EMBEDDINGS
        asked = (item.request for item in submission.items)
        wanted = any(isinstance(request, GenerateRequest) and self._wants_responses(request) for request in asked)
        return RESPONSES if wanted else CHAT

    def _lines(self, submission: BatchSubmission) -> Iterator[bytes]:
        endpoint = self._endpoint(submission)
        for item in submission.items:
            try:
                yield write_line(item.custom_id, endpoint, self._body(item.request, endpoint))
            except ValueError as error:
                raise InvalidRequestError(f"request '{item.custom_id}' cannot be written as JSON: {error}") from error

    def _body(self, request: Request, endpoint: str) -> dict[str, Any]:
        if isinstance(request, EmbedRequest):
            return write_embed_request(request, self.quirks)
        if endpoint == RESPONSES:
            return write_responses_request(request, self.quirks, stream=False, summary=self._summary)
        return write_chat_request(request, self.quirks, stream=False)


def _object(response: WireResponse) -> dict[str, Any]:
    # A batch's own "errors" are no error of the request about it; "error" is.
    return read_body(response, "an answer about batches")


def _batch(body: dict[str, Any]) -> Batch:
    batch_id, word = as_text(body.get("id"), "id"), as_text(body.get("status"), "status")
    if not batch_id or not word:
        raise ValueError("a batch without id and status")
    counts = as_object(body.get("request_counts"), "request_counts")
    failed = as_count(counts.get("failed"), "failed")
    faults = as_list(as_object(body.get("errors"), "errors").get("data"), "errors")
    return Batch(
        id=batch_id,
        state=_STATES.get(word.lower(), "running"),
        raw_state=word,
        model=as_text(body.get("model"), "model") or None,
        counts=BatchCounts(
            total=as_count(counts["total"], "total") if counts.get("total") is not None else None,
            succeeded=as_count(counts.get("completed"), "completed"),
            failed=failed,
        ),
        label=as_text(as_object(body.get("metadata"), "metadata").get(_LABEL), "label") or None,
        created_at=moment(body.get("created_at")),
        ended_at=next(filter(None, (moment(body.get(name)) for name in _ENDS)), None),
        expires_at=moment(body.get("expires_at")),
        reasons=tuple(_reason(as_object(fault, "error")) for fault in faults),
        raw=body,
    )


def _reason(fault: dict[str, Any]) -> str:
    line = f"line {fault['line']}: " if isinstance(fault.get("line"), int) else ""
    return f"{line}{as_text(fault.get('message'), 'message') or as_text(fault.get('code'), 'code')}"


def _below(url: str, name: str, rest: str = "") -> str:
    """Give the address of one thing below a collection, whose URL may end in a query."""
    path, mark, query = url.partition("?")
    return f"{path}/{quote(name, safe='')}{rest}{mark}{query}"
