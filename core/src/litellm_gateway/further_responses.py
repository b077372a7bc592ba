"""What comes back from the calls beyond text and embeddings: reranking, moderation, token counts, model lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from litellm_gateway.token_usage import TokenUsage

if TYPE_CHECKING:
    from collections.abc import Mapping


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
