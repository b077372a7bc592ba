"""Read a streamed answer of the Responses API, event by event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attrs import define
from litellm_gateway import json_codec
from litellm_gateway.messages import ReasoningPart
from litellm_gateway.responses import StreamChunk, ToolCallDelta
from litellm_gateway.wire_shapes import as_list, as_object, as_text

from litellm_gateway_dialect_openai.errors import error_in_stream
from litellm_gateway_dialect_openai.responses_output import (
    CALLS,
    Output,
    arguments_of,
    finish_of,
    kept_part,
    read_call,
    read_message_item,
    signature_of,
    usage_of,
)
from litellm_gateway_dialect_openai.tool_calls import is_whole
from litellm_gateway_dialect_openai.usage import read_usage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from litellm_gateway.framing import ServerEvent

_NOTHING: tuple[StreamChunk, ...] = ()


@define
class _OpenCall:
    """One call; ``held`` are the arguments it opened with, until it is known whether they come again in pieces."""

    index: int
    held: str
    has_arguments: bool = False


class ResponsesStreamDecoder:
    """Reads the events of one streamed answer; it ends with ``response.completed``, ``.incomplete`` or ``.failed``.

    A finished item of reasoning, or of a server's own tool, waits for the one after it: it must go back right before
    that one. What no event before the end spoke of is read from the whole answer at the end.
    """

    __slots__ = ("_calls", "_ended", "_held", "_kinds", "_reasoned", "_spoken", "_started")

    def __init__(self) -> None:
        self._started = False
        self._ended = False
        self._calls: dict[Any, _OpenCall] = {}
        self._kinds: set[Any] = set()
        self._spoken: set[Any] = set()
        self._reasoned: set[Any] = set()
        self._held: tuple[dict[str, Any], bool] | None = None

    def feed(self, event: ServerEvent) -> Sequence[StreamChunk]:
        """Translate one event; most carry one piece of text and take the short way."""
        data = event.data
        if self._ended or not data or data.startswith(b"[DONE]") or data.isspace():
            return _NOTHING
        body = json_codec.decode(data)
        kind = body.get("type") or event.event
        if kind == "response.output_text.delta":
            text = body["delta"]
            if text and text.__class__ is str:
                self._spoken.add(body.get("output_index"))
                return (StreamChunk(text),)
        read = _READERS.get(kind)
        if read is not None:
            return read(self, body)
        failure = error_in_stream(body, event.event)  # servers in front of the API report in their own form
        if failure is not None:
            raise failure
        return _NOTHING

    def close(self) -> Sequence[StreamChunk]:
        """Give nothing more: the end was an event, or the stream was cut."""
        self._ended = True
        return _NOTHING

    def read_start(self, body: dict[str, Any]) -> Sequence[StreamChunk]:
        """The answer begins: its id and model, once."""
        response = as_object(body.get("response"), "response")
        if self._started or not response:
            return _NOTHING
        self._started = True
        model, response_id = as_text(response.get("model"), "model"), as_text(response.get("id"), "id")
        return (StreamChunk(kind="start", model=model or None, response_id=response_id or None),)

    def read_text(self, body: dict[str, Any]) -> Sequence[StreamChunk]:
        """A piece of text that is not of the usual form."""
        text = as_text(body.get("delta"), "delta")
        return (StreamChunk(text),) if text else _NOTHING

    def read_reasoning(self, body: dict[str, Any]) -> Sequence[StreamChunk]:
        """A piece of the reasoning or of its summary."""
        text = as_text(body.get("delta"), "delta")
        self._reasoned.add(body.get("output_index"))
        return (StreamChunk(kind="reasoning", reasoning=ReasoningPart(text=text)),) if text else _NOTHING

    def read_refusal(self, body: dict[str, Any]) -> Sequence[StreamChunk]:
        """A piece of a refusal."""
        self._spoken.add(body.get("output_index"))
        return (StreamChunk(kind="refusal", data={"text": as_text(body.get("delta"), "delta")}),)

    def read_annotation(self, body: dict[str, Any]) -> Sequence[StreamChunk]:
        """A citation."""
        return (StreamChunk(kind="annotation", data=as_object(body.get("annotation"), "annotation")),)

    def read_item_begin(self, body: dict[str, Any]) -> Sequence[StreamChunk]:
        """An item opens: only a call says something yet."""
        item = as_object(body.get("item"), "item")
        pieces = self._let_go(item)
        if item.get("type") in CALLS:
            pieces.append(self._open(body.get("output_index"), item))
        return pieces

    def read_arguments(self, body: dict[str, Any]) -> Sequence[StreamChunk]:
        """A piece of a call's arguments."""
        call, arguments = self._calls[body.get("output_index")], as_text(body.get("delta"), "delta")
        if not arguments:
            return _NOTHING
        if not call.has_arguments and not is_whole(call.held):
            arguments = call.held + arguments
        return _arguments_piece(call, arguments)

    def read_item_end(self, body: dict[str, Any]) -> Sequence[StreamChunk]:
        """A finished item: what was not streamed of it is given now."""
        item, place = as_object(body.get("item"), "item"), body.get("output_index")
        kind = item.get("type")
        self._kinds.add(kind)
        if kind in CALLS:
            return self._close_call(place, item)
        if kind != "message":
            pieces = self._let_go({})
            self._held = (item, place not in self._reasoned) if item else None
            return pieces
        if place in self._spoken:
            return _NOTHING
        output = Output()
        read_message_item(item, output)
        pieces = [StreamChunk(text) for text in output.texts if text]
        return pieces + [StreamChunk(kind="refusal", data={"text": text}) for text in output.refusals]

    def read_end(self, body: dict[str, Any]) -> Sequence[StreamChunk]:
        """The answer is over: usage and finish, or the error it failed with."""
        response = as_object(body.get("response"), "response")
        failure = error_in_stream(response, "error" if response.get("status") == "failed" else "")
        if failure is not None:
            raise failure
        pieces = [*self.read_start(body), *self._let_go({}), *self._unspoken(response), *self._let_go({})]
        for call in self._calls.values():
            if call.held and not call.has_arguments:  # no event said that it is whole
                pieces += _arguments_piece(call, call.held)
        self._ended = True
        usage = usage_of(response)
        if usage is not None:
            pieces.append(StreamChunk(kind="usage", usage=read_usage(usage)))
        unified, status = finish_of(response, has_calls=bool(self._calls))
        if not status:
            raise ValueError("the end of a stream has no status")
        pieces.append(StreamChunk(kind="finish", finish_reason=unified, raw_finish_reason=status))
        return pieces

    def read_error(self, body: dict[str, Any]) -> Sequence[StreamChunk]:
        """An error in place of the rest."""
        failure = error_in_stream(body, "error")
        assert failure is not None
        raise failure

    def _unspoken(self, response: dict[str, Any]) -> list[StreamChunk]:
        """Give what the whole answer holds of a kind that no event spoke of: some servers stream only the end."""
        has_messages, has_calls = bool(self._spoken) or "message" in self._kinds, bool(self._calls)
        has_others = bool(self._reasoned or self._kinds - {"message", *CALLS})
        pieces: list[StreamChunk] = []
        for place, value in enumerate(as_list(response.get("output"), "output")):
            item = as_object(value, "output item")
            kind = item.get("type")
            if not (has_messages if kind == "message" else has_calls if kind in CALLS else has_others):
                whole = {"item": item, "output_index": place}
                pieces += [*self.read_item_begin(whole), *self.read_item_end(whole)]
        return pieces

    def _open(self, place: Any, item: dict[str, Any]) -> StreamChunk:
        call = read_call(item)
        opened = self._calls[place] = _OpenCall(index=len(self._calls), held=arguments_of(item))
        piece = ToolCallDelta(index=opened.index, id=call.id, name=call.name, signature=signature_of(item))
        return StreamChunk(kind="tool_call", tool_call=piece)

    def _close_call(self, place: Any, item: dict[str, Any]) -> Sequence[StreamChunk]:
        call, pieces = self._calls.get(place), []
        if call is None:
            pieces = [*self._let_go(item), self._open(place, item)]
            call = self._calls[place]
        arguments = arguments_of(item) or call.held
        return pieces if call.has_arguments or not arguments else [*pieces, *_arguments_piece(call, arguments)]

    def _let_go(self, following: dict[str, Any]) -> list[StreamChunk]:
        """Give the item held back, now that the item after it is known."""
        if self._held is None:
            return []
        (item, with_text), self._held = self._held, None
        return [StreamChunk(kind="reasoning", reasoning=kept_part(item, following, with_text=with_text))]


