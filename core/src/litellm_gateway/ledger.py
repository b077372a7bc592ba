"""What a call costs: tokens estimated before it, money counted after it. Decimal throughout."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from litellm_gateway.messages import TextPart
from litellm_gateway.requests import EmbedRequest, GenerateRequest, ModerationRequest, RerankRequest
from litellm_gateway.token_usage import TokenUsage

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_gateway.contracts import Route
    from litellm_gateway.requests import AnyRequest
    from litellm_gateway.responses import Price

_MILLION = Decimal(1_000_000)
_REMEMBERED = 1024
_CHARACTERS_PER_TOKEN = 4
_TOKENS_PER_MEDIA_PART = 1000
ANSWER_TOKENS = 1024
"""Tokens an answer is taken to have when the request sets no limit."""

_TOKENS_PER_MESSAGE = 4


class Ledger:
    """Prices calls; a model's price is asked for once and then remembered.

    Args:
        price: Gives the price of a provider's model, None when nobody knows it.
    """

    def __init__(self, price: Callable[[str, str], Price | None]) -> None:
        self._ask = price
        self._prices: dict[tuple[str, str], Price | None] = {}

    def price(self, provider: str, model: str) -> Price | None:
        """Give the price of a model, None when nobody knows it."""
        key = (provider, model)
        try:
            return self._prices[key]
        except KeyError:
            price = self._ask(provider, model)
            if len(self._prices) < _REMEMBERED:
                self._prices[key] = price
            return price

    def cost(self, provider: str, model: str, usage: TokenUsage, *, named: str | None = None) -> Decimal | None:
        """Give what the tokens cost, in the price's currency; None when the price is not known.

        ``named`` is the model as the provider called it in its answer; its price is asked when ``model`` has none.
        """
        price = self.price(provider, model)
        if price is None and named is not None and named != model:
            price = self.price(provider, named)
        if price is None:
            return None
        total = price.input * usage.input_tokens + price.output * usage.completion_tokens
        if usage.cache_read_tokens:
            total += (price.input if price.cache_read is None else price.cache_read) * usage.cache_read_tokens
        if usage.cache_write_tokens:
            total += (price.input if price.cache_write is None else price.cache_write) * usage.cache_write_tokens
        return total / _MILLION

    def estimate(self, route: Route, request: AnyRequest) -> Decimal | None:
        """Give about what a request will cost at a route; None when the price is not known."""
        prompt = estimate_prompt_tokens(request) if isinstance(request, GenerateRequest) else estimate_tokens(request)
        usage = TokenUsage(input_tokens=prompt, output_tokens=estimate_tokens(request) - prompt, estimated=True)
        return self.cost(route.provider, route.model, usage)


def estimate_tokens(request: AnyRequest) -> int:
    """Guess what a request will spend, prompt and answer, before it is sent."""
    if isinstance(request, GenerateRequest):
        return estimate_prompt_tokens(request) + (request.max_tokens or ANSWER_TOKENS)
    if isinstance(request, EmbedRequest | ModerationRequest):
        return sum(map(estimate_text_tokens, request.texts)) + len(request.texts)
    if isinstance(request, RerankRequest):
        return sum(map(estimate_text_tokens, request.documents)) + estimate_text_tokens(request.query)
    return 0


def estimate_prompt_tokens(request: GenerateRequest) -> int:
    """Guess the tokens of a prompt: four characters to a token, a thousand tokens to an image or file."""
    characters = media = 0
    for message in request.messages:
        if isinstance(message.content, str):
            characters += len(message.content)
            continue
        for part in message.parts:
            if isinstance(part, TextPart):
                characters += len(part.text)
            else:
                media += 1
    tokens = characters // _CHARACTERS_PER_TOKEN + _TOKENS_PER_MESSAGE * len(request.messages)
    return tokens + media * _TOKENS_PER_MEDIA_PART


def estimate_text_tokens(text: str) -> int:
    """Guess the tokens of a text."""
    return -(-len(text) // _CHARACTERS_PER_TOKEN)
