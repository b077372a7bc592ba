"""Write moderation requests and read judgements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway.responses import Moderation, ModerationResponse, TokenUsage
from litellm_gateway.wire_shapes import as_list, as_object, as_text

from litellm_gateway_dialect_openai.errors import read_body
from litellm_gateway_dialect_openai.usage import find_usage, read_usage

if TYPE_CHECKING:
    from litellm_gateway.requests import ModerationRequest
    from litellm_gateway.wire import WireResponse


def write_moderation_request(request: ModerationRequest) -> dict[str, Any]:
    """Give the body of a moderation request; without a model the server takes its newest."""
    body: dict[str, Any] = {"input": list(request.texts)}
    if request.model:
        body["model"] = request.model
    body.update(request.extra_body)
    return body


def read_moderation_answer(response: WireResponse, request: ModerationRequest) -> ModerationResponse:
    """Read one judgement for each text, in order.

    Raises:
        GatewayError: The body reports an error in place of an answer.
        ValueError: The body is no such answer, or has another number of judgements.
    """
    body = read_body(response, "a moderation answer")
    results = tuple(_judgement(as_object(item, "result")) for item in as_list(body.get("results"), "results"))
    if len(results) != len(request.texts):
        raise ValueError("wrong number of judgements")
    usage, request_id = find_usage(body), response.headers.get("x-request-id")
    return ModerationResponse(
        results=results,
        model=as_text(body.get("model"), "model") or request.model,
        usage=read_usage(usage) if usage else TokenUsage(),
        metadata={"provider_request_id": request_id} if request_id else {},
    )


def _judgement(item: dict[str, Any]) -> Moderation:
    """Categories a model does not judge come as null; servers without ``flagged`` (Mistral) mean any category."""
    categories = {name: bool(value) for name, value in as_object(item.get("categories"), "categories").items()}
    scores = as_object(item.get("category_scores"), "category_scores")
    flagged = item.get("flagged")
    return Moderation(
        flagged=any(categories.values()) if flagged is None else bool(flagged),
        categories=categories,
        scores={name: float(value) for name, value in scores.items() if value is not None},
    )
