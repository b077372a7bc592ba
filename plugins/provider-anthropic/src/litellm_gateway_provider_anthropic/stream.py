"""Read a streamed answer, event by event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from litellm_gateway import json_codec
from litellm_gateway.messages import ReasoningPart
from litellm_gateway.responses import StreamChunk
from litellm_gateway.wire_shapes import as_list, as_object, as_text

from litellm_gateway_provider_anthropic.answer import read_refusal, read_thinking
from litellm_gateway_provider_anthropic.errors import error_in_stream
from litellm_gateway_provider_anthropic.finish_reasons import unify_finish
from litellm_gateway_provider_anthropic.layout import Layout
from litellm_gateway_provider_anthropic.open_blocks import OpenBlock, OpenCall, OpenRaw
from litellm_gateway_provider_anthropic.usage import read_usage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from litellm_gateway.framing import ServerEvent

_NOTHING: Final[tuple[StreamChunk, ...]] = ()


class MessageStreamDecoder:
    """Reads the events of one streamed answer.

    Usage is cumulative and complete only at the end, so it is given once, right before the finish; the finish
    only when ``message_stop`` was seen.
    """

    __slots__ = ("_calls", "_delta", "_ended", "_layout", "_open", "_usage")

    def __init__(self) -> None:
        self._open: dict[Any, OpenBlock] = {}
        self._layout = Layout()
        self._calls = 0
        self._usage: dict[str, Any] = {}
        self._delta: dict[str, Any] = {}
        self._ended = False

    def feed(self, event: ServerEvent) -> Sequence[StreamChunk]:
        """Translate one event; most carry one piece of text and take the short way."""
        if self._ended or not event.data or event.data.isspace():
            return _NOTHING
        body = json_codec.decode(event.data)
        try:
            delta = body["delta"]
            if delta["type"] == "text_delta" and body["type"] == "content_block_delta":
                text = delta["text"]
                if text and text.__class__ is str:
                    self._layout.add_text(len(text))
                    return (StreamChunk(text),)
        except (KeyError, TypeError):
            pass  # not a piece of text: read with care
        if not isinstance(body, dict):
            raise ValueError(f"a stream event is an object, not {type(body).__name__}")
        kind = body.get("type") or event.event
        if kind == "error" or body.get("error"):
            raise error_in_stream(body)
        read = _READERS.get(kind) if isinstance(kind, str) else None
        return read(self, body) if read is not None else _NOTHING

    def close(self) -> Sequence[StreamChunk]:
        """The body has ended: give the usage seen so far unless the answer has ended properly."""
        if self._ended:
            return _NOTHING
        self._ended = True
        return self._usage_piece()

    def _start(self, body: dict[str, Any]) -> Sequence[StreamChunk]:
        message = as_object(body.get("message"), "message")
        self._usage = dict(as_object(message.get("usage"), "usage"))
        model, response_id = as_text(message.get("model"), "model"), as_text(message.get("id"), "id")
        return (StreamChunk(kind="start", model=model or None, response_id=response_id or None),)

    def _open_block(self, body: dict[str, Any]) -> Sequence[StreamChunk]:
        block = as_object(body.get("content_block"), "content_block")
        kind, index = block.get("type"), body.get("index")
        if kind == "text":
            self._layout.begin_text()
            return self._read_text(block)
        if kind == "tool_use":
            self._layout.add_call(block)
            call = OpenCall(self._calls, block)
            self._open[index], self._calls = call, self._calls + 1
            return (call.start(),)
        self._layout.add_reasoning()
        part = read_thinking(block)
        if part is None:
            self._open[index] = OpenRaw(block)
        elif part.text or part.signature is not None:
            return (StreamChunk(kind="reasoning", reasoning=part),)
        return _NOTHING

    def _read_text(self, block: dict[str, Any]) -> Sequence[StreamChunk]:
        pieces: list[StreamChunk] = []
        if text := as_text(block.get("text"), "text"):
            self._layout.add_text(len(text))
            pieces.append(StreamChunk(text))
        for item in as_list(block.get("citations"), "citations"):
            pieces += self._cite(as_object(item, "citation"))
        return pieces

    def _cite(self, note: dict[str, Any]) -> Sequence[StreamChunk]:
        if not note:
            return _NOTHING
        self._layout.cite(note)
        return (StreamChunk(kind="annotation", data=note),)

    def _add(self, body: dict[str, Any]) -> Sequence[StreamChunk]:
        delta = as_object(body.get("delta"), "delta")
        kind = delta.get("type")
        if kind == "text_delta":
            return self._read_text(delta)
        if kind == "thinking_delta":
            text = as_text(delta.get("thinking"), "thinking")
            return (StreamChunk(kind="reasoning", reasoning=ReasoningPart(text=text)),) if text else _NOTHING
        if kind == "signature_delta":
            signature = as_text(delta.get("signature"), "signature")
            part = ReasoningPart(signature=signature)
            return (StreamChunk(kind="reasoning", reasoning=part),) if signature else _NOTHING
        if kind == "citations_delta":
            return self._cite(as_object(delta.get("citation"), "citation"))
        block = self._open.get(body.get("index"))
        return block.add(delta) if block is not None else _NOTHING

    def _close_block(self, body: dict[str, Any]) -> Sequence[StreamChunk]:
        block = self._open.pop(body.get("index"), None)
        return block.close() if block is not None else _NOTHING

    def _note_end(self, body: dict[str, Any]) -> Sequence[StreamChunk]:
        self._delta.update(as_object(body.get("delta"), "delta"))
        counts = as_object(body.get("usage"), "usage")
        self._usage.update((name, count) for name, count in counts.items() if count is not None)
        return _NOTHING

    def _stop(self, body: dict[str, Any]) -> Sequence[StreamChunk]:
        self._ended = True
        word = as_text(self._delta.get("stop_reason"), "stop_reason")
        pieces = [piece for block in self._open.values() for piece in block.close()]
        layout = self._layout.part()
        if layout is not None:
            pieces.append(StreamChunk(kind="reasoning", reasoning=layout))
        refusal = read_refusal(word, self._delta.get("stop_details"))
        if refusal is not None:
            pieces.append(StreamChunk(kind="refusal", data={"text": refusal}))
        pieces += self._usage_piece()
        unified = unify_finish(word, has_tool_calls=self._calls > 0)
        more = {name: value for name, value in self._delta.items() if value and name != "stop_reason"}
        pieces.append(
            StreamChunk(kind="finish", finish_reason=unified, raw_finish_reason=word or None, data=more or None)
        )
        return pieces

    def _usage_piece(self) -> Sequence[StreamChunk]:
        return (StreamChunk(kind="usage", usage=read_usage(self._usage)),) if self._usage else _NOTHING


_READERS: Final[dict[str, Callable[[MessageStreamDecoder, dict[str, Any]], Sequence[StreamChunk]]]] = {
    "message_start": MessageStreamDecoder._start,
    "content_block_start": MessageStreamDecoder._open_block,
    "content_block_delta": MessageStreamDecoder._add,
    "content_block_stop": MessageStreamDecoder._close_block,
    "message_delta": MessageStreamDecoder._note_end,
    "message_stop": MessageStreamDecoder._stop,
}
"""Events with a meaning; ``ping`` and new ones are passed over."""
