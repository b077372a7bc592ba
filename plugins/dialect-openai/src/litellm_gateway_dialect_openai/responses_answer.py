"""Read a whole answer of the Responses API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway.responses import GenerateResponse, TokenUsage
from litellm_gateway.wire_shapes import as_list, as_text

from litellm_gateway_dialect_openai.errors import read_body
from litellm_gateway_dialect_openai.responses_output import Output, finish_of, read_items, usage_of
from litellm_gateway_dialect_openai.usage import read_usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_gateway.wire import WireResponse


def read_responses_answer(response: WireResponse, *, asked_model: str) -> GenerateResponse:
    """Read an answer with a status below 400.

    Raises:
        GatewayError: The body reports an error in place of an answer.
        ValueError: The body is no such answer.
    """
    body = read_body(response, "an answer")
    if not body.get("status") or "output" not in body:
        raise ValueError("an answer without status and output")
    output = read_items(as_list(body["output"], "output"))
    finish, status = finish_of(body, has_calls=bool(output.calls))
    usage = usage_of(body)
    return GenerateResponse(
        text="".join(output.texts),
        model=as_text(body.get("model"), "model") or asked_model,
        usage=read_usage(usage) if usage else TokenUsage(),
        finish_reason=finish,
        raw_finish_reason=status,
        tool_calls=tuple(output.calls),
        reasoning=tuple(output.reasoning),
        refusal="".join(output.refusals) or None,
        annotations=tuple(output.annotations),
        metadata=_metadata(body, output, response.headers),
    )


def _metadata(body: dict[str, Any], output: Output, headers: Mapping[str, str]) -> dict[str, Any]:
    found = {
        "provider_request_id": headers.get("x-request-id"),
        "response_id": as_text(body.get("id"), "id"),
        "service_tier": body.get("service_tier"),
        "logprobs": output.logprobs,
        "output_items": tuple(output.others),  # of the server's own tools
    }
    return {name: value for name, value in found.items() if value}
