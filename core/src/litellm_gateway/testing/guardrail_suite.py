"""What every guardrail must do, as tests to subclass; the numbers are those of ``docs/reference/contracts.md``.

::

    class TestAcmeGuardrail(GuardrailSuite):
        blocked = "a text that ACME never says"

        def make_guardrail(self):
            offer = plugin.gateway_guardrail()
            return offer, AcmeGuardrail(AcmeSettings())
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import attrs
import pytest

from litellm_gateway.contracts import Allow, Block, Guardrail, Modify
from litellm_gateway.errors import GuardrailError
from litellm_gateway.guarding import Guards
from litellm_gateway.responses import StreamChunk
from litellm_gateway.testing.log_ear import heard
from litellm_gateway.testing.provider_driver import new_call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from litellm_gateway.contracts import Call, GuardrailOffer, Verdict

_ODD_TEXTS = ("", " ", "\0", "a\r\nb", "\ud83d", "\u202etxt", "ﷺ" * 50, "(" * 2000, "a" * 100_000)
_CUTS = (1, 2, 3, 7, 1000)


class GuardrailSuite(ABC):
    """Subclass it, name it ``Test...``, and say how to make a guardrail and what it does to some texts.

    Attributes:
        allowed: A text it lets pass as it is.
        blocked: A text it blocks, None if it never blocks.
        changed: A text it changes, None if it never does.
    """

    allowed: str = "Good morning."
    blocked: str | None = None
    changed: str | None = None

    @abstractmethod
    def make_guardrail(self) -> tuple[GuardrailOffer, Guardrail]:
        """Give the plugin's offer and a fresh guardrail; called inside a running event loop."""

    def test_p1_offer_and_shape(self) -> None:
        """P1: it fulfils the protocol, and its offer names stages and a window that exist."""

        async def check() -> tuple[GuardrailOffer, Guardrail]:
            return self.make_guardrail()

        offer, guardrail = asyncio.run(check())

        assert isinstance(guardrail, Guardrail)
        assert offer.stages
        assert offer.stages <= {"input", "output"}
        assert offer.window is None or offer.window >= 0

    def test_p2_harmless_passes(self) -> None:
        """P2: a harmless text is allowed as it is, at every stage."""
        assert all(isinstance(verdict, Allow) for verdict in self._verdicts(self.allowed))

    def test_p3_block_gives_a_reason_and_no_quote(self) -> None:
        """P3: what it blocks is blocked with a reason of one line that does not quote the text."""
        text = self._sample(self.blocked, "blocks")

        for verdict in self._verdicts(text):
            assert isinstance(verdict, Block)
            assert verdict.reason.strip()
            assert "\n" not in verdict.reason
            assert text not in verdict.reason

    def test_p4_a_changed_text_is_final(self) -> None:
        """P4: what it wrote itself it lets pass, as allowed or as the same text again."""
        text = self._sample(self.changed, "changes")

        for verdict in self._verdicts(text):
            assert isinstance(verdict, Modify)
            assert verdict.text != text
            assert text not in verdict.reason
            for again in self._verdicts(verdict.text):
                assert isinstance(again, Allow) or (isinstance(again, Modify) and again.text == verdict.text)

    def test_p5_same_text_same_verdict(self) -> None:
        """P5: one call's verdicts do not hang on another's: the same text is judged the same, side by side too."""
        texts = [text for text in (self.allowed, self.blocked, self.changed) if text is not None]

        async def check() -> None:
            offer, guardrail = self.make_guardrail()
            for stage in sorted(offer.stages):
                alone = [await _ask(self.make_guardrail()[1], stage, text) for text in texts]
                together = await asyncio.gather(*(_ask(guardrail, stage, text) for text in texts * 20))
                assert together == alone * 20
            await guardrail.aclose()

        asyncio.run(check())

    def test_p6_any_text_gets_a_verdict(self) -> None:
        """P6: no text makes it fail: empty, odd, broken or long."""
        for text in _ODD_TEXTS:
            assert all(isinstance(verdict, Allow | Modify | Block) for verdict in self._verdicts(text))

    def test_p7_many_event_loops(self) -> None:
        """P7: one instance serves several threads, each with its event loop, at once."""

        async def check() -> None:
            offer, guardrail = self.make_guardrail()
            stage = min(offer.stages)

            def in_a_loop(_: int) -> Verdict:
                return asyncio.run(_ask(guardrail, stage, self.allowed))

            with ThreadPoolExecutor(4) as threads:
                running = [asyncio.wrap_future(threads.submit(in_a_loop, number)) for number in range(16)]
                verdicts = await asyncio.gather(*running)
            assert all(isinstance(verdict, Allow) for verdict in verdicts)
            await guardrail.aclose()

        asyncio.run(check())

    def test_p8_the_call_is_left_alone(self) -> None:
        """P8: it reads the call and changes nothing in it but its notes."""

        def read(call: Call) -> dict[str, object]:
            return attrs.asdict(call, filter=lambda field, _: field.name != "notes")

        async def check() -> None:
            offer, guardrail = self.make_guardrail()
            for stage in sorted(offer.stages):
                call = new_call()
                before = read(call)
                await _ask(guardrail, stage, self.allowed, call)
                assert read(call) == before
            await guardrail.aclose()

        asyncio.run(check())

    def test_p9_a_stream_shows_no_blocked_text(self) -> None:
        """P9: with the window it declares, a blocked text never reaches a stream's reader, however it is cut."""
        text = self._sample(self.blocked, "blocks")

        for size in _CUTS:
            shown, error = self._stream(text, size)

            assert error is not None
            assert text not in shown

    def test_p10_a_stream_changes_nothing_else(self) -> None:
        """P10: streamed, however cut, a harmless text stays as it is, and a changed one becomes what it was whole."""
        whole = {self.allowed: self.allowed}
        if self.changed is not None:
            whole[self.changed] = next(
                verdict.text for verdict in self._verdicts(self.changed) if isinstance(verdict, Modify)
            )
        for text, expected in whole.items():
            for size in _CUTS:
                assert self._stream(text, size) == (expected, None)

    def test_p11_texts_are_not_shown(self) -> None:
        """P11: no text it judged is in ``repr`` or in a log."""
        canary = f"{self.blocked or self.changed or self.allowed} canary-4f1d"

        async def check() -> str:
            offer, guardrail = self.make_guardrail()
            for stage in sorted(offer.stages):
                await _ask(guardrail, stage, canary)
            shown = repr(guardrail)
            await guardrail.aclose()
            return shown

        with heard(logging.DEBUG) as lines:
            shown = asyncio.run(check())

        assert "canary-4f1d" not in "\n".join((shown, *lines))

    def test_p12_closing(self) -> None:
        """P12: closing works on an unused guardrail, and twice."""

        async def check() -> None:
            _, guardrail = self.make_guardrail()
            await guardrail.aclose()
            await guardrail.aclose()

        asyncio.run(check())

    def _sample(self, text: str | None, does: str) -> str:
        if text is None:
            pytest.skip(f"never {does} a text")
        return text

    def _verdicts(self, text: str) -> list[Verdict]:
        async def judge() -> list[Verdict]:
            offer, guardrail = self.make_guardrail()
            verdicts = [await _ask(guardrail, stage, text) for stage in sorted(offer.stages)]
            await guardrail.aclose()
            return verdicts

        return asyncio.run(judge())

    def _stream(self, text: str, size: int) -> tuple[str, GuardrailError | None]:
        """Give what a reader sees of a streamed answer, and the error that ended it."""

        async def read() -> tuple[str, GuardrailError | None]:
            offer, guardrail = self.make_guardrail()
            if "output" not in offer.stages:
                pytest.skip("does not look at answers")
            shown: list[str] = []
            try:
                async for chunk in Guards([(offer, guardrail)]).guard_stream(_cut(text, size), new_call()):
                    shown.append(chunk)  # noqa: PERF401 - kept when the stream breaks
            except GuardrailError as error:
                return "".join(shown), error
            finally:
                await guardrail.aclose()
            return "".join(shown), None

        return asyncio.run(read())


async def _ask(guardrail: Guardrail, stage: str, text: str, call: Call | None = None) -> Verdict:
    check = guardrail.check_input if stage == "input" else guardrail.check_output
    verdict = check(text, call or new_call())
    return await verdict if isinstance(verdict, Awaitable) else verdict


async def _cut(text: str, size: int) -> AsyncIterator[StreamChunk]:
    for start in range(0, len(text), size):
        yield StreamChunk(text[start : start + size])
    yield StreamChunk(kind="finish", finish_reason="stop")
