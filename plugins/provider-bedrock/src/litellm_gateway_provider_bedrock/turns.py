"""Write messages as Converse's turns: system apart, tool results in user turns, user and assistant by turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

from litellm_gateway import json_codec
from litellm_gateway.errors import InvalidRequestError
from litellm_gateway.messages import MediaPart, ReasoningPart, TextPart

from litellm_gateway_provider_bedrock.media_blocks import write_media
from litellm_gateway_provider_bedrock.own_blocks import own_block

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_gateway.messages import Message, Part, ToolCall

Blocks = list[dict[str, Any]]


class Turns:
    """Takes messages in order.

    Attributes:
        system: Blocks of all system messages.
        messages: The turns; messages of one side in a row are one turn.
    """

    def __init__(self, messages: Sequence[Message]) -> None:
        self.system: Blocks = []
        self.messages: list[dict[str, Any]] = []
        self._files = 0
        for message in messages:
            self._take(message)

    def _take(self, message: Message) -> None:
        if message.role in ("system", "developer"):
            self.system += self._blocks(message.parts)
        elif message.role == "tool":
            self._say("user", self._tool_result(message))
        elif message.role == "assistant":
            calls = [_tool_use(call) for call in message.tool_calls]
            self._say("assistant", self._blocks(message.parts) + calls)
        else:
            self._say("user", self._blocks(message.parts))

    def _say(self, role: str, blocks: Blocks) -> None:
        if not blocks:
            return
        if self.messages and self.messages[-1]["role"] == role:
            self.messages[-1]["content"] += blocks
        else:
            self.messages.append({"role": role, "content": blocks})

    def _blocks(self, parts: Sequence[Part]) -> Blocks:
        blocks: Blocks = []
        for part in parts:
            blocks += self._part(part)
            if not isinstance(part, ReasoningPart) and part.cache:
                blocks.append(_cache_point(part.cache))
        return blocks

    def _part(self, part: Part) -> Blocks:
        if isinstance(part, TextPart):
            return [{"text": part.text}] if part.text else []  # an empty block is refused
        if isinstance(part, ReasoningPart):
            return _reasoning(part)
        self._files += part.kind == "file"
        return [write_media(part, self._files)]

    def _tool_result(self, message: Message) -> Blocks:
        """Write a result; cache points stand beside it, not inside."""
        content: Blocks = []
        points: Blocks = []
        for part in message.parts:
            content += self._part(part) if not _is_json(part) else [_json_result(part)]
            if not isinstance(part, ReasoningPart) and part.cache:
                points.append(_cache_point(part.cache))
        result: dict[str, Any] = {"toolUseId": message.tool_call_id or "", "content": content}
        if message.is_error:
            result["status"] = "error"
        return [{"toolResult": result}, *points]


def _is_json(part: Part) -> TypeGuard[MediaPart]:
    return isinstance(part, MediaPart) and part.data is not None and part.media_type == "application/json"


def _json_result(part: MediaPart) -> dict[str, Any]:
    """Write JSON among a tool's results as such; as a document Bedrock would refuse it."""
    try:
        return {"json": json_codec.decode(part.data or b"")}
    except ValueError as error:
        raise InvalidRequestError("a tool's result is not the JSON it is said to be", parameter="messages") from error


def _reasoning(part: ReasoningPart) -> Blocks:
    """Write reasoning back as it came; models take back only what they signed."""
    block = own_block(part)
    if block is not None:
        return [block]
    if part.signature is None:
        return []
    if part.redacted:
        return [{"reasoningContent": {"redactedContent": part.signature}}]
    return [{"reasoningContent": {"reasoningText": {"text": part.text, "signature": part.signature}}}]


def _tool_use(call: ToolCall) -> dict[str, Any]:
    try:
        given = call.parse()
    except ValueError as error:
        raise InvalidRequestError(
            f"the arguments of the call of tool '{call.name}' are not a JSON object, which Bedrock wants back; "
            "leave a call that was cut off out of the conversation",
            parameter="messages",
        ) from error
    return {"toolUse": {"toolUseId": call.id, "name": call.name, "input": given}}


def _cache_point(cache: bool | str) -> dict[str, Any]:
    point = {"type": "default"}
    if isinstance(cache, str):
        point["ttl"] = cache
    return {"cachePoint": point}
