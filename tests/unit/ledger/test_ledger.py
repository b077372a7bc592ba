"""What a call costs."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from fractions import Fraction

from hypothesis import given, strategies as st
from litellm_gateway.ledger import Ledger, estimate_prompt_tokens, estimate_text_tokens, estimate_tokens
from litellm_gateway.request_builder import build_embed, build_generate
from litellm_gateway.responses import Price, TokenUsage
from litellm_gateway.token_usage import is_price

PRICE = Price(input=Decimal(2), output=Decimal(8), cache_read=Decimal("0.5"), cache_write=Decimal("2.5"))


def test_each_bucket_has_its_own_price() -> None:
    """Cached tokens are billed once, at their own rate; reasoning is output."""
    ledger = Ledger(lambda provider, model: PRICE)
    usage = TokenUsage(
        input_tokens=1_000_000, cache_read_tokens=1_000_000, cache_write_tokens=1_000_000, output_tokens=500_000,
        reasoning_tokens=500_000,
    )  # fmt: skip

    assert ledger.cost("p", "m", usage) == Decimal(2) + Decimal("0.5") + Decimal("2.5") + Decimal(8)


def test_money_adds_up_exactly() -> None:
    """A hundred thousand calls of a fraction of a cent sum without an error."""
    ledger = Ledger(lambda provider, model: Price(input=Decimal("0.137"), output=Decimal(0)))
    cost = ledger.cost("p", "m", TokenUsage(input_tokens=1))
    assert cost is not None

    assert sum([cost] * 100_000, Decimal(0)) == Decimal("0.0137")


def test_an_unknown_price_is_not_zero() -> None:
    """Nobody knows what it costs: None, not free."""
    assert Ledger(lambda provider, model: None).cost("p", "m", TokenUsage(input_tokens=1)) is None


def test_a_price_is_asked_for_once_and_the_named_model_helps_out() -> None:
    """Prices are remembered; an alias without a price falls back to the model the provider named."""
    asked: list[str] = []

    def price(_provider: str, model: str) -> Price | None:
        asked.append(model)
        return PRICE if model == "m-2025-01-01" else None

    ledger = Ledger(price)
    costs = {ledger.cost("p", "m", TokenUsage(input_tokens=1), named="m-2025-01-01") for _ in range(3)}

    assert costs == {Decimal("0.000002")}
    assert asked == ["m", "m-2025-01-01"]


def test_estimates_grow_with_what_is_asked() -> None:
    """Four characters to a token, the answer's limit on top."""
    assert estimate_tokens(build_generate("x" * 400, {"max_tokens": 50})) == 100 + 4 + 50
    assert estimate_tokens(build_embed(["x" * 40, "y" * 4], {})) == 11 + 2
    assert estimate_text_tokens("") == 0


@given(
    *[st.decimals(min_value=0, max_value=1000, places=7) for _ in range(2)],
    *[st.none() | st.decimals(min_value=0, max_value=1000, places=7) for _ in range(2)],
    st.tuples(*[st.integers(0, 10**7)] * 5),
)
def test_whole_numbers_count_as_decimals_do(
    put: Decimal, out: Decimal, read: Decimal | None, written: Decimal | None, counts: tuple[int, ...]
) -> None:
    """Limits count money in units of 10**-9, rounded up; not one is lost or added."""
    price = Price(input=put, output=out, cache_read=read, cache_write=written)
    ledger = Ledger(lambda provider, model: price if model == "known" else None)
    names = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
    usage = TokenUsage(**dict(zip(names, counts, strict=True)))  # type: ignore[arg-type]

    cost, rates = ledger.cost("p", "m", usage, named="known"), ledger.rates("p", "m", "known")

    assert cost is not None
    assert rates is not None
    assert rates.cost(usage) == math.ceil(Fraction(cost) * 10**9)
    dearest = max(put, put if written is None else written)
    assert rates.most(counts[0], counts[1]) == math.ceil(Fraction(dearest * counts[0] + out * counts[1]) * 1000)
    assert ledger.rates("p", "m") is None


def test_scripts_beyond_ascii_and_tools_count() -> None:
    """A Chinese character is about a token; a function is described to the model, and so are calls of it."""
    tool = {"name": "weather", "description": "d" * 40, "parameters": {"type": "object", "title": "t" * 400}}
    plain = estimate_prompt_tokens(build_generate("hi", {}))

    with_tool = estimate_prompt_tokens(build_generate("hi", {"tools": [tool]}))

    assert estimate_text_tokens("\u4f60\u597d" * 50) == 100
    assert estimate_text_tokens("\ud800") > 0
    assert with_tool - plain > 100


def test_any_number_is_a_price() -> None:
    """What a table says as 0.1 is a tenth, and not what a float makes of it; no context of decimals rounds it."""
    price = Price(input=0.1, output=2, cache_read=0.0)
    ledger = Ledger(lambda provider, model: price)

    with localcontext() as context:
        context.prec = 1
        rates = ledger.rates("p", "m")

    assert is_price(price)
    assert (price.input, price.output, price.cache_read) == (Decimal("0.1"), Decimal(2), Decimal(0))
    assert rates is not None
    assert rates.cost(TokenUsage(input_tokens=3, cache_read_tokens=9, output_tokens=1)) == 2300
