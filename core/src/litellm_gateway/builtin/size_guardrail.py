"""The guardrail ``size``: blocks texts longer than anybody means to send or to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen
from attrs.validators import ge, instance_of

from litellm_gateway.contracts import Allow, Block, GuardrailOffer
from litellm_gateway.hookspecs import hookimpl

if TYPE_CHECKING:
    from litellm_gateway.contracts import BuildContext, Call, Guardrail, Verdict


@frozen(kw_only=True)
class SizeSettings:
    """Where to draw the line.

    Attributes:
        max_input_characters: Longest message, or text to embed, that may be sent.
        max_output_characters: Longest answer that may be read, streamed or whole.
    """

    max_input_characters: int = field(default=2_000_000, validator=[instance_of(int), ge(1)])
    max_output_characters: int = field(default=2_000_000, validator=[instance_of(int), ge(1)])


class SizeGuardrail:
    """Counts characters.

    With a window of 0 it sees a streamed answer piece by piece, so it adds up per call.
    """

    def __init__(self, settings: SizeSettings) -> None:
        self._settings = settings
        self._allow = Allow()

    def check_input(self, text: str, call: Call) -> Verdict:
        """Judge one message."""
        most = self._settings.max_input_characters
        if len(text) <= most:
            return self._allow
        return Block(f"a text of {len(text)} characters is over the limit of {most} (max_input_characters)")

    def check_output(self, text: str, call: Call) -> Verdict:
        """Judge the answer, or its next piece."""
        most = self._settings.max_output_characters
        so_far = call.notes.get(self, 0) + len(text)
        if so_far > most:
            return Block(f"the answer is over the limit of {most} characters (max_output_characters)")
        call.notes[self] = so_far
        return self._allow

    async def aclose(self) -> None:
        """Nothing to free."""


def build(settings: SizeSettings, _context: BuildContext) -> Guardrail:
    """Build the guardrail."""
    return SizeGuardrail(settings)


@hookimpl
def gateway_guardrail() -> GuardrailOffer:
    """Offer the guardrail."""
    return GuardrailOffer(
        name="size",
        summary="Blocks texts over a number of characters",
        settings=SizeSettings,
        build=build,
        window=0,
    )
