"""Write embedding requests and read vectors: base64 of little-endian 32-bit floats, or lists of numbers."""

from __future__ import annotations

import base64
import sys
from array import array
from typing import TYPE_CHECKING, Any, Final

from litellm_gateway.errors import UnsupportedParameterError
from litellm_gateway.responses import EmbedResponse, TokenUsage
from litellm_gateway.wire_shapes import as_list, as_object, as_text

from litellm_gateway_dialect_openai.errors import read_body
from litellm_gateway_dialect_openai.usage import find_usage, read_usage

if TYPE_CHECKING:
    from litellm_gateway.requests import EmbedEncoding, EmbedRequest
    from litellm_gateway.wire import WireResponse

    from litellm_gateway_dialect_openai.quirks import ChatQuirks

_TYPES: Final = {"float": "f", "int8": "b", "uint8": "B", "binary": "b", "ubinary": "B"}


def write_embed_request(request: EmbedRequest, quirks: ChatQuirks) -> dict[str, Any]:
    """Give the body of an embedding request.

    Raises:
        UnsupportedParameterError: ``input_type`` is set, which this format cannot say.
    """
    if request.input_type is not None:
        raise UnsupportedParameterError(
            "this provider's embeddings know no 'input_type'; leave it out", parameter="input_type"
        )
    if request.encoding != "float" and quirks.embedding_type_field is None:
        raise UnsupportedParameterError(
            f"this provider's embeddings come as floats only, not as {request.encoding}", parameter="encoding"
        )
    body: dict[str, Any] = {"model": request.model, "input": list(request.texts)}
    if quirks.embedding_encoding is not None:
        body["encoding_format"] = quirks.embedding_encoding
    if request.dimensions is not None:
        body[quirks.dimensions_field] = request.dimensions
    if request.encoding != "float" and quirks.embedding_type_field is not None:
        body[quirks.embedding_type_field] = request.encoding
    if request.user is not None and quirks.user_field:
        body["user"] = request.user
    body.update(request.extra_body)
    return body


def read_embed_answer(response: WireResponse, *, asked_model: str, encoding: EmbedEncoding = "float") -> EmbedResponse:
    """Read vectors in the order of the texts.

    Raises:
        GatewayError: The body reports an error in place of an answer.
        ValueError: The body holds no such vectors.
    """
    body = read_body(response, "an embedding answer")
    items = [as_object(item, "embedding") for item in as_list(body.get("data"), "data")]
    vectors = tuple(_vector(item.get("embedding"), _TYPES[encoding]) for item in _in_order(items))
    if len({len(vector) for vector in vectors}) > 1:
        raise ValueError("embeddings of different lengths in one answer")
    usage, request_id = find_usage(body), response.headers.get("x-request-id")
    return EmbedResponse(
        vectors=vectors,
        model=as_text(body.get("model"), "model") or asked_model,
        usage=read_usage(usage) if usage else TokenUsage(),
        metadata={"provider_request_id": request_id} if request_id else {},
    )


def _in_order(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    places = [item.get("index") for item in items]
    if all(place is None for place in places):
        return items
    by_place = {place: item for place, item in zip(places, items, strict=True) if type(place) is int}
    if sorted(by_place) != list(range(len(items))):
        raise ValueError("embeddings whose indexes do not number the texts")
    return [by_place[place] for place in range(len(items))]


def _vector(value: Any, kind: str) -> array[Any]:
    vector: array[Any] = array(kind)
    if isinstance(value, str):
        vector.frombytes(base64.b64decode(value, validate=True))
        if sys.byteorder == "big":
            vector.byteswap()
    elif isinstance(value, list):
        vector.extend(value)  # raises TypeError for anything but numbers
    if not vector:
        raise ValueError("an embedding without numbers")
    return vector
