"""Cut a request for many embeddings into parts a provider takes, and put the answers together again in order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from attrs import evolve

from litellm_gateway.ledger import estimate_text_tokens
from litellm_gateway.responses import TokenUsage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from litellm_gateway.contracts import EmbedLimits
    from litellm_gateway.requests import EmbedRequest
    from litellm_gateway.responses import EmbedResponse

MOST_AT_ONCE = 8
"""Parts of one request that are on their way together."""


def parts_of(request: EmbedRequest, limits: EmbedLimits) -> list[EmbedRequest]:
    """Give the request in parts within the limits; a text that is too long by itself goes alone."""
    if not limits.texts and not limits.tokens:
        return [request]
    parts: list[list[str]] = [[]]
    tokens = 0
    for text in request.texts:
        size = estimate_text_tokens(text) if limits.tokens else 0
        full = bool(limits.texts) and len(parts[-1]) >= (limits.texts or 0)
        heavy = bool(limits.tokens) and tokens + size > (limits.tokens or 0)
        if parts[-1] and (full or heavy):
            parts.append([])
            tokens = 0
        parts[-1].append(text)
        tokens += size
    return [request] if len(parts) == 1 else [evolve(request, texts=tuple(texts)) for texts in parts]


async def send_parts(
    parts: Sequence[EmbedRequest],
    send: Callable[[EmbedRequest], Awaitable[EmbedResponse]],
    *,
    at_once: int = MOST_AT_ONCE,
) -> EmbedResponse:
    """Send all parts, ``at_once`` at a time, and join vectors and usage; the first failure stops the others."""
    places = asyncio.Semaphore(at_once)

    async def one(part: EmbedRequest) -> EmbedResponse:
        async with places:
            return await send(part)

    tasks = [asyncio.ensure_future(one(part)) for part in parts]
    try:
        answers = await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return evolve(
        answers[0],
        vectors=tuple(vector for answer in answers for vector in answer.vectors),
        usage=sum((answer.usage for answer in answers), TokenUsage()),
    )
