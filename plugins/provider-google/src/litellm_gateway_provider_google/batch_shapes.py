"""Read what Google says of a batch: an operation with its state, and results inside it or in a file."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from litellm_gateway import json_codec
from litellm_gateway.batch_records import Batch, BatchCounts
from litellm_gateway.dialect_batches import moment, result_of
from litellm_gateway.responses import EmbedResponse
from litellm_gateway.wire import WireResponse
from litellm_gateway.wire_shapes import as_list, as_object, as_text, read_object

from litellm_gateway_provider_google.answer import read_answer
from litellm_gateway_provider_google.embeddings import read_embed_answer
from litellm_gateway_provider_google.errors import error_in_answer
from litellm_gateway_provider_google.long_counts import as_count
from litellm_gateway_provider_google.usage import read_usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_gateway.batch_records import BatchResult, BatchState
    from litellm_gateway.responses import GenerateResponse

_STATES: Final[dict[str, BatchState]] = {
    "UNSPECIFIED": "queued",
    "QUEUED": "queued",
    "PENDING": "queued",
    "RUNNING": "running",
    "SUCCEEDED": "completed",
    "PARTIALLY_SUCCEEDED": "completed",
    "FAILED": "failed",
    "CANCELLING": "cancelling",
    "CANCELLED": "cancelled",
    "EXPIRED": "expired",
}


def read_operation(response: WireResponse) -> dict[str, Any]:
    """Give the operation a batch is; its own ``error`` is the batch's and not the request's."""
    body = read_object(response.body, "an answer about batches")
    failure = error_in_answer(body) if "name" not in body else None
    if failure is not None:
        raise failure
    return body


def read_batch(body: dict[str, Any]) -> Batch:
    """Read a batch."""
    name, data = as_text(body.get("name"), "name"), as_object(body.get("metadata"), "metadata")
    if not name.startswith("batches/"):
        raise ValueError("a batch without a name")
    word, fault = as_text(data.get("state"), "state"), as_object(body.get("error"), "error")
    stats = as_object(data.get("batchStats"), "batchStats")
    return Batch(
        id=name.removeprefix("batches/"),
        state=_state(word, done=body.get("done") is True, failed=bool(fault)),
        raw_state=word or None,
        model=model_of(body) or None,
        counts=BatchCounts(
            total=as_count(stats["requestCount"], "requestCount") if "requestCount" in stats else None,
            succeeded=as_count(stats.get("successfulRequestCount"), "successfulRequestCount"),
            failed=as_count(stats.get("failedRequestCount"), "failedRequestCount"),
        ),
        label=as_text(data.get("displayName"), "displayName") or None,
        created_at=moment(data.get("createTime")),
        ended_at=moment(data.get("endTime")),
        reasons=(as_text(fault.get("message"), "message") or "no reason given",) if fault else (),
        raw={"name": name, "metadata": {key: value for key, value in data.items() if key != "output"}},
    )


def model_of(body: dict[str, Any]) -> str:
    """Give the model a batch is for, ``""`` where the operation does not tell."""
    return as_text(as_object(body.get("metadata"), "metadata").get("model"), "model").removeprefix("models/")


def output_of(body: dict[str, Any]) -> dict[str, Any]:
    """Give the part of the operation that holds the results, or names their file."""
    answer = as_object(body.get("response"), "response")
    return answer or as_object(as_object(body.get("metadata"), "metadata").get("output"), "output")


def inlined(output: dict[str, Any]) -> list[Any]:
    """Give the results the operation itself holds."""
    for name in ("inlinedResponses", "inlinedEmbedContentResponses"):
        found = as_list(as_object(output.get(name), name).get("inlinedResponses"), "inlinedResponses")
        if found:
            return found
    return []


def read_entries(entries: list[Any], *, model: str) -> Iterator[BatchResult]:
    """Read results one by one."""
    for entry in entries:
        yield read_entry(as_object(entry, "response"), model=model)


def read_line(line: bytes, *, model: str) -> BatchResult:
    """Read the line of one result in a file.

    Raises:
        ValueError: It is no such line.
    """
    entry = read_object(line, "a line of results")
    return read_entry(entry, model=model)


def read_entry(entry: dict[str, Any], *, model: str) -> BatchResult:
    """Read one result, good or bad."""
    key = entry.get("key") or as_object(entry.get("metadata"), "metadata").get("key")
    return result_of(key if isinstance(key, str) else None, partial(_answer, entry, model))


def _answer(entry: dict[str, Any], model: str) -> GenerateResponse | EmbedResponse:
    failure = error_in_answer(entry)
    if failure is not None:
        raise failure
    body = as_object(entry.get("response"), "response")
    response = WireResponse(status=200, headers={}, body=json_codec.encode(body))
    if "embedding" not in body:
        return read_answer(response, asked_model=model)
    answer = read_embed_answer(response, asked_model=model)
    tokens = body.get("tokenCount")
    usage = read_usage({"promptTokenCount": tokens}) if tokens is not None else answer.usage
    return EmbedResponse(vectors=answer.vectors, model=answer.model, usage=usage)


def _state(word: str, *, done: bool, failed: bool) -> BatchState:
    if failed:
        return "failed"
    known = _STATES.get(word.removeprefix("JOB_STATE_").removeprefix("BATCH_STATE_"))
    if known is not None:
        return known
    return "completed" if done else "running"
