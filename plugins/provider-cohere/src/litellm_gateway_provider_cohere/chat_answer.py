"""Read a whole chat answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway.messages import ReasoningPart, ToolCall
from litellm_gateway.responses import GenerateResponse, TokenUsage
from litellm_gateway.wire_shapes import as_list, as_object, as_text

from litellm_gateway_provider_cohere.errors import read_body
from litellm_gateway_provider_cohere.finish_reasons import unify_finish
from litellm_gateway_provider_cohere.messages import KIND, THINKING, TOOL_PLAN
from litellm_gateway_provider_cohere.usage import read_usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_gateway.wire import WireResponse


def read_chat_answer(response: WireResponse, *, asked_model: str) -> GenerateResponse:
    """Read a chat answer with a status below 400; it never names a model, so the one asked for stands in it.

    Raises:
        GatewayError: The body reports an error in place of an answer.
        ValueError: The body is no chat answer.
    """
    body = read_body(response, "a chat answer")
    if "message" not in body:
        raise ValueError("a chat answer without a message")
    message = as_object(body["message"], "message")
    text, reasoning = _said(message)
    calls = tuple(read_tool_call(item, index) for index, item in enumerate(as_list(message.get("tool_calls"), "calls")))
    word = as_text(body.get("finish_reason"), "finish_reason")
    return GenerateResponse(
        text=text,
        model=asked_model,
        usage=read_usage(body.get("usage")) or TokenUsage(),
        finish_reason=unify_finish(word, has_tool_calls=bool(calls)),
        raw_finish_reason=word or None,
        tool_calls=calls,
        reasoning=reasoning,
        annotations=tuple(as_object(note, "citation") for note in as_list(message.get("citations"), "citations")),
        metadata=_metadata(body, response.headers),
    )


def _said(message: dict[str, Any]) -> tuple[str, tuple[ReasoningPart, ...]]:
    texts: list[str] = []
    reasoning: list[ReasoningPart] = []
    plan = as_text(message.get("tool_plan"), "tool_plan")
    if plan:
        reasoning.append(ReasoningPart(text=plan, extra={KIND: TOOL_PLAN}))
    content = message.get("content")
    if isinstance(content, str):
        return content, tuple(reasoning)
    for item in as_list(content, "content"):
        block = as_object(item, "content block")
        if block.get("type") == "thinking":
            thought = as_text(block.get("thinking"), "thinking")
            reasoning.append(ReasoningPart(text=thought, extra={KIND: THINKING}))
        else:
            texts.append(as_text(block.get("text"), "text"))
    return "".join(texts), tuple(reasoning)


def read_tool_call(value: Any, index: int) -> ToolCall:
    """Read one tool call; arguments stay the text they came as."""
    call = as_object(value, "tool call")
    function = as_object(call.get("function"), "function")
    name = as_text(function.get("name"), "tool name")
    if not name:
        raise ValueError("a tool call has no name")
    call_id = as_text(call.get("id"), "tool call id") or f"call_{index}"
    return ToolCall(id=call_id, name=name, arguments=as_text(function.get("arguments"), "arguments") or "{}")


def _metadata(body: dict[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    if request_id := headers.get("x-debug-trace-id"):
        metadata["provider_request_id"] = request_id
    if response_id := as_text(body.get("id"), "id"):
        metadata["response_id"] = response_id
    if logprobs := body.get("logprobs"):
        metadata["logprobs"] = logprobs
    if billed := as_object(body.get("usage"), "usage").get("billed_units"):
        metadata["billed_units"] = billed
    return metadata
