"""Read a streamed answer, event by event."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from litellm_gateway import json_codec
from litellm_gateway.messages import ReasoningPart
from litellm_gateway.responses import StreamChunk, ToolCallDelta
from litellm_gateway.wire_shapes import as_count, as_object, as_text

from litellm_gateway_provider_bedrock.errors import error_in_stream
from litellm_gateway_provider_bedrock.event_frames import EXCEPTION, FAILURE
from litellm_gateway_provider_bedrock.own_blocks import is_server_tool
from litellm_gateway_provider_bedrock.server_tools import ServerBlock
from litellm_gateway_provider_bedrock.stop_reasons import unify_stop
from litellm_gateway_provider_bedrock.usage import read_usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_gateway.framing import ServerEvent
    from litellm_gateway.responses import TokenUsage

_NOTHING: tuple[StreamChunk, ...] = ()


class ConverseStreamDecoder:
    """Reads the events of one streamed answer.

    The stop reason comes before the usage, so the finish waits for ``metadata`` or the end of the body.
    Signatures and redacted reasoning are given when their block closes, as one part each.
    """

    __slots__ = (
        "_call_count", "_calls", "_ended", "_own", "_redacted", "_signatures", "_started", "_stop", "_stopped",
        "_usage",
    )  # fmt: skip

    def __init__(self) -> None:
        self._started = False
        self._ended = False
        self._stopped = False
        self._stop = ""
        self._usage: TokenUsage | None = None
        self._calls: dict[int, int] = {}
        self._call_count = 0
        self._own: dict[int, ServerBlock] = {}
        self._signatures: dict[int, list[str]] = {}
        self._redacted: dict[int, list[str]] = {}

    def feed(self, event: ServerEvent) -> Sequence[StreamChunk]:
        """Translate one event; most carry one piece of text and take the short way."""
        name = event.event
        if self._ended:
            return _NOTHING
        if name.startswith((EXCEPTION, FAILURE)):
            raise error_in_stream(name, event.data)
        body = json_codec.decode(event.data)
        if name == "contentBlockDelta" and self._started:
            try:
                text = body["delta"]["text"]
                if text.__class__ is str:
                    return (StreamChunk(text),) if text else _NOTHING
            except (KeyError, TypeError):
                pass  # not of the usual form: read with care
        return self._read(name, body)

    def close(self) -> Sequence[StreamChunk]:
        """Give what is held back: the usage, and the finish if the answer had stopped."""
        return _NOTHING if self._ended else self._end()

    def _read(self, name: str, body: Any) -> Sequence[StreamChunk]:
        if not isinstance(body, dict):
            raise ValueError(f"a stream event is an object, not {type(body).__name__}")
        pieces: list[StreamChunk] = []
        if not self._started:
            self._started = True
            pieces.append(StreamChunk(kind="start"))
        match name:
            case "contentBlockStart":
                self._open(_index(body), as_object(body.get("start"), "start"), pieces)
            case "contentBlockDelta":
                self._add(_index(body), as_object(body.get("delta"), "delta"), pieces)
            case "contentBlockStop":
                self._close_block(_index(body), pieces)
            case "messageStop":
                self._stopped = True
                self._stop = as_text(body.get("stopReason"), "stopReason")
            case "metadata":
                self._usage = read_usage(body.get("usage"))
                pieces += self._end() if self._stopped else _NOTHING
        return pieces

    def _open(self, index: int, start: dict[str, Any], pieces: list[StreamChunk]) -> None:
        """Open a block; only tools are opened so, text and reasoning begin with their first delta."""
        tool_use = as_object(start.get("toolUse"), "toolUse")
        if "toolResult" in start or is_server_tool(tool_use):
            self._own[index] = ServerBlock(start)
        elif tool_use:
            place, self._call_count = self._call_count, self._call_count + 1
            self._calls[index] = place
            name = as_text(tool_use.get("name"), "tool name")
            call_id = as_text(tool_use.get("toolUseId"), "toolUseId") or f"call_{place}"
            opened = ToolCallDelta(index=place, id=call_id, name=name or None)
            pieces.append(StreamChunk(kind="tool_call", tool_call=opened))

    def _add(self, index: int, delta: dict[str, Any], pieces: list[StreamChunk]) -> None:
        if index in self._own:
            self._own[index].add(delta)
        elif "text" in delta:
            text = as_text(delta["text"], "text")
            if text:
                pieces.append(StreamChunk(text))
        elif "toolUse" in delta:
            self._add_arguments(index, as_object(delta["toolUse"], "toolUse"), pieces)
        elif "reasoningContent" in delta:
            self._add_reasoning(index, as_object(delta["reasoningContent"], "reasoningContent"), pieces)
        elif "citation" in delta:
            pieces.append(StreamChunk(kind="annotation", data=as_object(delta["citation"], "citation")))
        elif delta:
            pieces.append(StreamChunk(kind="annotation", data=delta))

    def _add_arguments(self, index: int, delta: dict[str, Any], pieces: list[StreamChunk]) -> None:
        arguments, place = as_text(delta.get("input"), "input"), self._calls.get(index)
        if place is None:
            raise ValueError("a piece of a tool call that was not begun")
        if arguments:
            piece = ToolCallDelta(index=place, arguments=arguments)
            pieces.append(StreamChunk(kind="tool_call", tool_call=piece))

    def _add_reasoning(self, index: int, content: dict[str, Any], pieces: list[StreamChunk]) -> None:
        text = as_text(content.get("text"), "reasoning text")
        if text:
            pieces.append(StreamChunk(kind="reasoning", reasoning=ReasoningPart(text=text)))
        if signature := as_text(content.get("signature"), "signature"):
            self._signatures.setdefault(index, []).append(signature)
        if redacted := as_text(content.get("redactedContent"), "redactedContent"):
            self._redacted.setdefault(index, []).append(redacted)

    def _close_block(self, index: int, pieces: list[StreamChunk]) -> None:
        parts: list[ReasoningPart] = []
        if index in self._signatures:
            parts.append(ReasoningPart(signature="".join(self._signatures.pop(index))))
        if index in self._redacted:
            parts.append(ReasoningPart(signature=_joined(self._redacted.pop(index)), redacted=True))
        if index in self._own:
            parts.append(self._own.pop(index).part())
        pieces += [StreamChunk(kind="reasoning", reasoning=part) for part in parts]

    def _end(self) -> Sequence[StreamChunk]:
        self._ended = True
        pieces: list[StreamChunk] = []
        if self._usage is not None:
            pieces.append(StreamChunk(kind="usage", usage=self._usage))
        if self._stopped:
            unified = unify_stop(self._stop, has_tool_calls=bool(self._call_count))
            pieces.append(StreamChunk(kind="finish", finish_reason=unified, raw_finish_reason=self._stop or None))
        return pieces


def _index(body: dict[str, Any]) -> int:
    return as_count(body.get("contentBlockIndex"), "contentBlockIndex")


def _joined(pieces: list[str]) -> str:
    """Join pieces of which each is base64 by itself."""
    if len(pieces) == 1:
        return pieces[0]
    return base64.b64encode(b"".join(base64.b64decode(piece, validate=True) for piece in pieces)).decode()
