"""The size guardrail keeps the promises of a guardrail, and counts whole answers, streamed too."""

from __future__ import annotations

import gc

import pytest
from litellm_gateway.builtin import size_guardrail
from litellm_gateway.builtin.size_guardrail import SizeGuardrail, SizeSettings
from litellm_gateway.contracts import Allow, Block, Guardrail, GuardrailOffer
from litellm_gateway.testing.guardrail_suite import GuardrailSuite
from litellm_gateway.testing.provider_driver import new_call


class TestSizeGuardrail(GuardrailSuite):
    allowed = "ten chars."
    blocked = "more than ten characters"

    def make_guardrail(self) -> tuple[GuardrailOffer, Guardrail]:
        settings = SizeSettings(max_input_characters=10, max_output_characters=10)
        return size_guardrail.gateway_guardrail(), SizeGuardrail(settings)


async def test_limits_are_apart() -> None:
    """What may be said and what may be answered have limits of their own."""
    guardrail = SizeGuardrail(SizeSettings(max_input_characters=3, max_output_characters=5))

    assert isinstance(guardrail.check_input("four", new_call()), Block)
    assert isinstance(guardrail.check_output("four", new_call()), Allow)


async def test_pieces_of_one_answer_add_up() -> None:
    """A streamed answer is measured as a whole, each call for itself."""
    guardrail = SizeGuardrail(SizeSettings(max_output_characters=5))
    one, other = new_call(), new_call()

    verdicts = [guardrail.check_output("abc", call) for call in (one, other, one)]

    assert [type(verdict) for verdict in verdicts] == [Allow, Allow, Block]


async def test_ended_calls_are_forgotten() -> None:
    """Nothing of a call is held when it is over."""
    guardrail, call = SizeGuardrail(SizeSettings()), new_call()
    before = sum(isinstance(thing, type(call)) for thing in gc.get_objects())

    for _ in range(100):
        guardrail.check_output("abc", new_call())
    gc.collect()

    assert sum(isinstance(thing, type(call)) for thing in gc.get_objects()) <= before


def test_impossible_settings_are_refused() -> None:
    """Limits are whole numbers of at least one."""
    with pytest.raises(ValueError, match="max_input_characters"):
        SizeSettings(max_input_characters=0)
