"""Put the pieces of a streamed answer together; used for the whole answer and for what a broken stream left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

from litellm_gateway.messages import ReasoningPart, ToolCall
from litellm_gateway.responses import GenerateResponse, StreamChunk, TokenUsage
from litellm_gateway.token_usage import is_counted

if TYPE_CHECKING:
    from collections.abc import Mapping


@define
class _OpenCall:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(factory=list)
    signature: str | None = None


_BLOCK = 1024


class AnswerBuilder:
    """Collects pieces in order; plain text costs one list append, and joined now and then, little memory."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._blocks: list[str] = []
        self._refusals: list[str] = []
        self._calls: dict[int, _OpenCall] = {}
        self._reasoning: list[ReasoningPart] = []
        self._annotations: list[Mapping[str, Any]] = []
        self.model: str | None = None
        self.response_id: str | None = None
        self.usage: TokenUsage | None = None
        self.finish: StreamChunk | None = None

    @property
    def text(self) -> str:
        """The visible text so far."""
        return "".join(self._blocks) + "".join(self._texts)

    @property
    def said(self) -> str:
        """All that was written so far, of which a provider counts the tokens: reasoning, text, refusals, arguments."""
        reasoning = (part.text for part in self._reasoning)
        calls = (part for call in self._calls.values() for part in (call.name, *call.arguments))
        return "".join((*reasoning, self.text, *self._refusals, *calls))

    @property
    def told_usage(self) -> TokenUsage | None:
        """The tokens as the provider told them; None when it told none, or of none."""
        return self.usage if self.usage is not None and self.usage.total_tokens else None

    def take(self, piece: StreamChunk) -> None:
        """Take the next piece.

        Raises:
            TypeError: Its usage is none.
        """
        if piece.kind == "text":
            self._texts.append(piece)
            if len(self._texts) >= _BLOCK:
                self._blocks.append("".join(self._texts))
                self._texts.clear()
            return
        self._take_other(piece)

    def _take_other(self, piece: StreamChunk) -> None:
        if piece.kind == "tool_call" and piece.tool_call is not None:
            self._take_call(piece)
        elif piece.kind == "reasoning" and piece.reasoning is not None:
            self._take_reasoning(piece.reasoning)
        elif piece.kind == "usage":
            if not is_counted(piece.usage):
                raise TypeError("a piece of the kind 'usage' without a TokenUsage of whole numbers")
            self.usage = piece.usage
        elif piece.kind == "finish":
            self.finish = piece if self.finish is None else self.finish
        elif piece.kind == "start":
            self.model = piece.model or self.model
            self.response_id = piece.response_id or self.response_id
        elif piece.kind == "refusal":
            self._refusals.append((piece.data or {}).get("text", ""))
        elif piece.kind == "annotation" and piece.data is not None:
            self._annotations.append(piece.data)

    def _take_call(self, piece: StreamChunk) -> None:
        delta = piece.tool_call
        assert delta is not None
        call = self._calls.setdefault(delta.index, _OpenCall())
        call.id = delta.id or call.id
        call.name = delta.name or call.name
        call.signature = delta.signature or call.signature
        if delta.arguments:
            call.arguments.append(delta.arguments)

    def _take_reasoning(self, part: ReasoningPart) -> None:
        last = self._reasoning[-1] if self._reasoning else None
        closed = last is None or last.signature is not None or last.redacted or last.extra is not None
        if closed or part.redacted:
            self._reasoning.append(part)
            return
        assert last is not None
        self._reasoning[-1] = evolve(last, text=last.text + part.text, signature=part.signature, extra=part.extra)

    def build(self, *, model: str, metadata: Mapping[str, Any]) -> GenerateResponse:
        """Give the answer as far as it has come; ``model`` names it where the stream did not."""
        finish = self.finish
        told = {"response_id": self.response_id} if self.response_id else {}
        if finish is not None and finish.data:
            told = {**told, **finish.data}
        calls = tuple(
            ToolCall(
                id=call.id or f"call_{index}",
                name=call.name,
                arguments="".join(call.arguments) or "{}",
                signature=call.signature,
            )
            for index, call in sorted(self._calls.items())
        )
        return GenerateResponse(
            text=self.text,
            model=self.model or model,
            usage=self.usage or TokenUsage(),
            finish_reason=(finish.finish_reason if finish is not None else None) or "other",
            raw_finish_reason=finish.raw_finish_reason if finish is not None else None,
            tool_calls=calls,
            reasoning=tuple(self._reasoning),
            refusal="".join(self._refusals) if self._refusals else None,
            annotations=tuple(self._annotations),
            metadata={**told, **metadata},
        )
