"""Read one page of models, of the Gemini API or of Vertex AI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway.responses import ModelInfo
from litellm_gateway.wire_shapes import as_list, as_object, as_text

from litellm_gateway_provider_google.errors import read_body
from litellm_gateway_provider_google.long_counts import as_count

if TYPE_CHECKING:
    from litellm_gateway.wire import WireResponse


def read_model_page(response: WireResponse) -> tuple[list[ModelInfo], str]:
    """Give the models of one page, and the token of the next one, ``""`` on the last.

    Raises:
        GatewayError: The body reports an error in place of an answer.
        ValueError: The body is no list of models.
    """
    body = read_body(response, "a list of models")
    rows = as_list(body.get("models", body.get("publisherModels")), "models")
    models = [_model(as_object(row, "model")) for row in rows]
    return models, as_text(body.get("nextPageToken"), "nextPageToken")


def _model(row: dict[str, Any]) -> ModelInfo:
    name = as_text(row.get("name"), "name").rpartition("models/")[2]
    if not name:
        raise ValueError("a model without a name")
    return ModelInfo(
        id=name,
        name=as_text(row.get("displayName"), "displayName") or None,
        context_tokens=as_count(row.get("inputTokenLimit"), "inputTokenLimit") or None,
        max_output_tokens=as_count(row.get("outputTokenLimit"), "outputTokenLimit") or None,
        raw=row,
    )
