"""Write rerank requests and read the order of the documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway.errors import InvalidRequestError
from litellm_gateway.responses import RerankResponse, RerankResult
from litellm_gateway.wire_shapes import as_count, as_list, as_object

from litellm_gateway_provider_cohere.errors import read_body

if TYPE_CHECKING:
    from litellm_gateway.requests import RerankRequest
    from litellm_gateway.wire import WireResponse


def write_rerank_request(request: RerankRequest) -> dict[str, Any]:
    """Give the body of a rerank request.

    Raises:
        InvalidRequestError: It names no model; the service has no default.
    """
    if not request.model:
        raise InvalidRequestError(
            "Cohere reranks only with a named model; give one, for example model='cohere/rerank-v3.5'",
            parameter="model",
        )
    body: dict[str, Any] = {"model": request.model, "query": request.query, "documents": list(request.documents)}
    if request.top_n is not None:
        body["top_n"] = request.top_n
    body.update(request.extra_body)
    return body


def read_rerank_answer(request: RerankRequest, response: WireResponse) -> RerankResponse:
    """Read the documents' places, best first; what it cost is ``search_units`` in the metadata, not tokens.

    Raises:
        GatewayError: The body reports an error in place of an answer.
        ValueError: The body holds no such results.
    """
    body = read_body(response, "a rerank answer")
    if "results" not in body:
        raise ValueError("a rerank answer without results")
    results = [_result(item, len(request.documents)) for item in as_list(body["results"], "results")]
    billed = as_object(as_object(body.get("meta"), "meta").get("billed_units"), "billed_units")
    metadata: dict[str, Any] = {}
    if "search_units" in billed:
        metadata["search_units"] = as_count(billed["search_units"], "search_units")
    if request_id := response.headers.get("x-debug-trace-id") or body.get("id"):
        metadata["provider_request_id"] = request_id
    results.sort(key=lambda result: -result.score)
    return RerankResponse(results=tuple(results), model=request.model, metadata=metadata)


def _result(value: Any, count: int) -> RerankResult:
    result = as_object(value, "result")
    index, score = result.get("index"), result.get("relevance_score")
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < count:
        raise ValueError("a rerank result whose index is no document's")
    if isinstance(score, bool) or not isinstance(score, int | float):
        raise ValueError("a rerank result without a score")
    return RerankResult(index=index, score=float(score))
