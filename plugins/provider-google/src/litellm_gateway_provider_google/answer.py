"""Read a whole answer: a stream of one event, with what only whole answers have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway import json_codec
from litellm_gateway.answer_builder import AnswerBuilder
from litellm_gateway.wire_shapes import as_list, as_object, as_text

from litellm_gateway_provider_google.answer_stream import AnswerDecoder

if TYPE_CHECKING:
    from litellm_gateway.responses import GenerateResponse
    from litellm_gateway.wire import WireResponse


def read_answer(response: WireResponse, *, asked_model: str) -> GenerateResponse:
    """Read an answer with a status below 400.

    Raises:
        GatewayError: The body reports an error in place of an answer.
        ValueError: The body is no answer.
    """
    body = json_codec.decode(response.body)
    decoder, builder = AnswerDecoder(), AnswerBuilder()
    for piece in (*decoder.read(body), *decoder.close()):
        builder.take(piece)
    events = body if isinstance(body, list) else [body]
    if builder.finish is None and not any(_says_something(event) for event in events):
        raise ValueError("an answer without content and finish reason")
    return builder.build(model=asked_model, metadata=_metadata(events))


def _says_something(event: dict[str, Any]) -> bool:
    candidates = as_list(event.get("candidates"), "candidates")
    return any(as_object(candidate, "candidate").get("content") for candidate in candidates)


def _metadata(events: list[dict[str, Any]]) -> dict[str, Any]:
    last = events[-1]
    metadata: dict[str, Any] = {}
    if response_id := as_text(last.get("responseId"), "responseId"):
        metadata["response_id"] = response_id
    tier = as_object(last.get("usageMetadata"), "usageMetadata").get("serviceTier")
    if tier:
        metadata["service_tier"] = tier
    candidates = [as_object(item, "candidate") for item in as_list(last.get("candidates"), "candidates")]
    if candidates and (logprobs := candidates[0].get("logprobsResult")):
        metadata["logprobs"] = logprobs
    if len(candidates) > 1:  # asked for by n; the first is the answer itself
        metadata["alternatives"] = tuple(_text(candidate) for candidate in candidates[1:])
    return metadata


def _text(candidate: dict[str, Any]) -> str:
    content = as_object(candidate.get("content"), "content")
    parts = [as_object(part, "part") for part in as_list(content.get("parts"), "parts")]
    return "".join(as_text(part.get("text"), "text") for part in parts if not part.get("thought"))
