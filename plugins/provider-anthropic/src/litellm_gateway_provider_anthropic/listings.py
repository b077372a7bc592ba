"""Read what is counted and listed: input tokens of a request, one page of the models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen
from litellm_gateway.responses import ModelInfo, TokenCount
from litellm_gateway.wire_shapes import as_count, as_list, as_object, as_text

from litellm_gateway_provider_anthropic.errors import read_body

if TYPE_CHECKING:
    from litellm_gateway.wire import WireResponse


@frozen
class ModelPage:
    """One page of the list; ``next_after`` asks for the one that follows, None when this is the last."""

    models: tuple[ModelInfo, ...]
    next_after: str | None


def read_count(response: WireResponse, *, model: str) -> TokenCount:
    """Read the number of input tokens."""
    body = read_body(response, "a token count")
    if body.get("input_tokens") is None:
        raise ValueError("a token count without input_tokens")
    return TokenCount(tokens=as_count(body["input_tokens"], "input_tokens"), model=model, metadata=_metadata(response))


def read_model_page(response: WireResponse) -> ModelPage:
    """Read one page of the list of models."""
    body = read_body(response, "a list of models")
    if "data" not in body:
        raise ValueError("a list of models without data")
    models = tuple(_model(as_object(row, "model")) for row in as_list(body["data"], "data"))
    last = as_text(body.get("last_id"), "last_id") or (models[-1].id if models else "")
    return ModelPage(models, (last or None) if body.get("has_more") is True else None)


def _model(row: dict[str, Any]) -> ModelInfo:
    model_id = as_text(row.get("id"), "id")
    if not model_id:
        raise ValueError("a model without id")
    return ModelInfo(
        id=model_id,
        name=as_text(row.get("display_name"), "display_name") or None,
        context_tokens=as_count(row.get("max_input_tokens"), "max_input_tokens") or None,
        max_output_tokens=as_count(row.get("max_tokens"), "max_tokens") or None,
        raw=row,
    )


def _metadata(response: WireResponse) -> dict[str, Any]:
    request_id = response.headers.get("request-id")
    return {"provider_request_id": request_id} if request_id else {}
