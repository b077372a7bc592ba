"""Run the guardrails in order over what goes in and what comes out.

Which texts they see is decided here; what a verdict means in ``verdicts``, how far a stream is held back in
``held_back``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from litellm_gateway.held_back import guard_held_back, guard_pieces
from litellm_gateway.messages import TextPart
from litellm_gateway.requests import EmbedRequest
from litellm_gateway.verdicts import Check, approve, approved

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Sequence
    from typing import TypeVar

    from litellm_gateway.contracts import Call, Guardrail, GuardrailOffer
    from litellm_gateway.messages import Message, Part
    from litellm_gateway.requests import GenerateRequest
    from litellm_gateway.responses import GenerateResponse, StreamChunk

    R = TypeVar("R", bound=GenerateRequest | EmbedRequest)


class Guards:
    """The guardrails of one gateway, in the order they run.

    Args:
        guardrails: Each with the offer it was built from.

    Attributes:
        failures: How often each guardrail failed (not: blocked), by name.
        active: Is there any guardrail? Without one every method gives back what it got.
    """

    def __init__(self, guardrails: Sequence[tuple[GuardrailOffer, Guardrail]] = ()) -> None:
        self.failures: dict[str, int] = {offer.name: 0 for offer, _ in guardrails}
        self._input = tuple(
            Check.of(offer, "input", guardrail.check_input, self.failures)
            for offer, guardrail in guardrails
            if "input" in offer.stages
        )
        self._output = tuple(
            Check.of(offer, "output", guardrail.check_output, self.failures)
            for offer, guardrail in guardrails
            if "output" in offer.stages
        )
        self.active = bool(self._input or self._output)

    def names(self) -> dict[str, list[str]]:
        """Give the names of the guardrails per stage, in the order they run."""
        return {
            "input": [check.name for check in self._input],
            "output": [check.name for check in self._output],
        }

    def check_request(self, request: R, call: Call) -> Coroutine[Any, Any, R]:
        """Judge every message's text, or every text to embed; the same request comes back if nothing changed.

        Raises:
            GuardrailError: A guardrail blocked it, or failed.
            DeadlineExceededError: The call's time was up before a guardrail had answered.
        """
        check: Any = _check_texts if isinstance(request, EmbedRequest) else _check_messages
        checked: Coroutine[Any, Any, R] = check(self._input, request, call)
        return checked

    async def check_response(self, response: GenerateResponse, call: Call) -> GenerateResponse:
        """Judge the visible text of a whole answer; an answer without text passes.

        Raises:
            GuardrailError: A guardrail blocked it, or failed.
            DeadlineExceededError: The call's time was up before a guardrail had answered.
        """
        if not self._output or not response.text:
            return response
        passed = approve(self._output, response.text, call)
        if not isinstance(passed, str):
            passed = await passed
        return response if passed == response.text else evolve(response, text=passed)

    def guard_stream(self, chunks: AsyncIterator[StreamChunk], call: Call) -> AsyncIterator[StreamChunk]:
        """Pass on what the guardrails let pass, held back as far as their windows ask.

        Close the iterator when you stop early: that closes ``chunks`` too. Blocked text is never passed on.

        Raises:
            GuardrailError: While iterating: a guardrail blocked the answer, or failed.
        """
        if not self._output:
            return chunks
        if all(check.window == 0 for check in self._output):
            return guard_pieces(self._output, chunks, call)
        return guard_held_back(self._output, chunks, call)


async def _check_texts(checks: Sequence[Check], request: EmbedRequest, call: Call) -> EmbedRequest:
    texts = tuple([await approved(checks, text, call) for text in request.texts])
    return request if texts == request.texts else evolve(request, texts=texts)


async def _check_messages(checks: Sequence[Check], request: GenerateRequest, call: Call) -> GenerateRequest:
    changed: list[Message] | None = None
    for index, message in enumerate(request.messages):
        text = message.text
        passed = approve(checks, text, call)
        if not isinstance(passed, str):
            passed = await passed
        if passed != text:
            changed = changed or list(request.messages)
            changed[index] = await _changed(checks, message, passed, call)
    return request if changed is None else evolve(request, messages=tuple(changed))


async def _changed(checks: Sequence[Check], message: Message, passed: str, call: Call) -> Message:
    """Give a message with another text; it was judged as one, so that nothing hides by being cut into parts."""
    content = message.content
    if isinstance(content, str):
        return evolve(message, content=passed)
    parts = [await _check_part(checks, part, call) for part in content]
    message = evolve(message, content=tuple(parts))
    passed = await approved(checks, message.text, call)
    if passed == message.text:
        return message
    return evolve(message, content=_in_first_text(parts, passed))


async def _check_part(checks: Sequence[Check], part: Part, call: Call) -> Part:
    if not isinstance(part, TextPart):
        return part
    return evolve(part, text=await approved(checks, part.text, call))


def _in_first_text(parts: Sequence[Part], text: str) -> tuple[Part, ...]:
    """Put a text that spans several parts where the first of them was, in place of them all."""
    kept: list[Part] = []
    placed = False
    for part in parts:
        if not isinstance(part, TextPart):
            kept.append(part)
        elif not placed:
            kept.append(evolve(part, text=text))
            placed = True
    return tuple(kept)
