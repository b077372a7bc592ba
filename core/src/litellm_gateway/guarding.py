"""Run the guardrails in order over what goes in and what comes out.

Which texts they see is decided here; what a verdict means in ``verdicts``, how far a stream is held back in
``held_back``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from litellm_gateway.held_back import guard_held_back, guard_pieces
from litellm_gateway.messages import TextPart
from litellm_gateway.requests import EmbedRequest, GenerateRequest
from litellm_gateway.responses import GenerateResponse
from litellm_gateway.verdicts import Check, approve, approved

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Sequence
    from typing import TypeVar

    from litellm_gateway.contracts import Call, Guardrail, GuardrailOffer
    from litellm_gateway.messages import Message, Part
    from litellm_gateway.responses import StreamChunk

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

    async def check_request(self, request: R, call: Call) -> R:
        """Judge every message's text, or every text to embed; the same request comes back if nothing changed.

        Raises:
            GuardrailError: A guardrail blocked it, or failed.
            DeadlineExceededError: The call's time was up before a guardrail had answered.
        """
        checked = self.judge_request(request, call)
        return checked if isinstance(checked, (GenerateRequest, EmbedRequest)) else await checked

    def judge_request(self, request: R, call: Call) -> R | Awaitable[R]:
        """Give what :meth:`check_request` gives at once, or, where a guardrail waits, what to await for it."""
        judge: Any = _check_texts if isinstance(request, EmbedRequest) else _judge_messages
        judged: R | Awaitable[R] = judge(self._input, request, call)
        return judged

    async def check_response(self, response: GenerateResponse, call: Call) -> GenerateResponse:
        """Judge the visible text of a whole answer; an answer without text passes.

        Raises:
            GuardrailError: A guardrail blocked it, or failed.
            DeadlineExceededError: The call's time was up before a guardrail had answered.
        """
        judged = self.judge_response(response, call)
        return judged if isinstance(judged, GenerateResponse) else await judged

    def judge_response(self, response: GenerateResponse, call: Call) -> GenerateResponse | Awaitable[GenerateResponse]:
        """Give what :meth:`check_response` gives at once, or, where a guardrail waits, what to await for it."""
        text = response.text
        if not self._output or not text:
            return response
        passed = approve(self._output, text, call)
        if isinstance(passed, str):
            return response if passed == text else evolve(response, text=passed)
        return _wait_for_text(response, passed)

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


async def _wait_for_text(response: GenerateResponse, passing: Awaitable[str]) -> GenerateResponse:
    passed = await passing
    return response if passed == response.text else evolve(response, text=passed)


def _judge_messages(
    checks: Sequence[Check], request: GenerateRequest, call: Call
) -> GenerateRequest | Awaitable[GenerateRequest]:
    for number, message in enumerate(request.messages):
        text = message.text
        passed = approve(checks, text, call)
        if passed != text:
            return _check_messages(checks, request, call, number, passed)
    return request


async def _check_messages(
    checks: Sequence[Check], request: GenerateRequest, call: Call, number: int, passed: str | Awaitable[str]
) -> GenerateRequest:
    """Go on from the first message that a guardrail changes, or waits for something to judge."""
    messages = list(request.messages)
    while True:
        message = messages[number]
        if not isinstance(passed, str):
            passed = await passed
        if passed != message.text:
            messages[number] = await _changed(checks, message, passed, call)
        number += 1
        if number == len(messages):
            break
        passed = approve(checks, messages[number].text, call)
    judged = tuple(messages)
    return request if judged == request.messages else evolve(request, messages=judged)


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
