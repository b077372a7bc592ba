"""Read the items a Responses answer is made of; whole answers and streams share this."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

from attrs import define, field
from litellm_gateway.messages import ReasoningPart, ToolCall
from litellm_gateway.wire_shapes import as_list, as_object, as_text

from litellm_gateway_dialect_openai.responses_items import BEFORE, CUSTOM, ITEM, NAMESPACE

_USAGE_NAMES: Final = {
    "input_tokens": "prompt_tokens",
    "output_tokens": "completion_tokens",
    "input_tokens_details": "prompt_tokens_details",
    "output_tokens_details": "completion_tokens_details",
}
CALLS: Final = frozenset({"function_call", "custom_tool_call"})
_STATUS: Final = {"completed": "stop", "failed": "error", "cancelled": "error"}
_INCOMPLETE: Final = {"max_output_tokens": "length", "max_tokens": "length", "content_filter": "content_filter"}


@define
class Output:
    """What the items of an answer say."""

    texts: list[str] = field(factory=list)
    refusals: list[str] = field(factory=list)
    calls: list[ToolCall] = field(factory=list)
    reasoning: list[ReasoningPart] = field(factory=list)
    annotations: list[dict[str, Any]] = field(factory=list)
    logprobs: list[Any] = field(factory=list)
    others: list[dict[str, Any]] = field(factory=list)


def read_items(items: list[Any]) -> Output:
    """Sort the items of an answer by what they are; items of the server's own tools are kept beside the reasoning."""
    output = Output()
    listed = [as_object(item, "output item") for item in items]
    for item, following in pairwise([*listed, {}]):
        kind = item.get("type")
        if kind == "message":
            read_message_item(item, output)
        elif kind in CALLS:
            output.calls.append(read_call(item))
        elif item:
            output.reasoning.append(kept_part(item, following))
            output.others += [item] if kind != "reasoning" else []
    return output


def read_message_item(item: dict[str, Any], output: Output) -> None:
    """Add the parts of one message."""
    for value in as_list(item.get("content"), "content"):
        part = as_object(value, "content part")
        if part.get("type") == "refusal":
            output.refusals.append(as_text(part.get("refusal"), "refusal"))
            continue
        output.texts.append(as_text(part.get("text"), "text"))
        notes = as_list(part.get("annotations"), "annotations")
        output.annotations += [as_object(note, "annotation") for note in notes]
        output.logprobs += as_list(part.get("logprobs"), "logprobs")


def read_call(item: dict[str, Any]) -> ToolCall:
    """Read one call; ``call_id`` is what its output names, not ``id``."""
    name = as_text(item.get("name"), "tool name")
    if not name:
        raise ValueError("a tool call has no name")
    item_id = as_text(item.get("id"), "item id")
    call_id = as_text(item.get("call_id"), "call_id") or item_id or f"call_{name}"
    return ToolCall(id=call_id, name=name, arguments=arguments_of(item) or "{}", signature=signature_of(item))


def arguments_of(item: dict[str, Any]) -> str:
    """Give the arguments of a function, or the free text a custom tool is called with."""
    return as_text(item.get("input" if item.get("type") == "custom_tool_call" else "arguments"), "arguments")


def signature_of(item: dict[str, Any]) -> str | None:
    """Mark what else a call must go back with: that its tool is a custom one, or in a namespace."""
    if item.get("type") != "custom_tool_call":
        namespace = as_text(item.get("namespace"), "namespace")
        return NAMESPACE + namespace if namespace else None
    item_id = as_text(item.get("id"), "item id")
    return item_id if item_id.startswith(CUSTOM) else CUSTOM + item_id


def kept_part(item: dict[str, Any], following: dict[str, Any], *, with_text: bool = True) -> ReasoningPart:
    """Give an item with all that is needed to send it back in its place.

    Most are reasoning. Those of the server's own tools have no text here, but reasoning may not go back without
    the item it led to.

    Args:
        item: The item as it came.
        following: The item after it.
        with_text: Give its text too; a stream has given it already.
    """
    extra: dict[str, Any] = {ITEM: item}
    if following.get("type") in CALLS:
        extra[BEFORE] = as_text(following.get("call_id"), "call_id") or as_text(following.get("id"), "item id")
    has_text = with_text and item.get("type") == "reasoning"
    return ReasoningPart(text=_reasoning_text(item) if has_text else "", extra=extra)


def _reasoning_text(item: dict[str, Any]) -> str:
    """The summary, or the reasoning itself at servers that show it (vLLM)."""
    parts = as_list(item.get("summary"), "summary") or as_list(item.get("content"), "content")
    return "".join(as_text(as_object(part, "reasoning part").get("text"), "text") for part in parts)


def usage_of(response: dict[str, Any]) -> dict[str, Any] | None:
    """Give the usage under the names chat completions have for it, None when there is none."""
    usage = as_object(response.get("usage"), "usage")
    return {_USAGE_NAMES.get(name, name): value for name, value in usage.items()} or None


def finish_of(response: dict[str, Any], *, has_calls: bool) -> tuple[str, str]:
    """Give the unified word, and the status the server ended with (``incomplete:max_output_tokens``)."""
    status = as_text(response.get("status"), "status")
    if status == "incomplete":
        reason = as_text(as_object(response.get("incomplete_details"), "incomplete_details").get("reason"), "reason")
        return _INCOMPLETE.get(reason, "other"), f"{status}:{reason}" if reason else status
    unified = _STATUS.get(status, "other")
    return ("tool_calls" if has_calls and unified == "stop" else unified), status
