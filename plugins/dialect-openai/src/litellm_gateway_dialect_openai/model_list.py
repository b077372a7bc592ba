"""Read the list of a server's models; servers differ in how much they say of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from litellm_gateway import json_codec
from litellm_gateway.responses import ModelInfo, ModelList
from litellm_gateway.wire_shapes import as_count, as_list, as_object, as_text

from litellm_gateway_dialect_openai.errors import error_in_answer

if TYPE_CHECKING:
    from litellm_gateway.wire import WireResponse

_CONTEXT: Final = ("context_length", "context_window", "max_context_length", "max_model_len")
_OUTPUT: Final = ("max_output_tokens", "max_completion_tokens", "max_output_length")


def read_model_list(response: WireResponse) -> ModelList:
    """Read every model, in the server's order; Together gives the list bare.

    Raises:
        GatewayError: The body reports an error in place of a list.
        ValueError: The body is no such list.
    """
    body = json_codec.decode(response.body)
    if isinstance(body, list):
        return ModelList(models=tuple(_model(item) for item in body))
    if not isinstance(body, dict):
        raise ValueError(f"a list of models is an object, not {type(body).__name__}")
    failure = error_in_answer(body, response)
    if failure is not None:
        raise failure
    if "data" not in body:
        raise ValueError("a list of models without data")
    return ModelList(models=tuple(_model(item) for item in as_list(body["data"], "data")))


def _model(value: Any) -> ModelInfo:
    item = as_object(value, "model")
    model_id = as_text(item.get("id"), "model id")
    if not model_id:
        raise ValueError("a model without an id")
    name = item.get("display_name") or item.get("name")
    top = item.get("top_provider")  # OpenRouter
    return ModelInfo(
        id=model_id,
        name=name if isinstance(name, str) else None,
        context_tokens=_first(item, _CONTEXT),
        max_output_tokens=_first(item, _OUTPUT) or (_first(top, _OUTPUT) if isinstance(top, dict) else None),
        raw=item,
    )


def _first(item: dict[str, Any], names: tuple[str, ...]) -> int | None:
    return next((as_count(item[name], name) for name in names if item.get(name)), None)
