"""Send similar embeddings together, as one request of all their texts; each gets its own share back."""

from __future__ import annotations

import asyncio
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from attrs import evolve, fields

from litellm_gateway.batching import Batcher
from litellm_gateway.requests import EmbedRequest
from litellm_gateway.responses import TokenUsage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Sequence

    from litellm_gateway.contracts import Call, Route

    Send = Callable[..., Awaitable[Any]]
    Spent = Callable[[Call, Any], None]
    Waiting = tuple[Call, EmbedRequest, Sequence[Route]]


class RequestBatching:
    """Collects embeddings of one tenant that differ only in their texts.

    Args:
        size: Requests sent together at most.
        timeout: Seconds the oldest of them waits at most.
    """

    def __init__(self, *, size: int, timeout: float) -> None:
        self._batcher: Batcher[Waiting, Any] = Batcher(size=size, timeout=timeout)

    async def submit(self, call: Call, request: EmbedRequest, routes: Sequence[Route], send: Send, spent: Spent) -> Any:
        """Send the request with others like it; give its own answer, or raise its own error.

        ``spent`` is told what each used of a request that was made of several.
        """
        likeness, waiting = _likeness(call, request, routes), (call, request, routes)

        async def send_all(items: Sequence[Waiting]) -> Sequence[Any]:
            return await _send_all(items, send, spent)

        return await self._batcher.submit(likeness, waiting, send_all)


_ALIKE = tuple(
    field.name for field in fields(EmbedRequest) if field.name not in ("texts", "extra_body", "extra_headers")
)


def _likeness(call: Call, request: EmbedRequest, routes: Sequence[Route]) -> Hashable:
    """Requests of equal likeness may travel together; the tenant is always part of it."""
    mergeable = not request.extra_body and not request.extra_headers
    own = None if mergeable else id(request)
    return (call.tenant, tuple(routes), own, *(getattr(request, name) for name in _ALIKE))


async def _send_all(items: Sequence[Waiting], send: Send, spent: Spent) -> Sequence[Any]:
    if len(items) > 1:
        return await _send_merged(items, send, spent)
    return await asyncio.gather(*(send(*item) for item in items), return_exceptions=True)


async def _send_merged(items: Sequence[Waiting], send: Send, spent: Spent) -> Sequence[Any]:
    """Merge embeddings into one request under the longest deadline; if it is refused, each goes alone."""
    requests = [request for _, request, _ in items]
    call = max((call for call, _, _ in items), key=lambda call: call.deadline)
    merged = evolve(requests[0], texts=tuple(text for request in requests for text in request.texts))
    try:
        made = await send(call, merged, items[0][2], merged=True)
    except Exception as error:
        if not _may_be_one_items_fault(error):
            return [error] * len(items)
        return await asyncio.gather(*(send(*item) for item in items), return_exceptions=True)
    shares, start = [], 0
    usages = _shares(made.answer.usage, [request.texts for request in requests])
    for (own_call, _, _), request, usage in zip(items, requests, usages, strict=True):
        end = start + len(request.texts)
        answer = evolve(made.answer, vectors=made.answer.vectors[start:end], usage=usage)
        shares.append(evolve(made, answer=answer))
        spent(own_call, shares[-1])
        start = end
    return shares


def _may_be_one_items_fault(error: Exception) -> bool:
    """Tell whether the others may be answered without the one that was refused, by any route that was tried."""
    from litellm_gateway.errors import AllRoutesFailedError, ContentFilteredError, InvalidRequestError

    tried = error.attempts if isinstance(error, AllRoutesFailedError) else (error,)
    return any(isinstance(each, InvalidRequestError | ContentFilteredError) for each in tried)


def _shares(usage: TokenUsage, texts: Sequence[Sequence[str]]) -> list[TokenUsage]:
    """Give each request its part of the tokens, by the length of its texts; the parts add up to the whole."""
    lengths = [sum(map(len, own)) for own in texts]
    whole, total = sum(lengths) or 1, usage.prompt_tokens
    so_far = [round(total * length / whole) for length in accumulate(lengths, initial=0)]
    so_far[-1] = total
    return [TokenUsage(input_tokens=end - start, estimated=True) for start, end in pairwise(so_far)]
