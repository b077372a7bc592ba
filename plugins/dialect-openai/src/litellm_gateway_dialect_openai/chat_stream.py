"""Read a streamed chat answer, event by event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway import json_codec
from litellm_gateway.messages import ReasoningPart
from litellm_gateway.responses import StreamChunk
from litellm_gateway.wire_shapes import as_list, as_object, as_text

from litellm_gateway_dialect_openai.content import DetailPieces, read_details, read_parts, read_reasoning
from litellm_gateway_dialect_openai.errors import error_in_stream
from litellm_gateway_dialect_openai.extras import read_extras
from litellm_gateway_dialect_openai.finish_reasons import unify_finish
from litellm_gateway_dialect_openai.tool_calls import ToolCallPieces
from litellm_gateway_dialect_openai.usage import find_usage, read_usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_gateway.framing import ServerEvent

_NOTHING: tuple[StreamChunk, ...] = ()


class ChatStreamDecoder:
    """Reads the events of one streamed answer.

    The finish piece is held back until ``[DONE]`` or the end of the body, since usage comes after the reason:
    so usage is given once, then the finish.
    """

    __slots__ = ("_calls", "_details", "_ended", "_extras", "_finish", "_response_id", "_started", "_usage")

    def __init__(self) -> None:
        self._started = False
        self._ended = False
        self._response_id = ""
        self._finish = ""
        self._usage: dict[str, Any] | None = None
        self._calls = ToolCallPieces()
        self._details: DetailPieces | None = None
        self._extras: dict[str, Any] = {}

    def feed(self, event: ServerEvent) -> Sequence[StreamChunk]:
        """Translate one event; most carry one piece of text and take the short way."""
        data = event.data
        if self._ended or data.startswith(b"[DONE]"):
            return self.close()
        if not data or data.isspace():
            return _NOTHING
        body = json_codec.decode(data)
        try:
            (choice,) = body["choices"]
            delta = choice["delta"]
            text = delta["content"]
            if (
                text
                and text.__class__ is str
                and (len(delta) == 1 or (len(delta) == 2 and "role" in delta))
                and not choice.get("finish_reason")
                and not choice.get("index")
                and self._started
                and not body.get("usage")
                and "error" not in body
            ):
                return (StreamChunk(text),)
        except (KeyError, TypeError, ValueError):
            pass  # not of the usual form: read with care
        return self._read(body, event.event)

    def close(self) -> Sequence[StreamChunk]:
        """Give usage and finish, once, and the finish only if the server gave a reason."""
        if self._ended:
            return _NOTHING
        self._ended = True
        if self._finish:
            self._calls.check_names()
        pieces: list[StreamChunk] = []
        if self._details is not None:
            part = ReasoningPart(extra={"reasoning_details": self._details.blocks()})
            pieces.append(StreamChunk(kind="reasoning", reasoning=part))
        if self._usage is not None:
            pieces.append(StreamChunk(kind="usage", usage=read_usage(self._usage)))
        if self._finish:
            pieces.append(self._finish_piece())
        return pieces

    def _finish_piece(self) -> StreamChunk:
        unified = unify_finish(self._finish, has_tool_calls=bool(self._calls))
        if not self._extras:
            return StreamChunk(kind="finish", finish_reason=unified, raw_finish_reason=self._finish)
        return StreamChunk(
            kind="finish", finish_reason=unified, raw_finish_reason=self._finish, data=dict(self._extras)
        )

    def _read(self, body: Any, event_name: str) -> Sequence[StreamChunk]:
        if not isinstance(body, dict):
            raise ValueError(f"a stream event is an object, not {type(body).__name__}")
        failure = error_in_stream(body, event_name)
        if failure is not None:
            raise failure
        if "x_groq" in body:
            _raise_what_stopped(as_object(body["x_groq"], "x_groq"))
        self._usage = find_usage(body) or self._usage
        self._extras.update(read_extras(body))
        pieces: list[StreamChunk] = []
        choices = as_list(body.get("choices"), "choices")
        self._start(body, pieces, has_choices=bool(choices))
        for item in choices:
            choice = as_object(item, "choice")
            if not choice.get("index"):  # only the first answer is streamed
                self._read_choice(choice, pieces)
        return pieces

    def _start(self, body: dict[str, Any], pieces: list[StreamChunk], *, has_choices: bool) -> None:
        """Give the start piece once; Azure's first event has neither choices nor a model: passed over."""
        model = as_text(body.get("model"), "model")
        self._response_id = self._response_id or as_text(body.get("id"), "id")
        if self._started or not (model or has_choices):
            return
        self._started = True
        pieces.append(StreamChunk(kind="start", model=model or None, response_id=self._response_id or None))

    def _read_choice(self, choice: dict[str, Any], pieces: list[StreamChunk]) -> None:
        failure = error_in_stream(choice, "")
        if failure is not None:
            raise failure
        delta = as_object(choice.get("delta"), "delta")
        if delta:
            self._read_delta(delta, pieces)
        self._finish = as_text(choice.get("finish_reason"), "finish_reason") or self._finish
        if native := choice.get("native_finish_reason"):
            self._extras["native_finish_reason"] = native

    def _read_delta(self, delta: dict[str, Any], pieces: list[StreamChunk]) -> None:
        reasoning, content = read_reasoning(delta), delta.get("content")
        notes: list[Any] = []
        if isinstance(content, list):
            text, thoughts, notes = read_parts(content)
            reasoning += thoughts
        else:
            text = as_text(content, "content")
        if reasoning:
            pieces.append(StreamChunk(kind="reasoning", reasoning=ReasoningPart(text=reasoning)))
        if "reasoning_details" in delta:
            self._details = self._details or DetailPieces()
            self._details.add(read_details(delta))
        if text:
            pieces.append(StreamChunk(text))
        if refusal := as_text(delta.get("refusal"), "refusal"):
            pieces.append(StreamChunk(kind="refusal", data={"text": refusal}))
        if "tool_calls" in delta or "function_call" in delta:
            calls = self._calls.read(delta, self._response_id)
            pieces += [StreamChunk(kind="tool_call", tool_call=call) for call in calls]
        if notes or delta.get("annotations"):
            notes = [*as_list(delta.get("annotations"), "annotations"), *notes]
            pieces += [StreamChunk(kind="annotation", data=as_object(note, "annotation")) for note in notes]


def _raise_what_stopped(notes: dict[str, Any]) -> None:
    """Groq ends a stream that broke as if it were whole, and says so beside it."""
    failure = error_in_stream({"error": notes.get("error")}, "")
    if failure is not None:
        raise failure
