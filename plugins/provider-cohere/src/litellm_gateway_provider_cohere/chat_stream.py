"""Read a streamed chat answer, event by event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway import json_codec
from litellm_gateway.messages import ReasoningPart
from litellm_gateway.responses import StreamChunk, ToolCallDelta
from litellm_gateway.wire_shapes import as_list, as_object, as_text

from litellm_gateway_provider_cohere.errors import error_in_stream
from litellm_gateway_provider_cohere.finish_reasons import unify_finish
from litellm_gateway_provider_cohere.messages import KIND, THINKING, TOOL_PLAN
from litellm_gateway_provider_cohere.usage import read_usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_gateway.framing import ServerEvent

_NOTHING: tuple[StreamChunk, ...] = ()


class ChatStreamDecoder:
    """Reads the events of one streamed answer; ``message-end`` ends it, and the ``[DONE]`` after it says nothing.

    Reasoning comes as thinking or as a tool plan. A reasoning piece with ``extra`` and no text closes each of
    them, so that the joined parts are those of a whole answer.
    """

    __slots__ = ("_call_count", "_calls", "_ended", "_reasoning", "_started")

    def __init__(self) -> None:
        self._started = False
        self._ended = False
        self._reasoning = ""
        self._calls: dict[int, int] = {}
        self._call_count = 0

    def feed(self, event: ServerEvent) -> Sequence[StreamChunk]:
        """Translate one event; most carry one piece of text and take the short way."""
        data = event.data
        if self._ended or not data or data.startswith(b"[DONE]") or data.isspace():
            return _NOTHING
        body = json_codec.decode(data)
        try:
            if body["type"] == "content-delta" and self._started and not self._reasoning:
                text = body["delta"]["message"]["content"]["text"]
                if text.__class__ is str:
                    return (StreamChunk(text),) if text else _NOTHING
        except (KeyError, TypeError):
            pass  # not of the usual form: read with care
        return self._read(body, event.event)

    def close(self) -> Sequence[StreamChunk]:
        """Nothing is held back: usage and finish came with ``message-end``, or not at all."""
        return _NOTHING

    def _read(self, body: Any, event_name: str) -> Sequence[StreamChunk]:
        if not isinstance(body, dict):
            raise ValueError(f"a stream event is an object, not {type(body).__name__}")
        failure = error_in_stream(body, event_name)
        if failure is not None:
            raise failure
        pieces: list[StreamChunk] = []
        self._start(body, pieces)
        delta = as_object(body.get("delta"), "delta")
        message = as_object(delta.get("message"), "message")
        match body.get("type"):
            case "content-start" | "content-delta":
                self._take_content(message, pieces)
            case "tool-plan-delta":
                self._take_reasoning(as_text(message.get("tool_plan"), "tool_plan"), TOOL_PLAN, pieces)
            case "tool-call-start":
                self._open_call(body, message, pieces)
            case "tool-call-delta":
                self._add_to_call(body, message, pieces)
            case "citation-start":
                _take_citations(message, pieces)
            case "message-end":
                self._end(delta, pieces)
            case "content-end":
                self._close_reasoning(pieces)
        return pieces

    def _start(self, body: dict[str, Any], pieces: list[StreamChunk]) -> None:
        if not self._started:
            self._started = True
            pieces.append(StreamChunk(kind="start", response_id=as_text(body.get("id"), "id") or None))

    def _take_content(self, message: dict[str, Any], pieces: list[StreamChunk]) -> None:
        content = as_object(message.get("content"), "content")
        self._take_reasoning(as_text(content.get("thinking"), "thinking"), THINKING, pieces)
        text = as_text(content.get("text"), "text")
        if text:
            self._close_reasoning(pieces)
            pieces.append(StreamChunk(text))

    def _take_reasoning(self, text: str, kind: str, pieces: list[StreamChunk]) -> None:
        if not text:
            return
        if self._reasoning != kind:
            self._close_reasoning(pieces)
            self._reasoning = kind
        pieces.append(StreamChunk(kind="reasoning", reasoning=ReasoningPart(text=text)))

    def _close_reasoning(self, pieces: list[StreamChunk]) -> None:
        if self._reasoning:
            pieces.append(StreamChunk(kind="reasoning", reasoning=ReasoningPart(extra={KIND: self._reasoning})))
            self._reasoning = ""

    def _open_call(self, body: dict[str, Any], message: dict[str, Any], pieces: list[StreamChunk]) -> None:
        self._close_reasoning(pieces)
        call = _the_one(message.get("tool_calls"), "tool call")
        function = as_object(call.get("function"), "function")
        index, self._call_count = self._call_count, self._call_count + 1
        self._calls[_place(body)] = index
        delta = ToolCallDelta(
            index=index,
            id=as_text(call.get("id"), "tool call id") or f"call_{index}",
            name=as_text(function.get("name"), "tool name") or None,
            arguments=as_text(function.get("arguments"), "arguments"),
        )
        pieces.append(StreamChunk(kind="tool_call", tool_call=delta))

    def _add_to_call(self, body: dict[str, Any], message: dict[str, Any], pieces: list[StreamChunk]) -> None:
        call = _the_one(message.get("tool_calls"), "tool call")
        arguments = as_text(as_object(call.get("function"), "function").get("arguments"), "arguments")
        index = self._calls.get(_place(body))
        if index is None:
            raise ValueError("a piece of a tool call that was not begun")
        if arguments:
            delta = ToolCallDelta(index=index, arguments=arguments)
            pieces.append(StreamChunk(kind="tool_call", tool_call=delta))

    def _end(self, delta: dict[str, Any], pieces: list[StreamChunk]) -> None:
        self._close_reasoning(pieces)
        self._ended = True
        usage = read_usage(delta.get("usage"))
        if usage is not None:
            pieces.append(StreamChunk(kind="usage", usage=usage))
        word = as_text(delta.get("finish_reason"), "finish_reason")
        unified = unify_finish(word, has_tool_calls=bool(self._call_count))
        pieces.append(StreamChunk(kind="finish", finish_reason=unified, raw_finish_reason=word or None))


def _take_citations(message: dict[str, Any], pieces: list[StreamChunk]) -> None:
    found = message.get("citations")
    citations = found if isinstance(found, list) else [found]
    pieces += [StreamChunk(kind="annotation", data=as_object(one, "citation")) for one in citations if one]


def _the_one(value: Any, name: str) -> dict[str, Any]:
    """Events carry one call where the field's name promises several; a list of one is taken too."""
    if isinstance(value, list):
        items = as_list(value, name)
        value = items[0] if items else None
    return as_object(value, name)


def _place(body: dict[str, Any]) -> int:
    place = body.get("index")
    if place is None:
        return 0
    if isinstance(place, bool) or not isinstance(place, int):
        raise ValueError("the index of a tool call is no whole number")
    return place
