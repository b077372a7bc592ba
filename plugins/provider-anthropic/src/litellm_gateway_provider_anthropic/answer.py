"""Read a whole answer of the Messages API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attrs import define, field
from litellm_gateway import json_codec
from litellm_gateway.messages import ReasoningPart, ToolCall
from litellm_gateway.responses import GenerateResponse
from litellm_gateway.wire_shapes import as_list, as_object, as_text

from litellm_gateway_provider_anthropic.errors import read_body
from litellm_gateway_provider_anthropic.finish_reasons import unify_finish
from litellm_gateway_provider_anthropic.layout import Layout, raw_part
from litellm_gateway_provider_anthropic.usage import read_usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_gateway.wire import WireResponse

_OF_BODY: Final = ("stop_sequence", "stop_details", "container", "context_management")
_OF_USAGE: Final = ("service_tier", "speed", "inference_geo", "server_tool_use", "cache_creation")


def read_answer(response: WireResponse, *, asked_model: str) -> GenerateResponse:
    """Read an answer with a status below 400.

    Raises:
        GatewayError: The body reports an error in place of an answer.
        ValueError: The body is no answer.
    """
    body = read_body(response, "an answer")
    if "content" not in body or not body.keys() & {"stop_reason", "usage", "role"}:
        raise ValueError("a body that is no message")
    said = _Said()
    for block in as_list(body["content"], "content"):
        said.take(as_object(block, "content block"))
    word = as_text(body.get("stop_reason"), "stop_reason")
    usage = as_object(body.get("usage"), "usage")
    layout = said.layout.part()
    return GenerateResponse(
        text="".join(said.texts),
        model=as_text(body.get("model"), "model") or asked_model,
        usage=read_usage(usage),
        finish_reason=unify_finish(word, has_tool_calls=bool(said.calls)),
        raw_finish_reason=word or None,
        tool_calls=tuple(said.calls),
        reasoning=(*said.reasoning, layout) if layout is not None else tuple(said.reasoning),
        refusal=read_refusal(word, body.get("stop_details")),
        annotations=tuple(said.annotations),
        metadata=_metadata(body, usage, response.headers),
    )


@define
class _Said:
    texts: list[str] = field(factory=list)
    reasoning: list[ReasoningPart] = field(factory=list)
    calls: list[ToolCall] = field(factory=list)
    annotations: list[dict[str, Any]] = field(factory=list)
    layout: Layout = field(factory=Layout)

    def take(self, block: dict[str, Any]) -> None:
        """Take the next block."""
        kind = block.get("type")
        if not kind:
            raise ValueError("a content block that does not say what it is")
        if kind == "text":
            self._take_text(block)
        elif kind == "tool_use":
            self.calls.append(read_call(block))
            self.layout.add_call(block)
        else:
            part = read_thinking(block)
            if part is None:  # a server tool, or what is newer than this reader: kept whole
                part = raw_part(block)
                self.annotations.append(block)
            self.reasoning.append(part)
            self.layout.add_reasoning()

    def _take_text(self, block: dict[str, Any]) -> None:
        text = as_text(block.get("text"), "text")
        self.texts.append(text)
        self.layout.begin_text()
        self.layout.add_text(len(text))
        for item in as_list(block.get("citations"), "citations"):
            note = as_object(item, "citation")
            self.annotations.append(note)
            self.layout.cite(note)


def read_call(block: dict[str, Any]) -> ToolCall:
    """Read a tool call; its arguments become the JSON text they are elsewhere."""
    name = as_text(block.get("name"), "tool name")
    if not name:
        raise ValueError("a tool call has no name")
    arguments = json_codec.encode(as_object(block.get("input"), "tool input")).decode()
    return ToolCall(id=as_text(block.get("id"), "tool call id"), name=name, arguments=arguments)


def read_thinking(block: dict[str, Any]) -> ReasoningPart | None:
    """Read a thinking block, signed or redacted; None when it is another block."""
    kind = block.get("type")
    if kind == "thinking":
        text, signature = as_text(block.get("thinking"), "thinking"), as_text(block.get("signature"), "signature")
        return ReasoningPart(text=text, signature=signature or None)
    if kind == "redacted_thinking":
        return ReasoningPart(signature=as_text(block.get("data"), "data"), redacted=True)
    return None


def read_refusal(stop_reason: str, details: Any) -> str | None:
    """Give what Anthropic says about an answer it declined, None when it did not or says nothing."""
    if stop_reason != "refusal":
        return None
    said = as_object(details, "stop_details")
    return as_text(said.get("explanation"), "explanation") or as_text(said.get("category"), "category") or None


def _metadata(body: dict[str, Any], usage: dict[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    if request_id := headers.get("request-id"):
        metadata["provider_request_id"] = request_id
    if response_id := as_text(body.get("id"), "id"):
        metadata["response_id"] = response_id
    for source, names in ((body, _OF_BODY), (usage, _OF_USAGE)):
        metadata.update((name, value) for name in names if (value := source.get(name)))
    return metadata
