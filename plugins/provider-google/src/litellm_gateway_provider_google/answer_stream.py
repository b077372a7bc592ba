"""Read a streamed answer, event by event; each event is a whole answer that holds the next piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_gateway import json_codec
from litellm_gateway.responses import StreamChunk
from litellm_gateway.wire_shapes import as_list, as_object, as_text

from litellm_gateway_provider_google.answer_parts import AnswerParts
from litellm_gateway_provider_google.errors import error_in_answer
from litellm_gateway_provider_google.finish_reasons import BLOCKED, unify_finish
from litellm_gateway_provider_google.usage import counts_tokens, read_usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_gateway.framing import ServerEvent

_NOTHING: tuple[StreamChunk, ...] = ()
_NOTES = ("groundingMetadata", "citationMetadata", "urlContextMetadata", "finishMessage")


class AnswerDecoder:
    """Reads the events of one answer.

    The finish is held back until the body ends, as usage and sources may follow the reason. A body that ends before
    a reason came gives no finish.
    """

    __slots__ = ("_ended", "_finish", "_parts", "_ratings", "_started", "_usage")

    def __init__(self) -> None:
        self._started = False
        self._ended = False
        self._finish = ""
        self._parts = AnswerParts()
        self._ratings: Any = None
        self._usage: dict[str, Any] | None = None

    def feed(self, event: ServerEvent) -> Sequence[StreamChunk]:
        """Translate one event; most carry one piece of text and take the short way."""
        data = event.data
        if not data or data.isspace() or data.startswith(b"[DONE]"):  # some proxies end with OpenAI's word
            return _NOTHING
        body = json_codec.decode(data)
        try:
            (candidate,) = body["candidates"]
            (part,) = candidate["content"]["parts"]
            text = part["text"]
            if (
                text
                and text.__class__ is str
                and len(part) == 1
                and (len(candidate) == 1 or (len(candidate) == 2 and candidate.get("index") == 0))
                and self._started
                and "promptFeedback" not in body
                and "error" not in body
            ):
                self._keep_usage(body.get("usageMetadata"))
                return (StreamChunk(text),)
        except (KeyError, TypeError, ValueError):
            pass  # not of the usual form: read with care
        return self.read(body)

    def read(self, body: Any) -> list[StreamChunk]:
        """Translate one decoded event, or the list of all that comes without ``alt=sse``.

        Raises:
            GatewayError: It reports an error.
            ValueError: It is no answer.
        """
        if isinstance(body, list):
            return [piece for item in body for piece in self.read(as_object(item, "event"))]
        if not isinstance(body, dict):
            raise ValueError(f"an answer is an object, not {type(body).__name__}")
        failure = error_in_answer(body)
        if failure is not None:
            raise failure
        pieces: list[StreamChunk] = []
        self._start(body, pieces)
        self._keep_usage(body.get("usageMetadata"))
        for item in as_list(body.get("candidates"), "candidates"):
            candidate = as_object(item, "candidate")
            if not candidate.get("index"):  # further answers are read from whole bodies only
                self._read_candidate(candidate, pieces)
        self._read_feedback(as_object(body.get("promptFeedback"), "promptFeedback"), pieces)
        return pieces

    def close(self) -> Sequence[StreamChunk]:
        """Give usage and finish, once, and the finish only if there was a reason."""
        if self._ended:
            return _NOTHING
        self._ended = True
        pieces = self._parts.close() if self._finish else []
        if self._usage is not None:
            pieces.append(StreamChunk(kind="usage", usage=read_usage(self._usage)))
        if self._finish:
            unified = unify_finish(self._finish, has_tool_calls=self._parts.calls > 0)
            if unified == "content_filter" and self._ratings:
                pieces.append(StreamChunk(kind="annotation", data={"safetyRatings": self._ratings}))
            pieces.append(StreamChunk(kind="finish", finish_reason=unified, raw_finish_reason=self._finish))
        return pieces

    def _start(self, body: dict[str, Any], pieces: list[StreamChunk]) -> None:
        if self._started:
            return
        self._started = True
        response_id = as_text(body.get("responseId"), "responseId")
        self._parts.response_id = response_id
        model = as_text(body.get("modelVersion"), "modelVersion")
        pieces.append(StreamChunk(kind="start", model=model or None, response_id=response_id or None))

    def _keep_usage(self, usage: Any) -> None:
        """Keep the last counts: they are cumulative."""
        if usage and counts_tokens(as_object(usage, "usageMetadata")):
            self._usage = usage

    def _read_candidate(self, candidate: dict[str, Any], pieces: list[StreamChunk]) -> None:
        content = as_object(candidate.get("content"), "content")
        for part in as_list(content.get("parts"), "parts"):
            pieces += self._parts.read(as_object(part, "part"))
        for name in _NOTES:
            if note := candidate.get(name):
                pieces.append(StreamChunk(kind="annotation", data={name: note}))
        self._ratings = candidate.get("safetyRatings") or self._ratings
        self._finish = as_text(candidate.get("finishReason"), "finishReason") or self._finish

    def _read_feedback(self, feedback: dict[str, Any], pieces: list[StreamChunk]) -> None:
        """A blocked prompt has no candidates; the reason is all there is."""
        reason = as_text(feedback.get("blockReason"), "blockReason")
        if not reason and feedback.get("blockReasonMessage"):
            reason = "BLOCKED_REASON_UNSPECIFIED"
        if reason:
            self._finish = self._finish or BLOCKED + reason
            pieces.append(StreamChunk(kind="annotation", data={"promptFeedback": feedback}))
