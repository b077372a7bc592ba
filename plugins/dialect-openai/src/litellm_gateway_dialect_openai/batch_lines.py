"""Write and read the lines of a batch: one request each on the way up, one result each on the way down."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from litellm_gateway import json_codec
from litellm_gateway.dialect_batches import dropped, result_of
from litellm_gateway.wire import WireResponse
from litellm_gateway.wire_shapes import as_object, as_text, read_object

from litellm_gateway_dialect_openai.chat_answer import read_chat_answer
from litellm_gateway_dialect_openai.embeddings import read_embed_answer
from litellm_gateway_dialect_openai.errors import error_of_status
from litellm_gateway_dialect_openai.responses_answer import read_responses_answer

if TYPE_CHECKING:
    from litellm_gateway.batch_records import BatchResult
    from litellm_gateway.responses import EmbedResponse, GenerateResponse

CHAT: Final = "/v1/chat/completions"
RESPONSES: Final = "/v1/responses"
EMBEDDINGS: Final = "/v1/embeddings"
_DROPPED: Final = {"batch_expired": "expired", "batch_cancelled": "cancelled", "batch_canceled": "cancelled"}
_FAILED: Final = 400
_NO_STATUS: Final = 500


def write_line(custom_id: str, endpoint: str, body: dict[str, Any]) -> bytes:
    """Give the line of one request; raises ``ValueError`` for what JSON cannot hold."""
    return json_codec.encode({"custom_id": custom_id, "method": "POST", "url": endpoint, "body": body})


def read_line(line: bytes, *, endpoint: str) -> BatchResult:
    """Read the line of one result, good or bad.

    Raises:
        ValueError: It is no such line.
    """
    item = read_object(line, "a line of results")
    custom_id = as_text(item.get("custom_id"), "custom_id")
    if not custom_id:
        raise ValueError("a line of results without custom_id")
    error = item.get("error")
    if isinstance(error, dict) and error.get("code") in _DROPPED:
        return dropped(custom_id, _DROPPED[error["code"]])
    return result_of(custom_id, partial(_answer, item, endpoint))


def _answer(item: dict[str, Any], endpoint: str) -> GenerateResponse | EmbedResponse:
    answer = as_object(item.get("response"), "response")
    status = answer.get("status_code") if isinstance(answer.get("status_code"), int) else None
    if not answer or item.get("error"):
        failure = WireResponse(status=status or _NO_STATUS, headers={}, body=json_codec.encode(item))
        raise error_of_status(failure)
    request_id = as_text(answer.get("request_id"), "request_id")
    response = WireResponse(
        status=200 if status is None else status,
        headers={"x-request-id": request_id} if request_id else {},
        body=json_codec.encode(answer.get("body")),
    )
    if response.status >= _FAILED:
        raise error_of_status(response)
    if endpoint == EMBEDDINGS:
        return read_embed_answer(response, asked_model="")
    if endpoint == RESPONSES:
        return read_responses_answer(response, asked_model="")
    return read_chat_answer(response, asked_model="")
