"""Write requests for pages of the list of models and read them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from litellm_gateway.responses import ModelInfo
from litellm_gateway.wire_shapes import as_count, as_list, as_object, as_text, read_object

if TYPE_CHECKING:
    from litellm_gateway.wire import WireResponse

_PAGE_SIZE = 1000


def page_url(models_url: str, page_token: str) -> str:
    """Give the address of a page; ``""`` is the first one."""
    query = {"page_size": str(_PAGE_SIZE)}
    if page_token:
        query["page_token"] = page_token
    return f"{models_url}?{urlencode(query)}"


def read_page(response: WireResponse) -> tuple[list[ModelInfo], str]:
    """Give the models of a page and the token of the next one, ``""`` when it is the last.

    Raises:
        ValueError: The body is no list of models.
    """
    body = read_object(response.body, "a list of models")
    if "models" not in body:
        raise ValueError("a list of models without models")
    models = []
    for item in as_list(body["models"], "models"):
        model = as_object(item, "model")
        name = as_text(model.get("name"), "model name")
        if not name:
            raise ValueError("a model without a name")
        context = as_count(model.get("context_length"), "context_length")
        models.append(ModelInfo(id=name, context_tokens=context or None, raw=model))
    return models, as_text(body.get("next_page_token"), "next_page_token")
