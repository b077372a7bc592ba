"""What a call spent and what that costs: token counts in buckets that do not overlap, and prices."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from attrs import field, frozen


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
        return (
            self.input_tokens + self.cache_read_tokens + self.cache_write_tokens
            + self.output_tokens + self.reasoning_tokens
        )  # fmt: skip

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


def is_counted(usage: Any) -> bool:
    """Tell whether this is a usage whose counts are numbers: plugins make them, and nobody checks them then."""
    try:
        return isinstance(usage, TokenUsage) and isinstance(usage.total_tokens, int)
    except TypeError:
        return False


def as_decimal(amount: Any) -> Any:
    """Make a decimal of a number, as it is written; anything else stays as it is, to be judged by whoever looks."""
    is_number = isinstance(amount, (int, float)) and not isinstance(amount, bool)
    return Decimal(str(amount)) if is_number else amount


@frozen(kw_only=True)
class Price:
    """What a model costs, per million tokens, with where and when that was read; any number becomes a decimal."""

    input: Decimal = field(converter=as_decimal)
    output: Decimal = field(converter=as_decimal)
    cache_read: Decimal | None = field(default=None, converter=as_decimal)
    cache_write: Decimal | None = field(default=None, converter=as_decimal)
    currency: str = "USD"
    source: str = ""
    as_of: str = ""


def is_price(price: Any) -> bool:
    """Tell whether this is a price whose amounts are finite decimals: plugins make them, unchecked."""
    if not isinstance(price, Price):
        return False
    amounts = [price.input, price.output, *(each for each in (price.cache_read, price.cache_write) if each is not None)]
    return all(isinstance(amount, Decimal) and amount.is_finite() for amount in amounts)
