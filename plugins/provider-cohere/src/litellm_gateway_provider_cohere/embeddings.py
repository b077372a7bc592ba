"""Write embedding requests and read vectors of each kind Cohere has."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, Final

from litellm_gateway.errors import UnsupportedParameterError
from litellm_gateway.responses import EmbedResponse, TokenUsage
from litellm_gateway.wire_shapes import as_count, as_list, as_object

from litellm_gateway_provider_cohere.errors import read_body

if TYPE_CHECKING:
    from litellm_gateway.requests import EmbedRequest
    from litellm_gateway.wire import WireResponse

_TYPECODES: Final = {"float": "f", "int8": "b", "uint8": "B", "binary": "b", "ubinary": "B"}
_DEFAULT_INPUT_TYPE: Final = "search_document"


def write_embed_request(request: EmbedRequest) -> dict[str, Any]:
    """Give the body of an embedding request; Cohere insists on ``input_type``, so a document is assumed.

    Raises:
        UnsupportedParameterError: ``user`` is set, which Cohere has no field for.
    """
    if request.user is not None:
        raise UnsupportedParameterError("Cohere's embeddings know no 'user'; leave it out", parameter="user")
    body: dict[str, Any] = {
        "model": request.model,
        "input_type": request.input_type or _DEFAULT_INPUT_TYPE,
        "embedding_types": [request.encoding],
    }
    if request.texts:
        body["texts"] = list(request.texts)
    if request.dimensions is not None:
        body["output_dimension"] = request.dimensions
    body.update(request.extra_body)
    return body


def read_embed_answer(request: EmbedRequest, response: WireResponse) -> EmbedResponse:
    """Read vectors in the order of the texts.

    Raises:
        GatewayError: The body reports an error in place of an answer.
        ValueError: The body holds no vectors of the kind asked for.
    """
    body = read_body(response, "an embedding answer")
    found = body.get("embeddings")
    rows = found if isinstance(found, list) else as_object(found, "embeddings").get(request.encoding)
    typecode = _TYPECODES[request.encoding]
    vectors = tuple(_vector(row, typecode) for row in as_list(rows, "embeddings"))
    if len({len(vector) for vector in vectors}) > 1:
        raise ValueError("embeddings of different lengths in one answer")
    meta = as_object(body.get("meta"), "meta")
    billed = as_object(meta.get("billed_units"), "billed_units")
    request_id = response.headers.get("x-debug-trace-id") or body.get("id")
    return EmbedResponse(
        vectors=vectors,
        model=request.model,
        usage=TokenUsage(
            input_tokens=as_count(billed.get("input_tokens"), "input_tokens")
            + as_count(billed.get("image_tokens"), "image_tokens")
        ),
        metadata={"provider_request_id": request_id} if isinstance(request_id, str) else {},
    )


def _vector(row: Any, typecode: str) -> array[Any]:
    vector: array[Any] = array(typecode)
    vector.extend(as_list(row, "embedding"))  # raises for anything but numbers that fit
    if not vector:
        raise ValueError("an embedding without numbers")
    return vector
