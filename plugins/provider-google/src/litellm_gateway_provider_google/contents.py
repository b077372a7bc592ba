"""Write a conversation as Gemini wants it: one system instruction, and turns of user and model made of parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from litellm_gateway import json_codec
from litellm_gateway.errors import InvalidRequestError
from litellm_gateway.messages import MediaPart, ReasoningPart, TextPart

from litellm_gateway_provider_google.answer_parts import BESIDE_TEXT, KEPT
from litellm_gateway_provider_google.media import write_media
from litellm_gateway_provider_google.thinking import wants_signatures
from litellm_gateway_provider_google.tool_call_ids import sent_id
from litellm_gateway_provider_google.tool_results import write_tool_result

if TYPE_CHECKING:
    from litellm_gateway.messages import Message, ToolCall
    from litellm_gateway.requests import GenerateRequest

_STAND_IN: Final = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
"""What Google takes in place of the signature of a call another model made: ``skip_thought_signature_validator``."""


def add_conversation(body: dict[str, Any], request: GenerateRequest) -> None:
    """Add ``contents`` and ``systemInstruction``; system messages anywhere go into the latter, in order.

    Raises:
        InvalidRequestError: There is nothing but system messages, or a tool result belongs to no call.
    """
    writer = _Writer(strict=wants_signatures(request.model))
    for message in request.messages:
        writer.add(message)
    if not writer.contents:
        raise InvalidRequestError(
            "Gemini wants at least one message that is not of role 'system'", parameter="messages"
        )
    body["contents"] = writer.contents
    if writer.system:
        body["systemInstruction"] = {"parts": writer.system}


class _Writer:
    """Collects turns; ``strict`` models want a signature with the first call of each."""

    def __init__(self, *, strict: bool) -> None:
        self.contents: list[dict[str, Any]] = []
        self.system: list[dict[str, Any]] = []
        self._strict = strict
        self._names: dict[str, str] = {}
        self._results: list[dict[str, Any]] | None = None

    def add(self, message: Message) -> None:
        role = message.role
        if role == "tool":
            self._add_result(message)
            return
        self._results = None
        if role in ("system", "developer"):
            self.system += [{"text": part.text} for part in message.parts if isinstance(part, TextPart) and part.text]
        elif role == "assistant":
            if parts := self._model_parts(message):
                self.contents.append({"role": "model", "parts": parts})
        else:
            parts = [self._part(part) for part in message.parts if not isinstance(part, ReasoningPart)]
            self.contents.append({"role": "user", "parts": parts or [{"text": ""}]})

    def _add_result(self, message: Message) -> None:
        """All results of one turn stand in one user turn, whose parts must match the calls in number."""
        call_id = message.tool_call_id or ""
        name = message.name or self._names.get(call_id)
        if not name:
            raise InvalidRequestError(
                "a message of role 'tool' needs the tool_call_id of a call before it, or the tool's name",
                parameter="messages",
            )
        if self._results is None:
            self._results = []
            self.contents.append({"role": "user", "parts": self._results})
        self._results.append(write_tool_result(message, name))

    def _model_parts(self, message: Message) -> list[dict[str, Any]]:
        parts: list[dict[str, Any]] = []
        beside: list[dict[str, Any]] = []
        for part in message.parts:
            if isinstance(part, ReasoningPart):
                _add_reasoning(part, parts, beside)
            elif not isinstance(part, TextPart) or part.text or part.signature:
                parts.append(self._part(part))
        for fields in beside:
            _put_beside_text(parts, fields)
        calls = [_call_part(call) for call in message.tool_calls]
        if calls and self._strict and not any("thoughtSignature" in part for part in calls):
            calls[0]["thoughtSignature"] = _STAND_IN
        self._names.update((call.id, call.name) for call in message.tool_calls)
        return parts + calls

    def _part(self, part: TextPart | MediaPart) -> dict[str, Any]:
        if isinstance(part, MediaPart):
            return write_media(part, takes_resolution=self._strict)
        return {"text": part.text, "thoughtSignature": part.signature} if part.signature else {"text": part.text}


def _add_reasoning(part: ReasoningPart, parts: list[dict[str, Any]], beside: list[dict[str, Any]]) -> None:
    """Give thoughts back; a signature outside ``extra`` is another provider's and would be refused."""
    extra = part.extra or {}
    kept = extra.get(KEPT)
    if not isinstance(kept, dict):
        kept = {}
    if part.text:
        parts.append({"text": part.text, "thought": True, **(kept if kept.get("thought") else {})})
    if isinstance(fields := extra.get(BESIDE_TEXT), dict):
        beside.append(fields)
    if not kept or kept.get("thought"):
        return
    is_signature = kept.keys() <= {"text", "thoughtSignature"}
    (beside if is_signature else parts).append(kept)


def _put_beside_text(parts: list[dict[str, Any]], fields: dict[str, Any]) -> None:
    """Put a signature, or what else stood there, where it came: on the last text, or in an empty part of its own."""
    is_signature = "thoughtSignature" in fields
    texts = [
        part
        for part in parts
        if "text" in part and "thought" not in part and not (is_signature and "thoughtSignature" in part)
    ]
    if "text" in fields or not texts:
        parts.append({"text": "", **fields})
    else:
        texts[-1].update(fields)


def _call_part(call: ToolCall) -> dict[str, Any]:
    function: dict[str, Any] = {"name": call.name, "args": _arguments(call), **sent_id(call.id)}
    part: dict[str, Any] = {"functionCall": function}
    if call.signature:
        part["thoughtSignature"] = call.signature
    return part


def _arguments(call: ToolCall) -> dict[str, Any]:
    try:
        arguments = json_codec.decode(call.arguments) if call.arguments else {}
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        raise InvalidRequestError(
            f"the arguments of the call of '{call.name}' are no JSON object, which Gemini wants; "
            "leave that turn out or mend it",
            parameter="messages",
        )
    return arguments
