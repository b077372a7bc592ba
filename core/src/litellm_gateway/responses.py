"""What comes back from a model: usage, answers, embeddings, and the pieces of a streamed answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, overload

from attrs import field, frozen

if TYPE_CHECKING:
    from litellm_gateway.messages import Message, ReasoningPart, ToolCall

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "error", "other"]
ChunkKind = Literal["start", "text", "reasoning", "refusal", "tool_call", "annotation", "usage", "finish"]


@frozen(kw_only=True)
class TokenUsage:
    """Tokens of one call, in buckets that do not overlap.

    Attributes:
        input_tokens: Prompt tokens neither read from nor written to the provider's cache.
        cache_read_tokens: Prompt tokens read from it.
        cache_write_tokens: Prompt tokens written to it.
        output_tokens: Answer tokens without reasoning.
        reasoning_tokens: Tokens spent on reasoning.
        estimated: The provider gave no usage; these are the gateway's own estimate.
    """

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False

    @property
    def prompt_tokens(self) -> int:
        """All tokens of the input."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens

    @property
    def completion_tokens(self) -> int:
        """All tokens of the output."""
        return self.output_tokens + self.reasoning_tokens

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return self.prompt_tokens + self.completion_tokens

    def to_dict(self) -> dict[str, int]:
        """Give the usage as the user's guide shows it."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.total_tokens,
        }

    def __add__(self, other: TokenUsage) -> TokenUsage:
        return TokenUsage(
            input_tokens=self.input_tokens + other.input_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            estimated=self.estimated or other.estimated,
        )


@frozen(kw_only=True)
class Price:
    """What a model costs, per million tokens, with where and when that was read."""

    input: Decimal
    output: Decimal
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    currency: str = "USD"
    source: str = ""
    as_of: str = ""


@frozen(kw_only=True)
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
class RerankResult:
    """One document's place: its ``index`` in the request and its ``score``, higher is better."""

    index: int
    score: float


@frozen(kw_only=True)
class RerankResponse:
    """Documents in order of relevance, best first."""

    results: tuple[RerankResult, ...]
    model: str
    usage: TokenUsage = TokenUsage()
    metadata: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True)
class Moderation:
    """The judgement on one text; categories carry the provider's own names, scores run from 0 to 1."""

    flagged: bool
    categories: Mapping[str, bool]
    scores: Mapping[str, float]


@frozen(kw_only=True)
class ModerationResponse:
    """Judgements in the order of the texts."""

    results: tuple[Moderation, ...]
    model: str
    usage: TokenUsage = TokenUsage()
    metadata: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True)
class TokenCount:
    """Input tokens a request would have."""

    tokens: int
    model: str
    usage: TokenUsage = TokenUsage()
    metadata: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True)
class ModelInfo:
    """One model of a provider; ``raw`` is the provider's own entry."""

    id: str
    name: str | None = None
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False)


@frozen(kw_only=True)
class ModelList:
    """The models of a provider, in its own order."""

    models: tuple[ModelInfo, ...]
    model: str = ""
    usage: TokenUsage = TokenUsage()
    metadata: Mapping[str, Any] = field(factory=dict)


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
