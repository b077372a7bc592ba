"""What a call costs: tokens estimated before it, money counted after it. Decimal throughout."""

from __future__ import annotations

from decimal import Decimal
from math import lcm
from typing import TYPE_CHECKING

from attrs import frozen

from litellm_gateway.messages import TextPart
from litellm_gateway.requests import EmbedRequest, GenerateRequest, ModerationRequest, RerankRequest
from litellm_gateway.token_usage import TokenUsage

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_gateway.contracts import Route
    from litellm_gateway.requests import AnyRequest
    from litellm_gateway.responses import Price

_MILLION = Decimal(1_000_000)
_UNITS_PER_PRICE = 10**9 // 10**6
"""Units of 10**-9 that a token costs for each unit of money that a million does."""
_REMEMBERED = 1024
_CHARACTERS_PER_TOKEN = 4
_TOKENS_PER_MEDIA_PART = 1000
ANSWER_TOKENS = 1024
"""Tokens an answer is taken to have when the request sets no limit."""

_TOKENS_PER_MESSAGE = 4


@frozen(eq=False)
class Rates:
    """A price in whole numbers, as limits count money: each token's, ``scale`` of them to a unit of 10**-9."""

    input: int
    output: int
    cache_read: int
    cache_write: int
    scale: int

    @classmethod
    def of(cls, price: Price) -> Rates:
        """Read them off a price."""
        cache_read = price.input if price.cache_read is None else price.cache_read
        cache_write = price.input if price.cache_write is None else price.cache_write
        per_million = (price.input, price.output, cache_read, cache_write)
        ratios = [each.as_integer_ratio() for each in per_million]  # exact, whatever the context of decimals
        scale = lcm(*(below for _, below in ratios))
        put, out, read, written = (above * (scale // below) * _UNITS_PER_PRICE for above, below in ratios)
        return cls(put, out, read, written, scale)

    def cost(self, usage: TokenUsage) -> int:
        """Give what tokens cost, in units of 10**-9, rounded up."""
        total = self.input * usage.input_tokens + self.output * (usage.output_tokens + usage.reasoning_tokens)
        total += self.cache_read * usage.cache_read_tokens + self.cache_write * usage.cache_write_tokens
        return -(-total // self.scale)

    def most(self, prompt: int, answer: int) -> int:
        """Give the most that so many tokens may cost, in units of 10**-9, rounded up."""
        dearest = self.input if self.input > self.cache_write else self.cache_write
        return -(-(dearest * prompt + self.output * answer) // self.scale)


class Ledger:
    """Prices calls; a model's price is asked for once and then remembered.

    Args:
        price: Gives the price of a provider's model, None when nobody knows it.
    """

    def __init__(self, price: Callable[[str, str], Price | None]) -> None:
        self._ask = price
        self._prices: dict[tuple[str, str], Price | None] = {}
        self._rates: dict[tuple[str, str], Rates | None] = {}

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

    def rates(self, provider: str, model: str, named: str | None = None) -> Rates | None:
        """Give the price :meth:`cost` counts with in whole numbers; None when it is not known."""
        key = (provider, model)
        try:
            rates = self._rates[key]
        except KeyError:
            price = self.price(provider, model)
            rates = None if price is None else Rates.of(price)
            if len(self._rates) < _REMEMBERED:
                self._rates[key] = rates
        if rates is None and named is not None and named != model:
            return self.rates(provider, named)
        return rates

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
        content = message.content
        for call in message.tool_calls:
            characters += len(call.name) + _weight(call.arguments)
        if isinstance(content, str):
            characters += len(content) if content.isascii() else _weight(content)
            continue
        for part in content:
            if isinstance(part, TextPart):
                characters += _weight(part.text)
            else:
                media += 1
    for tool in request.tools:
        characters += len(tool.name) + _weight(tool.description) + _weight(str(tool.parameters))
    if request.response_format is not None:
        characters += _weight(str(request.response_format.schema or ""))
    tokens = characters // _CHARACTERS_PER_TOKEN + _TOKENS_PER_MESSAGE * len(request.messages)
    return tokens + media * _TOKENS_PER_MEDIA_PART


def estimate_text_tokens(text: str) -> int:
    """Guess the tokens of a text."""
    return -(-_weight(text) // _CHARACTERS_PER_TOKEN)


def _weight(text: str) -> int:
    """Count characters, those beyond ASCII by the bytes they take: tokens are made of bytes, mostly of English."""
    if text.isascii():
        return len(text)
    return len(text) + (len(text.encode("utf-8", "surrogatepass")) - len(text)) * 3 // 2
