"""Batches of the Gemini API: requests go up in one body, and come back within the operation that works on them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve
from litellm_gateway import json_codec
from litellm_gateway.batch_records import BatchOutput
from litellm_gateway.dialect_batches import joined_entries
from litellm_gateway.errors import InvalidRequestError, UnsupportedParameterError
from litellm_gateway.requests import EmbedRequest
from litellm_gateway.wire_shapes import as_list, as_object, as_text

from litellm_gateway_provider_google.batch_shapes import (
    inlined,
    model_of,
    output_of,
    read_batch,
    read_entries,
    read_line,
    read_operation,
)
from litellm_gateway_provider_google.dialect import GeminiDialect
from litellm_gateway_provider_google.embeddings import write_embed_request
from litellm_gateway_provider_google.generate_request import write_generate_request

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from litellm_gateway.batch_records import Batch, BatchSubmission
    from litellm_gateway.requests import Request
    from litellm_gateway.wire import WireRequest, WireResponse

_LARGEST_OPERATION: Final = 256 * 1024 * 1024
"""An operation that is done holds all its results, each of which may be longer than its request."""


class GeminiBatchDialect(GeminiDialect):
    """Speaks of batches too, with the arguments of :class:`GeminiDialect`; Vertex AI has another way, from buckets."""

    def encode_batch(self, submission: BatchSubmission, input_id: str | None) -> WireRequest:
        """Write the batch with all its requests, for one model."""
        is_embed = isinstance(submission.items[0].request, EmbedRequest)
        label = json_codec.encode(submission.label)
        head = b'{"batch":{"displayName":' + label + b',"inputConfig":{"requests":{"requests":['
        body = joined_entries(self._entries(submission), submission, head=head, tail=b"]}}}}")
        method = "asyncBatchEmbedContent" if is_embed else "batchGenerateContent"
        return self._address.request(submission.model, method, body, {})

    def encode_batch_status(self, batch_id: str) -> WireRequest:
        """Ask how a batch stands."""
        return evolve(self._address.lookup(f"batches/{batch_id}"), answer_limit=_LARGEST_OPERATION)

    def decode_batch(self, response: WireResponse) -> Batch:
        """Read a batch."""
        return read_batch(read_operation(response))

    def decode_batch_output(self, response: WireResponse) -> BatchOutput:
        """Give the results the operation holds, or say in which file they lie."""
        body = read_operation(response)
        output, model = output_of(body), model_of(body)
        file = as_text(output.get("responsesFile"), "responsesFile")
        if file:
            return BatchOutput(files=(self._address.download(file),), read=partial(read_line, model=model))
        entries = inlined(output)
        return BatchOutput(entries=read_entries(entries, model=model)) if entries else BatchOutput()

    def encode_batch_cancel(self, batch_id: str) -> WireRequest:
        """Ask for a batch to be stopped."""
        return self._address.act(f"batches/{batch_id}:cancel")

    def decode_batch_cancel(self, response: WireResponse) -> Batch | None:
        """Google answers with nothing, or an error."""
        read_operation(response)
        return None

    def encode_batch_list(self, limit: int) -> WireRequest:
        """Ask for the latest batches."""
        return self._address.lookup(f"batches?pageSize={limit}")

    def decode_batch_list(self, response: WireResponse) -> Sequence[Batch]:
        """Read them."""
        rows = as_list(read_operation(response).get("operations"), "operations")
        return [read_batch(as_object(row, "operation")) for row in rows]

    def _entries(self, submission: BatchSubmission) -> Iterator[bytes]:
        for item in submission.items:
            try:
                yield json_codec.encode({"request": self._body(item.request), "metadata": {"key": item.custom_id}})
            except ValueError as error:
                raise InvalidRequestError(f"request '{item.custom_id}' cannot be written as JSON: {error}") from error

    def _body(self, request: Request) -> dict[str, Any]:
        if not isinstance(request, EmbedRequest):
            return write_generate_request(request, self._manners, stream=False)
        if len(request.texts) > 1:
            raise UnsupportedParameterError(
                "a request in a batch of Gemini embeddings is for one text; make a request of each", parameter="texts"
            )
        path = self._address.model_path(request.model)
        return write_embed_request(request, model_path=path, is_vertex=False)[1]
