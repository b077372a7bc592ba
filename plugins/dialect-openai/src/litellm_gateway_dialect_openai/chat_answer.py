"""Read a whole chat answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from litellm_gateway.messages import ReasoningPart
from litellm_gateway.responses import GenerateResponse, TokenUsage
from litellm_gateway.wire_shapes import as_list, as_object, as_text

from litellm_gateway_dialect_openai.content import read_details, read_parts, read_reasoning
from litellm_gateway_dialect_openai.errors import error_in_answer, read_body
from litellm_gateway_dialect_openai.extras import read_extras
from litellm_gateway_dialect_openai.finish_reasons import unify_finish
from litellm_gateway_dialect_openai.tool_calls import read_tool_calls
from litellm_gateway_dialect_openai.usage import find_usage, read_usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

    from litellm_gateway.wire import WireResponse

_OF_ANSWER: Final = frozenset({"service_tier", "system_fingerprint"})
_OF_CHOICE: Final = frozenset({"logprobs", "native_finish_reason"})
_BESIDE_TEXT: Final = (
    "tool_calls", "function_call", "refusal", "annotations", "reasoning_content", "reasoning", "reasoning_details",
)  # fmt: skip


def read_chat_answer(response: WireResponse, *, asked_model: str) -> GenerateResponse:
    """Read a chat answer with a status below 400.

    Raises:
        GatewayError: The body reports an error in place of an answer.
        ValueError: The body is no chat answer.
    """
    body = read_body(response, "a chat answer")
    choices = as_list(body.get("choices"), "choices")
    if not choices:
        raise ValueError("a chat answer without choices")
    choice = as_object(choices[0], "choice")
    failure = error_in_answer(choice, response)
    if failure is not None:
        raise failure
    usage = find_usage(body)
    return _answer(
        choice,
        model=as_text(body.get("model"), "model") or asked_model,
        usage=read_usage(usage) if usage else TokenUsage(),
        metadata=_metadata(body, choice, choices, response.headers),
    )


def _answer(choice: dict[str, Any], *, model: str, usage: TokenUsage, metadata: dict[str, Any]) -> GenerateResponse:
    word = as_text(choice.get("finish_reason"), "finish_reason")
    message = as_object(choice.get("message"), "message")
    if not message and not word:  # Azure leaves the message out when its filter took it away
        raise ValueError("a choice without message and finish reason")
    content = message.get("content")
    if type(content) is str and not any(map(message.get, _BESIDE_TEXT)):  # as most answers are
        return GenerateResponse(
            text=content,
            model=model,
            usage=usage,
            finish_reason=unify_finish(word, has_tool_calls=False),
            raw_finish_reason=word or None,
            metadata=metadata,
        )
    text, reasoning, annotations = _said(message)
    calls = read_tool_calls(message, metadata.get("response_id", ""))
    return GenerateResponse(
        text=text,
        model=model,
        usage=usage,
        finish_reason=unify_finish(word, has_tool_calls=bool(calls)),
        raw_finish_reason=word or None,
        tool_calls=calls,
        reasoning=_reasoning(message, reasoning),
        refusal=as_text(message.get("refusal"), "refusal") or None,
        annotations=annotations,
        metadata=metadata,
    )


def _reasoning(message: dict[str, Any], text: str) -> tuple[ReasoningPart, ...]:
    details = read_details(message)
    extra = {"reasoning_details": details} if details else None
    return (ReasoningPart(text=text, extra=extra),) if text or extra else ()


def _said(message: dict[str, Any]) -> tuple[str, str, tuple[dict[str, Any], ...]]:
    """Give text, reasoning and annotations of a message."""
    reasoning = read_reasoning(message)
    notes = as_list(message.get("annotations"), "annotations")
    annotations = tuple([as_object(note, "annotation") for note in notes]) if notes else ()
    content = message.get("content")
    if not isinstance(content, list):
        return as_text(content, "content"), reasoning, annotations
    text, thoughts, others = read_parts(content)
    return text, reasoning + thoughts, (*annotations, *others)


def _metadata(
    body: dict[str, Any], choice: dict[str, Any], choices: list[Any], headers: Mapping[str, str]
) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    if request_id := headers.get("x-request-id"):
        metadata["provider_request_id"] = request_id
    if response_id := as_text(body.get("id"), "id"):
        metadata["response_id"] = response_id
    if not _OF_ANSWER.isdisjoint(body):
        metadata.update(_those_of(body, _OF_ANSWER))
    if not _OF_CHOICE.isdisjoint(choice):
        metadata.update(_those_of(choice, _OF_CHOICE))
    if extras := read_extras(body):
        metadata.update(extras)
    if len(choices) > 1:  # asked for by n; the first is the answer itself
        others = (as_object(choice, "choice") for choice in choices[1:])
        metadata["alternatives"] = tuple(_said(as_object(other.get("message"), "message"))[0] for other in others)
    return metadata


def _those_of(source: dict[str, Any], names: Set[str]) -> dict[str, Any]:
    return {name: source[name] for name in sorted(names) if source.get(name)}
