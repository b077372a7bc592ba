"""Write embedding requests and read vectors: one text or many, and Vertex AI's ``predict`` for its older models."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, Final

from litellm_gateway.errors import UnsupportedParameterError
from litellm_gateway.responses import EmbedResponse, TokenUsage
from litellm_gateway.wire_shapes import as_list, as_object

from litellm_gateway_provider_google.errors import read_body
from litellm_gateway_provider_google.long_counts import as_count
from litellm_gateway_provider_google.usage import read_usage

if TYPE_CHECKING:
    from litellm_gateway.requests import EmbedRequest
    from litellm_gateway.wire import WireResponse

_TASKS: Final = {
    "search_document": "RETRIEVAL_DOCUMENT",
    "search_query": "RETRIEVAL_QUERY",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
}


def write_embed_request(request: EmbedRequest, *, model_path: str, is_vertex: bool) -> tuple[str, dict[str, Any]]:
    """Give method and body of an embedding request.

    Raises:
        UnsupportedParameterError: Vectors of anything but floats are asked for.
    """
    if request.encoding != "float":
        raise UnsupportedParameterError("Gemini gives vectors of floats only; leave encoding out", parameter="encoding")
    if is_vertex and "gemini" not in model_path.rpartition("/")[2]:
        return "predict", {**_prediction(request), **request.extra_body}
    options: dict[str, Any] = {}
    if request.input_type is not None:
        options["taskType"] = _task(request.input_type)
    if request.dimensions is not None:
        options["outputDimensionality"] = request.dimensions
    if is_vertex:
        options = {"embedContentConfig": options} if options else {}
    else:
        options["model"] = model_path
    items = [{"content": {"parts": [{"text": text}]}, **options, **request.extra_body} for text in request.texts]
    if len(items) == 1:
        return "embedContent", items[0]
    if is_vertex:
        items = [{"model": model_path, **item} for item in items]
    return "batchEmbedContents", {"requests": items}


def read_embed_answer(response: WireResponse, *, asked_model: str) -> EmbedResponse:
    """Read vectors in the order of the texts.

    Raises:
        GatewayError: The body reports an error in place of an answer.
        ValueError: The body holds no such vectors.
    """
    body = read_body(response, "an embedding answer")
    found, tokens = _embeddings(body)
    vectors = tuple(_vector(item.get("values")) for item in found)
    if len({len(vector) for vector in vectors}) > 1:
        raise ValueError("embeddings of different lengths in one answer")
    usage = as_object(body.get("usageMetadata"), "usageMetadata")
    return EmbedResponse(
        vectors=vectors,
        model=asked_model,
        usage=read_usage(usage) if usage else TokenUsage(input_tokens=tokens),
    )


def _embeddings(body: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
    """Give the embeddings, and the tokens ``predict`` counts beside each."""
    if "embedding" in body:
        return [as_object(body["embedding"], "embedding")], 0
    predictions = as_list(body.get("predictions"), "predictions")
    if not predictions:
        return [as_object(item, "embedding") for item in as_list(body.get("embeddings"), "embeddings")], 0
    found = [as_object(as_object(item, "prediction").get("embeddings"), "embeddings") for item in predictions]
    counts = [as_object(item.get("statistics"), "statistics").get("token_count") for item in found]
    return found, sum(as_count(count, "token_count") for count in counts)


def _prediction(request: EmbedRequest) -> dict[str, Any]:
    task = {} if request.input_type is None else {"task_type": _task(request.input_type)}
    body: dict[str, Any] = {"instances": [{"content": text, **task} for text in request.texts]}
    if request.dimensions is not None:
        body["parameters"] = {"outputDimensionality": request.dimensions}
    return body


def _task(input_type: str) -> str:
    """Give Google's word; one it has beyond the common four is passed on (``semantic_similarity``)."""
    return _TASKS.get(input_type) or input_type.upper()


def _vector(value: Any) -> array[float]:
    vector = array("f", as_list(value, "values"))  # raises TypeError for anything but numbers
    if not vector:
        raise ValueError("an embedding without numbers")
    return vector
