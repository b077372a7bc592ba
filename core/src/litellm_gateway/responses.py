"""What comes back from a model: answers, embeddings, and the pieces of a streamed answer.

The answers of other calls and the token counts live in rooms of their own and are imported from here as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, overload

from attrs import evolve, field, frozen

from litellm_gateway.further_responses import (
    ModelInfo as ModelInfo,
    ModelList as ModelList,
    Moderation as Moderation,
    ModerationResponse as ModerationResponse,
    RerankResponse as RerankResponse,
    RerankResult as RerankResult,
    TokenCount as TokenCount,
)
from litellm_gateway.token_usage import Price as Price, TokenUsage as TokenUsage

if TYPE_CHECKING:
    from litellm_gateway.messages import Message, ReasoningPart, ToolCall

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "error", "other"]
ChunkKind = Literal["start", "text", "reasoning", "refusal", "tool_call", "annotation", "usage", "finish"]


@frozen(kw_only=True, slots=False)  # made and copied faster so, and every call makes two
class GenerateResponse:
    """A model's whole answer.

    Attributes:
        text: The visible text, joined.
        model: The model as the provider names it.
        usage: Tokens spent.
        finish_reason: Why it ended: ``stop``, ``length``, ``tool_calls``, ``content_filter``, ``error``, ``other``.
        raw_finish_reason: The provider's own word for it.
        tool_calls: Calls the model asks for.
        reasoning: Reasoning blocks, to be sent back unchanged with the next turn.
        refusal: The model's refusal, where the provider tells it apart.
        annotations: Citations and the like, as the provider gives them.
        parsed: What ``response_format`` asked for: an instance of its class, or plain JSON data; else None.
        metadata: ``provider``, ``request_id``, ``latency`` (seconds), ``cost`` (Decimal or None), and more.
    """

    text: str = field(repr=False)
    model: str
    usage: TokenUsage = TokenUsage()
    finish_reason: str = "stop"
    raw_finish_reason: str | None = None
    tool_calls: tuple[ToolCall, ...] = field(default=(), repr=False)
    reasoning: tuple[ReasoningPart, ...] = field(default=(), repr=False)
    refusal: str | None = field(default=None, repr=False)
    annotations: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    parsed: Any = field(default=None, repr=False)
    metadata: Mapping[str, Any] = field(factory=dict)

    def with_metadata(self, metadata: Mapping[str, Any]) -> GenerateResponse:
        """Give a copy with other metadata."""
        if type(self) is not GenerateResponse:  # whose fields may live elsewhere
            return evolve(self, metadata=metadata)
        copy = object.__new__(type(self))
        fields = copy.__dict__
        fields.update(self.__dict__)
        fields["metadata"] = metadata
        return copy

    def to_message(self) -> Message:
        """Give the answer as the assistant's turn of a conversation, with the reasoning that must go back."""
        from litellm_gateway.messages import Message, TextPart

        text = (TextPart(text=self.text),) if self.text else ()
        content = (*self.reasoning, *text) if self.reasoning else self.text
        return Message(role="assistant", content=content, tool_calls=self.tool_calls)

    def to_dict(self) -> dict[str, Any]:
        """Give the answer as plain JSON-ready data, in the shape of the user's guide."""
        answer: dict[str, Any] = {
            "text": self.text,
            "model": self.model,
            "usage": self.usage.to_dict(),
            "finish_reason": self.finish_reason,
            "metadata": {name: _plain(value) for name, value in self.metadata.items()},
        }
        if self.tool_calls:
            answer["tool_calls"] = [
                {"id": call.id, "name": call.name, "arguments": call.arguments} for call in self.tool_calls
            ]
        if self.refusal is not None:
            answer["refusal"] = self.refusal
        if self.reasoning:
            answer["reasoning"] = "".join(part.text for part in self.reasoning)
        if self.annotations:
            answer["annotations"] = [dict(note) for note in self.annotations]
        return answer


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


@frozen(kw_only=True)
class EmbedResponse(Sequence[Sequence[float]]):
    """Vectors in the order of the texts; ``response[i]`` is a buffer of 32-bit floats (``array('f')``).

    ``numpy.asarray(response[i])`` takes a vector without copying it.
    """

    vectors: tuple[Sequence[float], ...] = field(repr=False)
    model: str
    usage: TokenUsage = TokenUsage()
    metadata: Mapping[str, Any] = field(factory=dict)

    def __len__(self) -> int:
        return len(self.vectors)

    @overload
    def __getitem__(self, index: int) -> Sequence[float]: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Sequence[float], ...]: ...
    def __getitem__(self, index: int | slice) -> Sequence[float] | tuple[Sequence[float], ...]:
        return self.vectors[index]

    def __iter__(self) -> Iterator[Sequence[float]]:
        return iter(self.vectors)

    def to_dict(self) -> dict[str, Any]:
        """Give the vectors as lists of floats, with model, usage and metadata."""
        return {
            "embeddings": [list(vector) for vector in self.vectors],
            "model": self.model,
            "usage": self.usage.to_dict(),
            "metadata": {name: _plain(value) for name, value in self.metadata.items()},
        }


@frozen(kw_only=True)
class ToolCallDelta:
    """A piece of a tool call: ``index`` tells the call, ``id`` and ``name`` come once, arguments add up."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    signature: str | None = None


class StreamChunk(str):
    """One piece of a streamed answer; as a string it is the visible text it adds (``""`` if none).

    So ``print(chunk, end="")`` and ``"".join(chunks)`` just work, and the fields tell the rest.

    Attributes:
        kind: What the piece carries.
        reasoning: For ``reasoning``: a :class:`ReasoningPart` to append.
        tool_call: For ``tool_call``: a :class:`ToolCallDelta`.
        usage: For ``usage``: the tokens so far; the last one counts.
        finish_reason: For ``finish``: the unified word; ``raw_finish_reason`` is the provider's.
        model, response_id: For ``start``.
        data: For ``refusal`` its text under ``"text"``; for ``annotation`` the provider's own object; for ``finish``
            what else the provider said of the answer, which goes into its ``metadata``.
    """

    kind: ChunkKind = "text"
    reasoning: ReasoningPart | None = None
    tool_call: ToolCallDelta | None = None
    usage: TokenUsage | None = None
    finish_reason: str | None = None
    raw_finish_reason: str | None = None
    model: str | None = None
    response_id: str | None = None
    data: Mapping[str, Any] | None = None

    if TYPE_CHECKING:

        def __new__(
            cls,
            text: str = "",
            *,
            kind: ChunkKind = "text",
            reasoning: ReasoningPart | None = None,
            tool_call: ToolCallDelta | None = None,
            usage: TokenUsage | None = None,
            finish_reason: str | None = None,
            raw_finish_reason: str | None = None,
            model: str | None = None,
            response_id: str | None = None,
            data: Mapping[str, Any] | None = None,
        ) -> StreamChunk:
            """Make a piece; every field but ``text`` is left out where it does not apply."""
            ...

    else:

        def __new__(cls, text="", **fields):
            """Make a piece; see above."""
            chunk = str.__new__(cls, text)
            if fields:  # most pieces are plain text: those carry no dict at all
                chunk.__dict__.update(fields)
            return chunk

    @property
    def text(self) -> str:
        """The visible text as a plain string."""
        return str.__str__(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_chunk, (str.__str__(self), dict(self.__dict__))


def _rebuild_chunk(text: str, state: dict[str, Any]) -> StreamChunk:
    return StreamChunk(text, **state)