def _arguments_piece(call: _OpenCall, arguments: str) -> tuple[StreamChunk]:
    call.has_arguments = True
    return (StreamChunk(kind="tool_call", tool_call=ToolCallDelta(index=call.index, arguments=arguments)),)


_READERS: Final[dict[str, Callable[[ResponsesStreamDecoder, dict[str, Any]], Sequence[StreamChunk]]]] = {
    "response.created": ResponsesStreamDecoder.read_start,
    "response.queued": ResponsesStreamDecoder.read_start,
    "response.in_progress": ResponsesStreamDecoder.read_start,
    "response.output_text.delta": ResponsesStreamDecoder.read_text,
    "response.refusal.delta": ResponsesStreamDecoder.read_refusal,
    "response.reasoning_summary_text.delta": ResponsesStreamDecoder.read_reasoning,
    "response.reasoning_text.delta": ResponsesStreamDecoder.read_reasoning,
    "response.output_text.annotation.added": ResponsesStreamDecoder.read_annotation,
    "response.output_item.added": ResponsesStreamDecoder.read_item_begin,
    "response.function_call_arguments.delta": ResponsesStreamDecoder.read_arguments,
    "response.custom_tool_call_input.delta": ResponsesStreamDecoder.read_arguments,
    "response.output_item.done": ResponsesStreamDecoder.read_item_end,
    "response.completed": ResponsesStreamDecoder.read_end,
    "response.incomplete": ResponsesStreamDecoder.read_end,
    "response.failed": ResponsesStreamDecoder.read_end,
    "response.cancelled": ResponsesStreamDecoder.read_end,
    "error": ResponsesStreamDecoder.read_error,
}
