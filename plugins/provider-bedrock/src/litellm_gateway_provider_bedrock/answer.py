"""Read a whole answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field
from litellm_gateway import json_codec
from litellm_gateway.messages import ReasoningPart, ToolCall
from litellm_gateway.responses import GenerateResponse, TokenUsage
from litellm_gateway.wire_shapes import as_list, as_object, as_text, read_object

from litellm_gateway_provider_bedrock.errors import error_in_answer
from litellm_gateway_provider_bedrock.own_blocks import is_server_tool, own_part
from litellm_gateway_provider_bedrock.stop_reasons import unify_stop
from litellm_gateway_provider_bedrock.usage import read_usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_gateway.wire import WireResponse

_KEPT = ("trace", "performanceConfig", "serviceTier", "additionalModelResponseFields")


def read_answer(response: WireResponse, *, asked_model: str) -> GenerateResponse:
    """Read an answer with a status below 400; it never names a model, so the one asked for stands in it.

    Raises:
        GatewayError: The body reports an error in place of an answer.
        ValueError: The body is no answer.
    """
    body = read_object(response.body, "an answer")
    if "output" not in body:
        raise error_in_answer(body, response) or ValueError("an answer without output")
    message = as_object(as_object(body["output"], "output").get("message"), "message")
    said = _Said()
    for block in as_list(message.get("content"), "content"):
        said.take(as_object(block, "content block"))
    word = as_text(body.get("stopReason"), "stopReason")
    return GenerateResponse(
        text="".join(said.texts),
        model=asked_model,
        usage=read_usage(body.get("usage")) or TokenUsage(),
        finish_reason=unify_stop(word, has_tool_calls=bool(said.calls)),
        raw_finish_reason=word or None,
        tool_calls=tuple(said.calls),
        reasoning=tuple(said.reasoning),
        annotations=tuple(said.annotations),
        metadata=_metadata(body, response.headers),
    )


@define
class _Said:
    """What the blocks of a message say, sorted by kind."""

    texts: list[str] = field(factory=list)
    calls: list[ToolCall] = field(factory=list)
    reasoning: list[ReasoningPart] = field(factory=list)
    annotations: list[Mapping[str, Any]] = field(factory=list)

    def take(self, block: dict[str, Any]) -> None:
        """Take the next block; one of a new kind is an annotation."""
        if "text" in block:
            self.texts.append(as_text(block["text"], "text"))
        elif "toolUse" in block:
            self._take_tool_use(block)
        elif "reasoningContent" in block:
            self.reasoning.append(read_reasoning(as_object(block["reasoningContent"], "reasoningContent")))
        elif "citationsContent" in block:
            self._take_citations(as_object(block["citationsContent"], "citationsContent"))
        elif "toolResult" in block:
            self.reasoning.append(own_part(block))
        elif block:
            self.annotations.append(block)

    def _take_tool_use(self, block: dict[str, Any]) -> None:
        tool_use = as_object(block["toolUse"], "toolUse")
        if is_server_tool(tool_use):
            self.reasoning.append(own_part(block))
            return
        name = as_text(tool_use.get("name"), "tool name")
        if not name:
            raise ValueError("a tool call has no name")
        call_id = as_text(tool_use.get("toolUseId"), "toolUseId") or f"call_{len(self.calls)}"
        given = tool_use.get("input")
        arguments = json_codec.encode({} if given is None else given).decode()
        self.calls.append(ToolCall(id=call_id, name=name, arguments=arguments))

    def _take_citations(self, cited: dict[str, Any]) -> None:
        for piece in as_list(cited.get("content"), "cited content"):
            self.texts.append(as_text(as_object(piece, "cited content").get("text"), "text"))
        self.annotations += [as_object(note, "citation") for note in as_list(cited.get("citations"), "citations")]


def read_reasoning(content: dict[str, Any]) -> ReasoningPart:
    """Read one block of reasoning, shown or redacted."""
    if "redactedContent" in content:
        return ReasoningPart(signature=as_text(content["redactedContent"], "redactedContent"), redacted=True)
    shown = as_object(content.get("reasoningText"), "reasoningText")
    signature = as_text(shown.get("signature"), "signature")
    return ReasoningPart(text=as_text(shown.get("text"), "reasoning text"), signature=signature or None)


def _metadata(body: dict[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    metadata: dict[str, Any] = {name: body[name] for name in _KEPT if body.get(name)}
    if request_id := headers.get("x-amzn-requestid"):
        metadata["provider_request_id"] = request_id
    if details := as_object(body.get("usage"), "usage").get("cacheDetails"):
        metadata["cacheDetails"] = details
    return metadata
